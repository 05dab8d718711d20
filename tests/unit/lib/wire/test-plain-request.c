/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/wire/plain-request.h"

#include <glib.h>
#include <string.h>

typedef struct
{
  const char *text;
  enum plain_request_result result;
  const char *host, *target;
} Case;

static const Case cases[] = {
    {"GET / HTTP/1.1\r\nHost: a.example.org\r\n\r\n", PLAIN_REQUEST_OK, "a.example.org", "/"},
    {"GET /x?y=1&z HTTP/1.0\r\nAccept: */*\r\nhOST:\tA.Example.org:8080 \r\n\r\n", PLAIN_REQUEST_OK,
     "a.example.org", "/x?y=1&z"},
    {"POST http://b.example.org/p HTTP/1.1\r\nHost: a.example.org\r\n\r\nbody", PLAIN_REQUEST_OK,
     "b.example.org", "/p"},
    {"GET HTTP://b.example.org:80 HTTP/1.1\r\nHost: b.example.org\r\n\r\n", PLAIN_REQUEST_OK,
     "b.example.org", ""},
    {"", PLAIN_REQUEST_NEED_MORE, NULL, NULL},
    {"GE", PLAIN_REQUEST_NEED_MORE, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost: a.example.org\r\n", PLAIN_REQUEST_NEED_MORE, NULL, NULL},
    {"\r\nGET / HTTP/1.1\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"\x16\x03\x01", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET / HTTP/1.1\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost: a.org\r\nHost: a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost: a.org:8x\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost: user@a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost : a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET / HTTP/1.1\r\n Host: a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET / HTTP/1.1\nHost: a.org\n\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET /a\rb HTTP/1.1\r\nHost: a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET /\x80 HTTP/1.1\r\nHost: a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET  / HTTP/1.1\r\nHost: a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET / HTTP/2.0\r\nHost: a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET /\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"OPTIONS * HTTP/1.1\r\nHost: a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"CONNECT a.org:443 HTTP/1.1\r\nHost: a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET https://a.org/ HTTP/1.1\r\nHost: a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
    {"GET http://a.org?x HTTP/1.1\r\nHost: a.org\r\n\r\n", PLAIN_REQUEST_MALFORMED, NULL, NULL},
};

static void
test_cases (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const Case *c = &cases[i];
      struct plain_request request;

      g_test_message ("case %zu", i);
      g_assert_cmpint (plain_request_parse (c->text, strlen (c->text), &request), ==, c->result);
      if (c->result != PLAIN_REQUEST_OK)
        continue;
      g_assert_cmpstr (request.host, ==, c->host);
      g_assert_cmpmem (request.target, request.target_len, c->target, strlen (c->target));
    }
}

/* Whatever piece of a good head has come, it is asked for more and never refused. */
static void
test_pieces (void)
{
  const char *text = cases[1].text;
  struct plain_request request;

  for (gsize len = 0; len < strlen (text); len++)
    g_assert_cmpint (plain_request_parse (text, len, &request), ==, PLAIN_REQUEST_NEED_MORE);
}

static void
test_limits (void)
{
  g_autoptr (GString) text = g_string_new ("GET /");
  struct plain_request request;
  char answer[PLAIN_REDIRECT_MAX];

  for (int i = 1; i < PLAIN_REQUEST_TARGET_MAX; i++)
    g_string_append_c (text, 'x');
  g_string_append (text, " HTTP/1.1\r\nHost: a.org\r\n\r\n");
  g_assert_cmpint (plain_request_parse (text->str, text->len, &request), ==, PLAIN_REQUEST_OK);
  g_assert_cmpuint (request.target_len, ==, PLAIN_REQUEST_TARGET_MAX);
  g_assert_cmpuint (plain_request_redirect (&request, 65535, answer), <=, sizeof answer);
  g_string_insert_c (text, 5, 'x');
  g_assert_cmpint (plain_request_parse (text->str, text->len, &request), ==,
                   PLAIN_REQUEST_TOO_LARGE);

  g_string_assign (text, "GET / HTTP/1.1\r\nHost: a.org\r\n");
  while (text->len < PLAIN_REQUEST_MAX)
    g_string_append (text, "A: b\r\n");
  g_assert_cmpint (plain_request_parse (text->str, text->len, &request), ==,
                   PLAIN_REQUEST_TOO_LARGE);
  g_string_set_size (text, 0);
  while (text->len < PLAIN_REQUEST_MAX)
    g_string_append_c (text, 'G');
  g_assert_cmpint (plain_request_parse (text->str, text->len, &request), ==,
                   PLAIN_REQUEST_TOO_LARGE);
}

static void
test_redirect (void)
{
  const char *text = "GET http://A.example.org HTTP/1.1\r\nHost: x.org\r\n\r\n";
  struct plain_request request;
  char answer[PLAIN_REDIRECT_MAX];
  gsize len;

  g_assert_cmpint (plain_request_parse (text, strlen (text), &request), ==, PLAIN_REQUEST_OK);
  len = plain_request_redirect (&request, 443, answer);
  answer[len] = '\0';
  g_assert_cmpstr (answer, ==,
                   "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://a.example.org/\r\n"
                   "Content-Length: 0\r\nConnection: close\r\n\r\n");
  len = plain_request_redirect (&request, 8443, answer);
  answer[len] = '\0';
  g_assert_nonnull (strstr (answer, "\r\nLocation: https://a.example.org:8443/\r\n"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plain-request/cases", test_cases);
  g_test_add_func ("/plain-request/pieces", test_pieces);
  g_test_add_func ("/plain-request/limits", test_limits);
  g_test_add_func ("/plain-request/redirect", test_redirect);
  return g_test_run ();
}
