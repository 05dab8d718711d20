/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A menu shown by somebody else: com.canonical.dbusmenu, the server's side. A panel reads the
 * lines, draws them and tells what was clicked.
 *
 * A line keeps its number as long as its key is in the menu, and a number is not given to another
 * line afterwards: a click that was under way while the menu changed reaches the line it was meant
 * for, or none. Only what has changed is announced. Anybody on the session bus may call, so
 * numbers, depths and lengths are taken as a stranger's.
 *
 * Signal "activated" (FunnelDBusMenu *self, const char *action, const char *target): a line with an
 * action was chosen; @target may be NULL. */

#include "gui/tray/menu-item.h"

G_BEGIN_DECLS

/* Numbers or events in one call at most; more are refused. */
#define FUNNEL_DBUS_MENU_GROUP 1024

#define FUNNEL_TYPE_DBUS_MENU (funnel_dbus_menu_get_type ())
G_DECLARE_FINAL_TYPE (FunnelDBusMenu, funnel_dbus_menu, FUNNEL, DBUS_MENU, GObject)

/**
 * funnel_dbus_menu_new: serve an empty menu.
 * @path: object path on @connection
 * @right_to_left: direction of the script
 * Returns: NULL and an error of GDBus when there is an object at @path
 */
FunnelDBusMenu *funnel_dbus_menu_new (GDBusConnection *connection,
                                      const char *path,
                                      gboolean right_to_left,
                                      GError **error);

/** funnel_dbus_menu_set_items: show these lines. @items: FunnelMenuItem*; borrowed and copied. */
void funnel_dbus_menu_set_items (FunnelDBusMenu *self, GPtrArray *items);

/** funnel_dbus_menu_set_notice: whether the menu has something the user should look at. */
void funnel_dbus_menu_set_notice (FunnelDBusMenu *self, gboolean notice);

G_END_DECLS
