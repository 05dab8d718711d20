/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Field sections of HTTP messages (RFC 9110 5 and 6.5): names and values that point into memory of
 * somebody else, in the order they came, in an array of fixed size. No allocation, no thread.
 *
 * Names keep the case they came with; HTTP/2 sends them in lower case. Fields whose names the
 * engine has to know carry an identity, so that nobody compares strings twice. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_FIELDS_MAX 100u

/* Names the engine knows. To add one: here and in the table of http-fields.c. */
enum http_name
{
  HTTP_NAME_OTHER,
  HTTP_NAME_ACCEPT_RANGES,
  HTTP_NAME_ALT_SVC,
  HTTP_NAME_AUTHORIZATION,
  HTTP_NAME_CACHE_CONTROL,
  HTTP_NAME_CONNECTION,
  HTTP_NAME_CONTENT_LENGTH,
  HTTP_NAME_CONTENT_TYPE,
  HTTP_NAME_COOKIE,
  HTTP_NAME_DATE,
  HTTP_NAME_ETAG,
  HTTP_NAME_EXPECT,
  HTTP_NAME_FORWARDED,
  HTTP_NAME_HOST,
  HTTP_NAME_HTTP2_SETTINGS,
  HTTP_NAME_IF_MATCH,
  HTTP_NAME_IF_MODIFIED_SINCE,
  HTTP_NAME_IF_NONE_MATCH,
  HTTP_NAME_IF_RANGE,
  HTTP_NAME_IF_UNMODIFIED_SINCE,
  HTTP_NAME_KEEP_ALIVE,
  HTTP_NAME_LAST_MODIFIED,
  HTTP_NAME_LOCATION,
  HTTP_NAME_PROXY_AUTHENTICATE,
  HTTP_NAME_PROXY_AUTHORIZATION,
  HTTP_NAME_PROXY_CONNECTION,
  HTTP_NAME_RANGE,
  HTTP_NAME_RETRY_AFTER,
  HTTP_NAME_SEC_WEBSOCKET_ACCEPT,
  HTTP_NAME_SEC_WEBSOCKET_KEY,
  HTTP_NAME_SEC_WEBSOCKET_VERSION,
  HTTP_NAME_SERVER,
  HTTP_NAME_TE,
  HTTP_NAME_TRAILER,
  HTTP_NAME_TRANSFER_ENCODING,
  HTTP_NAME_UPGRADE,
  HTTP_NAME_WWW_AUTHENTICATE,
  HTTP_NAME_X_FORWARDED_FOR,
  HTTP_NAME_X_FORWARDED_HOST,
  HTTP_NAME_X_FORWARDED_PORT,
  HTTP_NAME_X_FORWARDED_PROTO,
  HTTP_NAME_X_REAL_IP,
  HTTP_NAMES,
};

/* Not NUL-terminated. */
struct http_text
{
  const char *data;
  uint32_t len;
};

#define HTTP_TEXT(literal) ((struct http_text) {(literal), sizeof (literal) - 1})

struct http_field
{
  const char *name;  /* not NUL-terminated, never empty */
  const char *value; /* the same; without white space around it */
  uint16_t name_len;
  uint16_t value_len;
  uint16_t known; /* enum http_name */
};

struct http_fields
{
  uint32_t count;
  struct http_field items[HTTP_FIELDS_MAX];
};

/** http_name_find: the identity of @name in any case, or HTTP_NAME_OTHER. */
enum http_name http_name_find (const char *name, size_t len);
/** http_name_text: its name in lower case. */
struct http_text http_name_text (enum http_name name);

/** http_text_is: whether @text is @other in any case (ASCII). */
bool http_text_is (struct http_text text, struct http_text other);

/** http_fields_add: append; false when the section is full or a length does not fit. */
bool http_fields_add (struct http_fields *fields, struct http_text name, struct http_text value);
/** http_fields_add_known: the same for a name of the table. */
bool
http_fields_add_known (struct http_fields *fields, enum http_name name, struct http_text value);

/** http_fields_find: the first field of that name, or NULL. */
const struct http_field *http_fields_find (const struct http_fields *fields, enum http_name name);
/** http_fields_count: how many fields of that name there are. */
uint32_t http_fields_count (const struct http_fields *fields, enum http_name name);

/** http_list_next: the next element of a comma-separated list (RFC 9110 5.6.1), white space around
 * it left out, empty ones skipped; quoted strings are honoured. @rest is what is left of the value.
 * False at its end. */
bool http_list_next (struct http_text *rest, struct http_text *element);

static inline struct http_text
http_field_name (const struct http_field *field)
{
  return (struct http_text) {field->name, field->name_len};
}

static inline struct http_text
http_field_value (const struct http_field *field)
{
  return (struct http_text) {field->value, field->value_len};
}
