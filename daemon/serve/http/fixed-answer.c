/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/fixed-answer.h"

#include <string.h>

#define METHODS "GET, HEAD, OPTIONS"

bool
fixed_answer_method (struct http_exchange *x)
{
  struct http_fields fields = {.count = 0};
  struct http_response response = {.status = 204, .content_length = -1, .fields = &fields};
  struct http_text method = x->request.method;

  if (x->request.is_head || (method.len == 3 && memcmp (method.data, "GET", 3) == 0))
    return true;
  http_fields_add (&fields, HTTP_TEXT ("Allow"), HTTP_TEXT (METHODS));
  if (method.len == 7 && memcmp (method.data, "OPTIONS", 7) == 0)
    {
      http_exchange_respond (x, &response);
      http_exchange_finish (x, NULL);
    }
  else
    http_answer_error_with (x, 405, &fields, NULL);
  return false;
}

/* What may stand in a path or query as it is (RFC 3986 3.3, 3.4), and "%", which begins what is
 * encoded already. */
static bool
is_plain (char c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr ("-._~!$&'()*+,;=:@/?%", c) != NULL);
}

static char *
append (char *to, struct http_text text)
{
  static const char hex[] = "0123456789ABCDEF";

  for (uint32_t i = 0; i < text.len; i++)
    {
      uint8_t c = (uint8_t)text.data[i];

      if (is_plain ((char)c))
        *to++ = (char)c;
      else
        {
          *to++ = '%';
          *to++ = hex[c >> 4];
          *to++ = hex[c & 15];
        }
    }
  return to;
}

static size_t
encoded_len (struct http_text text)
{
  size_t len = text.len;

  for (uint32_t i = 0; i < text.len; i++)
    len += is_plain (text.data[i]) ? 0 : 2;
  return len;
}

struct http_text
fixed_answer_path (struct http_exchange *x, const char *end)
{
  struct http_text prefix = x->match.prefix;
  struct http_text last = {end, (uint32_t)strlen (end)};
  char *text, *at;

  while (prefix.len > 1 && prefix.data[0] == '/' && prefix.data[1] == '/')
    {
      prefix.data++;
      prefix.len--;
    }
  text = http_exchange_alloc (x, encoded_len (prefix) + encoded_len (x->match.rest)
                                     + encoded_len (last) + encoded_len (x->match.query));
  if (text == NULL)
    return (struct http_text) {NULL, 0};
  at = append (text, prefix);
  at = append (at, x->match.rest);
  at = append (at, last);
  at = append (at, x->match.query);
  return (struct http_text) {text, (uint32_t)(at - text)};
}
