/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The shares, one below the other; the keyboard comes to each of them. */

#include <gtk/gtk.h>

#include "lib/dbus/funnel-dbus.h"

G_BEGIN_DECLS

/** funnel_share_rows_fill: @shares: of FunnelDBusShare; what becomes of it is followed. */
void funnel_share_rows_fill (GtkListBox *list, GListModel *shares);
/** funnel_share_rows_focus: give the keyboard to the row of @share; if there is none, to the one
 * at @position, or the nearest. Whether there is one. */
gboolean funnel_share_rows_focus (GtkListBox *list, FunnelDBusShare *share, guint position);

G_END_DECLS
