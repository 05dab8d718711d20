/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/basic-auth.h"

#include "tests/unit/daemon/serve/http/scripted-target.h"

#include <crypt.h>
#include <string.h>

#define HOST "Host: " NAME "\r\n"
#define USER "anna"
#define PASSWORD "p\xc3\xa4ss:word"

typedef struct
{
  Fixture fixture;
  ScriptedTarget *target;
  char *hash;
} Case;

static char *
make_hash (const char *password)
{
  /* The cheapest cost: what is tested is not how long it takes. */
  const char *setting = crypt_gensalt ("$y$", 1, NULL, 0);
  const char *hash = crypt (password, setting);

  g_assert_nonnull (hash);
  return g_strdup (hash);
}

static void
share_with (Case *c, const char *user, const char *hash)
{
  FunnelServeShare *share = fixture_make_share (&c->fixture, FUNNEL_SERVE_HTTP, 1);

  add_mount (share, "/", scripted_target_get_port (c->target));
  share->policy.user = g_strdup (user);
  share->policy.password_hash = g_strdup (hash);
  fixture_set_share (&c->fixture, share);
}

static void
set_up (Case *c, gconstpointer data)
{
  fixture_set_up (&c->fixture, NULL);
  c->target = scripted_target_new (scripted_answer, c, NULL);
  c->hash = make_hash (PASSWORD);
  share_with (c, USER, c->hash);
}

static void
tear_down (Case *c, gconstpointer data)
{
  fixture_tear_down (&c->fixture, NULL);
  scripted_target_free (c->target);
  g_free (c->hash);
}

/* The field, with its line end. */
static char *
field (const char *user, const char *password)
{
  g_autofree char *both = g_strconcat (user, ":", password, NULL);
  g_autofree char *encoded = g_base64_encode ((const guchar *)both, strlen (both));

  return g_strconcat ("Authorization: Basic ", encoded, "\r\n", NULL);
}

static guint
ask (Case *c, const char *fields, char **answer)
{
  g_autofree char *request
      = g_strconcat ("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n", fields, "\r\n", NULL);
  g_autofree char *got = talk (&c->fixture, request, NULL);
  guint status;

  g_assert_true (g_str_has_prefix (got, "HTTP/1.1 "));
  status = (guint)g_ascii_strtoull (got + 9, NULL, 10);
  if (answer != NULL)
    *answer = g_steal_pointer (&got);
  return status;
}

static void
test_asks (Case *c, gconstpointer data)
{
  g_autofree char *answer = NULL;

  g_assert_cmpuint (ask (c, "", &answer), ==, 401);
  g_assert_nonnull (
      strcasestr (answer, "\r\nWWW-Authenticate: Basic realm=\"" NAME "\", charset=\"UTF-8\"\r\n"));
  g_assert_cmpuint (scripted_target_get_requests (c->target), ==, 0);
}

static void
test_lets_in (Case *c, gconstpointer data)
{
  g_autofree char *good = field (USER, PASSWORD);
  g_autofree char *head = NULL;

  for (int i = 0; i < 30; i++) /* more often than there are tries: it is remembered */
    g_assert_cmpuint (ask (c, good, NULL), ==, 200);
  head = scripted_target_dup_head (c->target);
  g_assert_null (strstr (head, "uthorization"));
}

static void
test_refuses (Case *c, gconstpointer data)
{
  g_autofree char *password = field (USER, "wrong");
  g_autofree char *user = field ("anne", PASSWORD);
  g_autofree char *prefix = field (USER, "p\xc3\xa4ss");
  g_autofree char *longer = field (USER, PASSWORD "x");
  g_autofree char *empty = field (USER, "");
  g_autofree char *good = field (USER, PASSWORD);
  g_autofree char *twice = g_strconcat (good, good, NULL);

  g_assert_cmpuint (ask (c, password, NULL), ==, 401);
  g_assert_cmpuint (ask (c, user, NULL), ==, 401);
  g_assert_cmpuint (ask (c, prefix, NULL), ==, 401);
  g_assert_cmpuint (ask (c, longer, NULL), ==, 401);
  g_assert_cmpuint (ask (c, empty, NULL), ==, 401);
  g_assert_cmpuint (ask (c, twice, NULL), ==, 401);
  WAIT_UNTIL (fixture_counters (&c->fixture).wrong_passwords == 5); /* two of one kind are none */
  g_assert_cmpuint (scripted_target_get_requests (c->target), ==, 0);
}

/* A source that guesses is turned away without a hash; who is in stays in. */
static void
test_guessing (Case *c, gconstpointer data)
{
  g_autofree char *good = field (USER, PASSWORD);
  g_autofree char *answer = NULL;
  guint refused = 0, status;

  g_assert_cmpuint (ask (c, good, NULL), ==, 200);
  do
    {
      g_autofree char *password = g_strdup_printf ("guess %u", refused);
      g_autofree char *wrong = field (USER, password);

      g_clear_pointer (&answer, g_free);
      status = ask (c, wrong, &answer);
      refused++;
    }
  while (status == 401);
  g_assert_cmpuint (status, ==, 429);
  g_assert_cmpuint (refused, >, BASIC_AUTH_TRIES_BURST);
  g_assert_nonnull (strcasestr (answer, "\r\nRetry-After: "));
  g_assert_cmpuint (fixture_counters (&c->fixture).guesses_slowed, ==, 1);
  g_assert_cmpuint (ask (c, good, NULL), ==, 200);
}

/* A change of the password puts out those who knew the old one. */
static void
test_changed (Case *c, gconstpointer data)
{
  g_autofree char *good = field (USER, PASSWORD);
  g_autofree char *now = field (USER, "new");
  g_autofree char *hash = make_hash ("new");

  g_assert_cmpuint (ask (c, good, NULL), ==, 200);
  share_with (c, USER, hash);
  g_assert_cmpuint (ask (c, good, NULL), ==, 401);
  g_assert_cmpuint (ask (c, now, NULL), ==, 200);
  share_with (c, USER, c->hash);
  g_assert_cmpuint (ask (c, now, NULL), ==, 401);
}

/* A broken hash lets nobody in. */
static void
test_broken_hash (Case *c, gconstpointer data)
{
  static const char *const hashes[] = {"", "*", "*0", "$y$", "plain", NULL};
  g_autofree char *good = field (USER, PASSWORD);

  for (guint i = 0; i < G_N_ELEMENTS (hashes); i++)
    {
      g_autofree char *same = field (USER, hashes[i] != NULL ? hashes[i] : "");

      share_with (c, USER, hashes[i]);
      g_assert_cmpuint (ask (c, same, NULL), !=, 200);
      if (i % 2 == 0)
        g_assert_cmpuint (ask (c, good, NULL), !=, 200);
    }
}

/* The body of a request waits with it. */
static void
test_body (Case *c, gconstpointer data)
{
  g_autofree char *good = field (USER, PASSWORD);
  g_autofree char *request = g_strconcat (
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n", good, "\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n", good, "\r\n", NULL);
  g_autofree char *answer = talk (&c->fixture, request, NULL);
  char *first = strstr (answer, "HTTP/1.1 200");

  g_assert_nonnull (first);
  g_assert_nonnull (strstr (first + 1, "HTTP/1.1 200"));
}

/* Visitors who go while their password is looked at. */
static void
test_gone (Case *c, gconstpointer data)
{
  g_autofree char *good = field (USER, PASSWORD);
  g_autofree char *request = g_strconcat ("GET / HTTP/1.1\r\n" HOST, good, "\r\n", NULL);

  for (int i = 0; i < 20; i++)
    {
      g_autoptr (Visitor) visitor = VISIT (&c->fixture);

      SAY (visitor, request);
    }
  WAIT_UNTIL (fixture_counters (&c->fixture).flows_active == 0);
  g_assert_cmpuint (ask (c, good, NULL), ==, 200);
}

static int
decode (const char *value, char *out)
{
  gsize len = strlen (value);
  g_autofree char *exact = g_memdup2 (value, len > 0 ? len : 1);

  return basic_auth_decode ((struct http_text) {exact, (uint32_t)len}, out);
}

static void
test_decode (void)
{
  static const struct
  {
    const char *value, *credentials;
    int user_len;
  } good[] = {
      {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin:open sesame", 7},
      {"basic   QTpi", "A:b", 1},
      {"BASIC Og==", ":", 0},
      {"Basic YTpiOmM=", "a:b:c", 1},
      {"Basic YcOkOsOk", "a\xc3\xa4:\xc3\xa4", 3},
  };
  static const char *const bad[] = {
      "",
      "Basic",
      "Basic ",
      "Basic  ",
      "Basic\tQTpi",
      "Bearer QTpi",
      "BasicQTpi",
      "Basic QTp",
      "Basic QTpi=",
      "Basic Q===",
      "Basic ====",
      "Basic QT=i",
      "Basic QTpi QTpi",
      "Basic QTpi,",
      "Basic QTpi\n",
      "Basic QTp-",
      "Basic QWI=" /* no colon */,
      "Basic YQA6Yg==" /* NUL */,
      "Basic YQo6Yg==" /* line end */,
      "Digest username=\"x\"",
  };
  char out[BASIC_AUTH_CREDENTIALS_MAX + 1];

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_assert_cmpint (decode (good[i].value, out), ==, good[i].user_len);
      g_assert_cmpstr (out, ==, good[i].credentials);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_test_message ("%s", bad[i]);
      g_assert_cmpint (decode (bad[i], out), ==, -1);
    }
}

static void
test_decode_limit (void)
{
  for (gsize len = BASIC_AUTH_CREDENTIALS_MAX - 4; len < BASIC_AUTH_CREDENTIALS_MAX + 8; len++)
    {
      g_autofree char *credentials = g_strnfill (len, ':');
      g_autofree char *encoded = g_base64_encode ((const guchar *)credentials, len);
      g_autofree char *value = g_strconcat ("Basic ", encoded, NULL);
      g_autofree char *out = g_malloc (BASIC_AUTH_CREDENTIALS_MAX + 1);

      g_assert_cmpint (decode (value, out), ==, len <= BASIC_AUTH_CREDENTIALS_MAX ? 0 : -1);
    }
}

#define ADD(path, function)                                                                        \
  g_test_add ("/serve/http/basic-auth/" path, Case, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serve/http/basic-auth/decode", test_decode);
  g_test_add_func ("/serve/http/basic-auth/decode-limit", test_decode_limit);
  ADD ("asks", test_asks);
  ADD ("lets-in", test_lets_in);
  ADD ("refuses", test_refuses);
  ADD ("guessing", test_guessing);
  ADD ("changed", test_changed);
  ADD ("broken-hash", test_broken_hash);
  ADD ("body", test_body);
  ADD ("gone", test_gone);
  return g_test_run ();
}
