/* SPDX-License-Identifier: GPL-3.0-or-later */

/* HTTP/1 as visitors see it: what is answered, what is refused, and what the target gets to see. */

#include "tests/unit/daemon/serve/http/scripted-target.h"

#include <string.h>

#define HOST "Host: " NAME "\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define LAST GET "Connection: close\r\n\r\n"

typedef struct
{
  Fixture fixture;
  ScriptedTarget *target;
} Case;

/* Answers with what came: "METHOD TARGET BODY\n". */
static void
echo (ScriptedTarget *target, int fd, guint number)
{
  while (TRUE)
    {
      g_autofree char *head = scripted_read_head (target, fd);
      g_autofree char *body = NULL;
      g_autofree char *answer = NULL;
      const char *length = head != NULL ? strstr (head, "\r\nContent-Length: ") : NULL;
      gsize len = length != NULL ? g_ascii_strtoull (length + 18, NULL, 10) : 0;
      g_auto (GStrv) words = NULL;
      g_autofree char *text = NULL;

      if (head == NULL)
        return;
      body = g_malloc0 (len + 1);
      if (!scripted_read (fd, body, len))
        return;
      words = g_strsplit (head, " ", 3);
      text = g_strdup_printf ("%s %s %s\n", words[0], words[1], body);
      answer = g_strdup_printf ("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen (text),
                                strcmp (words[0], "HEAD") == 0 ? "" : text);
      if (!scripted_write (fd, answer))
        return;
    }
}

static void
set_up_with (Case *c, ScriptedConnection serve)
{
  fixture_set_up (&c->fixture, NULL);
  c->target = scripted_target_new (serve, c, NULL);
  share_proxy (&c->fixture, scripted_target_get_port (c->target));
}

static void
set_up (Case *c, gconstpointer data)
{
  set_up_with (c, echo);
}

static void
tear_down (Case *c, gconstpointer data)
{
  fixture_tear_down (&c->fixture, NULL);
  scripted_target_free (c->target);
}

static guint
status_of (const char *answer)
{
  g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 "));
  return (guint)g_ascii_strtoull (answer + 9, NULL, 10);
}

static void
test_one (Case *c, gconstpointer data)
{
  g_autofree char *answer = talk (&c->fixture, LAST, NULL);

  g_assert_cmpuint (status_of (answer), ==, 200);
  g_assert_nonnull (strstr (answer, "\r\nConnection: close\r\n"));
  g_assert_nonnull (strstr (answer, "\r\nDate: "));
  g_assert_true (g_str_has_suffix (answer, "\r\n\r\nGET / \n"));
  WAIT_UNTIL (fixture_counters (&c->fixture).requests[2] == 1);
}

static void
test_keep_alive (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = VISIT (&c->fixture);

  for (int i = 0; i < 20; i++)
    {
      g_autofree char *request = g_strdup_printf ("GET /%d HTTP/1.1\r\n" HOST "\r\n", i);
      g_autofree char *end = g_strdup_printf ("GET /%d \n", i);
      g_autofree char *answer = NULL;

      SAY (visitor, request);
      answer = read_until (visitor, end);
      g_assert_nonnull (answer);
      g_assert_cmpuint (status_of (answer), ==, 200);
    }
  g_assert_cmpuint (scripted_target_get_connections (c->target), ==, 1);
}

static void
test_pipelining (Case *c, gconstpointer data)
{
  GString *request = g_string_new (NULL);
  g_autofree char *answer = NULL;
  char *at;

  for (int i = 0; i < 100; i++)
    g_string_append_printf (request, "GET /%d HTTP/1.1\r\n" HOST "\r\n", i);
  g_string_append (request, LAST);
  answer = talk (&c->fixture, request->str, NULL);
  at = answer;
  for (int i = 0; i < 100; i++)
    {
      g_autofree char *text = g_strdup_printf ("\r\n\r\nGET /%d \n", i);

      at = strstr (at, text);
      g_assert_nonnull (at);
    }
  g_string_free (request, TRUE);
}

static void
test_head (Case *c, gconstpointer data)
{
  g_autofree char *answer = talk (&c->fixture, "HEAD /x HTTP/1.1\r\n" HOST "\r\n" LAST, NULL);

  g_assert_nonnull (strstr (answer, "Content-Length: 9\r\n"));
  g_assert_nonnull (strstr (answer, "\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

static void
test_bodies (Case *c, gconstpointer data)
{
  g_autofree char *answer = talk (&c->fixture,
                                  "POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"
                                  "PUT /b HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n" LAST,
                                  NULL);

  g_assert_nonnull (strstr (answer, "\r\n\r\nPOST /a hello\n"));
  g_assert_nonnull (strstr (answer, "\r\n\r\nPUT /b \n"));
  g_assert_nonnull (strstr (answer, "\r\n\r\nGET / \n"));
}

static void
test_old_version (Case *c, gconstpointer data)
{
  g_autofree char *plain = talk (&c->fixture, "GET /old HTTP/1.0\r\n\r\n", NULL);
  g_autofree char *kept
      = talk (&c->fixture, "GET /k HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" LAST, NULL);

  g_assert_true (g_str_has_suffix (plain, "GET /old \n"));
  g_assert_nonnull (strstr (kept, "Connection: keep-alive\r\n"));
  g_assert_true (g_str_has_suffix (kept, "\r\n\r\nGET / \n"));
}

static void
test_absolute (Case *c, gconstpointer data)
{
  g_autofree char *answer
      = talk (&c->fixture,
              "GET https://" NAME "/abs?q HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", NULL);

  g_assert_true (g_str_has_suffix (answer, "GET /abs?q \n"));
}

static const struct
{
  guint status;
  const char *request;
} refused_cases[] = {
    {400,
     "GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 \t5\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nhello"},
    {400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, GET " folded: x\r\n\r\n"},
    {400, GET "X: a\r\n b\r\n\r\n"},
    {400, GET "X: a\nY: b\r\n\r\n"},
    {400, GET "X: a\rY: b\r\n\r\n"},
    {400, GET "X: a\x01\r\n\r\n"},
    {400, GET "X\x80: a\r\n\r\n"},
    {400, GET ": a\r\n\r\n"},
    {400, GET "no colon\r\n\r\n"},
    {400, "GET / HTTP/1.1\nHost: " NAME "\n\n"},
    {400, "GET /\r HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET  / HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET / HTTP/1.1 \r\n" HOST "\r\n"},
    {400, " GET / HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET\t/ HTTP/1.1\r\n" HOST "\r\n"},
    {400, "G\"T / HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET / HTTP/11\r\n" HOST "\r\n"},
    {400, "GET / http/1.1\r\n" HOST "\r\n"},
    {400, "GET /\r\n\r\n"},
    {400, "\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"},
    {505, "GET / HTTP/2.0\r\n" HOST "\r\n"},
    {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    {501, "GETGETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET foo HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET * HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET ftp://" NAME "/ HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET https://user@" NAME "/ HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET https://other.example.org/ HTTP/1.1\r\n" HOST "\r\n"},
    {421, "GET http://" NAME "/ HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET / HTTP/1.1\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: \r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: " NAME ":x\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: " NAME "/x\r\n\r\n"},
    {421, "GET / HTTP/1.1\r\nHost: other.example.org\r\nConnection: close\r\n\r\n"},
    {421, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"},
    {501, "CONNECT " NAME ":443 HTTP/1.1\r\n" HOST "\r\n"},
    {405, "TRACE / HTTP/1.1\r\n" HOST "\r\n"},
    {417, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nExpect: magic\r\n\r\n"},
    {400, GET "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"},
    {400, GET "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: "
              "x\r\nContent-Length: 4\r\n\r\nabcd"},
    {400, "GET /%zz HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"},
};

/* Each is refused, the connection ends, and the target sees nothing of it. */
static void
test_refused (Case *c, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (refused_cases); i++)
    {
      /* What stands behind it must not be taken for a request. */
      g_autofree char *request
          = g_strconcat (refused_cases[i].request, "GET /smuggled HTTP/1.1\r\n" HOST "\r\n", NULL);
      g_autofree char *answer = talk (&c->fixture, request, NULL);

      g_autofree char *shown = g_strescape (refused_cases[i].request, NULL);

      g_test_message ("%s", shown);
      g_assert_cmpuint (status_of (answer), ==, refused_cases[i].status);
      g_assert_null (strstr (answer + 1, "HTTP/1.1 "));
      g_assert_nonnull (strstr (answer, "Connection: close\r\n"));
    }
  g_assert_cmpuint (scripted_target_get_requests (c->target), ==, 0);
}

/* The head was fine and the target may have it; the body shows what it is later. */
static void
test_bad_bodies (Case *c, gconstpointer data)
{
  static const char *const bodies[] = {
      "g\r\nx\r\n0\r\n\r\n",       "-1\r\nx\r\n0\r\n\r\n",     "0x1\r\nx\r\n0\r\n\r\n",
      "1\nx\r\n0\r\n\r\n",         "1\r\nxy\r\n0\r\n\r\n",     "1\r\nx\n0\r\n\r\n",
      "1;a\x01\r\nx\r\n0\r\n\r\n", "1 x\r\nx\r\n0\r\n\r\n",    "\r\nx\r\n0\r\n\r\n",
      "1111111111111111\r\nx",     "0\r\nbad name: x\r\n\r\n", "0\r\n folded\r\n\r\n",
      "0\r\nX: a\nY: b\r\n\r\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autofree char *request
          = g_strconcat ("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", bodies[i],
                         "GET /smuggled HTTP/1.1\r\n" HOST "\r\n", NULL);
      g_autofree char *answer = talk (&c->fixture, request, NULL);

      g_test_message ("%s", bodies[i]);
      if (status_of (answer) != 200) /* the target's script has no need for the body */
        g_assert_cmpuint (status_of (answer), ==, 400);
      g_assert_null (strstr (answer, "smuggled"));
      g_assert_null (strstr (answer + 1, "HTTP/1.1 "));
    }
}

static void
test_large (Case *c, gconstpointer data)
{
  g_autofree char *long_text = g_strnfill (20000, 'a');
  g_autofree char *target = g_strconcat ("GET /", long_text, " HTTP/1.1\r\n" HOST "\r\n", NULL);
  g_autofree char *field = g_strconcat (GET "X: ", long_text, "\r\n\r\n", NULL);
  g_autofree char *fitting
      = g_strdup_printf (GET "Connection: close\r\nX: %.14000s\r\n\r\n", long_text);
  g_autofree char *target_answer = talk (&c->fixture, target, NULL);
  g_autofree char *field_answer = talk (&c->fixture, field, NULL);
  g_autofree char *fitting_answer = talk (&c->fixture, fitting, NULL);
  GString *many = g_string_new (GET);
  g_autofree char *many_answer = NULL;

  g_assert_cmpuint (status_of (target_answer), ==, 414);
  g_assert_cmpuint (status_of (field_answer), ==, 431);
  g_assert_cmpuint (status_of (fitting_answer), ==, 200);
  for (int i = 0; i < 101; i++)
    g_string_append_printf (many, "X-%d: a\r\n", i);
  g_string_append (many, "\r\n");
  many_answer = talk (&c->fixture, many->str, NULL);
  g_assert_cmpuint (status_of (many_answer), ==, 431);
  g_string_free (many, TRUE);
}

static void
test_forwarded (Case *c, gconstpointer data)
{
  g_autofree char *answer
      = talk (&c->fixture,
              "GET /p HTTP/1.1\r\n" HOST "X-Forwarded-For: 6.6.6.6\r\nx_forwarded_proto: http\r\n"
              "X-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n"
              "Funnel-Admin: yes\r\nConnection: close, X-Hop\r\nX-Hop: gone\r\nKeep-Alive: 5\r\n"
              "Proxy-Connection: x\r\nTE: trailers, gzip\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
              "Accept: a/b\r\nCookie: k=v\r\n\r\n",
              NULL);
  g_autofree char *head = scripted_target_dup_head (c->target);

  g_assert_cmpuint (status_of (answer), ==, 200);
  g_assert_cmpstr (head, ==,
                   "GET /p HTTP/1.1\r\n" HOST "Accept: a/b\r\nCookie: k=v\r\n"
                   "X-Forwarded-For: 203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\n"
                   "X-Forwarded-Host: " NAME "\r\nX-Forwarded-Proto: https\r\n"
                   "X-Forwarded-Port: 443\r\n"
                   "Forwarded: for=203.0.113.9;host=\"" NAME "\";proto=https\r\n"
                   "Via: 1.1 funnel\r\nConnection: TE\r\nTE: trailers\r\n\r\n");
}

static void
test_log (Case *c, gconstpointer data)
{
  FunnelServeRequest entries[8];
  g_autofree char *first = talk (&c->fixture, "GET /a?secret HTTP/1.1\r\n" HOST "\r\n" LAST, NULL);
  g_autofree char *bad = talk (&c->fixture, "junk\r\n\r\n", NULL);
  guint n = 0;

  WAIT_UNTIL ((n = funnel_serve_take_log (c->fixture.serve, SHARE_ID, 0, entries, 8)) == 3);
  g_assert_cmpstr (entries[0].path, ==, "/a");
  g_assert_cmpstr (entries[0].method, ==, "GET");
  g_assert_true (g_str_has_prefix (entries[0].source, "203.0.113.9:"));
  g_assert_cmpuint (entries[0].status, ==, 200);
  g_assert_cmpuint (entries[0].bytes, ==, 15);
  g_assert_true (entries[0].complete);
  g_assert_cmpuint (entries[2].status, ==, 400);
  g_assert_cmpuint (
      funnel_serve_take_log (c->fixture.serve, SHARE_ID, entries[1].number, entries, 8), ==, 1);
}

static void
test_half_close (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = VISIT (&c->fixture);
  g_autofree char *answer = NULL;

  SAY (visitor, GET "\r\n");
  visitor_end (visitor);
  answer = read_until (visitor, "GET / \n");
  g_assert_nonnull (answer);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
  g_test_add ("/serve/http1/" name, Case, NULL, set_up, function, tear_down)
  ADD ("one", test_one);
  ADD ("keep-alive", test_keep_alive);
  ADD ("pipelining", test_pipelining);
  ADD ("head", test_head);
  ADD ("bodies", test_bodies);
  ADD ("old-version", test_old_version);
  ADD ("absolute", test_absolute);
  ADD ("refused", test_refused);
  ADD ("bad-bodies", test_bad_bodies);
  ADD ("large", test_large);
  ADD ("forwarded", test_forwarded);
  ADD ("log", test_log);
  ADD ("half-close", test_half_close);
  return g_test_run ();
}
