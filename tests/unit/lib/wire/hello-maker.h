/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Making hellos, cutting them into records, and parsing every prefix of them; for tests. */

#include "lib/wire/hello.h"

#include <glib.h>

/* Parse exactly @len bytes, in memory of that size, so that a sanitizer sees a read beyond. */
enum hello_result parse (const uint8_t *data, size_t len, struct hello *out);

/* The result of the whole, having checked that each prefix gives either NEED_MORE or, from some
 * length on, that same result. @decided: that length. */
enum hello_result
parse_every_prefix (const uint8_t *data, size_t len, struct hello *out, size_t *decided);

char *join_alpn (const struct hello *hello);

void put_u8 (GByteArray *bytes, unsigned value);

void put_u16 (GByteArray *bytes, unsigned value);

void put_zeros (GByteArray *bytes, size_t count);

void put_extension (GByteArray *bytes, unsigned type, const void *body, size_t len);

/* A server_name extension with one host name of @len bytes. */
void put_name (GByteArray *bytes, const char *name, size_t len);

/* A ClientHello message around @extensions; NULL leaves the block out. */
GByteArray *make_message (const GByteArray *extensions);

/* Cut a message into records of at most @size bytes. */
GByteArray *make_records (const uint8_t *message, size_t len, size_t size);

/* Records around a message around @extensions, which is freed. */
GByteArray *make_hello (GByteArray *extensions);

/* What the records carry. */
GByteArray *strip_records (const uint8_t *data, size_t len);

/* Check the result of @hello at every prefix, in one record and in many, and free it. @name_result
 * matters for BAD_NAME only. */
void
assert_result (GByteArray *hello, enum hello_result expected, enum host_name_result name_result);
