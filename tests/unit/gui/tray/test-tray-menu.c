/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "gui/tray/tray-menu.h"

#define OFF FUNNEL_TRAY_SHARE_OFF
#define WORKING FUNNEL_TRAY_SHARE_WORKING
#define ACTIVE FUNNEL_TRAY_SHARE_ACTIVE
#define ATTENTION FUNNEL_TRAY_SHARE_ATTENTION

#define THERE                                                                                      \
  .daemon = FUNNEL_TRAY_DAEMON_THERE, .joined = TRUE, .linked = TRUE, .ingress = "example.org"

#define LOST                                                                                       \
  .daemon = FUNNEL_TRAY_DAEMON_THERE, .joined = TRUE, .lost = TRUE, .ingress = "example.org"

static FunnelTrayShare
make_share (FunnelTrayShareState state)
{
  return (FunnelTrayShare) {.path = "/share/1",
                            .name = "laptop.example.org",
                            .port = 443,
                            .target = "http://localhost:3000",
                            .url = "https://laptop.example.org",
                            .words = "in words",
                            .state = state};
}

static void
test_states (void)
{
  static const struct
  {
    FunnelTrayFacts facts;
    FunnelTrayShareState shares[3];
    FunnelTrayState state;
    const char *status;
  } cases[] = {
      {{.daemon = FUNNEL_TRAY_DAEMON_CONNECTING},
       {0},
       FUNNEL_TRAY_WORKING,
       "Looking for the service…"},
      {{.daemon = FUNNEL_TRAY_DAEMON_AWAY},
       {0},
       FUNNEL_TRAY_ATTENTION,
       "The Funnel service is not running"},
      {{.daemon = FUNNEL_TRAY_DAEMON_THERE}, {0}, FUNNEL_TRAY_OFF, "No ingress joined yet"},
      {{THERE}, {0}, FUNNEL_TRAY_OFF, "Nothing is shared"},
      {{THERE, .n_shares = 2}, {OFF, OFF}, FUNNEL_TRAY_OFF, "Nothing is public"},
      {{THERE, .n_shares = 2, .paused = TRUE},
       {OFF, OFF},
       FUNNEL_TRAY_OFF,
       "Paused: nothing is public"},
      {{THERE, .n_shares = 1}, {WORKING}, FUNNEL_TRAY_WORKING, "Getting ready…"},
      {{THERE, .n_shares = 1}, {ACTIVE}, FUNNEL_TRAY_ACTIVE, "1 share is public"},
      {{THERE, .n_shares = 3},
       {ACTIVE, WORKING, ACTIVE},
       FUNNEL_TRAY_ACTIVE,
       "2 shares are public"},
      {{THERE, .n_shares = 3},
       {ACTIVE, ATTENTION, ACTIVE},
       FUNNEL_TRAY_ATTENTION,
       "2 shares are public · 1 needs attention"},
      {{THERE, .n_shares = 2}, {ATTENTION, OFF}, FUNNEL_TRAY_ATTENTION, "1 share needs attention"},
      {{LOST, .n_shares = 1}, {WORKING}, FUNNEL_TRAY_ATTENTION, "No connection to example.org"},
      /* A tunnel that is down for a moment is no reason to cry. */
      {{.daemon = FUNNEL_TRAY_DAEMON_THERE,
        .joined = TRUE,
        .ingress = "example.org",
        .n_shares = 1},
       {WORKING},
       FUNNEL_TRAY_WORKING,
       "No connection to example.org"},
      /* Nobody misses it while nothing shall be public. */
      {{LOST, .n_shares = 1}, {OFF}, FUNNEL_TRAY_OFF, "Nothing is public"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      FunnelTrayFacts facts = cases[i].facts;
      FunnelTrayShare shares[3];
      g_autofree char *status = NULL;

      for (gsize k = 0; k < G_N_ELEMENTS (shares); k++)
        shares[k] = make_share (cases[i].shares[k]);
      facts.shares = shares;
      status = funnel_tray_menu_status (&facts);
      g_assert_cmpstr (status, ==, cases[i].status);
      g_assert_cmpint (funnel_tray_menu_state (&facts), ==, cases[i].state);
    }
}

static void
test_share_states (void)
{
  g_assert_cmpint (funnel_tray_share_state ("active"), ==, ACTIVE);
  g_assert_cmpint (funnel_tray_share_state ("off"), ==, OFF);
  g_assert_cmpint (funnel_tray_share_state ("certificate-failed"), ==, ATTENTION);
  g_assert_cmpint (funnel_tray_share_state ("probing"), ==, WORKING);
  g_assert_cmpint (funnel_tray_share_state ("of-the-future"), ==, WORKING);
  g_assert_cmpint (funnel_tray_share_state (NULL), ==, WORKING);
}

static FunnelMenuItem *
find (GPtrArray *menu, const char *key)
{
  for (guint i = 0; menu && i < menu->len; i++)
    if (g_strcmp0 (((FunnelMenuItem *)g_ptr_array_index (menu, i))->key, key) == 0)
      return g_ptr_array_index (menu, i);
  return NULL;
}

static void
test_menu (void)
{
  FunnelTrayShare shares[] = {make_share (ACTIVE), make_share (WORKING)};
  FunnelTrayFacts facts = {THERE, .shares = shares, .n_shares = G_N_ELEMENTS (shares)};
  g_autoptr (GPtrArray) menu = NULL;
  FunnelMenuItem *item;

  shares[1].path = "/share/2";
  shares[1].port = 8443;
  menu = funnel_tray_menu_build (&facts);
  g_assert_false (find (menu, "status")->enabled);
  item = find (menu, "/share/1");
  g_assert_cmpint (item->kind, ==, FUNNEL_MENU_CHECK);
  g_assert_true (item->checked);
  g_assert_cmpstr (item->label, ==, "laptop.example.org → 3000");
  g_assert_cmpstr (find (item->children, "toggle")->action, ==, "share-toggle");
  g_assert_cmpstr (find (item->children, "copy")->action, ==, "share-copy");
  g_assert_cmpstr (find (item->children, "copy")->target, ==, "/share/1");
  g_assert_true (find (item->children, "open")->enabled);
  g_assert_cmpstr (find (item->children, "stop")->action, ==, "share-stop");
  item = find (menu, "/share/2");
  g_assert_cmpstr (item->label, ==, "laptop.example.org:8443 → 3000 (in words)");
  g_assert_false (find (item->children, "open")->enabled);
  g_assert_cmpstr (find (menu, "new-share")->label, ==, "New Share…");
  g_assert_cmpstr (find (menu, "pause-all")->label, ==, "Pause All");
  g_assert_cmpstr (find (menu, "show")->action, ==, "show");
  g_assert_cmpstr (find (menu, "quit")->action, ==, "quit");
}

static void
test_menu_paused (void)
{
  FunnelTrayShare shares[] = {make_share (OFF)};
  FunnelTrayFacts facts
      = {THERE, .paused = TRUE, .shares = shares, .n_shares = G_N_ELEMENTS (shares)};
  g_autoptr (GPtrArray) menu = funnel_tray_menu_build (&facts);

  g_assert_cmpstr (find (menu, "pause-all")->label, ==, "Resume");
  g_assert_false (find (menu, "/share/1")->checked);
}

/* What was switched off by itself would not come back, so it is not promised. */
static void
test_menu_off (void)
{
  FunnelTrayShare shares[] = {make_share (OFF)};
  FunnelTrayFacts facts = {THERE, .shares = shares, .n_shares = G_N_ELEMENTS (shares)};
  g_autoptr (GPtrArray) menu = funnel_tray_menu_build (&facts);

  g_assert_null (find (menu, "pause-all"));
}

/* What cannot work is not offered; the way to the window and the way out always are. */
static void
test_menu_without_daemon (void)
{
  FunnelTrayFacts facts = {.daemon = FUNNEL_TRAY_DAEMON_AWAY};
  g_autoptr (GPtrArray) menu = funnel_tray_menu_build (&facts);

  g_assert_null (find (menu, "new-share"));
  g_assert_null (find (menu, "pause-all"));
  g_assert_nonnull (find (menu, "show"));
  g_assert_nonnull (find (menu, "quit"));
}

static void
test_menu_many (void)
{
  g_autofree FunnelTrayShare *shares = g_new0 (FunnelTrayShare, 500);
  FunnelTrayFacts facts = {THERE, .shares = shares, .n_shares = 500};
  g_autoptr (GPtrArray) menu = NULL;

  for (gsize i = 0; i < 500; i++)
    shares[i] = make_share (ACTIVE);
  menu = funnel_tray_menu_build (&facts);
  g_assert_cmpuint (menu->len, <, FUNNEL_TRAY_MENU_SHARES + 12);
  g_assert_cmpstr (find (menu, "more")->label, ==, "480 more in the window…");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gui/tray-menu/states", test_states);
  g_test_add_func ("/gui/tray-menu/share-states", test_share_states);
  g_test_add_func ("/gui/tray-menu/menu", test_menu);
  g_test_add_func ("/gui/tray-menu/paused", test_menu_paused);
  g_test_add_func ("/gui/tray-menu/off", test_menu_off);
  g_test_add_func ("/gui/tray-menu/without-daemon", test_menu_without_daemon);
  g_test_add_func ("/gui/tray-menu/many", test_menu_many);
  return g_test_run ();
}
