/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/labels.h"

#include <string.h>

static const char *const share_states[]
    = {"off",         "waiting-grant",       "tunnel-down",        "link-down",   "name-refused",
       "dns-pending", "certificate-pending", "certificate-failed", "target-down", "probing",
       "active"};

/* Only one state looks good, and it shares its shape with no other. */
static void
test_share_looks (void)
{
  FunnelLook active = funnel_look_share ("active");

  g_assert_cmpint (active.tone, ==, FUNNEL_TONE_GOOD);
  for (gsize i = 0; i + 1 < G_N_ELEMENTS (share_states); i++)
    {
      FunnelLook look = funnel_look_share (share_states[i]);

      g_test_message ("%s", share_states[i]);
      g_assert_cmpint (look.tone, !=, FUNNEL_TONE_GOOD);
      g_assert_cmpstr (look.icon, !=, active.icon);
      g_assert_cmpstr (look.words, !=, active.words);
      g_assert_cmpstr (look.words, !=, funnel_look_share ("of a later version").words);
      g_assert_cmpstr (look.icon, !=, i == 0 ? active.icon : funnel_look_share ("off").icon);
    }
}

static void
test_unknown_looks (void)
{
  g_assert_cmpint (funnel_look_share ("of a later version").tone, ==, FUNNEL_TONE_TROUBLE);
  g_assert_cmpint (funnel_look_share (NULL).tone, ==, FUNNEL_TONE_TROUBLE);
  g_assert_cmpint (funnel_look_ingress ("").tone, ==, FUNNEL_TONE_TROUBLE);
  g_assert_cmpint (funnel_look_ingress ("linked").tone, ==, FUNNEL_TONE_GOOD);
  g_assert_cmpint (funnel_look_doctor ("ok").tone, ==, FUNNEL_TONE_GOOD);
  g_assert_cmpstr (funnel_look_doctor ("failed").icon, !=, funnel_look_doctor ("warning").icon);
}

#define ASSERT_WORDS(call, expected)                                                               \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autofree char *words = call;                                                                 \
    g_assert_cmpstr (words, ==, expected);                                                         \
  }                                                                                                \
  G_STMT_END

static void
test_targets (void)
{
  ASSERT_WORDS (funnel_words_target ("3000"), "Port 3000 on this computer");
  ASSERT_WORDS (funnel_words_target ("http://localhost:3000"), "Port 3000 on this computer");
  ASSERT_WORDS (funnel_words_target ("tcp://localhost:22"), "Port 22 on this computer");
  ASSERT_WORDS (funnel_words_target ("http://localhost:3000/app"), "http://localhost:3000/app");
  ASSERT_WORDS (funnel_words_target ("http://nas.lan:80"), "http://nas.lan:80");
  ASSERT_WORDS (funnel_words_target ("/srv/site"), "Folder or file /srv/site");
  ASSERT_WORDS (funnel_words_target ("text:a\nb"), "The text “a b”");
  ASSERT_WORDS (funnel_words_target ("redirect:https://a.example/"),
                "Redirect to https://a.example/");
  ASSERT_WORDS (funnel_words_target (NULL), "");
  ASSERT_WORDS (funnel_words_refusal ("\"/etc\" holds keys; share another folder; add --force"),
                "\"/etc\" holds keys; share another folder.");
  ASSERT_WORDS (funnel_words_refusal ("it is taken"), "It is taken");
  ASSERT_WORDS (funnel_words_refusal ("--force"), "--force");
  ASSERT_WORDS (funnel_words_exposed ("3000", "node"), "node (port 3000 on this computer)");
  ASSERT_WORDS (funnel_words_exposed ("localhost:3000", "HTTP · A\npage"),
                "HTTP · A page (port 3000 on this computer)");
  ASSERT_WORDS (funnel_words_exposed ("3000", NULL), "Port 3000 on this computer");
  ASSERT_WORDS (funnel_words_exposed ("/srv/site", "node"), "Folder or file /srv/site");
}

static void
test_traffic (void)
{
  ASSERT_WORDS (funnel_words_traffic (0, 0, 0), "No visitors now");
  ASSERT_WORDS (funnel_words_traffic (1, 0, 0), "1 visitor now");
  ASSERT_WORDS (funnel_words_visitors (2), "2 visitors now");
  {
    g_autofree char *words = funnel_words_traffic (2, 1000, 2500000);

    g_assert_true (g_str_has_prefix (words, "2 visitors now · "));
    g_assert_nonnull (strstr (words, "2.5"));
  }
}

static void
test_times (void)
{
  ASSERT_WORDS (funnel_words_age (0, 1000), "Never");
  ASSERT_WORDS (funnel_words_age (999, 1000), "1 second ago");
  ASSERT_WORDS (funnel_words_age (1000 - 180, 1000), "3 minutes ago");
  /* A clock that was put back. */
  ASSERT_WORDS (funnel_words_age (2000, 1000), "0 seconds ago");
  ASSERT_WORDS (funnel_words_end (0, 1000), "No end");
  ASSERT_WORDS (funnel_words_end (1000 + 7200, 1000), "Ends in 2 hours");
  ASSERT_WORDS (funnel_words_end (1000, 1000), "Ended 0 seconds ago");
  ASSERT_WORDS (funnel_words_end (1000 + 3 * 86400, 1000), "Ends in 3 days");
  ASSERT_WORDS (funnel_words_round_trip (0), "Not known");
  ASSERT_WORDS (funnel_words_round_trip (1230), "1.2 ms");
  ASSERT_WORDS (funnel_words_round_trip (21600), "22 ms");
}

static void
test_access (void)
{
  g_autoptr (GVariant) all = g_variant_ref_sink (
      g_variant_new_parsed ("{'public': <true>, 'allow': <@as []>, 'auth-user': <''>}"));
  g_autoptr (GVariant) some = g_variant_ref_sink (g_variant_new_parsed (
      "{'allow': <['10.0.0.0/8', '::1']>, 'deny': <['10.0.0.7']>, 'auth-user': <'me'>}"));

  ASSERT_WORDS (funnel_words_access (NULL), "Not known");
  ASSERT_WORDS (funnel_words_access (all), "Anyone on the internet");
  ASSERT_WORDS (funnel_words_access (some),
                "Only from 10.0.0.0/8, ::1 · Not from 10.0.0.7 · With the password of me");
}

static void
test_certificate (void)
{
  g_autoptr (GVariant) none = g_variant_ref_sink (g_variant_new_parsed ("@a{sv} {}"));
  g_autoptr (GVariant) plain
      = g_variant_ref_sink (g_variant_new_parsed ("{'not-after': <int64 1800000000>}"));

  ASSERT_WORDS (funnel_words_certificate (NULL), NULL);
  ASSERT_WORDS (funnel_words_certificate (none), NULL);
  ASSERT_WORDS (funnel_words_certificate (plain), "Until 15 January 2027");
}

static void
test_requests (void)
{
  ASSERT_WORDS (funnel_words_request_title ("GET", "/a\x1b[2J"), "GET /a [2J");
  ASSERT_WORDS (funnel_words_request_detail (0, FALSE, 0, 7),
                "Cut short after 7 ms, before an answer");
  {
    g_autofree char *whole = funnel_words_request_detail (200, TRUE, 0, 12);
    g_autofree char *part = funnel_words_request_detail (200, FALSE, 0, 12);

    g_assert_true (g_str_has_prefix (whole, "Status 200 · "));
    g_assert_nonnull (strstr (part, "cut short"));
  }
}

static void
test_small (void)
{
  ASSERT_WORDS (funnel_words_sentence ("it is gone"), "It is gone");
  ASSERT_WORDS (funnel_words_sentence ("ä\n"), "Ä ");
  ASSERT_WORDS (funnel_words_sentence (""), "");
  ASSERT_WORDS (funnel_words_listening ("node", 12), "node, process 12");
  ASSERT_WORDS (funnel_words_listening ("", 0), "A program that is not yours");
  ASSERT_WORDS (funnel_words_step ("dns"), "DNS");
  ASSERT_WORDS (funnel_words_step ("later"), "later");
  ASSERT_WORDS (funnel_words_tunnel ("", ""), "None yet");
  ASSERT_WORDS (funnel_words_tunnel ("direct", "none"), "None: for tests on one computer only");
  ASSERT_WORDS (funnel_words_tunnel ("networkmanager", "kernel"),
                "NetworkManager, WireGuard: kernel");
}

static void
test_switch (void)
{
  g_assert_true (funnel_words_is_on (TRUE, "active", 0, 1000));
  g_assert_true (funnel_words_is_on (TRUE, "waiting-grant", 2000, 1000));
  g_assert_false (funnel_words_is_on (FALSE, "off", 0, 1000));
  /* It has ended by itself. */
  g_assert_false (funnel_words_is_on (TRUE, "off", 999, 1000));
  /* Off because nothing is joined: the wish stands. */
  g_assert_true (funnel_words_is_on (TRUE, "off", 0, 1000));
}

int
main (int argc, char **argv)
{
  g_setenv ("TZ", "UTC", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gui/labels/share-looks", test_share_looks);
  g_test_add_func ("/gui/labels/unknown-looks", test_unknown_looks);
  g_test_add_func ("/gui/labels/targets", test_targets);
  g_test_add_func ("/gui/labels/traffic", test_traffic);
  g_test_add_func ("/gui/labels/times", test_times);
  g_test_add_func ("/gui/labels/access", test_access);
  g_test_add_func ("/gui/labels/certificate", test_certificate);
  g_test_add_func ("/gui/labels/requests", test_requests);
  g_test_add_func ("/gui/labels/small", test_small);
  g_test_add_func ("/gui/labels/switch", test_switch);
  return g_test_run ();
}
