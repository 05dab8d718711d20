/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a target's answer says in its own terms, in the visitor's. Serve thread only. */

#include "daemon/serve/http/exchange.h"

/** target_answer_translate: leave out of @fields, an answer to @x, what would lead visitors past
 * the ingress (Alt-Svc), and put Location (RFC 9110 10.2.2) as the visitor has to ask for it. New
 * texts lie in the arena of @x; when that is full, a field stays as it was. */
void target_answer_translate (struct http_exchange *x, struct http_fields *fields);

/**
 * target_answer_location:
 * @visitor: the authority the visitor asked for
 * @location: as the target said it
 * @out: gets the location for the visitor: a path with what follows it, or a whole URI
 * @room: bytes in @out
 *
 * Returns the length, or 0 when @location is right as it is: it leads to somebody else, or the
 * paths are the same on both sides; or when there is no room.
 */
size_t target_answer_location (const FunnelServeMount *mount,
                               struct http_text visitor,
                               struct http_text location,
                               char *out,
                               size_t room);
