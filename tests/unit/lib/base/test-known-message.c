/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/known-message.h"

#include "lib/base/error.h"

#include <string.h>

#define KEY "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="

static void
test_request (void)
{
  g_autofree char *text = funnel_known_request_print (KEY), *key = NULL;
  g_autoptr (GError) error = NULL;

  key = funnel_known_request_parse (text, strlen (text), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (key, ==, KEY);
}

static void
test_answer (void)
{
  for (int known = 0; known < 2; known++)
    {
      FunnelKnownAnswer answer
          = {.known = known, .time = 1800000000, .handshake = 5, .ingress_public_key = (char *)KEY};
      g_autofree char *text = funnel_known_answer_print (&answer);
      g_autoptr (GError) error = NULL;
      g_autoptr (FunnelKnownAnswer) back = funnel_known_answer_parse (text, strlen (text), &error);

      g_assert_no_error (error);
      g_assert_cmpint (back->known, ==, known);
      g_assert_cmpint (back->time, ==, 1800000000);
      g_assert_cmpint (back->handshake, ==, known ? 5 : 0);
      /* A stranger is not told the ingress's key. */
      g_assert_cmpstr (back->ingress_public_key, ==, known ? KEY : NULL);
      g_assert_true (known || strstr (text, KEY) == NULL);
    }
}

static const struct
{
  gboolean answer;
  const char *text;
  const char *member;
} bad[] = {
    {FALSE, "{}", "version"},
    {FALSE, "[]", ""},
    {FALSE, "{\"version\":2}", "version"},
    {FALSE, "{\"version\":1}", "public_key"},
    {FALSE, "{\"version\":1,\"public_key\":7}", "public_key"},
    {FALSE, "{\"version\":1,\"public_key\":\"short\"}", "public_key"},
    {TRUE, "{\"version\":1,\"known\":true}", "time"},
    {TRUE, "{\"version\":1,\"known\":7,\"time\":1}", "known"},
    {TRUE, "{\"version\":1,\"known\":true,\"time\":-1}", "time"},
    {TRUE, "{\"version\":1,\"known\":true,\"time\":1}", "handshake"},
    {TRUE, "{\"version\":1,\"known\":true,\"time\":1,\"handshake\":0}", "ingress_public_key"},
    {TRUE, "{\"version\":1,\"known\":true,\"time\":9e18,\"handshake\":0}", "time"},
};

static void
test_bad (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (FunnelKnownAnswer) answer = NULL;
      g_autofree char *key = NULL;
      gsize len = strlen (bad[i].text);

      if (bad[i].answer)
        answer = funnel_known_answer_parse (bad[i].text, len, &error);
      else
        key = funnel_known_request_parse (bad[i].text, len, &error);
      g_test_message ("%s: %s", bad[i].text, error != NULL ? error->message : "taken");
      g_assert_nonnull (error);
      g_assert_true (g_str_has_prefix (error->message, bad[i].member));
      g_assert_true (answer == NULL && key == NULL);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/known-message/request", test_request);
  g_test_add_func ("/known-message/answer", test_answer);
  g_test_add_func ("/known-message/bad", test_bad);
  return g_test_run ();
}
