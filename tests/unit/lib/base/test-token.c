/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/token.h"

#include "lib/base/error.h"

#include <string.h>

static FunnelToken
sample (char *host)
{
  FunnelToken token = {.host = host, .port = 51820};

  for (guint i = 0; i < sizeof token.key_hash; i++)
    token.key_hash[i] = (guint8)(i * 7 + 3);
  for (guint i = 0; i < sizeof token.secret; i++)
    token.secret[i] = (guint8)(255 - i);
  return token;
}

static void
assert_invalid (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelToken) token = funnel_token_parse (text, &error);

  g_assert_null (token);
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_INVALID);
}

static void
test_round_trip (void)
{
  char *hosts[]
      = {(char *)"vps.example.org", (char *)"203.0.113.7", (char *)"2001:db8::1", (char *)"a"};

  for (guint i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      FunnelToken token = sample (hosts[i]);
      g_autofree char *text = funnel_token_print (&token);
      g_autofree char *pasted = g_strdup_printf ("  funnel join %s\n", text);
      g_autoptr (GError) error = NULL;
      g_autoptr (FunnelToken) back = funnel_token_parse (pasted, &error);

      g_assert_no_error (error);
      g_assert_true (g_str_has_prefix (text, FUNNEL_TOKEN_PREFIX));
      g_assert_null (strpbrk (text, "+/="));
      g_assert_cmpstr (back->host, ==, hosts[i]);
      g_assert_cmpuint (back->port, ==, 51820);
      g_assert_cmpmem (back->key_hash, sizeof back->key_hash, token.key_hash,
                       sizeof token.key_hash);
      g_assert_cmpmem (back->secret, sizeof back->secret, token.secret, sizeof token.secret);
    }
}

/* A paste may lose its end or change anywhere: no shorter or altered text is taken. */
static void
test_damaged (void)
{
  FunnelToken token = sample ((char *)"vps.example.org");
  g_autofree char *text = funnel_token_print (&token);
  gsize len = strlen (text);

  for (gsize keep = 0; keep < len; keep++)
    {
      g_autofree char *cut = g_strndup (text, keep);

      assert_invalid (cut);
    }
  for (gsize i = 0; i < len; i++)
    {
      g_autofree char *changed = g_strdup (text);

      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      assert_invalid (changed);
    }
}

static void
test_garbage (void)
{
  g_autofree char *huge = g_strnfill (100000, 'A');
  g_autofree char *huge_token = g_strconcat (FUNNEL_TOKEN_PREFIX, huge, NULL);

  assert_invalid ("");
  assert_invalid ("funnel join");
  assert_invalid ("funnel1-");
  assert_invalid ("funnel1-A");
  assert_invalid ("funnel2-AAAA");
  assert_invalid ("funnel1-AA AA");
  assert_invalid ("funnel1-====");
  assert_invalid (huge);
  assert_invalid (huge_token);
}

static void
test_secret_free (void)
{
  funnel_secret_free (NULL);
  funnel_secret_free (g_strdup ("secret"));
  funnel_token_free (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/token/round-trip", test_round_trip);
  g_test_add_func ("/base/token/damaged", test_damaged);
  g_test_add_func ("/base/token/garbage", test_garbage);
  g_test_add_func ("/base/token/secret-free", test_secret_free);
  return g_test_run ();
}
