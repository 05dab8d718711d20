/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/audit/caa.h"

#include <string.h>

#define ISSUER "ca.example.net"
#define ACCOUNT "https://ca.example.net/acct/7"
#define OURS                                                                                       \
  "0 issue \"ca.example.net; accounturi=https://ca.example.net/acct/7; "                           \
  "validationmethods=tls-alpn-01\""

static const struct
{
  const char *records[4];
  FunnelCaaVerdict verdict;
} rows[] = {
    {{NULL}, FUNNEL_CAA_NONE},
    {{OURS, NULL}, FUNNEL_CAA_EXACT},
    {{OURS, "0 issuewild \";\"", "0 iodef \"mailto:a@b.example\"", NULL}, FUNNEL_CAA_EXACT},
    {{"0 ISSUE \"CA.example.net;accounturi=" ACCOUNT ";validationmethods=tls-alpn-01\"", NULL},
     FUNNEL_CAA_EXACT},
    {{"0 issue \"ca.example.net\"", NULL}, FUNNEL_CAA_LOOSE},
    {{"0 issue \"ca.example.net; accounturi=" ACCOUNT "\"", NULL}, FUNNEL_CAA_LOOSE},
    {{"0 issue \"ca.example.net; accounturi=" ACCOUNT "; validationmethods=dns-01,tls-alpn-01\"",
      NULL},
     FUNNEL_CAA_LOOSE},
    {{OURS, "0 issue \"other.example.net\"", NULL}, FUNNEL_CAA_LOOSE},
    {{OURS, "0 issue \"ca.example.net; accounturi=https://ca.example.net/acct/8\"", NULL},
     FUNNEL_CAA_LOOSE},
    {{"0 iodef \"mailto:a@b.example\"", NULL}, FUNNEL_CAA_LOOSE},
    {{"0 issue \";\"", NULL}, FUNNEL_CAA_FORBID},
    {{"0 issue \"\"", NULL}, FUNNEL_CAA_FORBID},
    {{"0 issue \"other.example.net\"", NULL}, FUNNEL_CAA_FORBID},
    {{"0 issue \"ca.example.net.evil.example\"", NULL}, FUNNEL_CAA_FORBID},
    {{"0 issue \"ca.example.net; accounturi=https://ca.example.net/acct/77\"", NULL},
     FUNNEL_CAA_FORBID},
    {{"0 issue \"ca.example.net; validationmethods=dns-01\"", NULL}, FUNNEL_CAA_FORBID},
    {{"0 issue \"ca.example.net; nonsense\"", NULL}, FUNNEL_CAA_FORBID},
    {{OURS, "128 unheard-of \"x\"", NULL}, FUNNEL_CAA_FORBID},
    {{OURS, "0 unheard-of \"x\"", NULL}, FUNNEL_CAA_EXACT},
};

static void
test_judge (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *why = NULL;
      FunnelCaaVerdict verdict = funnel_caa_judge (rows[i].records, ISSUER, ACCOUNT, &why);

      if (verdict != rows[i].verdict)
        g_error ("row %zu: %s (%s)", i, funnel_caa_verdict_text (verdict), why);
      g_assert_nonnull (why);
    }
}

/* What is published as advised is found to be exact. */
static void
test_advice (void)
{
  g_autofree char *advice = funnel_caa_advise ("a.example.org", ISSUER, ACCOUNT);
  g_auto (GStrv) lines = g_strsplit (advice, "\n", -1);
  const char *records[] = {lines[0] + strlen ("a.example.org. CAA "),
                           lines[1] + strlen ("a.example.org. CAA "), NULL};
  g_autofree char *why = NULL;

  g_assert_cmpint (funnel_caa_judge (records, ISSUER, ACCOUNT, &why), ==, FUNNEL_CAA_EXACT);
  g_assert_null (funnel_caa_advise ("a.example.org", NULL, ACCOUNT));
}

static void
test_nonsense (void)
{
  static const char *const records[]
      = {"", "0", "0 issue", "x issue \"a\"", "256 issue \"a\"", "  ", "0 issue \"", "0  ", NULL};
  g_autofree char *why = NULL;

  g_assert_cmpint (funnel_caa_judge (records, ISSUER, ACCOUNT, &why), !=, FUNNEL_CAA_EXACT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/caa/judge", test_judge);
  g_test_add_func ("/caa/advice", test_advice);
  g_test_add_func ("/caa/nonsense", test_nonsense);
  return g_test_run ();
}
