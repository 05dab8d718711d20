/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/http-fields.h"

#include <assert.h>
#include <string.h>

static const struct http_text names[] = {
    [HTTP_NAME_OTHER] = {"", 0},
    [HTTP_NAME_ACCEPT_RANGES] = {"accept-ranges", 13},
    [HTTP_NAME_ALT_SVC] = {"alt-svc", 7},
    [HTTP_NAME_AUTHORIZATION] = {"authorization", 13},
    [HTTP_NAME_CACHE_CONTROL] = {"cache-control", 13},
    [HTTP_NAME_CONNECTION] = {"connection", 10},
    [HTTP_NAME_CONTENT_LENGTH] = {"content-length", 14},
    [HTTP_NAME_CONTENT_TYPE] = {"content-type", 12},
    [HTTP_NAME_COOKIE] = {"cookie", 6},
    [HTTP_NAME_DATE] = {"date", 4},
    [HTTP_NAME_ETAG] = {"etag", 4},
    [HTTP_NAME_EXPECT] = {"expect", 6},
    [HTTP_NAME_FORWARDED] = {"forwarded", 9},
    [HTTP_NAME_HOST] = {"host", 4},
    [HTTP_NAME_HTTP2_SETTINGS] = {"http2-settings", 14},
    [HTTP_NAME_IF_MATCH] = {"if-match", 8},
    [HTTP_NAME_IF_MODIFIED_SINCE] = {"if-modified-since", 17},
    [HTTP_NAME_IF_NONE_MATCH] = {"if-none-match", 13},
    [HTTP_NAME_IF_RANGE] = {"if-range", 8},
    [HTTP_NAME_IF_UNMODIFIED_SINCE] = {"if-unmodified-since", 19},
    [HTTP_NAME_KEEP_ALIVE] = {"keep-alive", 10},
    [HTTP_NAME_LAST_MODIFIED] = {"last-modified", 13},
    [HTTP_NAME_LOCATION] = {"location", 8},
    [HTTP_NAME_PROXY_AUTHENTICATE] = {"proxy-authenticate", 18},
    [HTTP_NAME_PROXY_AUTHORIZATION] = {"proxy-authorization", 19},
    [HTTP_NAME_PROXY_CONNECTION] = {"proxy-connection", 16},
    [HTTP_NAME_RANGE] = {"range", 5},
    [HTTP_NAME_RETRY_AFTER] = {"retry-after", 11},
    [HTTP_NAME_SEC_WEBSOCKET_ACCEPT] = {"sec-websocket-accept", 20},
    [HTTP_NAME_SEC_WEBSOCKET_KEY] = {"sec-websocket-key", 17},
    [HTTP_NAME_SEC_WEBSOCKET_VERSION] = {"sec-websocket-version", 21},
    [HTTP_NAME_SERVER] = {"server", 6},
    [HTTP_NAME_TE] = {"te", 2},
    [HTTP_NAME_TRAILER] = {"trailer", 7},
    [HTTP_NAME_TRANSFER_ENCODING] = {"transfer-encoding", 17},
    [HTTP_NAME_UPGRADE] = {"upgrade", 7},
    [HTTP_NAME_WWW_AUTHENTICATE] = {"www-authenticate", 16},
    [HTTP_NAME_X_FORWARDED_FOR] = {"x-forwarded-for", 15},
    [HTTP_NAME_X_FORWARDED_HOST] = {"x-forwarded-host", 16},
    [HTTP_NAME_X_FORWARDED_PORT] = {"x-forwarded-port", 16},
    [HTTP_NAME_X_FORWARDED_PROTO] = {"x-forwarded-proto", 17},
    [HTTP_NAME_X_REAL_IP] = {"x-real-ip", 9},
};
static_assert (sizeof names / sizeof names[0] == HTTP_NAMES, "a text per name");

static inline char
lower (char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The table is in alphabetical order, so the names of one first letter stand together: this says
 * where they begin. Filled by the compiler would be nicer than by hand, but C has no way. */
static enum http_name
first_of (char letter)
{
  static const uint8_t first[26] = {
      ['a' - 'a'] = HTTP_NAME_ACCEPT_RANGES,
      ['c' - 'a'] = HTTP_NAME_CACHE_CONTROL,
      ['d' - 'a'] = HTTP_NAME_DATE,
      ['e' - 'a'] = HTTP_NAME_ETAG,
      ['f' - 'a'] = HTTP_NAME_FORWARDED,
      ['h' - 'a'] = HTTP_NAME_HOST,
      ['i' - 'a'] = HTTP_NAME_IF_MATCH,
      ['k' - 'a'] = HTTP_NAME_KEEP_ALIVE,
      ['l' - 'a'] = HTTP_NAME_LAST_MODIFIED,
      ['p' - 'a'] = HTTP_NAME_PROXY_AUTHENTICATE,
      ['r' - 'a'] = HTTP_NAME_RANGE,
      ['s' - 'a'] = HTTP_NAME_SEC_WEBSOCKET_ACCEPT,
      ['t' - 'a'] = HTTP_NAME_TE,
      ['u' - 'a'] = HTTP_NAME_UPGRADE,
      ['w' - 'a'] = HTTP_NAME_WWW_AUTHENTICATE,
      ['x' - 'a'] = HTTP_NAME_X_FORWARDED_FOR,
  };

  return letter >= 'a' && letter <= 'z' ? (enum http_name)first[letter - 'a'] : HTTP_NAME_OTHER;
}

static bool
is_same (const char *text, const char *in_lower_case, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (lower (text[i]) != in_lower_case[i])
      return false;
  return true;
}

enum http_name
http_name_find (const char *name, size_t len)
{
  char letter = len > 0 ? lower (name[0]) : 0;
  uint32_t i = first_of (letter);

  if (i == HTTP_NAME_OTHER)
    return HTTP_NAME_OTHER;
  for (; i < HTTP_NAMES && names[i].data[0] == letter; i++)
    if (names[i].len == len && is_same (name, names[i].data, len))
      return (enum http_name)i;
  return HTTP_NAME_OTHER;
}

struct http_text
http_name_text (enum http_name name)
{
  return names[name];
}

bool
http_text_is (struct http_text text, struct http_text other)
{
  if (text.len != other.len)
    return false;
  for (uint32_t i = 0; i < text.len; i++)
    if (lower (text.data[i]) != lower (other.data[i]))
      return false;
  return true;
}

static bool
add (struct http_fields *fields,
     struct http_text name,
     struct http_text value,
     enum http_name known)
{
  if (fields->count >= HTTP_FIELDS_MAX || name.len > UINT16_MAX || value.len > UINT16_MAX)
    return false;
  fields->items[fields->count++] = (struct http_field) {
      .name = name.data,
      .value = value.data,
      .name_len = (uint16_t)name.len,
      .value_len = (uint16_t)value.len,
      .known = (uint16_t)known,
  };
  return true;
}

bool
http_fields_add (struct http_fields *fields, struct http_text name, struct http_text value)
{
  return add (fields, name, value, http_name_find (name.data, name.len));
}

bool
http_fields_add_known (struct http_fields *fields, enum http_name name, struct http_text value)
{
  return add (fields, names[name], value, name);
}

const struct http_field *
http_fields_find (const struct http_fields *fields, enum http_name name)
{
  for (uint32_t i = 0; i < fields->count; i++)
    if (fields->items[i].known == name)
      return &fields->items[i];
  return NULL;
}

uint32_t
http_fields_count (const struct http_fields *fields, enum http_name name)
{
  uint32_t count = 0;

  for (uint32_t i = 0; i < fields->count; i++)
    count += fields->items[i].known == name;
  return count;
}

static bool
is_space (char c)
{
  return c == ' ' || c == '\t';
}

/* The length of the element at the beginning of @text: up to a comma outside quotes. */
static uint32_t
element_len (struct http_text text)
{
  bool quoted = false;
  uint32_t i = 0;

  for (; i < text.len && (quoted || text.data[i] != ','); i++)
    if (quoted && text.data[i] == '\\' && i + 1 < text.len)
      i++;
    else if (text.data[i] == '"')
      quoted = !quoted;
  return i;
}

bool
http_list_next (struct http_text *rest, struct http_text *element)
{
  while (rest->len > 0)
    {
      uint32_t len = element_len (*rest);
      struct http_text found = {rest->data, len};

      rest->data += len;
      rest->len -= len;
      if (rest->len > 0)
        {
          rest->data++;
          rest->len--;
        }
      while (found.len > 0 && is_space (found.data[0]))
        {
          found.data++;
          found.len--;
        }
      while (found.len > 0 && is_space (found.data[found.len - 1]))
        found.len--;
      if (found.len > 0)
        {
          *element = found;
          return true;
        }
    }
  return false;
}
