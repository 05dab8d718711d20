/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/background.h"

#include <glib/gi18n.h>

#include "gui/autostart.h"
#include "gui/labels.h"
#include "gui/notifications.h"
#include "gui/preferences.h"
#include "gui/tray/tray.h"

#define CLOSED_NOTICE "closed"
#define PANEL_SECONDS 60 /* that a panel may take to start again */

struct _FunnelBackground
{
  GObject parent_instance;
  GtkApplication *application;
  FunnelConnection *connection;
  GSettings *preferences;
  GCancellable *cancellable;
  FunnelNotifications *notifications;
  FunnelTray *tray;   /* NULL while it is not wanted */
  gboolean held;      /* the application, by us */
  gboolean was_there; /* the icon, when this was announced last */
  gboolean autostart; /* what was asked for last */
  guint grace;        /* timer; the panel that showed the icon went a moment ago */
};

enum
{
  PROP_TRAY_THERE = 1,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (FunnelBackground, funnel_background, G_TYPE_OBJECT)

gboolean
funnel_background_get_tray_there (FunnelBackground *self)
{
  g_return_val_if_fail (FUNNEL_IS_BACKGROUND (self), FALSE);
  return self->tray && funnel_tray_get_hosted (self->tray);
}

static gboolean
prefers (FunnelBackground *self, const char *key, gboolean otherwise)
{
  return self->preferences ? g_settings_get_boolean (self->preferences, key) : otherwise;
}

static guint
count_public (FunnelBackground *self)
{
  GListModel *list = funnel_connection_get_shares (self->connection);
  guint count = 0;

  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (FunnelDBusShare) share = g_list_model_get_item (list, i);

      count += g_strcmp0 (funnel_dbus_share_get_state (share), "off") != 0;
    }
  return count;
}

static void update_hold (FunnelBackground *self);

static gboolean
on_grace (gpointer data)
{
  FunnelBackground *self = data;

  self->grace = 0;
  update_hold (self);
  return G_SOURCE_REMOVE;
}

static void
announce_tray (FunnelBackground *self, gboolean there)
{
  if (there == self->was_there)
    return;
  self->was_there = there;
  g_clear_handle_id (&self->grace, g_source_remove);
  if (!there && self->tray)
    self->grace = g_timeout_add_seconds (PANEL_SECONDS, on_grace, self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TRAY_THERE]);
}

static void
update_hold (FunnelBackground *self)
{
  gboolean there = funnel_background_get_tray_there (self);
  gboolean hold;

  announce_tray (self, there);
  hold = there || self->grace || prefers (self, FUNNEL_PREFERENCE_START_AT_LOGIN, FALSE)
         || (prefers (self, FUNNEL_PREFERENCE_NOTIFICATIONS, TRUE) && count_public (self) > 0);
  if (hold == self->held)
    return;
  self->held = hold;
  if (hold)
    g_application_hold (G_APPLICATION (self->application));
  else
    g_application_release (G_APPLICATION (self->application));
}

static void
tell (FunnelBackground *self, const char *text)
{
  g_autoptr (GNotification) notification = g_notification_new (_ ("Funnel"));

  g_notification_set_body (notification, text);
  g_notification_set_default_action (notification, "app.show");
  g_application_send_notification (G_APPLICATION (self->application), "told", notification);
}

/* --- The icon --- */

static FunnelTrayDaemon
read_daemon (FunnelBackground *self)
{
  switch (funnel_connection_get_state (self->connection))
    {
    case FUNNEL_CONNECTION_CONNECTING:
      return FUNNEL_TRAY_DAEMON_CONNECTING;
    case FUNNEL_CONNECTION_NO_BUS:
    case FUNNEL_CONNECTION_MISSING:
      return FUNNEL_TRAY_DAEMON_AWAY;
    case FUNNEL_CONNECTION_OUTDATED:
    case FUNNEL_CONNECTION_READY:
      break;
    }
  return FUNNEL_TRAY_DAEMON_THERE;
}

static void
read_shares (FunnelBackground *self, GArray *shares, GPtrArray *held)
{
  GListModel *list = funnel_connection_get_shares (self->connection);
  guint n = g_list_model_get_n_items (list);

  for (guint i = 0; i < n; i++)
    {
      FunnelDBusShare *share = g_list_model_get_item (list, i);
      FunnelTrayShare entry
          = {.path = g_dbus_proxy_get_object_path (G_DBUS_PROXY (share)),
             .name = funnel_dbus_share_get_name (share),
             .port = funnel_dbus_share_get_port (share),
             .target = funnel_dbus_share_get_target (share),
             .url = funnel_dbus_share_get_url (share),
             .words = funnel_look_share (funnel_dbus_share_get_state (share)).words,
             .state = funnel_tray_share_state (funnel_dbus_share_get_state (share))};

      g_ptr_array_add (held, share);
      if (entry.name && entry.target && entry.url)
        g_array_append_val (shares, entry);
    }
}

static gboolean
is_paused (FunnelBackground *self)
{
  return funnel_connection_has_data (self->connection)
         && funnel_dbus_manager_get_paused (
             funnel_client_get_manager (funnel_connection_get_client (self->connection)));
}

static void
update_tray (FunnelBackground *self)
{
  g_autoptr (FunnelDBusIngress) ingress = NULL;
  g_autoptr (GPtrArray) held = NULL;
  g_autoptr (GArray) shares = NULL;
  FunnelTrayFacts facts = {.daemon = read_daemon (self)};

  if (!self->tray)
    return;
  held = g_ptr_array_new_with_free_func (g_object_unref);
  shares = g_array_new (FALSE, FALSE, sizeof (FunnelTrayShare));
  read_shares (self, shares, held);
  facts.shares = (const FunnelTrayShare *)(gpointer)shares->data;
  facts.n_shares = shares->len;
  facts.lost = funnel_notifications_get_lost (self->notifications);
  facts.paused = is_paused (self);
  ingress = funnel_connection_ref_ingress (self->connection);
  if (ingress)
    {
      facts.joined = TRUE;
      facts.linked = g_strcmp0 (funnel_dbus_ingress_get_state (ingress), "linked") == 0;
      facts.ingress = funnel_dbus_ingress_get_zone (ingress);
    }
  funnel_tray_set_facts (self->tray, &facts);
}

static void
on_tray_wish (FunnelTray *tray, const char *action, const char *target, gpointer data)
{
  FunnelBackground *self = data;

  g_action_group_activate_action (G_ACTION_GROUP (self->application), action,
                                  target ? g_variant_new_string (target) : NULL);
}

/* Where the compositor lets no window come to the front by itself, the panel's token does. */
static void
on_tray_open (FunnelTray *tray, const char *token, gpointer data)
{
  FunnelBackground *self = data;
  GtkWindow *window;

  g_action_group_activate_action (G_ACTION_GROUP (self->application), "show", NULL);
  window = gtk_application_get_active_window (self->application);
  if (window && token[0] != '\0')
    {
      gtk_window_set_startup_id (window, token);
      gtk_window_present (window);
    }
}

static void
on_tray_hosted (GObject *tray, GParamSpec *spec, gpointer data)
{
  update_hold (data);
}

static void
update_preferences (FunnelBackground *self)
{
  gboolean wanted = prefers (self, FUNNEL_PREFERENCE_SHOW_TRAY, TRUE);

  funnel_notifications_set_enabled (self->notifications,
                                    prefers (self, FUNNEL_PREFERENCE_NOTIFICATIONS, TRUE));
  if (wanted && !self->tray)
    {
      self->tray = funnel_tray_new (
          NULL, g_application_get_application_id (G_APPLICATION (self->application)), _ ("Funnel"),
          gtk_widget_get_default_direction () == GTK_TEXT_DIR_RTL);
      g_signal_connect_object (self->tray, "wish", G_CALLBACK (on_tray_wish), self, 0);
      g_signal_connect_object (self->tray, "open", G_CALLBACK (on_tray_open), self, 0);
      g_signal_connect_object (self->tray, "notify::hosted", G_CALLBACK (on_tray_hosted), self, 0);
      update_tray (self);
    }
  else if (!wanted && self->tray)
    {
      g_object_run_dispose (G_OBJECT (self->tray));
      g_clear_object (&self->tray);
    }
  update_hold (self);
}

static void
on_connection_changed (FunnelConnection *connection, gpointer data)
{
  update_tray (data);
  update_hold (data);
}

static void
on_notifications_changed (FunnelNotifications *notifications, gpointer data)
{
  update_tray (data);
}

/* --- Starting at login --- */

static void
autostart_set_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelBackground) self = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (funnel_autostart_set_finish (result, &error) || !self->preferences
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  /* What could not be switched off was not on, as far as anybody here can know. */
  if (!prefers (self, FUNNEL_PREFERENCE_START_AT_LOGIN, FALSE))
    return;
  self->autostart = FALSE;
  g_settings_set_boolean (self->preferences, FUNNEL_PREFERENCE_START_AT_LOGIN, FALSE);
  text = g_strdup_printf (_ ("Starting at login is not available: %s"), error->message);
  tell (self, text);
}

static void
on_preference_changed (GSettings *preferences, const char *key, gpointer data)
{
  FunnelBackground *self = data;
  gboolean on = g_settings_get_boolean (preferences, FUNNEL_PREFERENCE_START_AT_LOGIN);

  update_preferences (self);
  if (on == self->autostart)
    return;
  self->autostart = on;
  funnel_autostart_set_async (on, _ ("Shares stay in view from login on."), self->cancellable,
                              autostart_set_cb, g_object_ref (self));
}

/* The file is the truth: somebody may have removed it, or switched it off elsewhere. */
static void
read_autostart (FunnelBackground *self)
{
  self->autostart = funnel_autostart_is_sandboxed ()
                        ? prefers (self, FUNNEL_PREFERENCE_START_AT_LOGIN, FALSE)
                        : funnel_autostart_is_on ();
  if (self->preferences
      && prefers (self, FUNNEL_PREFERENCE_START_AT_LOGIN, FALSE) != self->autostart)
    g_settings_set_boolean (self->preferences, FUNNEL_PREFERENCE_START_AT_LOGIN, self->autostart);
}

/* --- Without a window and without an icon --- */

static void
on_window_removed (GtkApplication *application, GtkWindow *window, gpointer data)
{
  FunnelBackground *self = data;
  guint count = count_public (self);
  g_autoptr (GNotification) notification = NULL;
  g_autofree char *text = NULL;

  if (gtk_application_get_windows (application) || count == 0
      || funnel_background_get_tray_there (self))
    return;
  text = g_strdup_printf (ngettext ("%u share stays public without the window.",
                                    "%u shares stay public without the window.", count),
                          count);
  notification = g_notification_new (_ ("Funnel goes on"));
  g_notification_set_body (notification, text);
  g_notification_set_default_action (notification, "app.show");
  g_notification_add_button (notification, _ ("Pause All"), "app.pause-all");
  g_application_send_notification (G_APPLICATION (application), CLOSED_NOTICE, notification);
}

static void
on_window_added (GtkApplication *application, GtkWindow *window, gpointer data)
{
  g_application_withdraw_notification (G_APPLICATION (application), CLOSED_NOTICE);
}

/* --- Actions --- */

static void
set_enabled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelBackground) self = data;
  GError *error = NULL;

  if (!funnel_dbus_share_call_set_enabled_finish (FUNNEL_DBUS_SHARE (source), result, &error))
    {
      g_autoptr (GError) mapped = funnel_client_map_error (error);

      if (!g_error_matches (mapped, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        tell (self, mapped->message);
    }
}

static FunnelDBusShare *
ref_share (FunnelBackground *self, GVariant *path)
{
  FunnelClient *client = funnel_connection_get_client (self->connection);

  if (!client || !g_variant_is_object_path (g_variant_get_string (path, NULL)))
    return NULL;
  return funnel_client_ref_share (client, g_variant_get_string (path, NULL));
}

static void
on_share_toggle (GSimpleAction *action, GVariant *path, gpointer data)
{
  FunnelBackground *self = data;
  g_autoptr (FunnelDBusShare) share = ref_share (self, path);

  if (!share)
    {
      tell (self, _ ("This share has ended already"));
      return;
    }
  funnel_dbus_share_call_set_enabled (share,
                                      g_strcmp0 (funnel_dbus_share_get_state (share), "off") == 0,
                                      self->cancellable, set_enabled_cb, g_object_ref (self));
}

static void
on_share_open (GSimpleAction *action, GVariant *path, gpointer data)
{
  FunnelBackground *self = data;
  g_autoptr (FunnelDBusShare) share = ref_share (self, path);

  if (share)
    gtk_show_uri (gtk_application_get_active_window (self->application),
                  funnel_dbus_share_get_url (share), GDK_CURRENT_TIME);
}

static const GActionEntry actions[] = {
    {.name = "share-toggle", .activate = on_share_toggle, .parameter_type = "s"},
    {.name = "share-open", .activate = on_share_open, .parameter_type = "s"},
};

FunnelBackground *
funnel_background_new (GtkApplication *application,
                       FunnelConnection *connection,
                       GSettings *preferences)
{
  FunnelBackground *self = g_object_new (FUNNEL_TYPE_BACKGROUND, NULL);

  self->application = application;
  self->connection = g_object_ref (connection);
  self->preferences = preferences ? g_object_ref (preferences) : NULL;
  g_action_map_add_action_entries (G_ACTION_MAP (application), actions, G_N_ELEMENTS (actions),
                                   self);
  self->notifications = funnel_notifications_new (G_APPLICATION (application), connection);
  read_autostart (self);
  g_signal_connect_object (connection, "changed", G_CALLBACK (on_connection_changed), self, 0);
  g_signal_connect_object (self->notifications, "changed", G_CALLBACK (on_notifications_changed),
                           self, 0);
  g_signal_connect_object (application, "window-added", G_CALLBACK (on_window_added), self, 0);
  g_signal_connect_object (application, "window-removed", G_CALLBACK (on_window_removed), self, 0);
  if (preferences)
    g_signal_connect_object (preferences, "changed", G_CALLBACK (on_preference_changed), self, 0);
  update_preferences (self);
  return self;
}

static void
funnel_background_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_boolean (value, funnel_background_get_tray_there (FUNNEL_BACKGROUND (object)));
}

static void
funnel_background_dispose (GObject *object)
{
  FunnelBackground *self = FUNNEL_BACKGROUND (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->grace, g_source_remove);
  if (self->tray)
    g_object_run_dispose (G_OBJECT (self->tray));
  g_clear_object (&self->tray);
  g_clear_object (&self->notifications);
  if (self->application)
    for (gsize i = 0; i < G_N_ELEMENTS (actions); i++)
      g_action_map_remove_action (G_ACTION_MAP (self->application), actions[i].name);
  self->application = NULL;
  g_clear_object (&self->connection);
  g_clear_object (&self->preferences);
  g_clear_object (&self->cancellable);
  G_OBJECT_CLASS (funnel_background_parent_class)->dispose (object);
}

static void
funnel_background_class_init (FunnelBackgroundClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = funnel_background_get_property;
  object_class->dispose = funnel_background_dispose;
  properties[PROP_TRAY_THERE] = g_param_spec_boolean ("tray-there", NULL, NULL, FALSE,
                                                      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
funnel_background_init (FunnelBackground *self)
{
  self->cancellable = g_cancellable_new ();
}
