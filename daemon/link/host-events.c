/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/link/host-events.h"

#include "lib/base/system-bus.h"

#define LOGIN "org.freedesktop.login1"
#define LOGIN_PATH "/org/freedesktop/login1"
#define LOGIN_MANAGER "org.freedesktop.login1.Manager"
#define NETWORK "org.freedesktop.NetworkManager"
#define NETWORK_PATH "/org/freedesktop/NetworkManager"
#define POLKIT "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_AUTHORITY "org.freedesktop.PolicyKit1.Authority"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define CONNECTIVITY_PORTAL 2 /* NMConnectivityState; this room does without libnm */
#define STATE_ASLEEP 10       /* NMState */
#define CALL_MS 10000

struct _FunnelHostEvents
{
  FunnelHostEventFunc changed;
  FunnelHostEventFunc allowed;
  gpointer user_data;
  GCancellable *cancellable;
  GDBusConnection *bus;
  guint sleep_subscription;
  guint network_subscription;
  guint polkit_subscription;
  guint permission_subscription;
  guint name_watch;
  guint32 connectivity;
};

static void
on_prepare_for_sleep (GDBusConnection *bus,
                      const char *sender,
                      const char *path,
                      const char *interface,
                      const char *signal,
                      GVariant *parameters,
                      gpointer user_data)
{
  FunnelHostEvents *self = user_data;
  gboolean begins = TRUE;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(b)")))
    return;
  g_variant_get (parameters, "(b)", &begins);
  if (!begins)
    self->changed (self->user_data);
}

static void
on_network_properties_changed (GDBusConnection *bus,
                               const char *sender,
                               const char *path,
                               const char *interface,
                               const char *signal,
                               GVariant *parameters,
                               gpointer user_data)
{
  FunnelHostEvents *self = user_data;
  g_autoptr (GVariant) changed = NULL;
  guint32 connectivity = 0, state = 0;
  gboolean enabled = FALSE;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  changed = g_variant_get_child_value (parameters, 1);
  if (g_variant_lookup (changed, "NetworkingEnabled", "b", &enabled) && enabled)
    self->allowed (self->user_data);
  if (g_variant_lookup (changed, "Connectivity", "u", &connectivity)
      && connectivity != self->connectivity)
    {
      self->connectivity = connectivity;
      self->changed (self->user_data);
    }
  /* A sandbox hears only of NetworkManager's sleep. */
  else if (g_variant_lookup (changed, "State", "u", &state) && state != STATE_ASLEEP)
    self->changed (self->user_data);
}

/* A session began or ended, or a rule of polkit is another. NetworkManager passes that on, though
 * not always; but a sandbox hears polkit itself not at all. */
static void
on_permissions_changed (GDBusConnection *bus,
                        const char *sender,
                        const char *path,
                        const char *interface,
                        const char *signal,
                        GVariant *parameters,
                        gpointer user_data)
{
  FunnelHostEvents *self = user_data;

  self->allowed (self->user_data);
}

static void
on_name_appeared (GDBusConnection *bus, const char *name, const char *owner, gpointer user_data)
{
  FunnelHostEvents *self = user_data;

  self->allowed (self->user_data);
}

/* What it said last holds no more. */
static void
on_name_vanished (GDBusConnection *bus, const char *name, gpointer user_data)
{
  ((FunnelHostEvents *)user_data)->connectivity = 0;
}

static void
connectivity_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer
      = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) value = NULL;

  /* After a cancellation there is no owner any more. */
  if (!answer)
    return;
  g_variant_get (answer, "(v)", &value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    ((FunnelHostEvents *)user_data)->connectivity = g_variant_get_uint32 (value);
}

static void
bus_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) bus = funnel_system_bus_finish (result, &error);
  FunnelHostEvents *self = user_data; /* gone after a cancellation */

  if (!bus)
    {
      g_debug ("No system bus: %s", error->message);
      return;
    }
  self->bus = g_steal_pointer (&bus);
  self->sleep_subscription = g_dbus_connection_signal_subscribe (
      self->bus, LOGIN, LOGIN_MANAGER, "PrepareForSleep", LOGIN_PATH, NULL,
      G_DBUS_SIGNAL_FLAGS_NONE, on_prepare_for_sleep, self, NULL);
  self->network_subscription = g_dbus_connection_signal_subscribe (
      self->bus, NETWORK, PROPERTIES, "PropertiesChanged", NETWORK_PATH, NETWORK,
      G_DBUS_SIGNAL_FLAGS_NONE, on_network_properties_changed, self, NULL);
  self->polkit_subscription = g_dbus_connection_signal_subscribe (
      self->bus, POLKIT, POLKIT_AUTHORITY, "Changed", POLKIT_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
      on_permissions_changed, self, NULL);
  self->permission_subscription = g_dbus_connection_signal_subscribe (
      self->bus, NETWORK, NETWORK, "CheckPermissions", NETWORK_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
      on_permissions_changed, self, NULL);
  self->name_watch
      = g_bus_watch_name_on_connection (self->bus, NETWORK, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                        on_name_appeared, on_name_vanished, self, NULL);
  g_dbus_connection_call (self->bus, NETWORK, NETWORK_PATH, PROPERTIES, "Get",
                          g_variant_new ("(ss)", NETWORK, "Connectivity"), G_VARIANT_TYPE ("(v)"),
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, CALL_MS, self->cancellable,
                          connectivity_cb, self);
}

FunnelHostEvents *
funnel_host_events_new (FunnelHostEventFunc changed,
                        FunnelHostEventFunc allowed,
                        gpointer user_data)
{
  FunnelHostEvents *self = g_new0 (FunnelHostEvents, 1);

  self->changed = changed;
  self->allowed = allowed;
  self->user_data = user_data;
  self->cancellable = g_cancellable_new ();
  funnel_system_bus_get_async (self->cancellable, bus_cb, self);
  return self;
}

void
funnel_host_events_free (FunnelHostEvents *self)
{
  g_cancellable_cancel (self->cancellable);
  if (self->bus)
    {
      g_dbus_connection_signal_unsubscribe (self->bus, self->sleep_subscription);
      g_dbus_connection_signal_unsubscribe (self->bus, self->network_subscription);
      g_dbus_connection_signal_unsubscribe (self->bus, self->polkit_subscription);
      g_dbus_connection_signal_unsubscribe (self->bus, self->permission_subscription);
      g_bus_unwatch_name (self->name_watch);
    }
  g_clear_object (&self->bus);
  g_object_unref (self->cancellable);
  g_free (self);
}

gboolean
funnel_host_events_is_captive (FunnelHostEvents *self)
{
  return self->connectivity == CONNECTIVITY_PORTAL;
}
