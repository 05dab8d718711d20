/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/application.h"

#include <glib/gi18n.h>

#include "gui/background.h"
#include "gui/focus-ring.h"
#include "gui/preferences.h"
#include "gui/window.h"
#include "gui/gui-resources.h"

struct _FunnelApplication
{
  AdwApplication parent_instance;
  FunnelConnection *connection;
  GSettings *preferences;
  FunnelBackground *background;
  FunnelWindow *window; /* NULL when there is none */
};

G_DEFINE_FINAL_TYPE (FunnelApplication, funnel_application, ADW_TYPE_APPLICATION)

FunnelConnection *
funnel_application_get_connection (FunnelApplication *self)
{
  g_return_val_if_fail (FUNNEL_IS_APPLICATION (self), NULL);
  return self->connection;
}

GSettings *
funnel_application_get_preferences (FunnelApplication *self)
{
  g_return_val_if_fail (FUNNEL_IS_APPLICATION (self), NULL);
  return self->preferences;
}

gboolean
funnel_application_get_tray_there (FunnelApplication *self)
{
  g_return_val_if_fail (FUNNEL_IS_APPLICATION (self), FALSE);
  return self->background && funnel_background_get_tray_there (self->background);
}

void
funnel_application_tell (FunnelApplication *self, const char *text)
{
  g_return_if_fail (FUNNEL_IS_APPLICATION (self));
  if (self->window)
    funnel_window_tell (self->window, text);
  else
    g_message ("%s", text);
}

static void
show_window (FunnelApplication *self)
{
  if (!self->window)
    {
      self->window
          = funnel_window_new (GTK_APPLICATION (self), self->connection, self->preferences);
      g_object_add_weak_pointer (G_OBJECT (self->window), (gpointer *)&self->window);
    }
  gtk_window_present (GTK_WINDOW (self->window));
}

/* --- Actions --- */

static void
on_show (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  show_window (data);
}

static void
on_quit (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  g_application_quit (G_APPLICATION (data));
}

/* NULL, after having said so, when the share is gone. */
static FunnelDBusShare *
ref_share (FunnelApplication *self, GVariant *path)
{
  FunnelClient *client = funnel_connection_get_client (self->connection);
  FunnelDBusShare *share = NULL;

  if (client && g_variant_is_object_path (g_variant_get_string (path, NULL)))
    share = funnel_client_ref_share (client, g_variant_get_string (path, NULL));
  if (!share)
    funnel_application_tell (self, _ ("This share has ended already"));
  return share;
}

static void
client_stop_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelApplication) self = data;
  g_autoptr (GError) error = NULL;

  if (!funnel_client_stop_finish (FUNNEL_CLIENT (source), result, &error))
    funnel_application_tell (self, error->message);
}

static void
on_share_stop (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  FunnelApplication *self = data;
  g_autoptr (FunnelDBusShare) share = ref_share (self, parameter);

  if (share)
    funnel_client_stop_async (funnel_connection_get_client (self->connection), share, NULL,
                              client_stop_cb, g_object_ref (self));
}

static void
on_share_copy (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  FunnelApplication *self = data;
  g_autoptr (FunnelDBusShare) share = ref_share (self, parameter);
  GdkDisplay *display = gdk_display_get_default ();

  if (!share || !display)
    return;
  gdk_clipboard_set_text (gdk_display_get_clipboard (display), funnel_dbus_share_get_url (share));
  funnel_application_tell (self, _ ("Address copied"));
}

static void
on_new_share (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  FunnelApplication *self = data;

  show_window (self);
  funnel_window_publish (self->window);
}

static void
on_join (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  FunnelApplication *self = data;

  show_window (self);
  funnel_window_join (self->window, g_variant_get_string (parameter, NULL));
}

static void
set_paused_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelApplication) self = data;
  GError *error = NULL;
  guint count = 0;

  if (funnel_dbus_manager_call_set_paused_finish (FUNNEL_DBUS_MANAGER (source), &count, result,
                                                  &error))
    return;
  error = funnel_client_map_error (error);
  funnel_application_tell (self, error->message);
  g_error_free (error);
}

/* The state follows the daemon, not the wish. */
static void
on_pause_all_change_state (GSimpleAction *action, GVariant *value, gpointer data)
{
  FunnelApplication *self = data;
  FunnelClient *client = funnel_connection_get_client (self->connection);

  if (!client || !funnel_connection_has_data (self->connection))
    return;
  g_debug ("asking for all shares to be %s", g_variant_get_boolean (value) ? "paused" : "resumed");
  funnel_dbus_manager_call_set_paused (funnel_client_get_manager (client),
                                       g_variant_get_boolean (value), NULL, set_paused_cb,
                                       g_object_ref (self));
}

static void
on_connection_changed (FunnelApplication *self)
{
  GSimpleAction *action
      = G_SIMPLE_ACTION (g_action_map_lookup_action (G_ACTION_MAP (self), "pause-all"));
  gboolean has_data = funnel_connection_has_data (self->connection);
  FunnelClient *client = funnel_connection_get_client (self->connection);
  gboolean paused = has_data && funnel_dbus_manager_get_paused (funnel_client_get_manager (client));

  g_simple_action_set_enabled (action, has_data);
  g_simple_action_set_state (action, g_variant_new_boolean (paused));
}

static const GActionEntry actions[] = {
    {.name = "show", .activate = on_show},
    {.name = "new-share", .activate = on_new_share},
    {.name = "join", .activate = on_join, .parameter_type = "s"},
    {.name = "pause-all", .state = "false", .change_state = on_pause_all_change_state},
    {.name = "quit", .activate = on_quit},
    {.name = "share-stop", .activate = on_share_stop, .parameter_type = "s"},
    {.name = "share-copy", .activate = on_share_copy, .parameter_type = "s"},
};

/* --- The process --- */

/* What is asked is told with g_debug; never what is secret in it. */
static void
on_preferences_verbose_changed (FunnelApplication *self)
{
  g_log_set_debug_enabled (
      g_settings_get_boolean (self->preferences, FUNNEL_PREFERENCE_VERBOSE_LOG));
}

static void
open_preferences (FunnelApplication *self)
{
  self->preferences = funnel_preferences_new ();
  if (!self->preferences)
    {
      g_warning ("the settings schema of funnel-gtk is not installed; preferences are not kept");
      return;
    }
  g_signal_connect_object (self->preferences, "changed::" FUNNEL_PREFERENCE_VERBOSE_LOG,
                           G_CALLBACK (on_preferences_verbose_changed), self, G_CONNECT_SWAPPED);
  if (g_settings_get_boolean (self->preferences, FUNNEL_PREFERENCE_VERBOSE_LOG))
    g_log_set_debug_enabled (TRUE);
}

static void
set_keys (GtkApplication *application)
{
  static const struct
  {
    const char *action;
    const char *keys[2];
  } rows[] = {
      {"app.quit", {"<Control>q"}},
      {"app.new-share", {"<Control>n"}},
      {"app.pause-all", {"<Control>p"}},
      {"win.connection", {"<Control>i"}},
      {"win.preferences", {"<Control>comma"}},
      {"window.close", {"<Control>w"}},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    gtk_application_set_accels_for_action (application, rows[i].action, rows[i].keys);
}

static void
funnel_application_startup (GApplication *application)
{
  FunnelApplication *self = FUNNEL_APPLICATION (application);

  funnel_gui_register_resource ();
  G_APPLICATION_CLASS (funnel_application_parent_class)->startup (application);
  open_preferences (self);
  self->connection = funnel_connection_new (G_BUS_TYPE_SESSION);
  g_action_map_add_action_entries (G_ACTION_MAP (self), actions, G_N_ELEMENTS (actions), self);
  set_keys (GTK_APPLICATION (self));
  funnel_focus_ring_keep (GTK_APPLICATION (self));
  g_signal_connect_object (self->connection, "changed", G_CALLBACK (on_connection_changed), self,
                           G_CONNECT_SWAPPED);
  self->background
      = funnel_background_new (GTK_APPLICATION (self), self->connection, self->preferences);
  funnel_connection_start (self->connection);
}

static void
funnel_application_activate (GApplication *application)
{
  show_window (FUNNEL_APPLICATION (application));
}

/* A link that was opened; more than one is one too many. */
static void
funnel_application_open (GApplication *application, GFile **files, int n, const char *hint)
{
  FunnelApplication *self = FUNNEL_APPLICATION (application);
  g_autofree char *link = n > 0 ? g_file_get_uri (files[0]) : NULL;

  show_window (self);
  if (link)
    funnel_window_join (self->window, link);
}

static void
funnel_application_dispose (GObject *object)
{
  FunnelApplication *self = FUNNEL_APPLICATION (object);

  g_clear_weak_pointer (&self->window);
  g_clear_object (&self->background);
  g_clear_object (&self->connection);
  g_clear_object (&self->preferences);
  G_OBJECT_CLASS (funnel_application_parent_class)->dispose (object);
}

static void
funnel_application_class_init (FunnelApplicationClass *klass)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_application_dispose;
  application_class->startup = funnel_application_startup;
  application_class->activate = funnel_application_activate;
  application_class->open = funnel_application_open;
}

static void
funnel_application_init (FunnelApplication *self)
{
}

FunnelApplication *
funnel_application_new (void)
{
  return g_object_new (FUNNEL_TYPE_APPLICATION, "application-id", FUNNEL_APPLICATION_ID, "flags",
                       G_APPLICATION_HANDLES_OPEN, "resource-base-path", "/org/openfunnel/Funnel",
                       NULL);
}
