/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/connection-page.h"

#include <glib/gi18n.h>

#include "gui/doctor-list.h"
#include "gui/labels.h"
#include "gui/question.h"
#include "gui/tell.h"

#define AGE_SECONDS 5 /* how often the age of the handshake is told anew, while it can be seen */

struct _FunnelConnectionPage
{
  AdwBin parent_instance;
  FunnelConnection *connection;
  guint age_source; /* 0: nobody looks */
  AdwActionRow *state_row;
  GtkImage *state_icon;
  AdwActionRow *endpoint_row;
  AdwActionRow *node_row;
  AdwActionRow *names_row;
  AdwActionRow *tunnel_row;
  AdwActionRow *handshake_row;
  AdwActionRow *round_trip_row;
  AdwActionRow *mtu_row;
  FunnelDoctorList *doctor;
};

G_DEFINE_FINAL_TYPE (FunnelConnectionPage, funnel_connection_page, ADW_TYPE_BIN)

/* @text: from the daemon or our own; not markup. */
static void
set_subtitle (AdwActionRow *row, const char *text)
{
  g_autofree char *clean = g_utf8_make_valid (text ? text : "", -1);
  g_autofree char *markup = g_markup_escape_text (clean, -1);

  adw_action_row_set_subtitle (row, markup);
}

static char *
list_names (FunnelDBusIngress *ingress)
{
  GVariant *grants = funnel_dbus_ingress_get_grants (ingress);
  g_autoptr (GString) text = g_string_new (NULL);
  GVariantIter iter;
  const char *name = NULL;
  GVariantIter *ports = NULL;
  guint16 port = 0;

  if (!grants || g_variant_n_children (grants) == 0)
    return g_strdup (_ ("None yet: the ingress’s admin has to grant one"));
  g_variant_iter_init (&iter, grants);
  while (g_variant_iter_loop (&iter, "{&saq}", &name, &ports))
    {
      const char *separator = ": ";
      g_autofree char *clean = funnel_words_clean (name);

      g_string_append_printf (text, "%s%s", text->len ? "\n" : "", clean);
      while (g_variant_iter_next (ports, "q", &port))
        {
          g_string_append_printf (text, "%s%u", separator, port);
          separator = ", ";
        }
    }
  return g_strdup (text->str);
}

static void
show_state (FunnelConnectionPage *self, FunnelDBusIngress *ingress)
{
  FunnelLook look = funnel_look_ingress (funnel_dbus_ingress_get_state (ingress));
  g_autofree char *reason = funnel_words_sentence (funnel_dbus_ingress_get_reason (ingress));
  g_autofree char *next = funnel_words_say (funnel_dbus_ingress_get_next_step (ingress));
  g_autofree char *text = g_strdup_printf ("%s%s%s", reason, *reason && *next ? "\n" : "", next);

  gtk_image_set_from_icon_name (self->state_icon, look.icon);
  for (guint i = 0; i <= FUNNEL_TONE_TROUBLE; i++)
    gtk_widget_remove_css_class (GTK_WIDGET (self->state_icon), funnel_tone_class (i));
  gtk_widget_add_css_class (GTK_WIDGET (self->state_icon), funnel_tone_class (look.tone));
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->state_row), look.words);
  set_subtitle (self->state_row, text);
}

static void
show_tunnel (FunnelConnectionPage *self, FunnelDBusIngress *ingress)
{
  const char *const *passed_over = funnel_dbus_ingress_get_tunnel_passed_over (ingress);
  g_autofree char *kind = funnel_words_tunnel (funnel_dbus_ingress_get_tunnel (ingress),
                                               funnel_dbus_ingress_get_engine (ingress));
  g_autoptr (GString) text = g_string_new (kind);
  guint mtu = funnel_dbus_ingress_get_mtu (ingress);
  g_autofree char *largest = mtu ? g_strdup_printf (ngettext ("%u byte", "%u bytes", mtu), mtu)
                                 : g_strdup (_ ("Not known"));
  g_autofree char *round_trip
      = funnel_words_round_trip (funnel_dbus_ingress_get_round_trip (ingress));

  for (; passed_over && *passed_over; passed_over++)
    {
      g_autofree char *clean = funnel_words_say (*passed_over);
      /* Translators: a kind of tunnel that was not possible, and why. */
      g_autofree char *line = g_strdup_printf (_ ("Not used: %s"), clean);

      g_string_append_printf (text, "\n%s", line);
    }
  set_subtitle (self->tunnel_row, text->str);
  set_subtitle (self->mtu_row, largest);
  set_subtitle (self->round_trip_row, round_trip);
}

static void
show_age (FunnelConnectionPage *self, FunnelDBusIngress *ingress)
{
  g_autofree char *age = funnel_words_age (funnel_dbus_ingress_get_handshake (ingress),
                                           g_get_real_time () / G_USEC_PER_SEC);

  set_subtitle (self->handshake_row, age);
}

static void
update (FunnelConnectionPage *self)
{
  g_autoptr (FunnelDBusIngress) ingress = NULL;
  g_autofree char *names = NULL;

  if (!gtk_widget_get_mapped (GTK_WIDGET (self)))
    return;
  ingress = funnel_connection_ref_ingress (self->connection);
  if (!ingress)
    return;
  names = list_names (ingress);
  show_state (self, ingress);
  show_tunnel (self, ingress);
  show_age (self, ingress);
  set_subtitle (self->endpoint_row, funnel_dbus_ingress_get_endpoint (ingress));
  set_subtitle (self->node_row, funnel_dbus_ingress_get_node (ingress));
  set_subtitle (self->names_row, names);
}

static gboolean
age_cb (gpointer data)
{
  FunnelConnectionPage *self = data;
  g_autoptr (FunnelDBusIngress) ingress = funnel_connection_ref_ingress (self->connection);

  if (ingress)
    show_age (self, ingress);
  return G_SOURCE_CONTINUE;
}

static void
client_leave_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelConnectionPage) self = data;
  g_autoptr (GError) error = NULL;

  if (funnel_client_leave_finish (FUNNEL_CLIENT (source), result, &error))
    gtk_widget_activate_action (GTK_WIDGET (self), "win.back", NULL);
  else
    funnel_tell (GTK_WIDGET (self), error->message);
}

static void
on_leave_response (AdwMessageDialog *dialog, const char *response, FunnelConnectionPage *self)
{
  g_autoptr (FunnelDBusIngress) ingress = funnel_connection_ref_ingress (self->connection);

  if (ingress && g_str_equal (response, FUNNEL_QUESTION_YES))
    funnel_client_leave_async (funnel_connection_get_client (self->connection), ingress, NULL,
                               client_leave_cb, g_object_ref (self));
}

static void
on_leave (FunnelConnectionPage *self)
{
  AdwMessageDialog *dialog = funnel_question_new (
      GTK_WIDGET (self), _ ("Leave this ingress?"),
      _ ("Nothing on this computer can be reached through it any more, and its key is forgotten. "
         "To come back you need a new join line."),
      _ ("_Leave"), ADW_RESPONSE_DESTRUCTIVE);

  g_signal_connect_object (dialog, "response", G_CALLBACK (on_leave_response), self, 0);
  gtk_window_present (GTK_WINDOW (dialog));
}

void
funnel_connection_page_set_connection (FunnelConnectionPage *self, FunnelConnection *connection)
{
  g_return_if_fail (FUNNEL_IS_CONNECTION_PAGE (self));
  self->connection = g_object_ref (connection);
  funnel_doctor_list_set_connection (self->doctor, connection);
  g_signal_connect_object (connection, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
}

static void
funnel_connection_page_map (GtkWidget *widget)
{
  FunnelConnectionPage *self = FUNNEL_CONNECTION_PAGE (widget);

  GTK_WIDGET_CLASS (funnel_connection_page_parent_class)->map (widget);
  update (self);
  self->age_source = g_timeout_add_seconds (AGE_SECONDS, age_cb, self);
}

static void
funnel_connection_page_unmap (GtkWidget *widget)
{
  g_clear_handle_id (&FUNNEL_CONNECTION_PAGE (widget)->age_source, g_source_remove);
  GTK_WIDGET_CLASS (funnel_connection_page_parent_class)->unmap (widget);
}

static void
funnel_connection_page_dispose (GObject *object)
{
  FunnelConnectionPage *self = FUNNEL_CONNECTION_PAGE (object);

  g_clear_handle_id (&self->age_source, g_source_remove);
  g_clear_object (&self->connection);
  G_OBJECT_CLASS (funnel_connection_page_parent_class)->dispose (object);
}

static void
funnel_connection_page_class_init (FunnelConnectionPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_connection_page_dispose;
  widget_class->map = funnel_connection_page_map;
  widget_class->unmap = funnel_connection_page_unmap;
  g_type_ensure (FUNNEL_TYPE_DOCTOR_LIST);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/openfunnel/Funnel/connection-page.ui");
  gtk_widget_class_bind_template_child (widget_class, FunnelConnectionPage, state_row);
  gtk_widget_class_bind_template_child (widget_class, FunnelConnectionPage, state_icon);
  gtk_widget_class_bind_template_child (widget_class, FunnelConnectionPage, endpoint_row);
  gtk_widget_class_bind_template_child (widget_class, FunnelConnectionPage, node_row);
  gtk_widget_class_bind_template_child (widget_class, FunnelConnectionPage, names_row);
  gtk_widget_class_bind_template_child (widget_class, FunnelConnectionPage, tunnel_row);
  gtk_widget_class_bind_template_child (widget_class, FunnelConnectionPage, handshake_row);
  gtk_widget_class_bind_template_child (widget_class, FunnelConnectionPage, round_trip_row);
  gtk_widget_class_bind_template_child (widget_class, FunnelConnectionPage, mtu_row);
  gtk_widget_class_bind_template_child (widget_class, FunnelConnectionPage, doctor);
  gtk_widget_class_bind_template_callback (widget_class, on_leave);
}

static void
funnel_connection_page_init (FunnelConnectionPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
