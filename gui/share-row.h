/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One share in the list. Rows are reused for other shares as the list scrolls. */

#include <gtk/gtk.h>

#include "lib/dbus/funnel-dbus.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_SHARE_ROW (funnel_share_row_get_type ())
G_DECLARE_FINAL_TYPE (FunnelShareRow, funnel_share_row, FUNNEL, SHARE_ROW, GtkBox)

GtkWidget *funnel_share_row_new (void);
/** funnel_share_row_set_share: show @share; NULL: nothing, and forget the last one. */
void funnel_share_row_set_share (FunnelShareRow *self, FunnelDBusShare *share);

G_END_DECLS
