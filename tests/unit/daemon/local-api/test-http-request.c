/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/local-api/http-request.h"

#include <string.h>

#define HOST "Host: localhost\r\n"

static guint
parse (const char *head, FunnelHttpRequest *out)
{
  const char *problem = NULL;
  guint status = funnel_http_request_parse (head, strlen (head), out, &problem);

  g_assert_nonnull (problem);
  return status;
}

static void
test_good (void)
{
  g_auto (FunnelHttpRequest) request = {0};

  g_assert_cmpuint (
      parse ("GET /a/b%20c?x=1&y HTTP/1.1\r\n" HOST "X-One: a\r\nx-one: b\r\n\r\n", &request), ==,
      0);
  g_assert_cmpstr (request.method, ==, "GET");
  g_assert_cmpstr (request.path, ==, "/a/b%20c");
  g_assert_cmpstr (request.query, ==, "x=1&y");
  g_assert_true (request.keep_alive);
  g_assert_cmpstr (funnel_http_request_get_field (&request, "host"), ==, "localhost");
  g_assert_cmpuint (funnel_http_request_count_fields (&request, "X-ONE"), ==, 2);
  g_assert_null (funnel_http_request_get_field (&request, "X-One"));
}

static void
test_connection (void)
{
  static const struct
  {
    const char *head;
    gboolean keep_alive;
  } rows[] = {
      {"GET / HTTP/1.1\r\n" HOST "\r\n", TRUE},
      {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, Close\r\n\r\n", FALSE},
      {"GET / HTTP/1.0\r\n\r\n", FALSE},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", FALSE},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", TRUE},
      {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", TRUE},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_auto (FunnelHttpRequest) request = {0};

      g_assert_cmpuint (parse (rows[i].head, &request), ==, 0);
      g_assert_cmpint (request.keep_alive, ==, rows[i].keep_alive);
    }
}

static void
test_bad (void)
{
  static const char *const heads[] = {
      "\r\n\r\n",
      "GET\r\n\r\n",
      "GET /\r\n\r\n",
      "GET  / HTTP/1.1\r\n" HOST "\r\n",
      "GET / HTTP/1.1 \r\n" HOST "\r\n",
      "GET / HTTP/2.0\r\n" HOST "\r\n",
      "GET / XTTP/1.1\r\n" HOST "\r\n",
      "GET http://localhost/ HTTP/1.1\r\n" HOST "\r\n",
      "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
      "GET /\x01 HTTP/1.1\r\n" HOST "\r\n",
      "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n",
      "GET / HTTP/1.1\r\n\r\n",                    /* no Host */
      "GET / HTTP/1.1\r\n" HOST HOST "\r\n",       /* two */
      "GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n", /* obsolete line folding */
      "GET / HTTP/1.1\r\n" HOST "No-Colon\r\n\r\n",
      "GET / HTTP/1.1\r\n" HOST "Space : a\r\n\r\n",
      "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n",
      "GET / HTTP/1.1\r\n" HOST "A: b\nOrigin: c\r\n\r\n", /* a bare line feed */
      "GET / HTTP/1.1\r\n" HOST "A: b\rOrigin: c\r\n\r\n",
      "GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n",
      "GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
      "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (heads); i++)
    {
      g_auto (FunnelHttpRequest) request = {0};
      guint status = parse (heads[i], &request);

      if (status < 400 || status > 505)
        g_error ("status %u for: %s", status, heads[i]);
    }
}

static void
test_nul_and_count (void)
{
  g_autoptr (GString) many = g_string_new ("GET / HTTP/1.1\r\n" HOST);
  g_auto (FunnelHttpRequest) nul = {0}, crowded = {0};
  const char with_nul[] = "GET / HTTP/1.1\r\n" HOST "A: b\0c\r\n\r\n";
  const char *problem = NULL;

  g_assert_cmpuint (funnel_http_request_parse (with_nul, sizeof with_nul - 1, &nul, &problem), ==,
                    400);
  for (guint i = 0; i < FUNNEL_HTTP_FIELDS_MAX; i++)
    g_string_append (many, "A: b\r\n");
  g_string_append (many, "\r\n");
  g_assert_cmpuint (parse (many->str, &crowded), ==, 400);
}

static void
test_head_length (void)
{
  const char text[] = "GET / HTTP/1.1\r\n" HOST "\r\nGET ";

  for (gsize len = 0; len < sizeof text - 1; len++)
    {
      gsize found = funnel_http_head_length (text, len);

      g_assert_cmpuint (found, ==, len >= sizeof text - 5 ? sizeof text - 5 : 0);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http-request/good", test_good);
  g_test_add_func ("/http-request/connection", test_connection);
  g_test_add_func ("/http-request/bad", test_bad);
  g_test_add_func ("/http-request/nul-and-count", test_nul_and_count);
  g_test_add_func ("/http-request/head-length", test_head_length);
  return g_test_run ();
}
