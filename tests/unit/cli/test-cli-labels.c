/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-labels.h"

#include <string.h>

static const FunnelCliShareText waiting = {
    .url = "https://laptop.example.org",
    .kind = "https",
    .target = "http://127.0.0.1:3000",
    .state = "waiting-grant",
    .reason = "the ingress has not granted laptop.example.org",
    .next_step = "funnel-ingress grant laptop",
};

/* The promise: no state but "active" is called available. */
static void
test_headline (void)
{
  static const char *const others[] = {
      "off",
      "waiting-grant",
      "tunnel-down",
      "link-down",
      "name-refused",
      "dns-pending",
      "certificate-pending",
      "certificate-failed",
      "target-down",
      "probing",
      "",
      "Active",
      "something-new",
      NULL,
  };

  g_assert_cmpstr (funnel_label_headline ("active", FALSE), ==, "Available on the internet:");
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    for (int was_active = 0; was_active <= 1; was_active++)
      {
        g_autofree char *lower
            = g_ascii_strdown (funnel_label_headline (others[i], was_active), -1);
        g_assert_null (strstr (lower, "available"));
      }
}

static void
test_block (void)
{
  FunnelCliShareText active = waiting;
  g_autofree char *before = funnel_label_block (&waiting, FALSE, "Press Ctrl+C to exit.");
  g_autofree char *after = NULL;

  g_assert_cmpstr (before, ==,
                   "Not on the internet yet:\n"
                   "https://laptop.example.org\n"
                   "|-- proxy http://127.0.0.1:3000\n"
                   "\n"
                   "waiting-grant: the ingress has not granted laptop.example.org\n"
                   "next: funnel-ingress grant laptop\n"
                   "\n"
                   "Press Ctrl+C to exit.\n");
  active.state = "active";
  active.reason = active.next_step = "";
  after = funnel_label_block (&active, TRUE, NULL);
  g_assert_cmpstr (after, ==,
                   "Available on the internet:\n"
                   "https://laptop.example.org\n"
                   "|-- proxy http://127.0.0.1:3000\n");
}

static void
test_line (void)
{
  FunnelCliShareText share = waiting;
  g_autofree char *line = funnel_label_line (&share);
  g_autofree char *short_line = NULL;
  g_autofree char *active_line = NULL;

  g_assert_cmpstr (line, ==,
                   "waiting-grant: the ingress has not granted laptop.example.org | next: "
                   "funnel-ingress grant laptop");
  share.reason = NULL;
  share.next_step = NULL;
  short_line = funnel_label_line (&share);
  g_assert_cmpstr (short_line, ==, "waiting-grant");
  share.state = "active";
  active_line = funnel_label_line (&share);
  g_assert_cmpstr (active_line, ==, "Available on the internet: https://laptop.example.org");
}

static void
test_nothing_is_null (void)
{
  const FunnelCliShareText nothing = {0};
  g_autofree char *block = funnel_label_block (&nothing, FALSE, NULL);
  g_autofree char *line = funnel_label_line (&nothing);

  g_assert_null (strstr (block, "null"));
  g_assert_null (strstr (line, "null"));
  g_assert_cmpstr (line, ==, "unknown");
}

static void
test_target (void)
{
  static const struct
  {
    const char *kind;
    const char *target;
    const char *label;
  } rows[] = {
      {"https", "http://localhost:3000", "proxy http://localhost:3000"},
      {"https", "unix:/run/app.sock", "proxy unix:/run/app.sock"},
      {"https", "/srv/www", "path /srv/www"},
      {"https", "text:hi", "text \"hi\""},
      {"tcp", "tcp://localhost:8443", "forward tcp://localhost:8443 (TLS passed through)"},
      {"tls-terminated-tcp", "tcp://localhost:25", "forward tcp://localhost:25 (TLS ends here)"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *label = funnel_label_target (rows[i].kind, rows[i].target);
      g_assert_cmpstr (label, ==, rows[i].label);
    }
}

static void
test_disable (void)
{
  g_autofree char *plain = funnel_label_disable ("https", 443, NULL, NULL);
  g_autofree char *named = funnel_label_disable ("tls-terminated-tcp", 8443, "a.example.org", NULL);
  g_autofree char *path = funnel_label_disable ("https", 443, NULL, "/api");
  g_autofree char *strange = funnel_label_disable ("https", 443, NULL, "/a b");

  g_assert_cmpstr (plain, ==, "funnel --https=443 off");
  g_assert_cmpstr (named, ==, "funnel --tls-terminated-tcp=8443 --name=a.example.org off");
  g_assert_cmpstr (path, ==, "funnel --https=443 --set-path=/api off");
  g_assert_cmpstr (strange, ==, "funnel --https=443 --set-path='/a b' off");
}

static void
test_counts (void)
{
  g_autoptr (GVariant) some = g_variant_ref_sink (
      g_variant_new_parsed ("{'busy': uint64 3, 'no-share': uint64 12, 'expired': uint64 0}"));
  g_autoptr (GVariant) zero = g_variant_ref_sink (g_variant_new_parsed ("{'busy': uint64 0}"));
  g_autofree char *text = funnel_label_counts (some);

  g_assert_cmpstr (text, ==, "no-share 12, busy 3");
  g_assert_null (funnel_label_counts (zero));
  g_assert_null (funnel_label_counts (NULL));
}

static void
test_grants (void)
{
  g_autoptr (GVariant) some = g_variant_ref_sink (
      g_variant_new_parsed ("@a{saq} {'a.example.org': [443, 8443], 'b.example.org': [443]}"));
  g_autoptr (GVariant) none = g_variant_ref_sink (g_variant_new_parsed ("@a{saq} {}"));
  g_autofree char *text = funnel_label_grants (some);

  g_assert_cmpstr (text, ==, "a.example.org (443, 8443), b.example.org (443)");
  g_assert_null (funnel_label_grants (none));
}

static void
test_age (void)
{
  g_autofree char *never = funnel_label_age (0, 1000);
  g_autofree char *some = funnel_label_age (940, 1000);
  g_autofree char *future = funnel_label_age (1010, 1000);

  g_assert_cmpstr (never, ==, "never");
  g_assert_cmpstr (some, ==, "1m ago");
  g_assert_cmpstr (future, ==, "0s ago");
}

static void
test_rows (void)
{
  g_assert_cmpuint (funnel_label_rows ("", 80), ==, 0);
  g_assert_cmpuint (funnel_label_rows ("a\n", 80), ==, 1);
  g_assert_cmpuint (funnel_label_rows ("a\n\nb\n", 80), ==, 3);
  g_assert_cmpuint (funnel_label_rows ("12345678\n", 8), ==, 1);
  g_assert_cmpuint (funnel_label_rows ("123456789\n", 8), ==, 2);
  g_assert_cmpuint (funnel_label_rows ("äöüäöüäö\n", 8), ==, 1);
}

static void
test_clean (void)
{
  g_autofree char *clean = funnel_label_clean ("bad\033[2Jnews\r\nhere");
  g_autofree char *empty = funnel_label_clean (NULL);

  g_assert_null (strpbrk (clean, "\033\r\n"));
  g_assert_cmpstr (empty, ==, "");
}

static GVariant *
make_certificate (const char *issuer, const char *problem)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (issuer != NULL)
    g_variant_dict_insert (&dict, "issuer", "s", issuer);
  g_variant_dict_insert (&dict, "not-after", "x", (gint64)1797776000);
  g_variant_dict_insert (&dict, "renew-at", "x", (gint64)1795184000);
  if (problem != NULL)
    g_variant_dict_insert (&dict, "problem", "s", problem);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static void
test_certificate (void)
{
  g_autoptr (GVariant) good = make_certificate ("Let's Encrypt, E7", NULL);
  g_autoptr (GVariant) bad = make_certificate ("An\nauthority", "it\033[2Jfails");
  g_autoptr (GVariant) none = make_certificate (NULL, NULL);
  g_autofree char *text = funnel_label_certificate (good);
  g_autofree char *problem = funnel_label_certificate (bad);

  g_assert_true (g_str_has_prefix (text, "Let's Encrypt, E7, until 2026-12-"));
  g_assert_nonnull (strstr (text, ", renewed from 2026-11-"));
  g_assert_null (strstr (text, "PROBLEM"));
  g_assert_nonnull (strstr (problem, "; PROBLEM: it"));
  g_assert_null (strchr (problem, '\n'));
  g_assert_null (strchr (problem, '\033'));
  g_assert_null (funnel_label_certificate (none));
  g_assert_null (funnel_label_certificate (NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/labels/headline", test_headline);
  g_test_add_func ("/cli/labels/certificate", test_certificate);
  g_test_add_func ("/cli/labels/block", test_block);
  g_test_add_func ("/cli/labels/line", test_line);
  g_test_add_func ("/cli/labels/nothing-is-null", test_nothing_is_null);
  g_test_add_func ("/cli/labels/target", test_target);
  g_test_add_func ("/cli/labels/disable", test_disable);
  g_test_add_func ("/cli/labels/counts", test_counts);
  g_test_add_func ("/cli/labels/grants", test_grants);
  g_test_add_func ("/cli/labels/age", test_age);
  g_test_add_func ("/cli/labels/rows", test_rows);
  g_test_add_func ("/cli/labels/clean", test_clean);
  return g_test_run ();
}
