/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/details-page.h"

#include <glib/gi18n.h>

#include "gui/access-group.h"
#include "gui/doctor-list.h"
#include "gui/labels.h"
#include "gui/mounts-group.h"
#include "gui/tell.h"
#include "gui/traffic-graph.h"
#include "gui/visitor-list.h"

struct _FunnelDetailsPage
{
  AdwBin parent_instance;
  FunnelConnection *connection;
  FunnelDBusShare *share; /* NULL: nothing is shown */
  gulong notify_handler;
  guint update_source;
  gboolean updating; /* widgets change because of the share */
  AdwWindowTitle *title;
  GtkWidget *remove;
  AdwActionRow *state_row;
  GtkImage *state_icon;
  GtkSwitch *toggle;
  AdwActionRow *url_row;
  GtkWidget *copy;
  GtkWidget *open;
  GtkWidget *qr;
  AdwActionRow *traffic_row;
  FunnelTrafficGraph *graph;
  FunnelMountsGroup *mounts;
  FunnelAccessGroup *access;
  AdwPreferencesGroup *certificate;
  AdwActionRow *certificate_row;
  FunnelVisitorList *visitors;
  FunnelDoctorList *doctor;
};

G_DEFINE_FINAL_TYPE (FunnelDetailsPage, funnel_details_page, ADW_TYPE_BIN)

/* --- Showing --- */

static gint64
get_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

static void
set_subtitle (AdwActionRow *row, const char *text)
{
  g_autofree char *markup = g_markup_escape_text (text, -1);

  adw_action_row_set_subtitle (row, markup);
}

static void
show_state (FunnelDetailsPage *self)
{
  FunnelLook look = funnel_look_share (funnel_dbus_share_get_state (self->share));
  g_autofree char *reason = funnel_words_say (funnel_dbus_share_get_reason (self->share));
  g_autofree char *step = funnel_words_say (funnel_dbus_share_get_certificate_step (self->share));
  g_autofree char *next = funnel_words_say (funnel_dbus_share_get_next_step (self->share));
  g_autofree char *text = g_strdup_printf ("%s%s%s%s%s", reason, *reason && *step ? "\n" : "", step,
                                           (*reason || *step) && *next ? "\n" : "", next);

  gtk_image_set_from_icon_name (self->state_icon, look.icon);
  for (guint i = 0; i <= FUNNEL_TONE_TROUBLE; i++)
    gtk_widget_remove_css_class (GTK_WIDGET (self->state_icon), funnel_tone_class (i));
  gtk_widget_add_css_class (GTK_WIDGET (self->state_icon), funnel_tone_class (look.tone));
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->state_row), look.words);
  set_subtitle (self->state_row, text);
  gtk_switch_set_active (
      self->toggle, funnel_words_is_on (funnel_dbus_share_get_enabled (self->share),
                                        funnel_dbus_share_get_state (self->share),
                                        funnel_dbus_share_get_expires (self->share), get_now ()));
}

static void
show_traffic (FunnelDetailsPage *self)
{
  g_autofree char *now = funnel_words_traffic (funnel_dbus_share_get_flows_active (self->share),
                                               funnel_dbus_share_get_bytes_in (self->share),
                                               funnel_dbus_share_get_bytes_out (self->share));
  guint64 total = funnel_dbus_share_get_flows_total (self->share);
  g_autofree char *all = g_strdup_printf (
      ngettext ("%s · %u connection in all", "%s · %u connections in all", (gulong)total), now,
      (guint)MIN (total, G_MAXUINT));

  set_subtitle (self->traffic_row, all);
}

static void
show_certificate (FunnelDetailsPage *self)
{
  GVariant *certificate = funnel_dbus_share_get_certificate (self->share);
  g_autofree char *words = funnel_words_certificate (certificate);
  const char *issuer = "", *problem = "";
  g_autofree char *clean_issuer = NULL;
  g_autofree char *clean_problem = NULL;
  g_autofree char *subtitle = NULL;

  if (certificate)
    {
      g_variant_lookup (certificate, "issuer", "&s", &issuer);
      g_variant_lookup (certificate, "problem", "&s", &problem);
    }
  clean_issuer = funnel_words_clean (issuer);
  clean_problem = funnel_words_say (problem);
  gtk_widget_set_visible (GTK_WIDGET (self->certificate),
                          g_strcmp0 (funnel_dbus_share_get_kind (self->share), "tcp") != 0);
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self->certificate_row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->certificate_row),
                                 words ? clean_issuer : _ ("There is none yet"));
  subtitle
      = g_strdup_printf ("%s%s%s", words ? words : "", *clean_problem ? "\n" : "", clean_problem);
  set_subtitle (self->certificate_row, subtitle);
}

static void
update (FunnelDetailsPage *self)
{
  g_autofree char *url = funnel_words_clean (funnel_dbus_share_get_url (self->share));
  g_autofree char *target = funnel_words_target (funnel_dbus_share_get_target (self->share));
  g_autofree char *name = funnel_words_clean (funnel_dbus_share_get_name (self->share));

  self->updating = TRUE;
  adw_window_title_set_title (self->title, name);
  adw_window_title_set_subtitle (self->title, target);
  set_subtitle (self->url_row, url);
  show_state (self);
  show_traffic (self);
  funnel_mounts_group_update (self->mounts);
  funnel_access_group_update (self->access);
  show_certificate (self);
  self->updating = FALSE;
}

static gboolean
update_cb (gpointer data)
{
  FunnelDetailsPage *self = data;

  self->update_source = 0;
  update (self);
  return G_SOURCE_REMOVE;
}

static void
on_share_notify (FunnelDetailsPage *self)
{
  if (!self->update_source)
    self->update_source = g_idle_add (update_cb, self);
}

/* --- Wishes --- */

static void
set_enabled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelDetailsPage) self = data;
  GError *error = NULL;

  funnel_dbus_share_call_set_enabled_finish (FUNNEL_DBUS_SHARE (source), result, &error);
  if (error && self->share)
    on_share_notify (self);
  funnel_tell_error (GTK_WIDGET (self), error);
}

static gboolean
on_toggle_state_set (GtkSwitch *toggle, gboolean on, FunnelDetailsPage *self)
{
  if (!self->share || self->updating)
    return FALSE;
  g_debug ("asking for %s to be switched %s", funnel_dbus_share_get_url (self->share),
           on ? "on" : "off");
  funnel_dbus_share_call_set_enabled (self->share, on, NULL, set_enabled_cb, g_object_ref (self));
  return FALSE;
}

/* --- The share --- */

static void
drop_share (FunnelDetailsPage *self)
{
  g_clear_handle_id (&self->update_source, g_source_remove);
  if (self->share)
    g_clear_signal_handler (&self->notify_handler, self->share);
  g_clear_object (&self->share);
}

static void
set_actions (FunnelDetailsPage *self)
{
  const struct
  {
    GtkWidget *button;
    const char *action;
  } rows[] = {
      {self->copy, "app.share-copy"},
      {self->open, "win.share-open"},
      {self->qr, "win.share-qr"},
      {self->remove, "win.share-remove"},
  };
  const char *path = g_dbus_proxy_get_object_path (G_DBUS_PROXY (self->share));

  /* The target first: without it a button would not fit its action. */
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      gtk_actionable_set_action_target (GTK_ACTIONABLE (rows[i].button), "s", path);
      gtk_actionable_set_action_name (GTK_ACTIONABLE (rows[i].button), rows[i].action);
    }
}

void
funnel_details_page_set_share (FunnelDetailsPage *self, FunnelDBusShare *share)
{
  g_return_if_fail (FUNNEL_IS_DETAILS_PAGE (self));
  if (self->share == share)
    return;
  drop_share (self);
  funnel_traffic_graph_set_share (self->graph, share);
  funnel_mounts_group_set_share (self->mounts, share);
  funnel_access_group_set_share (self->access, share);
  funnel_visitor_list_set_share (self->visitors, share);
  funnel_doctor_list_set_name (self->doctor, share ? funnel_dbus_share_get_name (share) : NULL);
  if (!share)
    return;
  self->share = g_object_ref (share);
  self->notify_handler
      = g_signal_connect_swapped (share, "notify", G_CALLBACK (on_share_notify), self);
  set_actions (self);
  update (self);
}

FunnelDBusShare *
funnel_details_page_get_share (FunnelDetailsPage *self)
{
  return self->share;
}

static void
on_connection_changed (FunnelDetailsPage *self)
{
  FunnelClient *client = funnel_connection_get_client (self->connection);
  g_autoptr (FunnelDBusShare) share = NULL;

  if (!self->share || !client)
    return;
  share
      = funnel_client_ref_share (client, g_dbus_proxy_get_object_path (G_DBUS_PROXY (self->share)));
  if (share != self->share)
    gtk_widget_activate_action (GTK_WIDGET (self), "win.back", NULL);
}

void
funnel_details_page_set_connection (FunnelDetailsPage *self, FunnelConnection *connection)
{
  g_return_if_fail (FUNNEL_IS_DETAILS_PAGE (self));
  self->connection = g_object_ref (connection);
  funnel_mounts_group_set_connection (self->mounts, connection);
  funnel_doctor_list_set_connection (self->doctor, connection);
  g_signal_connect_object (connection, "changed", G_CALLBACK (on_connection_changed), self,
                           G_CONNECT_SWAPPED);
}

static void
funnel_details_page_dispose (GObject *object)
{
  FunnelDetailsPage *self = FUNNEL_DETAILS_PAGE (object);

  drop_share (self);
  g_clear_object (&self->connection);
  G_OBJECT_CLASS (funnel_details_page_parent_class)->dispose (object);
}

static void
bind_children (GtkWidgetClass *klass)
{
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, title);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, remove);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, state_row);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, state_icon);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, toggle);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, url_row);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, copy);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, open);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, qr);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, traffic_row);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, graph);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, mounts);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, access);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, certificate);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, certificate_row);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, visitors);
  gtk_widget_class_bind_template_child (klass, FunnelDetailsPage, doctor);
}

static void
funnel_details_page_class_init (FunnelDetailsPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_details_page_dispose;
  g_type_ensure (FUNNEL_TYPE_TRAFFIC_GRAPH);
  g_type_ensure (FUNNEL_TYPE_MOUNTS_GROUP);
  g_type_ensure (FUNNEL_TYPE_ACCESS_GROUP);
  g_type_ensure (FUNNEL_TYPE_VISITOR_LIST);
  g_type_ensure (FUNNEL_TYPE_DOCTOR_LIST);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/openfunnel/Funnel/details-page.ui");
  bind_children (widget_class);
  gtk_widget_class_bind_template_callback (widget_class, on_toggle_state_set);
}

static void
funnel_details_page_init (FunnelDetailsPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
