/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/tray/tray-menu.h"

#include <glib/gi18n.h>
#include <string.h>

static const struct
{
  const char *state;
  FunnelTrayShareState asks;
} share_states[] = {
    {"off", FUNNEL_TRAY_SHARE_OFF},
    {"waiting-grant", FUNNEL_TRAY_SHARE_ATTENTION},
    {"tunnel-down", FUNNEL_TRAY_SHARE_WORKING},
    {"link-down", FUNNEL_TRAY_SHARE_WORKING},
    {"name-refused", FUNNEL_TRAY_SHARE_ATTENTION},
    {"dns-pending", FUNNEL_TRAY_SHARE_WORKING},
    {"certificate-pending", FUNNEL_TRAY_SHARE_WORKING},
    {"certificate-failed", FUNNEL_TRAY_SHARE_ATTENTION},
    {"target-down", FUNNEL_TRAY_SHARE_ATTENTION},
    {"probing", FUNNEL_TRAY_SHARE_WORKING},
    {"active", FUNNEL_TRAY_SHARE_ACTIVE},
};

FunnelTrayShareState
funnel_tray_share_state (const char *state)
{
  for (gsize i = 0; i < G_N_ELEMENTS (share_states); i++)
    if (g_strcmp0 (state, share_states[i].state) == 0)
      return share_states[i].asks;
  return FUNNEL_TRAY_SHARE_WORKING; /* of a newer daemon */
}

static guint
count (const FunnelTrayFacts *facts, FunnelTrayShareState state)
{
  guint found = 0;

  for (gsize i = 0; i < facts->n_shares; i++)
    found += facts->shares[i].state == state;
  return found;
}

static gboolean
all_off (const FunnelTrayFacts *facts)
{
  return count (facts, FUNNEL_TRAY_SHARE_OFF) == facts->n_shares;
}

FunnelTrayState
funnel_tray_menu_state (const FunnelTrayFacts *facts)
{
  if (facts->daemon == FUNNEL_TRAY_DAEMON_CONNECTING)
    return FUNNEL_TRAY_WORKING;
  if (facts->daemon == FUNNEL_TRAY_DAEMON_AWAY)
    return FUNNEL_TRAY_ATTENTION;
  if (!facts->joined || all_off (facts))
    return FUNNEL_TRAY_OFF;
  if (facts->lost || count (facts, FUNNEL_TRAY_SHARE_ATTENTION) > 0)
    return FUNNEL_TRAY_ATTENTION;
  return count (facts, FUNNEL_TRAY_SHARE_ACTIVE) > 0 ? FUNNEL_TRAY_ACTIVE : FUNNEL_TRAY_WORKING;
}

/* What is public and what needs somebody. */
static char *
describe_shares (const FunnelTrayFacts *facts)
{
  guint active = count (facts, FUNNEL_TRAY_SHARE_ACTIVE);
  guint attention = count (facts, FUNNEL_TRAY_SHARE_ATTENTION);
  g_autofree char *public_part
      = g_strdup_printf (ngettext ("%u share is public", "%u shares are public", active), active);
  g_autofree char *attention_part = g_strdup_printf (
      ngettext ("%u needs attention", "%u need attention", attention), attention);

  if (attention > 0 && active > 0)
    /* Translators: "2 shares are public · 1 needs attention" */
    return g_strdup_printf (_ ("%s · %s"), public_part, attention_part);
  if (attention > 0)
    return g_strdup_printf (
        ngettext ("%u share needs attention", "%u shares need attention", attention), attention);
  if (active > 0)
    return g_steal_pointer (&public_part);
  return g_strdup (_ ("Getting ready…"));
}

char *
funnel_tray_menu_status (const FunnelTrayFacts *facts)
{
  if (facts->daemon == FUNNEL_TRAY_DAEMON_CONNECTING)
    return g_strdup (_ ("Looking for the service…"));
  if (facts->daemon == FUNNEL_TRAY_DAEMON_AWAY)
    return g_strdup (_ ("The Funnel service is not running"));
  if (!facts->joined)
    return g_strdup (_ ("No ingress joined yet"));
  if (facts->n_shares == 0)
    return g_strdup (_ ("Nothing is shared"));
  if (all_off (facts))
    return g_strdup (facts->paused ? _ ("Paused: nothing is public") : _ ("Nothing is public"));
  if (!facts->linked)
    return g_strdup_printf (_ ("No connection to %s"), facts->ingress ? facts->ingress : "");
  return describe_shares (facts);
}

/* --- The menu --- */

static void
add_line (GPtrArray *menu,
          const char *key,
          const char *label,
          const char *action,
          const char *target)
{
  g_ptr_array_add (menu, funnel_menu_item_new (key, label, action, target));
}

static GPtrArray *
build_share_menu (const FunnelTrayShare *share)
{
  GPtrArray *menu = funnel_menu_item_list ();
  FunnelMenuItem *toggle
      = funnel_menu_item_new ("toggle", _ ("Public"), "share-toggle", share->path);

  /* Most panels open the submenu of a line instead of telling that it was clicked. */
  toggle->kind = FUNNEL_MENU_CHECK;
  toggle->checked = share->state != FUNNEL_TRAY_SHARE_OFF;
  g_ptr_array_add (menu, toggle);
  add_line (menu, "copy", _ ("Copy Address"), "share-copy", share->path);
  add_line (menu, "open", _ ("Open in Browser"), "share-open", share->path);
  add_line (menu, "stop", _ ("Stop and Forget"), "share-stop", share->path);
  /* What is not served over HTTP is nothing for a browser. */
  ((FunnelMenuItem *)g_ptr_array_index (menu, 2))->enabled
      = share->state == FUNNEL_TRAY_SHARE_ACTIVE && g_str_has_prefix (share->url, "https://");
  return menu;
}

/* Most targets are ports of this machine, and in a menu there is little room. */
static const char *
short_target (const char *target)
{
  static const char local[] = "http://localhost:";

  return g_str_has_prefix (target, local) ? target + strlen (local) : target;
}

static char *
label_share (const FunnelTrayShare *share)
{
  g_autofree char *port
      = share->port == 443 ? g_strdup ("") : g_strdup_printf (":%u", (guint)share->port);
  g_autofree char *what
      = g_strdup_printf ("%s%s → %s", share->name, port, short_target (share->target));

  if (!share->words || share->state == FUNNEL_TRAY_SHARE_ACTIVE)
    return g_steal_pointer (&what);
  /* Translators: a share, then its state in words */
  return g_strdup_printf (_ ("%s (%s)"), what, share->words);
}

static FunnelMenuItem *
build_share (const FunnelTrayShare *share)
{
  g_autofree char *label = label_share (share);
  FunnelMenuItem *item = funnel_menu_item_new (share->path, label, "share-toggle", share->path);

  item->kind = FUNNEL_MENU_CHECK;
  item->checked = share->state != FUNNEL_TRAY_SHARE_OFF;
  item->children = build_share_menu (share);
  return item;
}

static void
add_shares (GPtrArray *menu, const FunnelTrayFacts *facts)
{
  gsize shown = MIN (facts->n_shares, FUNNEL_TRAY_MENU_SHARES);
  guint more = (guint)(facts->n_shares - shown);

  for (gsize i = 0; i < shown; i++)
    g_ptr_array_add (menu, build_share (&facts->shares[i]));
  if (more > 0)
    {
      g_autofree char *label = g_strdup_printf (
          ngettext ("%u more in the window…", "%u more in the window…", more), more);

      add_line (menu, "more", label, "show", NULL);
    }
  if (shown > 0)
    g_ptr_array_add (menu, funnel_menu_item_new_separator ("after-shares"));
}

/* Shares that were switched off one by one are not resumed. */
static void
add_pause (GPtrArray *menu, const FunnelTrayFacts *facts)
{
  if (facts->paused)
    add_line (menu, "pause-all", _ ("Resume"), "pause-all", NULL);
  else if (!all_off (facts))
    add_line (menu, "pause-all", _ ("Pause All"), "pause-all", NULL);
}

GPtrArray *
funnel_tray_menu_build (const FunnelTrayFacts *facts)
{
  GPtrArray *menu = funnel_menu_item_list ();
  g_autofree char *text = funnel_tray_menu_status (facts);
  FunnelMenuItem *status = funnel_menu_item_new ("status", text, NULL, NULL);

  status->enabled = FALSE;
  g_ptr_array_add (menu, status);
  g_ptr_array_add (menu, funnel_menu_item_new_separator ("after-status"));
  if (facts->daemon == FUNNEL_TRAY_DAEMON_THERE)
    {
      add_shares (menu, facts);
      add_line (menu, "new-share", facts->joined ? _ ("New Share…") : _ ("Join an Ingress…"),
                "new-share", NULL);
      add_pause (menu, facts);
      g_ptr_array_add (menu, funnel_menu_item_new_separator ("after-actions"));
    }
  add_line (menu, "show", _ ("Open Funnel"), "show", NULL);
  add_line (menu, "quit", _ ("Quit"), "quit", NULL);
  return menu;
}
