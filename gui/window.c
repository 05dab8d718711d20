/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/window.h"

#include <glib/gi18n.h>

struct _FunnelWindow
{
  AdwApplicationWindow parent_instance;
  FunnelConnection *connection;
  AdwToastOverlay *toasts;
  AdwStatusPage *status;
};

G_DEFINE_FINAL_TYPE (FunnelWindow, funnel_window, ADW_TYPE_APPLICATION_WINDOW)

static void
show_shares (FunnelWindow *self)
{
  guint n = g_list_model_get_n_items (funnel_connection_get_shares (self->connection));
  g_autofree char *text = g_strdup_printf (ngettext ("%u share", "%u shares", n), n);

  adw_status_page_set_title (self->status, text);
  adw_status_page_set_description (self->status, NULL);
}

static void
update (FunnelWindow *self)
{
  switch (funnel_connection_get_state (self->connection))
    {
    case FUNNEL_CONNECTION_CONNECTING:
      adw_status_page_set_title (self->status, _ ("Connecting…"));
      break;
    case FUNNEL_CONNECTION_NO_BUS:
    case FUNNEL_CONNECTION_MISSING:
      adw_status_page_set_title (self->status, _ ("Funnel's service is not running"));
      adw_status_page_set_description (self->status,
                                       funnel_connection_get_message (self->connection));
      break;
    case FUNNEL_CONNECTION_OUTDATED:
    case FUNNEL_CONNECTION_READY:
      show_shares (self);
      break;
    }
}

void
funnel_window_tell (FunnelWindow *self, const char *text)
{
  g_return_if_fail (FUNNEL_IS_WINDOW (self));
  adw_toast_overlay_add_toast (self->toasts, adw_toast_new (text));
}

static void
funnel_window_dispose (GObject *object)
{
  FunnelWindow *self = FUNNEL_WINDOW (object);

  g_clear_object (&self->connection);
  G_OBJECT_CLASS (funnel_window_parent_class)->dispose (object);
}

static void
funnel_window_class_init (FunnelWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_window_dispose;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/openfunnel/Funnel/window.ui");
  gtk_widget_class_bind_template_child (widget_class, FunnelWindow, toasts);
  gtk_widget_class_bind_template_child (widget_class, FunnelWindow, status);
}

static void
funnel_window_init (FunnelWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

FunnelWindow *
funnel_window_new (GtkApplication *application, FunnelConnection *connection)
{
  FunnelWindow *self = g_object_new (FUNNEL_TYPE_WINDOW, "application", application, NULL);

  self->connection = g_object_ref (connection);
  g_signal_connect_object (connection, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return self;
}
