/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/tray/tray.h"

#include "gui/tray/dbus-menu.h"
#include "gui/tray/status-notifier-item.h"

#define MENU_PATH FUNNEL_STATUS_NOTIFIER_ITEM_PATH "/menu"

struct _FunnelTray
{
  GObject parent_instance;
  GCancellable *cancellable;
  GDBusConnection *connection;
  FunnelDBusMenu *menu;           /* NULL until connected */
  FunnelStatusNotifierItem *item; /* NULL until there are facts too */
  char *id;
  char *title;
  gboolean right_to_left;
  gboolean known; /* the members below are set */
  GPtrArray *lines;
  char *status;
  FunnelTrayState state;
};

enum
{
  SIGNAL_WISH,
  SIGNAL_OPEN,
  N_SIGNALS
};

enum
{
  PROP_HOSTED = 1,
  N_PROPS
};

static guint signals[N_SIGNALS];
static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (FunnelTray, funnel_tray, G_TYPE_OBJECT)

gboolean
funnel_tray_get_hosted (FunnelTray *self)
{
  g_return_val_if_fail (FUNNEL_IS_TRAY (self), FALSE);
  return self->item && funnel_status_notifier_item_get_hosted (self->item);
}

static void
on_menu_activated (FunnelDBusMenu *menu, const char *action, const char *target, gpointer data)
{
  g_signal_emit (data, signals[SIGNAL_WISH], 0, action, target);
}

static void
on_item_activate (FunnelStatusNotifierItem *item, const char *token, gpointer data)
{
  g_signal_emit (data, signals[SIGNAL_OPEN], 0, token);
}

static void
on_item_hosted (GObject *item, GParamSpec *spec, gpointer data)
{
  g_object_notify_by_pspec (data, properties[PROP_HOSTED]);
}

/* The item is announced only when it and its menu have something to show. */
static void
show (FunnelTray *self)
{
  g_autoptr (GError) error = NULL;

  if (!self->menu || !self->known)
    return;
  funnel_dbus_menu_set_items (self->menu, self->lines);
  funnel_dbus_menu_set_notice (self->menu, self->state == FUNNEL_TRAY_ATTENTION);
  if (!self->item)
    {
      self->item = funnel_status_notifier_item_new (self->connection, self->id, self->title,
                                                    MENU_PATH, &error);
      if (!self->item)
        {
          g_warning ("no icon in the panel: %s", error->message);
          return;
        }
      g_signal_connect_object (self->item, "activate", G_CALLBACK (on_item_activate), self, 0);
      g_signal_connect_object (self->item, "notify::hosted", G_CALLBACK (on_item_hosted), self, 0);
    }
  funnel_status_notifier_item_set (self->item, self->state, self->status);
}

void
funnel_tray_set_facts (FunnelTray *self, const FunnelTrayFacts *facts)
{
  g_return_if_fail (FUNNEL_IS_TRAY (self));
  g_clear_pointer (&self->lines, g_ptr_array_unref);
  g_clear_pointer (&self->status, g_free);
  self->lines = funnel_tray_menu_build (facts);
  self->status = funnel_tray_menu_status (facts);
  self->state = funnel_tray_menu_state (facts);
  self->known = TRUE;
  show (self);
}

static void
connection_new_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelTray) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection
      = g_dbus_connection_new_for_address_finish (result, &error);

  if (!connection)
    {
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        g_info ("no icon in the panel: %s", error->message);
      return;
    }
  g_dbus_connection_set_exit_on_close (connection, FALSE);
  self->menu = funnel_dbus_menu_new (connection, MENU_PATH, self->right_to_left, &error);
  if (!self->menu)
    {
      g_warning ("no icon in the panel: %s", error->message);
      return;
    }
  self->connection = g_steal_pointer (&connection);
  g_signal_connect_object (self->menu, "activated", G_CALLBACK (on_menu_activated), self, 0);
  show (self);
}

FunnelTray *
funnel_tray_new (const char *address, const char *id, const char *title, gboolean right_to_left)
{
  FunnelTray *self = g_object_new (FUNNEL_TYPE_TRAY, NULL);
  g_autofree char *session = NULL;
  g_autoptr (GError) error = NULL;

  self->id = g_strdup (id);
  self->title = g_strdup (title);
  self->right_to_left = right_to_left;
  if (!address)
    address = session = g_dbus_address_get_for_bus_sync (G_BUS_TYPE_SESSION, NULL, &error);
  if (address)
    g_dbus_connection_new_for_address (address,
                                       G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                           | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                       NULL, self->cancellable, connection_new_cb,
                                       g_object_ref (self));
  else
    g_info ("no icon in the panel: %s", error->message);
  return self;
}

static void
funnel_tray_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_boolean (value, funnel_tray_get_hosted (FUNNEL_TRAY (object)));
}

static void
funnel_tray_dispose (GObject *object)
{
  FunnelTray *self = FUNNEL_TRAY (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->item);
  g_clear_object (&self->menu);
  if (self->connection)
    g_dbus_connection_close (self->connection, NULL, NULL, NULL);
  g_clear_object (&self->connection);
  G_OBJECT_CLASS (funnel_tray_parent_class)->dispose (object);
}

static void
funnel_tray_finalize (GObject *object)
{
  FunnelTray *self = FUNNEL_TRAY (object);

  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->lines, g_ptr_array_unref);
  g_free (self->status);
  g_free (self->id);
  g_free (self->title);
  G_OBJECT_CLASS (funnel_tray_parent_class)->finalize (object);
}

static void
funnel_tray_class_init (FunnelTrayClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = funnel_tray_get_property;
  object_class->dispose = funnel_tray_dispose;
  object_class->finalize = funnel_tray_finalize;
  properties[PROP_HOSTED] = g_param_spec_boolean ("hosted", NULL, NULL, FALSE,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  signals[SIGNAL_WISH]
      = g_signal_new ("wish", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                      G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
  signals[SIGNAL_OPEN] = g_signal_new ("open", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                       NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
funnel_tray_init (FunnelTray *self)
{
  self->cancellable = g_cancellable_new ();
}
