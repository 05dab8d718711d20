/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/traffic-graph.h"

#include "gui/traffic.h"

#define WIDTH 72
#define HEIGHT 20
#define GAP 0.25f /* part of a slot that stays empty */

struct _FunnelTrafficGraph
{
  GtkWidget parent_instance;
  FunnelDBusShare *share;
  gulong notify_handler;
  guint tick_source; /* 0: nothing moves, or nobody looks */
};

G_DEFINE_FINAL_TYPE (FunnelTrafficGraph, funnel_traffic_graph, GTK_TYPE_WIDGET)

static FunnelTraffic *
get_traffic (FunnelDBusShare *share)
{
  FunnelTraffic *traffic = g_object_get_data (G_OBJECT (share), "funnel-traffic");

  if (!traffic)
    {
      traffic = g_new0 (FunnelTraffic, 1);
      g_object_set_data_full (G_OBJECT (share), "funnel-traffic", traffic, g_free);
    }
  return traffic;
}

static void
take (FunnelDBusShare *share)
{
  funnel_traffic_take (get_traffic (share),
                       funnel_dbus_share_get_bytes_in (share)
                           + funnel_dbus_share_get_bytes_out (share),
                       g_get_monotonic_time ());
}

static gboolean
tick_cb (gpointer data)
{
  FunnelTrafficGraph *self = data;
  double parts[FUNNEL_TRAFFIC_SLOTS];

  gtk_widget_queue_draw (GTK_WIDGET (self));
  if (self->share
      && funnel_traffic_read (get_traffic (self->share), g_get_monotonic_time (), parts))
    return G_SOURCE_CONTINUE;
  self->tick_source = 0;
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
  return G_SOURCE_REMOVE;
}

static void
move (FunnelTrafficGraph *self)
{
  double parts[FUNNEL_TRAFFIC_SLOTS];
  gboolean any = self->share
                 && funnel_traffic_read (get_traffic (self->share), g_get_monotonic_time (), parts);

  /* An empty picture takes no place; it is mapped, and moves, once there is something in it. */
  gtk_widget_set_visible (GTK_WIDGET (self), any);
  if (!any || !gtk_widget_get_mapped (GTK_WIDGET (self)))
    return;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  if (!self->tick_source)
    self->tick_source
        = g_timeout_add_seconds (FUNNEL_TRAFFIC_SLOT_US / G_USEC_PER_SEC, tick_cb, self);
}

static void
on_share_notify (FunnelDBusShare *share, GParamSpec *pspec, FunnelTrafficGraph *self)
{
  if (!g_str_has_prefix (pspec->name, "bytes-"))
    return;
  take (share);
  move (self);
}

static void
drop_share (FunnelTrafficGraph *self)
{
  g_clear_handle_id (&self->tick_source, g_source_remove);
  if (self->share)
    g_clear_signal_handler (&self->notify_handler, self->share);
  g_clear_object (&self->share);
}

void
funnel_traffic_graph_set_share (FunnelTrafficGraph *self, FunnelDBusShare *share)
{
  g_return_if_fail (FUNNEL_IS_TRAFFIC_GRAPH (self));
  drop_share (self);
  if (share)
    {
      self->share = g_object_ref (share);
      self->notify_handler = g_signal_connect (share, "notify", G_CALLBACK (on_share_notify), self);
      take (share);
    }
  move (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
funnel_traffic_graph_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  FunnelTrafficGraph *self = FUNNEL_TRAFFIC_GRAPH (widget);
  float width = (float)gtk_widget_get_width (widget),
        height = (float)gtk_widget_get_height (widget);
  float slot = width / FUNNEL_TRAFFIC_SLOTS;
  gboolean rtl = gtk_widget_get_direction (widget) == GTK_TEXT_DIR_RTL;
  double parts[FUNNEL_TRAFFIC_SLOTS];
  GdkRGBA color;

  if (!self->share
      || !funnel_traffic_read (get_traffic (self->share), g_get_monotonic_time (), parts))
    return;
  gtk_style_context_get_color (gtk_widget_get_style_context (widget), &color);
  for (guint i = 0; i < FUNNEL_TRAFFIC_SLOTS; i++)
    {
      float bar = parts[i] > 0 ? MAX ((float)parts[i] * height, 1.0f) : 0;
      float x = slot * (float)(rtl ? FUNNEL_TRAFFIC_SLOTS - 1 - i : i);

      if (bar > 0)
        gtk_snapshot_append_color (snapshot, &color,
                                   &GRAPHENE_RECT_INIT (x, height - bar, slot * (1 - GAP), bar));
    }
}

static void
funnel_traffic_graph_measure (GtkWidget *widget,
                              GtkOrientation orientation,
                              int for_size,
                              int *minimum,
                              int *natural,
                              int *minimum_baseline,
                              int *natural_baseline)
{
  *minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? WIDTH : HEIGHT;
}

static void
funnel_traffic_graph_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (funnel_traffic_graph_parent_class)->map (widget);
  move (FUNNEL_TRAFFIC_GRAPH (widget));
}

static void
funnel_traffic_graph_unmap (GtkWidget *widget)
{
  g_clear_handle_id (&FUNNEL_TRAFFIC_GRAPH (widget)->tick_source, g_source_remove);
  GTK_WIDGET_CLASS (funnel_traffic_graph_parent_class)->unmap (widget);
}

static void
funnel_traffic_graph_dispose (GObject *object)
{
  drop_share (FUNNEL_TRAFFIC_GRAPH (object));
  G_OBJECT_CLASS (funnel_traffic_graph_parent_class)->dispose (object);
}

static void
funnel_traffic_graph_class_init (FunnelTrafficGraphClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_traffic_graph_dispose;
  widget_class->snapshot = funnel_traffic_graph_snapshot;
  widget_class->measure = funnel_traffic_graph_measure;
  widget_class->map = funnel_traffic_graph_map;
  widget_class->unmap = funnel_traffic_graph_unmap;
  gtk_widget_class_set_css_name (widget_class, "trafficgraph");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_PRESENTATION);
}

static void
funnel_traffic_graph_init (FunnelTrafficGraph *self)
{
}
