/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Which mount of a share answers a path, and what is left of the path for it. Pure: no allocation,
 * time linear in the path and in the number of mounts. Any thread.
 *
 * The rules, in this order (docs/serving.md says them to users):
 *
 *   1. The target is a path, perhaps "?" and a query; or "*", which only OPTIONS has. The query is
 *      never looked at.
 *   2. Refused as bad: a path that does not begin with "/", white space and control characters,
 * "#",
 *      "%" without two hexadecimal digits, an encoded NUL.
 *   3. Refused as bad too: segments that a target might read as "..", though we do not: behind an
 *      encoded slash or a backslash ("..%2f", "..\"), or in front of parameters ("..;x").
 *   4. Dot segments go (RFC 3986 5.2.4), encoded ones ("%2e%2e") too. ".." takes away the segment
 * in front of it and any empty ones between; at the root it takes nothing.
 *   5. A mount fits when its path is the beginning of the rest, segment by segment, compared after
 *      decoding; empty segments do not count. An encoded slash is not a separator. The longest
 *      mount that fits answers.
 *   6. What is left goes to the mount as it was sent, still encoded; of several slashes at its
 *      beginning one remains, so that it can never be read as "//host". */

#include "daemon/serve/http/http-fields.h"
#include "daemon/serve/serve-share.h"

enum mount_result
{
  MOUNT_FOUND,
  MOUNT_NONE,     /* no mount fits: 404 */
  MOUNT_BAD_PATH, /* 400 */
  MOUNT_ASTERISK, /* the target is "*": about the server, not about a mount */
};

struct mount_match
{
  const FunnelServeMount *mount;
  struct http_text prefix; /* what fitted, as sent but without dot segments; "" for the root */
  struct http_text rest;   /* what is left: "" or begins with one "/" */
  struct http_text query;  /* "" or begins with "?" */
};

/**
 * mount_table_find: rules 1 to 6.
 * @mounts: FunnelServeMount*, in any order
 * @target: as sent
 * @room: target.len bytes, for prefix and rest to lie in; query lies in @target
 */
enum mount_result mount_table_find (const GPtrArray *mounts,
                                    struct http_text target,
                                    char *room,
                                    struct mount_match *out);

/**
 * mount_match_forward: the target to ask a proxied server for: base path, prefix if the mount keeps
 * it, rest, query. Begins with one "/".
 * Returns its length, or 0 when it does not fit into @cap; MOUNT_FORWARD_MAX always suffices.
 */
size_t mount_match_forward (const struct mount_match *match, char *out, size_t cap);
#define MOUNT_FORWARD_MAX(match)                                                                   \
  ((match)->prefix.len + (match)->rest.len + (match)->query.len                                    \
   + strlen ((match)->mount->base_path != NULL ? (match)->mount->base_path : "") + 2)

/**
 * mount_match_decode: the rest as a relative file name: decoded, without slashes at its beginning
 * and end, several in a row being one; NUL-terminated.
 * @out: rest.len + 1 bytes
 * @is_folder: whether it ended with a slash
 * False if a segment holds an encoded slash: there is no such file.
 */
bool mount_match_decode (const struct mount_match *match, char *out, bool *is_folder);
