/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/wire/plain-request.h"

#include "lib/wire/address.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define HTTPS_PORT 443

struct span
{
  const char *at;
  size_t len;
};

/* RFC 9110 5.6.2. */
static bool
is_token_char (char c)
{
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
         || (c != '\0' && strchr ("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token (struct span span)
{
  for (size_t i = 0; i < span.len; i++)
    if (!is_token_char (span.at[i]))
      return false;
  return span.len > 0;
}

/* What may stand in a Location without being escaped again: nothing that could end the line. */
static bool
is_target (struct span span)
{
  for (size_t i = 0; i < span.len; i++)
    if (span.at[i] <= 0x20 || span.at[i] >= 0x7f)
      return false;
  return true;
}

/* Cuts the next line, ended by CR LF, off @rest. False while its end has not come. */
static bool
next_line (struct span *rest, struct span *line)
{
  const char *end = memchr (rest->at, '\n', rest->len);

  if (end == NULL)
    return false;
  line->at = rest->at;
  line->len = (size_t)(end - rest->at);
  rest->len -= line->len + 1;
  rest->at = end + 1;
  return true;
}

/* A bare LF, or a CR elsewhere, is not ours to be generous about (RFC 9112 2.2). */
static bool
trim_line_end (struct span *line)
{
  if (line->len == 0 || line->at[line->len - 1] != '\r')
    return false;
  line->len--;
  return memchr (line->at, '\r', line->len) == NULL && memchr (line->at, '\0', line->len) == NULL;
}

/* Cuts what stands before the next space off @rest. */
static bool
next_word (struct span *rest, struct span *word)
{
  const char *space = memchr (rest->at, ' ', rest->len);

  if (space == NULL)
    return false;
  word->at = rest->at;
  word->len = (size_t)(space - rest->at);
  rest->len -= word->len + 1;
  rest->at = space + 1;
  return true;
}

/* "host" or "host:port"; the port is the one the visitor came by and does not matter. */
static bool
read_host (struct span text, char out[HOST_NAME_MAX + 1])
{
  const char *colon = memchr (text.at, ':', text.len);
  size_t len = colon != NULL ? (size_t)(colon - text.at) : text.len;

  for (size_t i = len + 1; i < text.len; i++)
    if (text.at[i] < '0' || text.at[i] > '9')
      return false;
  return host_name_normalize (text.at, len, out) == HOST_NAME_OK;
}

/* Splits "http://host/path"; leaves an origin-form target alone. */
static bool
read_target (struct span text, struct plain_request *out)
{
  static const char scheme[] = "http://";
  const size_t scheme_len = sizeof scheme - 1;

  out->host[0] = '\0';
  if (text.len > scheme_len && strncasecmp (text.at, scheme, scheme_len) == 0)
    {
      struct span authority = {text.at + scheme_len, 0};
      const size_t rest = text.len - scheme_len;

      while (authority.len < rest && strchr ("/?#", authority.at[authority.len]) == NULL)
        authority.len++;
      if (!read_host (authority, out->host))
        return false;
      text.at = authority.at + authority.len;
      text.len = rest - authority.len;
      if (text.len > 0 && text.at[0] != '/')
        return false;
    }
  else if (text.len == 0 || text.at[0] != '/')
    return false;
  out->target = text.at;
  out->target_len = text.len;
  return true;
}

static bool
read_request_line (struct span line, struct plain_request *out)
{
  struct span method, target;

  return next_word (&line, &method) && next_word (&line, &target) && is_token (method)
         && is_target (target) && line.len == 8 && memcmp (line.at, "HTTP/1.", 7) == 0
         && (line.at[7] == '0' || line.at[7] == '1') && read_target (target, out);
}

/* Takes the name from a Host field into @host, which must be empty before. */
static bool
read_field (struct span line, char host[HOST_NAME_MAX + 1])
{
  const char *colon = memchr (line.at, ':', line.len);
  struct span name = {line.at, colon != NULL ? (size_t)(colon - line.at) : 0};
  struct span value;

  if (!is_token (name))
    return false;
  if (name.len != 4 || strncasecmp (name.at, "host", 4) != 0)
    return true;
  value.at = colon + 1;
  value.len = line.len - name.len - 1;
  while (value.len > 0 && (value.at[0] == ' ' || value.at[0] == '\t'))
    value.at++, value.len--;
  while (value.len > 0 && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
    value.len--;
  return host[0] == '\0' && read_host (value, host);
}

enum plain_request_result
plain_request_parse (const char *data, size_t len, struct plain_request *out)
{
  struct span rest = {data, len < PLAIN_REQUEST_MAX ? len : PLAIN_REQUEST_MAX};
  struct span line;
  char host[HOST_NAME_MAX + 1] = "";

  if (rest.len > 0 && !is_token_char (data[0]))
    return PLAIN_REQUEST_MALFORMED;
  if (!next_line (&rest, &line))
    return rest.len < PLAIN_REQUEST_MAX ? PLAIN_REQUEST_NEED_MORE : PLAIN_REQUEST_TOO_LARGE;
  if (!trim_line_end (&line) || !read_request_line (line, out))
    return PLAIN_REQUEST_MALFORMED;
  while (next_line (&rest, &line))
    {
      if (!trim_line_end (&line))
        return PLAIN_REQUEST_MALFORMED;
      if (line.len == 0)
        {
          if (host[0] == '\0')
            return PLAIN_REQUEST_MALFORMED;
          if (out->target_len > PLAIN_REQUEST_TARGET_MAX)
            return PLAIN_REQUEST_TOO_LARGE;
          if (out->host[0] == '\0')
            memcpy (out->host, host, sizeof host);
          return PLAIN_REQUEST_OK;
        }
      if (!read_field (line, host))
        return PLAIN_REQUEST_MALFORMED;
    }
  return len < PLAIN_REQUEST_MAX ? PLAIN_REQUEST_NEED_MORE : PLAIN_REQUEST_TOO_LARGE;
}

static size_t
append (char *out, size_t at, const char *text, size_t len)
{
  memcpy (out + at, text, len);
  return at + len;
}

size_t
plain_request_redirect (const struct plain_request *request,
                        uint16_t port,
                        char out[PLAIN_REDIRECT_MAX])
{
  static const char before[] = "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://";
  static const char after[] = "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  size_t len = append (out, 0, before, sizeof before - 1);
  char digits[ADDRESS_PORT_MAX];

  len = append (out, len, request->host, strlen (request->host));
  if (port != HTTPS_PORT)
    {
      len = append (out, len, ":", 1);
      len = append (out, len, digits, address_print_port (port, digits));
    }
  if (request->target_len == 0)
    len = append (out, len, "/", 1);
  len = append (out, len, request->target, request->target_len);
  return append (out, len, after, sizeof after - 1);
}
