/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/share-menu.h"

#include <glib/gi18n.h>

#define KEY "funnel-menu"

static void
append (GMenu *section, const char *label, const char *action, const char *path)
{
  g_autoptr (GMenuItem) item = g_menu_item_new (label, NULL);

  g_menu_item_set_action_and_target (item, action, "s", path);
  g_menu_append_item (section, item);
}

static GMenu *
make_menu (FunnelDBusShare *share)
{
  const char *path = g_dbus_proxy_get_object_path (G_DBUS_PROXY (share));
  GMenu *menu = g_menu_new ();
  g_autoptr (GMenu) look = g_menu_new ();
  g_autoptr (GMenu) end = g_menu_new ();

  append (look, _ ("_Details"), "win.share-details", path);
  append (look, _ ("_Open in browser"), "win.share-open", path);
  append (look, _ ("_QR code"), "win.share-qr", path);
  append (end, _ ("_Remove…"), "win.share-remove", path);
  g_menu_append_section (menu, NULL, G_MENU_MODEL (look));
  g_menu_append_section (menu, NULL, G_MENU_MODEL (end));
  return menu;
}

GMenuModel *
funnel_share_menu_get (FunnelDBusShare *share)
{
  GMenuModel *menu = g_object_get_data (G_OBJECT (share), KEY);

  if (!menu)
    {
      menu = G_MENU_MODEL (make_menu (share));
      g_object_set_data_full (G_OBJECT (share), KEY, menu, g_object_unref);
    }
  return menu;
}
