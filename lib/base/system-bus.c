/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/base/system-bus.h"

static GDBusConnection *shared;

static void
connected_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GDBusConnection *connection = g_dbus_connection_new_for_address_finish (result, &error);

  if (!connection)
    {
      g_task_return_error (task, error);
      return;
    }
  if (g_task_get_source_tag (task) == funnel_system_bus_connect_async)
    {
      g_task_return_pointer (task, connection, g_object_unref);
      return;
    }
  /* Two that asked at once get the same. */
  if (shared && !g_dbus_connection_is_closed (shared))
    g_object_unref (connection);
  else
    {
      g_clear_object (&shared);
      shared = connection;
    }
  g_task_return_pointer (task, g_object_ref (shared), g_object_unref);
}

/* Takes @task. */
static void
connect_task (GTask *owned)
{
  g_autoptr (GTask) task = owned;
  GCancellable *cancellable = g_task_get_cancellable (task);
  GError *error = NULL;
  g_autofree char *address
      = g_dbus_address_get_for_bus_sync (G_BUS_TYPE_SYSTEM, cancellable, &error);

  if (address)
    g_dbus_connection_new_for_address (address,
                                       G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                           | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                       NULL, cancellable, connected_cb, g_steal_pointer (&task));
  else
    g_task_return_error (task, error);
}

void
funnel_system_bus_get_async (GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, funnel_system_bus_get_async);
  if (shared && !g_dbus_connection_is_closed (shared))
    g_task_return_pointer (task, g_object_ref (shared), g_object_unref);
  else
    connect_task (g_steal_pointer (&task));
}

void
funnel_system_bus_connect_async (GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, funnel_system_bus_connect_async);
  connect_task (task);
}

GDBusConnection *
funnel_system_bus_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
