/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A small picture of a share's traffic in the last minute. It draws when bytes have gone through,
 * and every two seconds while some are still in the picture; otherwise, and when it cannot be seen,
 * never. */

#include <gtk/gtk.h>

#include "lib/dbus/funnel-dbus.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_TRAFFIC_GRAPH (funnel_traffic_graph_get_type ())
G_DECLARE_FINAL_TYPE (FunnelTrafficGraph, funnel_traffic_graph, FUNNEL, TRAFFIC_GRAPH, GtkWidget)

/** funnel_traffic_graph_set_share: @share: NULL: none. What went through is remembered with the
 * share, not with the widget. */
void funnel_traffic_graph_set_share (FunnelTrafficGraph *self, FunnelDBusShare *share);

G_END_DECLS
