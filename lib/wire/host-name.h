/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Host names as they appear in SNI, in routes and in shares: ASCII LDH labels (RFC 5890 2.3.1),
 * already punycode where international, at most 253 bytes, case folded, no trailing dot. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* POSIX means by this name what gethostname() can return (64 on Linux). Many headers bring that in;
 * with it here first and replaced, every file sees this value, whatever it includes before or
 * after.
 * Here: bytes of text, without NUL; 255 octets on the wire (RFC 1035 2.3.4). */
#undef HOST_NAME_MAX
#define HOST_NAME_MAX 253
#define HOST_LABEL_MAX 63

enum host_name_result
{
  HOST_NAME_OK,
  HOST_NAME_EMPTY,
  HOST_NAME_TOO_LONG,
  HOST_NAME_LABEL_EMPTY, /* "a..b", ".a" */
  HOST_NAME_LABEL_TOO_LONG,
  HOST_NAME_BAD_CHARACTER, /* outside [A-Za-z0-9-], NUL included */
  HOST_NAME_BAD_HYPHEN,    /* label begins or ends with '-' */
  HOST_NAME_IP_LITERAL,    /* an IPv4 or IPv6 literal where a name must stand (RFC 6066 3) */
};

/**
 * host_name_normalize: check @text and write its canonical form.
 * @text: bytes, not NUL-terminated, any content
 * @len: bytes in @text
 * @out: receives the lower-case name without trailing dot, NUL-terminated; untouched on failure
 *
 * One trailing dot is accepted and dropped. Underscores are refused (these are host names).
 */
enum host_name_result
host_name_normalize (const char *text, size_t len, char out[HOST_NAME_MAX + 1]);

/** host_name_result_text: a short lower-case phrase for messages ("label longer than 63 bytes"). */
const char *host_name_result_text (enum host_name_result result);

/** host_name_is_within: whether canonical @name equals @zone or is below it. Both NUL-terminated.
 */
bool host_name_is_within (const char *name, const char *zone);
