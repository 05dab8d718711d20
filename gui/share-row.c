/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/share-row.h"

#include <glib/gi18n.h>

#include "gui/labels.h"
#include "gui/share-menu.h"
#include "gui/tell.h"
#include "gui/traffic-graph.h"

struct _FunnelShareRow
{
  GtkListBoxRow parent_instance;
  FunnelDBusShare *share;
  gulong notify_handler;
  guint update_source; /* several properties change at once */
  gboolean updating;   /* the switch moves because of the share, not because of the user */
  GtkImage *icon;
  GtkLabel *name;
  GtkLabel *target;
  GtkLabel *state;
  GtkLabel *reason;
  GtkLabel *traffic;
  GtkWidget *traffic_box;
  FunnelTrafficGraph *graph;
  GtkButton *copy;
  GtkMenuButton *more;
  GtkSwitch *toggle;
};

G_DEFINE_FINAL_TYPE (FunnelShareRow, funnel_share_row, GTK_TYPE_LIST_BOX_ROW)

static void
set_tone (GtkWidget *widget, FunnelTone tone)
{
  for (guint i = 0; i <= FUNNEL_TONE_TROUBLE; i++)
    gtk_widget_remove_css_class (widget, funnel_tone_class (i));
  gtk_widget_add_css_class (widget, funnel_tone_class (tone));
}

static void
show_state (FunnelShareRow *self)
{
  FunnelLook look = funnel_look_share (funnel_dbus_share_get_state (self->share));
  g_autofree char *reason = funnel_words_say (funnel_dbus_share_get_reason (self->share));
  /* Wanted on, and off all the same. */
  gboolean odd = funnel_dbus_share_get_enabled (self->share)
                 && g_strcmp0 (funnel_dbus_share_get_state (self->share), "off") == 0;

  gtk_image_set_from_icon_name (self->icon, look.icon);
  set_tone (GTK_WIDGET (self->icon), look.tone);
  set_tone (GTK_WIDGET (self->state), look.tone);
  gtk_label_set_text (self->state, look.words);
  gtk_label_set_text (self->reason, reason);
  gtk_widget_set_visible (GTK_WIDGET (self->reason),
                          *reason && (odd || look.tone == FUNNEL_TONE_TROUBLE));
}

static void
show_switch (FunnelShareRow *self)
{
  g_autofree char *label
      = g_strdup_printf (_ ("Publish %s"), funnel_dbus_share_get_url (self->share));

  self->updating = TRUE;
  gtk_switch_set_active (self->toggle,
                         funnel_words_is_on (funnel_dbus_share_get_enabled (self->share),
                                             funnel_dbus_share_get_state (self->share),
                                             funnel_dbus_share_get_expires (self->share),
                                             g_get_real_time () / G_USEC_PER_SEC));
  self->updating = FALSE;
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->toggle), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  label, -1);
}

static void
show_traffic (FunnelShareRow *self)
{
  g_autofree char *traffic = funnel_words_traffic (funnel_dbus_share_get_flows_active (self->share),
                                                   funnel_dbus_share_get_bytes_in (self->share),
                                                   funnel_dbus_share_get_bytes_out (self->share));
  gboolean any = funnel_dbus_share_get_flows_active (self->share) > 0
                 || funnel_dbus_share_get_bytes_out (self->share) > 0
                 || g_strcmp0 (funnel_dbus_share_get_state (self->share), "active") == 0;

  gtk_label_set_text (self->traffic, traffic);
  gtk_widget_set_visible (self->traffic_box, any);
}

/* What a screen reader says when the keyboard comes to the row. */
static void
show_name (FunnelShareRow *self, const char *shown)
{
  FunnelLook look = funnel_look_share (funnel_dbus_share_get_state (self->share));
  g_autofree char *name
      = g_strdup_printf ("%s, %s, %s", shown, gtk_label_get_text (self->target), look.words);

  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static void
update (FunnelShareRow *self)
{
  g_autofree char *url = funnel_words_clean (funnel_dbus_share_get_url (self->share));
  g_autofree char *target = funnel_words_target (funnel_dbus_share_get_target (self->share));
  g_autofree char *bound
      = funnel_dbus_share_get_foreground (self->share)
            /* Translators: what is published; it ends when a command in a terminal does. */
            ? g_strdup_printf (_ ("%s, until its command ends"), target)
            : NULL;
  const char *shown = g_str_has_prefix (url, "https://") ? url + strlen ("https://") : url;

  gtk_label_set_text (self->name, shown);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->name), url);
  gtk_label_set_text (self->target, bound ? bound : target);
  show_name (self, shown);
  show_state (self);
  show_switch (self);
  show_traffic (self);
}

static gboolean
update_cb (gpointer data)
{
  FunnelShareRow *self = data;

  self->update_source = 0;
  update (self);
  return G_SOURCE_REMOVE;
}

static void
on_share_notify (FunnelShareRow *self)
{
  if (!self->update_source)
    self->update_source = g_idle_add (update_cb, self);
}

static void
set_enabled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelShareRow) self = data;
  GError *error = NULL;

  funnel_dbus_share_call_set_enabled_finish (FUNNEL_DBUS_SHARE (source), result, &error);
  if (!error)
    return;
  funnel_tell_error (GTK_WIDGET (self), error);
  if (self->share)
    show_switch (self);
}

static gboolean
on_toggle_state_set (GtkSwitch *toggle, gboolean on, FunnelShareRow *self)
{
  if (!self->share || self->updating)
    return FALSE;
  g_debug ("asking for %s to be switched %s", funnel_dbus_share_get_url (self->share),
           on ? "on" : "off");
  funnel_dbus_share_call_set_enabled (self->share, on, NULL, set_enabled_cb, g_object_ref (self));
  return FALSE;
}

FunnelDBusShare *
funnel_share_row_get_share (FunnelShareRow *self)
{
  g_return_val_if_fail (FUNNEL_IS_SHARE_ROW (self), NULL);
  return self->share;
}

static void
funnel_share_row_dispose (GObject *object)
{
  FunnelShareRow *self = FUNNEL_SHARE_ROW (object);

  g_clear_handle_id (&self->update_source, g_source_remove);
  if (self->share)
    g_clear_signal_handler (&self->notify_handler, self->share);
  g_clear_object (&self->share);
  G_OBJECT_CLASS (funnel_share_row_parent_class)->dispose (object);
}

static void
funnel_share_row_class_init (FunnelShareRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_share_row_dispose;
  g_type_ensure (FUNNEL_TYPE_TRAFFIC_GRAPH);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/openfunnel/Funnel/share-row.ui");
  gtk_widget_class_bind_template_child (widget_class, FunnelShareRow, icon);
  gtk_widget_class_bind_template_child (widget_class, FunnelShareRow, name);
  gtk_widget_class_bind_template_child (widget_class, FunnelShareRow, target);
  gtk_widget_class_bind_template_child (widget_class, FunnelShareRow, state);
  gtk_widget_class_bind_template_child (widget_class, FunnelShareRow, reason);
  gtk_widget_class_bind_template_child (widget_class, FunnelShareRow, traffic);
  gtk_widget_class_bind_template_child (widget_class, FunnelShareRow, traffic_box);
  gtk_widget_class_bind_template_child (widget_class, FunnelShareRow, graph);
  gtk_widget_class_bind_template_child (widget_class, FunnelShareRow, copy);
  gtk_widget_class_bind_template_child (widget_class, FunnelShareRow, more);
  gtk_widget_class_bind_template_child (widget_class, FunnelShareRow, toggle);
  gtk_widget_class_bind_template_callback (widget_class, on_toggle_state_set);
}

static void
funnel_share_row_init (FunnelShareRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
funnel_share_row_new (FunnelDBusShare *share)
{
  FunnelShareRow *self = g_object_new (FUNNEL_TYPE_SHARE_ROW, NULL);

  self->share = g_object_ref (share);
  self->notify_handler
      = g_signal_connect_swapped (share, "notify", G_CALLBACK (on_share_notify), self);
  funnel_traffic_graph_set_share (self->graph, share);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->copy), "s",
                                    g_dbus_proxy_get_object_path (G_DBUS_PROXY (share)));
  /* Without a target it would not fit the action. */
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->copy), "app.share-copy");
  gtk_menu_button_set_menu_model (self->more, funnel_share_menu_get (share));
  update (self);
  return GTK_WIDGET (self);
}
