/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/banner.h"

#include <string.h>

/* Everything is well. */
static FunnelBannerFacts
make_facts (void)
{
  return (FunnelBannerFacts) {.state = FUNNEL_CONNECTION_READY,
                              .version = FUNNEL_VERSION,
                              .joined = TRUE,
                              .granted = TRUE,
                              .ingress_state = "linked",
                              .reason = "",
                              .next_step = ""};
}

static void
check (const FunnelBannerFacts *facts, const char *says, const char *action)
{
  FunnelBanner banner = funnel_banner_make (facts);

  if (says)
    g_assert_nonnull (strstr (banner.text, says));
  else
    g_assert_null (banner.text);
  g_assert_cmpstr (banner.action, ==, action);
  g_assert_cmpint (banner.button != NULL, ==, action != NULL);
  g_free (banner.text);
}

static void
test_nothing (void)
{
  FunnelBannerFacts facts = make_facts ();

  check (&facts, NULL, NULL);
  facts.state = FUNNEL_CONNECTION_MISSING;
  facts.ingress_state = "tunnel-down";
  check (&facts, NULL, NULL);
  facts = make_facts ();
  facts.joined = FALSE;
  facts.granted = FALSE;
  facts.ingress_state = NULL;
  check (&facts, NULL, NULL);
}

static void
test_each (void)
{
  FunnelBannerFacts facts = make_facts ();

  facts.granted = FALSE;
  check (&facts, "not granted a name", "win.connection");
  facts.paused = TRUE;
  check (&facts, "paused", "app.pause-all");
  facts.ingress_state = "tunnel-down";
  facts.reason = "no handshake\nfor long";
  facts.next_step = "Look at the network.";
  check (&facts, "no handshake for long\nLook at the network.", "win.connection");
  facts = make_facts ();
  facts.joined = FALSE;
  facts.stranded = TRUE;
  check (&facts, "not joined", "win.join");
  facts.state = FUNNEL_CONNECTION_OUTDATED;
  facts.version = "0.0.1";
  check (&facts, "0.0.1", NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gui/banner/nothing", test_nothing);
  g_test_add_func ("/gui/banner/each", test_each);
  return g_test_run ();
}
