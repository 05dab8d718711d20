/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Goal. A field section is collected in one buffer, packed, so that a visitor who never completes
 * it costs one buffer and no exchange. Complete, it becomes what exchange.h says a request is.
 *
 * What nghttp2 refuses before anything comes here: pseudo-fields that are unknown, missing, twice,
 * after others or in trailers; names in upper case or with bytes a name cannot have; values with
 * control bytes or white space around them; Connection, Keep-Alive, Proxy-Connection,
 * Transfer-Encoding and Upgrade; TE other than "trailers"; Content-Length twice, malformed, or not
 * what DATA adds up to.
 *
 * What is refused here: sections over HTTP_HEAD_MAX or HTTP_FIELDS_MAX (431); schemes but http and
 * https (400); a Host that is not :authority (400); CONNECT without :protocol (405); CONNECT for
 * another protocol than websocket (501); an expectation but 100-continue (417).
 *
 * Sizes are counted as HTTP/1 would send the section, so that what passes here fits there. */

#include "daemon/serve/http/http2-head.h"

#include <assert.h>
#include <string.h>

/* In the buffer: one of these, the name, the value; no alignment. */
struct packed
{
  uint16_t name_len;
  uint16_t value_len;
};

static const struct http_text pseudo_names[HTTP2_PSEUDOS] = {
    [HTTP2_PSEUDO_METHOD] = {":method", 7},        [HTTP2_PSEUDO_SCHEME] = {":scheme", 7},
    [HTTP2_PSEUDO_AUTHORITY] = {":authority", 10}, [HTTP2_PSEUDO_PATH] = {":path", 5},
    [HTTP2_PSEUDO_PROTOCOL] = {":protocol", 9},    [HTTP2_PSEUDO_STATUS] = {":status", 7},
};
static_assert (HTTP2_PSEUDO_STATUS + 1 == HTTP2_PSEUDOS, "a name per pseudo-field");

bool
http2_head_begin (struct http2_head *head, struct serve_buffers *buffers)
{
  http2_head_end (head, buffers);
  head->buffer = serve_buffer_get (buffers);
  return head->buffer != NULL;
}

void
http2_head_end (struct http2_head *head, struct serve_buffers *buffers)
{
  serve_buffer_put (buffers, &head->buffer);
  *head = (struct http2_head) {0};
}

static bool
is (struct http_text text, struct http_text other)
{
  return text.len == other.len && memcmp (text.data, other.data, text.len) == 0;
}

static bool
is_cookie (struct http_text name)
{
  return is (name, HTTP_TEXT ("cookie"));
}

static void
put (struct serve_buffer *buffer, const void *data, size_t len)
{
  memcpy (buffer->data + buffer->end, data, len);
  buffer->end += (uint32_t)len;
}

bool
http2_head_add (struct http2_head *head, struct http_text name, struct http_text value)
{
  struct packed packed = {(uint16_t)name.len, (uint16_t)value.len};
  size_t line = (size_t)name.len + value.len + 4; /* ": " and CR LF */

  head->size
      = line < HTTP2_HEAD_ABUSE - head->size ? head->size + (uint32_t)line : HTTP2_HEAD_ABUSE;
  if (name.len > 0 && name.data[0] != ':' && (!is_cookie (name) || head->cookie_size == 0))
    head->count++;
  if (is_cookie (name))
    head->cookie_size += value.len + 2;
  if (head->size > HTTP_HEAD_MAX || head->count > HTTP_FIELDS_MAX
      || sizeof packed + name.len + value.len > SERVE_BUFFER_SIZE - head->buffer->end)
    head->overflow = true;
  if (!head->overflow)
    {
      put (head->buffer, &packed, sizeof packed);
      put (head->buffer, name.data, name.len);
      put (head->buffer, value.data, value.len);
    }
  return head->size < HTTP2_HEAD_ABUSE;
}

/* The field at *@at of @data, which ends at @end; moves on. */
static bool
next_field (const char *data,
            size_t end,
            size_t *at,
            struct http_text *name,
            struct http_text *value)
{
  struct packed packed;

  if (*at >= end)
    return false;
  memcpy (&packed, data + *at, sizeof packed);
  *name = (struct http_text) {data + *at + sizeof packed, packed.name_len};
  *value = (struct http_text) {name->data + name->len, packed.value_len};
  *at += sizeof packed + packed.name_len + packed.value_len;
  return true;
}

bool
http2_head_next (const struct http2_head *head,
                 size_t *at,
                 struct http_text *name,
                 struct http_text *value)
{
  return next_field ((const char *)head->buffer->data, head->buffer->end, at, name, value);
}

nghttp2_nv
http2_nv (struct http_text name, struct http_text value)
{
  return (nghttp2_nv) {
      .name = (uint8_t *)name.data,
      .namelen = name.len,
      .value = (uint8_t *)value.data,
      .valuelen = value.len,
  };
}

size_t
http2_head_nva (const struct http2_head *head, nghttp2_nv *nva)
{
  struct http_text name, value;
  size_t at = 0, n = 0;

  while (n < HTTP_FIELDS_MAX && http2_head_next (head, &at, &name, &value))
    nva[n++] = http2_nv (name, value);
  return n;
}

static int
find_pseudo (struct http_text name)
{
  for (int i = 0; i < HTTP2_PSEUDOS; i++)
    if (is (pseudo_names[i], name))
      return i;
  return -1;
}

/* What of the section goes into members, not into fields. */
struct parts
{
  struct http_text pseudo[HTTP2_PSEUDOS];
  struct http_text host, expect;
  int64_t content_length;
  bool accepts_trailers;
};

static bool
parse_number (struct http_text text, int64_t max, int64_t *out)
{
  int64_t value = 0;

  for (uint32_t i = 0; i < text.len; i++)
    {
      int digit = text.data[i] - '0';

      if (digit < 0 || digit > 9 || value > (max - digit) / 10)
        return false;
      value = value * 10 + digit;
    }
  *out = value;
  return text.len > 0;
}

static bool
take_known (struct parts *parts, enum http_name known, struct http_text value)
{
  switch (known)
    {
    case HTTP_NAME_HOST:
      parts->host = value;
      return true;
    case HTTP_NAME_EXPECT:
      parts->expect = value;
      return true;
    case HTTP_NAME_CONTENT_LENGTH:
      if (!parse_number (value, INT64_MAX, &parts->content_length))
        parts->content_length = -1;
      return true;
    case HTTP_NAME_TE:
      parts->accepts_trailers = true;
      return true;
    /* They say nothing beyond the connection. */
    case HTTP_NAME_CONNECTION:
    case HTTP_NAME_HTTP2_SETTINGS:
    case HTTP_NAME_KEEP_ALIVE:
    case HTTP_NAME_PROXY_CONNECTION:
    case HTTP_NAME_TRAILER:
    case HTTP_NAME_TRANSFER_ENCODING:
    case HTTP_NAME_UPGRADE:
      return true;
    default:
      return false;
    }
}

/* Sorts the packed section at @data. False when there are too many fields. */
static bool
sort (const char *data, size_t end, struct parts *parts, struct http_fields *fields)
{
  struct http_text name, value;
  size_t at = 0;

  *parts = (struct parts) {.content_length = -1};
  fields->count = 0;
  while (next_field (data, end, &at, &name, &value))
    {
      int pseudo = name.len > 0 && name.data[0] == ':' ? find_pseudo (name) : -1;

      if (pseudo >= 0)
        parts->pseudo[pseudo] = value;
      else if (!take_known (parts, http_name_find (name.data, name.len), value)
               && !http_fields_add (fields, name, value))
        return false;
    }
  return true;
}

/* Cookie may come in pieces (RFC 9113 8.2.3). */
static bool
join_cookies (const struct http2_head *head, struct http_exchange *x)
{
  struct http_text name, value;
  char *joined;
  size_t at = 0, len = 0;

  if (head->cookie_size == 0)
    return true;
  joined = http_exchange_alloc (x, head->cookie_size);
  if (joined == NULL)
    return false;
  while (http2_head_next (head, &at, &name, &value))
    if (is_cookie (name))
      {
        memcpy (joined + len, value.data, value.len);
        memcpy (joined + len + value.len, "; ", 2);
        len += value.len + 2;
      }
  return http_fields_add_known (&x->request.fields, HTTP_NAME_COOKIE,
                                (struct http_text) {joined, (uint32_t)len - 2});
}

/* Copies all but the cookies into the arena. Returns the copy and its length. */
static char *
copy_section (const struct http2_head *head, struct http_exchange *x, size_t *len)
{
  const char *data = (const char *)head->buffer->data;
  char *copy = http_exchange_alloc (x, head->buffer->end);
  struct http_text name, value;
  size_t at = 0, start = 0;

  *len = 0;
  if (copy == NULL)
    return NULL;
  while (http2_head_next (head, &at, &name, &value))
    {
      if (!is_cookie (name))
        {
          memcpy (copy + *len, data + start, at - start);
          *len += at - start;
        }
      start = at;
    }
  return copy;
}

static uint16_t
check_connect (struct http_request *request, const struct parts *parts, bool ended)
{
  struct http_text protocol = parts->pseudo[HTTP2_PSEUDO_PROTOCOL];

  if (!is (request->method, HTTP_TEXT ("CONNECT")))
    return 0;
  if (protocol.data == NULL)
    return 405;
  if (!http_text_is (protocol, HTTP_TEXT ("websocket")))
    return 501;
  if (ended || parts->content_length >= 0)
    return 400;
  request->method = HTTP_TEXT ("GET");
  request->websocket = true;
  return 0;
}

static uint16_t
check_request (struct http_request *request,
               const struct parts *parts,
               bool ended,
               const char **detail)
{
  struct http_text scheme = parts->pseudo[HTTP2_PSEUDO_SCHEME];
  uint16_t refused = check_connect (request, parts, ended);

  if (refused != 0)
    return refused;
  if (!http_text_is (scheme, HTTP_TEXT ("https")) && !http_text_is (scheme, HTTP_TEXT ("http")))
    {
      *detail = "The scheme of the request is not https.";
      return 400;
    }
  if (parts->pseudo[HTTP2_PSEUDO_AUTHORITY].data != NULL && parts->host.data != NULL
      && !http_text_is (parts->pseudo[HTTP2_PSEUDO_AUTHORITY], parts->host))
    {
      *detail = "The request names two hosts: Host is not :authority.";
      return 400;
    }
  if (parts->expect.data != NULL && !http_text_is (parts->expect, HTTP_TEXT ("100-continue")))
    return 417;
  return 0;
}

uint16_t
http2_head_request (const struct http2_head *head,
                    struct http_exchange *x,
                    bool ended,
                    const char **detail)
{
  struct http_request *request = &x->request;
  struct parts parts;
  uint16_t refused;
  size_t len = 0;
  char *copy;

  *detail = NULL;
  request->version = HTTP_VERSION_2;
  request->content_length = ended ? 0 : -1;
  if (head->overflow)
    return 431;
  copy = copy_section (head, x, &len);
  if (copy == NULL || !sort (copy, len, &parts, &request->fields) || !join_cookies (head, x))
    return 431;
  request->method = parts.pseudo[HTTP2_PSEUDO_METHOD];
  request->is_head = is (request->method, HTTP_TEXT ("HEAD"));
  request->target = parts.pseudo[HTTP2_PSEUDO_PATH];
  request->authority = parts.pseudo[HTTP2_PSEUDO_AUTHORITY].data != NULL
                           ? parts.pseudo[HTTP2_PSEUDO_AUTHORITY]
                           : parts.host;
  request->accepts_trailers = parts.accepts_trailers;
  refused = check_request (request, &parts, ended, detail);
  request->has_body = !ended && !request->websocket;
  x->body_ended = !request->has_body;
  request->expects_continue = request->has_body && parts.expect.data != NULL;
  if (!ended)
    request->content_length = request->websocket ? 0 : parts.content_length;
  return refused;
}

bool
http2_head_response (const struct http2_head *head,
                     uint16_t *status,
                     int64_t *content_length,
                     struct http_fields *fields)
{
  struct parts parts;
  int64_t number;

  if (head->overflow || !sort ((const char *)head->buffer->data, head->buffer->end, &parts, fields)
      || !parse_number (parts.pseudo[HTTP2_PSEUDO_STATUS], 599, &number) || number < 100)
    return false;
  *status = (uint16_t)number;
  *content_length = parts.content_length;
  return true;
}

/* What decides about framing, routing, authentication or how to read the body would come too late.
 */
static bool
may_trail (enum http_name known)
{
  switch (known)
    {
    case HTTP_NAME_AUTHORIZATION:
    case HTTP_NAME_CACHE_CONTROL:
    case HTTP_NAME_CONTENT_TYPE:
    case HTTP_NAME_COOKIE:
    case HTTP_NAME_FORWARDED:
    case HTTP_NAME_IF_MATCH:
    case HTTP_NAME_IF_MODIFIED_SINCE:
    case HTTP_NAME_IF_NONE_MATCH:
    case HTTP_NAME_IF_RANGE:
    case HTTP_NAME_IF_UNMODIFIED_SINCE:
    case HTTP_NAME_LOCATION:
    case HTTP_NAME_PROXY_AUTHENTICATE:
    case HTTP_NAME_PROXY_AUTHORIZATION:
    case HTTP_NAME_RANGE:
    case HTTP_NAME_RETRY_AFTER:
    case HTTP_NAME_WWW_AUTHENTICATE:
    case HTTP_NAME_X_FORWARDED_FOR:
    case HTTP_NAME_X_FORWARDED_HOST:
    case HTTP_NAME_X_FORWARDED_PORT:
    case HTTP_NAME_X_FORWARDED_PROTO:
    case HTTP_NAME_X_REAL_IP:
      return false;
    default:
      return true;
    }
}

bool
http2_head_trailers (const struct http2_head *head, struct http_fields *fields)
{
  struct parts parts;
  uint32_t kept = 0;

  if (head->overflow || !sort ((const char *)head->buffer->data, head->buffer->end, &parts, fields))
    return false;
  for (uint32_t i = 0; i < fields->count; i++)
    if (may_trail (fields->items[i].known))
      fields->items[kept++] = fields->items[i];
  fields->count = kept;
  return true;
}
