/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/fuzz/head-witness.h"

#include "tests/fuzz/fuzz.h"

#include <http_parser.h>
#include <string.h>
#include <strings.h>

struct seen
{
  const char *url;
  size_t url_len;
  uint64_t body;
  int headers_complete, message_complete;
};

static int
on_url (http_parser *parser, const char *at, size_t len)
{
  struct seen *seen = parser->data;

  if (seen->url == NULL)
    seen->url = at;
  seen->url_len += len;
  return 0;
}

static int
on_body (http_parser *parser, const char *at, size_t len)
{
  struct seen *seen = parser->data;

  seen->body += len;
  return 0;
}

static int
on_headers_complete (http_parser *parser)
{
  struct seen *seen = parser->data;

  seen->headers_complete++;
  return 0;
}

static int
on_message_complete (http_parser *parser)
{
  struct seen *seen = parser->data;

  seen->message_complete++;
  return 0;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_body = on_body,
    .on_headers_complete = on_headers_complete,
    .on_message_complete = on_message_complete,
};

static void
parse (http_parser *parser,
       enum http_parser_type type,
       struct seen *seen,
       const char *text,
       size_t len)
{
  http_parser_init (parser, type);
  parser->data = seen;
  http_parser_execute (parser, &settings, text, len);
}

/* To it a name that begins with Transfer-Encoding is Transfer-Encoding. */
static bool
misleads_it (const char *text, size_t len)
{
  static const char name[] = "\ntransfer-encoding";
  const size_t size = sizeof name - 1;

  for (size_t i = 0; i + size < len; i++)
    if (strncasecmp (text + i, name, size) == 0 && text[i + size] != ':')
      return true;
  return false;
}

/* What it knows nothing of: other methods, and forms of targets that we take from a list of schemes
 * only. And a tab is no white space behind a Content-Length to it. */
static bool
is_beyond_it (const http_parser *parser, const char *text, size_t len)
{
  switch (HTTP_PARSER_ERRNO (parser))
    {
    case HPE_INVALID_METHOD:
    case HPE_INVALID_URL:
    case HPE_INVALID_HOST:
    case HPE_INVALID_PORT:
      return true;
    case HPE_INVALID_CONTENT_LENGTH:
      return memchr (text, '\t', len) != NULL;
    default:
      return misleads_it (text, len);
    }
}

void
head_witness_check (const char *text, size_t len, const struct http1_request *request)
{
  http_parser parser;
  struct seen seen = {0};

  parse (&parser, HTTP_REQUEST, &seen, text, len);
  if (is_beyond_it (&parser, text, len))
    return;
  REQUIRE (HTTP_PARSER_ERRNO (&parser) == HPE_OK);
  REQUIRE (seen.headers_complete == 1);
  REQUIRE (parser.http_major == 1 && parser.http_minor == request->minor);
  REQUIRE (strlen (http_method_str ((enum http_method)parser.method)) == request->method.len);
  REQUIRE (memcmp (http_method_str ((enum http_method)parser.method), request->method.data,
                   request->method.len)
           == 0);
  if (request->is_connect)
    return;
  /* Ours leaves out the scheme and authority of an absolute target. */
  REQUIRE (seen.url_len >= request->target.len
           || (request->target.len == 1 && request->target.data[0] == '/'));
  if (request->framing == HTTP1_FRAMING_CHUNKED)
    REQUIRE ((parser.flags & F_CHUNKED) != 0 && seen.message_complete == 0);
  else if (request->framing == HTTP1_FRAMING_LENGTH)
    REQUIRE (parser.content_length == (uint64_t)request->content_length
             && seen.message_complete == 0);
  else
    REQUIRE (seen.message_complete == 1 && seen.body == 0);
  if (!parser.upgrade && request->framing == HTTP1_FRAMING_NONE)
    REQUIRE ((http_should_keep_alive (&parser) != 0) == !request->close || request->close);
}

void
head_witness_check_response (const char *text, size_t len, const struct http1_response *response)
{
  http_parser parser;
  struct seen seen = {0};

  parse (&parser, HTTP_RESPONSE, &seen, text, len);
  if (is_beyond_it (&parser, text, len))
    return;
  REQUIRE (HTTP_PARSER_ERRNO (&parser) == HPE_OK);
  REQUIRE (seen.headers_complete == 1);
  REQUIRE (parser.status_code == response->status && parser.http_minor == response->minor);
  if (response->framing == HTTP1_FRAMING_CHUNKED)
    REQUIRE ((parser.flags & F_CHUNKED) != 0);
  if (response->framing == HTTP1_FRAMING_LENGTH)
    REQUIRE ((parser.flags & F_CONTENTLENGTH) != 0);
}

void
body_witness_check (const char *text, size_t len, uint64_t total)
{
  static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  http_parser parser;
  struct seen seen = {0};

  parse (&parser, HTTP_REQUEST, &seen, head, strlen (head));
  REQUIRE (HTTP_PARSER_ERRNO (&parser) == HPE_OK && seen.message_complete == 0);
  http_parser_execute (&parser, &settings, text, len);
  REQUIRE (HTTP_PARSER_ERRNO (&parser) == HPE_OK);
  REQUIRE (seen.message_complete == 1 && seen.body == total);
}
