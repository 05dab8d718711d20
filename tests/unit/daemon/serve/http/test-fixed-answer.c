/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Texts and redirects, through TLS and HTTP/1, with requests that try to make more of them. */

#include "tests/unit/daemon/serve/http/scripted-target.h"

#include <string.h>

#define HOST "Host: " NAME "\r\n"
#define CLOSE HOST "Connection: close\r\n\r\n"

static FunnelServeMount *
own_mount (FunnelServeShare *share, const char *path, FunnelServeMountKind kind)
{
  FunnelServeMount *mount = add_mount (share, path, 1);

  mount->kind = kind;
  return mount;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  FunnelServeShare *share;
  FunnelServeMount *mount;

  fixture_set_up (f, NULL);
  share = fixture_make_share (f, FUNNEL_SERVE_HTTP, 1);
  mount = own_mount (share, "/text", FUNNEL_SERVE_MOUNT_TEXT);
  mount->text = g_bytes_new_static ("hello \xe2\x9c\x93", 9);
  mount = own_mount (share, "/empty", FUNNEL_SERVE_MOUNT_TEXT);
  mount = own_mount (share, "/long", FUNNEL_SERVE_MOUNT_TEXT);
  mount->text = g_bytes_new_take (g_strnfill (300000, 'x'), 300000);
  mount = own_mount (share, "/old", FUNNEL_SERVE_MOUNT_REDIRECT);
  mount->status = 302;
  mount->location = g_strdup ("https://new.example.org/fixed");
  mount = own_mount (share, "/all", FUNNEL_SERVE_MOUNT_REDIRECT);
  mount->status = 308;
  mount->location = g_strdup ("https://new.example.org${REQUEST_URI}");
  mount = own_mount (share, "/", FUNNEL_SERVE_MOUNT_REDIRECT);
  mount->status = 307;
  mount->location = g_strdup ("${REQUEST_URI}?host=${HOST}&x=${OTHER}");
  fixture_set_share (f, share);
}

static char *
ask (Fixture *f, const char *method, const char *target)
{
  g_autofree char *request = g_strdup_printf ("%s %s HTTP/1.1\r\n" CLOSE, method, target);

  return talk (f, request, NULL);
}

static void
assert_has (const char *answer, const char *part)
{
  if (strcasestr (answer, part) == NULL)
    g_error ("“%s” is missing in:\n%s", part, answer);
}

static void
test_text (Fixture *f, gconstpointer data)
{
  g_autofree char *get = ask (f, "GET", "/text?q");
  g_autofree char *head = ask (f, "HEAD", "/text");
  g_autofree char *empty = ask (f, "GET", "/empty");
  g_autofree char *full = ask (f, "GET", "/long");

  assert_has (get, "HTTP/1.1 200 OK\r\n");
  assert_has (get, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
  assert_has (get, "\r\nX-Content-Type-Options: nosniff\r\n");
  assert_has (get, "\r\nContent-Length: 9\r\n");
  g_assert_true (g_str_has_suffix (get, "\r\n\r\nhello \xe2\x9c\x93"));
  assert_has (head, "\r\nContent-Length: 9\r\n");
  g_assert_true (g_str_has_suffix (head, "\r\n\r\n"));
  assert_has (empty, "\r\nContent-Length: 0\r\n");
  assert_has (full, "\r\nContent-Length: 300000\r\n");
  g_assert_cmpuint (strlen (strstr (full, "\r\n\r\n") + 4), ==, 300000);
}

static void
test_methods (Fixture *f, gconstpointer data)
{
  g_autofree char *options = ask (f, "OPTIONS", "/text");
  g_autofree char *removal = ask (f, "DELETE", "/text");
  g_autofree char *post = talk (f,
                                "POST /text HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
                                "GET /text HTTP/1.1\r\n" CLOSE,
                                NULL);

  assert_has (options, "HTTP/1.1 204 No Content\r\n");
  assert_has (options, "\r\nAllow: GET, HEAD, OPTIONS\r\n");
  assert_has (removal, "HTTP/1.1 405 Method Not Allowed\r\n");
  assert_has (removal, "\r\nAllow: GET, HEAD, OPTIONS\r\n");
  assert_has (post, "HTTP/1.1 405 ");
  assert_has (post, "hello"); /* the body was thrown away, the next request understood */
}

static void
assert_location (Fixture *f, const char *target, const char *status, const char *location)
{
  g_autofree char *answer = ask (f, "GET", target);
  g_autofree char *line = g_strdup_printf ("\r\nLocation: %s\r\n", location);

  g_test_message ("%s", target);
  assert_has (answer, status);
  assert_has (answer, line);
}

static void
test_redirect (Fixture *f, gconstpointer data)
{
  assert_location (f, "/old", "HTTP/1.1 302 ", "https://new.example.org/fixed");
  assert_location (f, "/old/x?y", "HTTP/1.1 302 ", "https://new.example.org/fixed");
  assert_location (f, "/all/x?y=%20&z", "HTTP/1.1 308 ", "https://new.example.org/all/x?y=%20&z");
  assert_location (f, "/x", "HTTP/1.1 307 ", "/x?host=" NAME "&x=${OTHER}");
}

/* What is asked for can make no other host, no new field and no other path of it. */
static void
test_hostile_redirect (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *target, *location;
  } rows[] = {
      {"//evil.example/", "/evil.example/?"},
      {"///evil.example", "/evil.example?"},
      {"/\\evil.example", "/%5Cevil.example?"},
      {"/%0d%0aSet-Cookie:x", "/%0d%0aSet-Cookie:x?"},
      {"/x/../y", "/y?"},
      {"/<script>\"'", "/%3Cscript%3E%22'?"},
      {"/${HOST}", "/$%7BHOST%7D?"}, /* not expanded again */
      {"//all//x", NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *location
          = rows[i].location != NULL
                ? g_strconcat (rows[i].location, "host=" NAME "&x=${OTHER}", NULL)
                : g_strdup ("https://new.example.org/all/x");

      assert_location (f, rows[i].target, "HTTP/1.1 30", location);
    }
}

static void
test_long_redirect (Fixture *f, gconstpointer data)
{
  g_autofree char *name = g_strnfill (6000, 'a');
  g_autofree char *expanding = g_strnfill (6000, '"');
  g_autofree char *fits = g_strconcat ("/all/", name, NULL);
  g_autofree char *too_long = g_strconcat ("/all/", expanding, NULL);
  g_autofree char *good = ask (f, "GET", fits);
  g_autofree char *refused = ask (f, "GET", too_long);

  assert_has (good, "HTTP/1.1 308 ");
  assert_has (refused, "HTTP/1.1 414 ");
}

static void
test_no_host (Fixture *f, gconstpointer data)
{
  g_autofree char *answer = talk (f, "GET /x HTTP/1.0\r\n\r\n", NULL);

  assert_has (answer, "\r\nLocation: /x?host=" NAME "&");
}

#define ADD(path, function)                                                                        \
  g_test_add ("/serve/http/fixed-answer/" path, Fixture, NULL, set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("text", test_text);
  ADD ("methods", test_methods);
  ADD ("redirect", test_redirect);
  ADD ("hostile-redirect", test_hostile_redirect);
  ADD ("long-redirect", test_long_redirect);
  ADD ("no-host", test_no_host);
  return g_test_run ();
}
