/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The icon in the panel and its menu, together. It decides nothing: facts go in, wishes come out.
 * It has a connection to the bus of its own, because an icon disappears only with the connection it
 * was announced by. It never wakes up by itself.
 *
 * Signal "wish" (FunnelTray *self, const char *action, const char *target): something in the menu
 * was chosen; see funnel_tray_menu_build for the names; @target may be NULL.
 * Signal "open" (FunnelTray *self, const char *token): the icon was clicked; @token: an activation
 * token, "" for none.
 * Property "hosted" (gboolean, read only): a panel shows the icon. */

#include "gui/tray/tray-menu.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_TRAY (funnel_tray_get_type ())
G_DECLARE_FINAL_TYPE (FunnelTray, funnel_tray, FUNNEL, TRAY, GObject)

/**
 * funnel_tray_new: connect, and show the icon as soon as there are facts and a panel. Without a bus
 * it stays hidden.
 * @address: of the bus; NULL: of the session
 * @id: of the program
 * @title: its name, translated
 * @right_to_left: direction of the script
 */
FunnelTray *
funnel_tray_new (const char *address, const char *id, const char *title, gboolean right_to_left);

/** funnel_tray_set_facts: show these. @facts: borrowed. */
void funnel_tray_set_facts (FunnelTray *self, const FunnelTrayFacts *facts);

gboolean funnel_tray_get_hosted (FunnelTray *self);

G_END_DECLS
