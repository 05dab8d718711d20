/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* An icon in somebody else's panel: org.kde.StatusNotifierItem. It announces itself to whoever is
 * org.kde.StatusNotifierWatcher, again when another one takes over, and knows whether there is a
 * panel that shows it. The protocol has no farewell: the icon goes when @connection is closed, so
 * that should be a connection of its own.
 *
 * It is announced by the unique name of the connection, since a sandbox may own no other.
 *
 * Signal "activate" (FunnelStatusNotifierItem *self, const char *token): it was clicked; @token is
 * what makes a window come to the front on Wayland, "" when the panel gave none.
 * Property "hosted" (gboolean, read only): a panel shows it. */

#include <gio/gio.h>

#include "gui/tray/tray-icon.h"

G_BEGIN_DECLS

#define FUNNEL_STATUS_NOTIFIER_ITEM_PATH "/StatusNotifierItem"

#define FUNNEL_TYPE_STATUS_NOTIFIER_ITEM (funnel_status_notifier_item_get_type ())
G_DECLARE_FINAL_TYPE (FunnelStatusNotifierItem,
                      funnel_status_notifier_item,
                      FUNNEL,
                      STATUS_NOTIFIER_ITEM,
                      GObject)

/**
 * funnel_status_notifier_item_new: serve the item, and announce it from now on.
 * @id: of the program, the same in every session
 * @title: name of the program, translated
 * @menu_path: object path of its menu, a FunnelDBusMenu, on @connection
 * Returns: NULL and an error of GDBus when @connection has an item already
 */
FunnelStatusNotifierItem *funnel_status_notifier_item_new (GDBusConnection *connection,
                                                           const char *id,
                                                           const char *title,
                                                           const char *menu_path,
                                                           GError **error);

/** funnel_status_notifier_item_set: what it shows. @text: one line, for tooltips; borrowed. */
void funnel_status_notifier_item_set (FunnelStatusNotifierItem *self,
                                      FunnelTrayState state,
                                      const char *text);

gboolean funnel_status_notifier_item_get_hosted (FunnelStatusNotifierItem *self);

G_END_DECLS
