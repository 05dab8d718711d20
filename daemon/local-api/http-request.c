/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/local-api/http-request.h"

#include <string.h>

#define TOKEN_OTHERS "!#$%&'*+-.^_`|~" /* RFC 9110, section 5.6.2, beside letters and digits */

gsize
funnel_http_head_length (const char *data, gsize len)
{
  const char *end = memmem (data, len, "\r\n\r\n", 4);

  return end != NULL ? (gsize)(end - data) + 4 : 0;
}

/* A field line: a token, at once a colon, then text without control characters. No folding. */
static gboolean
check_field (const char *line, gsize len)
{
  gsize name = 0;

  while (name < len
         && (g_ascii_isalnum (line[name])
             || (line[name] != '\0' && strchr (TOKEN_OTHERS, line[name]) != NULL)))
    name++;
  if (name == 0 || name == len || line[name] != ':')
    return FALSE;
  for (gsize i = name + 1; i < len; i++)
    if (line[i] != '\t' && ((guint8)line[i] < 0x20 || line[i] == 0x7f))
      return FALSE;
  return TRUE;
}

/* "GET /path HTTP/1.1": printable ASCII with single spaces. */
static gboolean
check_first_line (const char *line, gsize len)
{
  guint spaces = 0;

  for (gsize i = 0; i < len; i++)
    {
      if (line[i] < 0x20 || line[i] >= 0x7f)
        return FALSE;
      spaces += line[i] == ' ';
    }
  return spaces == 2;
}

static gboolean
check_lines (const char *head, gsize len)
{
  const char *end = head + len - 2; /* before the empty line */
  guint lines = 0;

  for (const char *line = head; line < end; lines++)
    {
      const char *next = memmem (line, (gsize)(head + len - line), "\r\n", 2);
      gsize line_len = (gsize)(next - line);

      if (lines > FUNNEL_HTTP_FIELDS_MAX
          || !(lines == 0 ? check_first_line (line, line_len) : check_field (line, line_len)))
        return FALSE;
      line = next + 2;
    }
  return lines > 0;
}

static void
split_target (FunnelHttpRequest *request)
{
  char *mark = strchr (request->path, '?');

  if (mark == NULL)
    return;
  request->query = g_strdup (mark + 1);
  *mark = '\0';
}

static guint
check_body (const FunnelHttpRequest *request, const char **problem)
{
  guint lengths = funnel_http_request_count_fields (request, "Content-Length");
  const char *length = funnel_http_request_get_field (request, "Content-Length");

  *problem = "a body is not wanted here";
  if (funnel_http_request_count_fields (request, "Transfer-Encoding") > 0
      || funnel_http_request_count_fields (request, "Expect") > 0)
    return SOUP_STATUS_BAD_REQUEST;
  if (lengths > 1 || (lengths == 1 && strcmp (length, "0") != 0))
    return SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE;
  return 0;
}

static guint
check_request (FunnelHttpRequest *request, SoupHTTPVersion version, const char **problem)
{
  guint hosts = funnel_http_request_count_fields (request, "Host");

  *problem = "the request line is malformed";
  if (request->path[0] != '/')
    return SOUP_STATUS_BAD_REQUEST;
  split_target (request);
  *problem = "exactly one Host field is needed";
  if (hosts > 1 || (hosts == 0 && version != SOUP_HTTP_1_0))
    return SOUP_STATUS_BAD_REQUEST;
  request->keep_alive
      = version == SOUP_HTTP_1_1
        && !soup_message_headers_header_contains (request->headers, "Connection", "close");
  return check_body (request, problem);
}

guint
funnel_http_request_parse (const char *head,
                           gsize len,
                           FunnelHttpRequest *out,
                           const char **problem)
{
  SoupHTTPVersion version = SOUP_HTTP_1_0;
  guint status;

  *out = (FunnelHttpRequest) {0};
  *problem = "the request is malformed";
  if (!check_lines (head, len))
    return SOUP_STATUS_BAD_REQUEST;
  out->headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_REQUEST);
  status = soup_headers_parse_request (head, (int)len - 2, out->headers, &out->method, &out->path,
                                       &version);
  if (status != SOUP_STATUS_OK)
    return status;
  if (version != SOUP_HTTP_1_0 && version != SOUP_HTTP_1_1)
    return SOUP_STATUS_HTTP_VERSION_NOT_SUPPORTED;
  return check_request (out, version, problem);
}

void
funnel_http_request_clear (FunnelHttpRequest *request)
{
  g_clear_pointer (&request->method, g_free);
  g_clear_pointer (&request->path, g_free);
  g_clear_pointer (&request->query, g_free);
  g_clear_pointer (&request->headers, soup_message_headers_unref);
}

guint
funnel_http_request_count_fields (const FunnelHttpRequest *request, const char *name)
{
  SoupMessageHeadersIter iter;
  const char *field = NULL, *value = NULL;
  guint count = 0;

  soup_message_headers_iter_init (&iter, request->headers);
  while (soup_message_headers_iter_next (&iter, &field, &value))
    count += g_ascii_strcasecmp (field, name) == 0;
  return count;
}

const char *
funnel_http_request_get_field (const FunnelHttpRequest *request, const char *name)
{
  return funnel_http_request_count_fields (request, name) == 1
             ? soup_message_headers_get_one (request->headers, name)
             : NULL;
}
