/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One share in the list. */

#include <gtk/gtk.h>

#include "lib/dbus/funnel-dbus.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_SHARE_ROW (funnel_share_row_get_type ())
G_DECLARE_FINAL_TYPE (FunnelShareRow, funnel_share_row, FUNNEL, SHARE_ROW, GtkListBoxRow)

GtkWidget *funnel_share_row_new (FunnelDBusShare *share);
FunnelDBusShare *funnel_share_row_get_share (FunnelShareRow *self);

G_END_DECLS
