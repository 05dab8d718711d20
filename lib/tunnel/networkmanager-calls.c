/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Each function is a chain of callbacks on one GTask, whose data is a Call. The task is handed on
 * from callback to callback, so each owns it. */

#include "lib/tunnel/networkmanager-calls.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"

#define WAIT_S 20 /* for one change of state */

typedef struct
{
  NMClient *client;
  NMConnection *profile;
  char *uuid;
  NMRemoteConnection *remote; /* the profile as NetworkManager has it */
  NMActiveConnection *active;
} Call;

static void
call_free (Call *call)
{
  g_object_unref (call->client);
  g_clear_object (&call->profile);
  g_clear_object (&call->remote);
  g_clear_object (&call->active);
  g_free (call->uuid);
  g_free (call);
}

static GTask *
new_call (NMClient *client,
          NMConnection *profile,
          const char *uuid,
          GCancellable *cancellable,
          GAsyncReadyCallback callback,
          gpointer user_data,
          gpointer tag)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Call *call = g_new0 (Call, 1);

  call->client = g_object_ref (client);
  call->profile = profile ? g_object_ref (profile) : NULL;
  call->uuid = g_strdup (uuid);
  g_task_set_task_data (task, call, (GDestroyNotify)call_free);
  g_task_set_source_tag (task, tag);
  return task;
}

static gboolean
finish_call (GAsyncResult *result, gpointer tag, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, tag), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- errors ---- */

static gboolean
is_denied (const GError *error)
{
  return g_error_matches (error, NM_MANAGER_ERROR, NM_MANAGER_ERROR_PERMISSION_DENIED)
         || g_error_matches (error, NM_SETTINGS_ERROR, NM_SETTINGS_ERROR_PERMISSION_DENIED)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED);
}

static gboolean
is_gone (NMClient *client, const GError *error)
{
  return !nm_client_get_nm_running (client)
         || g_error_matches (error, NM_CLIENT_ERROR, NM_CLIENT_ERROR_MANAGER_NOT_RUNNING)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY);
}

static FunnelError
get_code (NMClient *client, const GError *error)
{
  if (is_gone (client, error))
    return FUNNEL_ERROR_UNREACHABLE;
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ? FUNNEL_ERROR_FAILED
                                                                   : FUNNEL_ERROR_UNSUPPORTED;
}

/* Takes @task and @error. */
static void
fail_call (GTask *owned, const char *what, GError *error)
{
  g_autoptr (GTask) task = owned;
  Call *call = g_task_get_task_data (task);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_task_return_error (task, error);
      return;
    }
  g_dbus_error_strip_remote_error (error);
  g_task_return_new_error (task, FUNNEL_ERROR, get_code (call->client, error),
                           is_denied (error)
                               ? N_ ("NetworkManager could not %s (polkit did not allow it): %s")
                               : N_ ("NetworkManager could not %s: %s"),
                           what, error->message);
  g_error_free (error);
}

/* Its configuration may tell it to leave some devices alone, even those that it has just made. */
static gboolean
is_left_alone (Call *call)
{
  const char *interface = call->profile ? nm_connection_get_interface_name (call->profile) : NULL;
  NMDevice *device = interface ? nm_client_get_device_by_iface (call->client, interface) : NULL;

  return device && nm_device_get_state (device) == NM_DEVICE_STATE_UNMANAGED;
}

/* Takes @task and @error. */
static void
fail_activation (GTask *owned, const char *what, GError *error)
{
  g_autoptr (GTask) task = owned;

  if (!is_left_alone (g_task_get_task_data (task)) || error->domain != NM_MANAGER_ERROR)
    {
      fail_call (g_steal_pointer (&task), what, error);
      return;
    }
  g_error_free (error);
  g_task_return_new_error (
      task, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
      N_ ("NetworkManager's configuration tells it to leave the tunnel's devices alone: have the "
          "administrator add to its unmanaged-devices: ;except:interface-name:funnel*"));
}

/* ---- waiting for a state ---- */

typedef void (*NextFunc) (GTask *owned);

typedef struct
{
  GTask *task;
  NMClient *client;
  NMActiveConnection *active;
  NMActiveConnectionState wanted;
  NextFunc next;
  gulong state_handler;
  gulong running_handler;
  GSource *timeout;
  GSource *cancelled;
} Wait;

static void
clear_source (GSource **source)
{
  if (*source)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

/* Gives the task back. */
static GTask *
end_wait (Wait *wait)
{
  GTask *task = wait->task;

  g_clear_signal_handler (&wait->state_handler, wait->active);
  g_clear_signal_handler (&wait->running_handler, wait->client);
  clear_source (&wait->timeout);
  clear_source (&wait->cancelled);
  g_object_unref (wait->active);
  g_object_unref (wait->client);
  g_free (wait);
  return task;
}

/* The last words of a device that could not be activated. */
static char *
describe_failure (NMActiveConnection *active)
{
  const GPtrArray *devices = nm_active_connection_get_devices (active);
  NMDeviceStateReason reason
      = devices && devices->len ? nm_device_get_state_reason (devices->pdata[0]) : 0;
  GEnumClass *names = g_type_class_ref (NM_TYPE_DEVICE_STATE_REASON);
  GEnumValue *value = g_enum_get_value (names, (gint)reason);
  char *text = g_strdup_printf (N_ ("NetworkManager gave up on “%s” (%s)"),
                                nm_active_connection_get_id (active),
                                value && reason != 0 ? value->value_nick : N_ ("no reason given"));

  g_type_class_unref (names);
  return text;
}

/* TRUE when the wait is over, and @wait gone. */
static gboolean
check_wait (Wait *wait)
{
  NMActiveConnectionState state = nm_active_connection_get_state (wait->active);
  NextFunc next = wait->next;

  if (state == wait->wanted)
    {
      next (end_wait (wait));
      return TRUE;
    }
  if (state == NM_ACTIVE_CONNECTION_STATE_DEACTIVATED)
    {
      g_autofree char *text = describe_failure (wait->active);
      g_autoptr (GTask) task = end_wait (wait);

      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED, "%s", text);
      return TRUE;
    }
  return FALSE;
}

static void
on_active_state_changed (NMActiveConnection *active, guint state, guint reason, Wait *wait)
{
  check_wait (wait);
}

static void
on_client_notify_running (NMClient *client, GParamSpec *property, Wait *wait)
{
  g_autoptr (GTask) task = end_wait (wait);

  g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                           N_ ("NetworkManager ended"));
}

static gboolean
on_wait_timeout (gpointer user_data)
{
  Wait *wait = user_data;
  g_autofree char *id = g_strdup (nm_active_connection_get_id (wait->active));
  g_autoptr (GTask) task = end_wait (wait);

  g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
                           N_ ("NetworkManager did not bring “%s” to its new state within %d s"),
                           id, WAIT_S);
  return G_SOURCE_REMOVE;
}

static gboolean
on_wait_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_autoptr (GTask) task = end_wait (user_data);

  g_task_return_error_if_cancelled (task);
  return G_SOURCE_REMOVE;
}

/* Go on with @next once the call's active connection is in @wanted; takes @task. */
static void
wait_for (GTask *task, NMActiveConnectionState wanted, NextFunc next)
{
  Call *call = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);
  Wait *wait = g_new0 (Wait, 1);

  wait->task = task;
  wait->client = g_object_ref (call->client);
  wait->active = g_object_ref (call->active);
  wait->wanted = wanted;
  wait->next = next;
  if (check_wait (wait))
    return;
  wait->state_handler = g_signal_connect (wait->active, "state-changed",
                                          G_CALLBACK (on_active_state_changed), wait);
  wait->running_handler = g_signal_connect (wait->client, "notify::nm-running",
                                            G_CALLBACK (on_client_notify_running), wait);
  wait->timeout = g_timeout_source_new_seconds (WAIT_S);
  g_source_set_callback (wait->timeout, on_wait_timeout, wait, NULL);
  g_source_attach (wait->timeout, g_task_get_context (task));
  if (!cancellable)
    return;
  wait->cancelled = g_cancellable_source_new (cancellable);
  g_source_set_callback (wait->cancelled, G_SOURCE_FUNC (on_wait_cancelled), wait, NULL);
  g_source_attach (wait->cancelled, g_task_get_context (task));
}

/* ---- raise ---- */

static void
volatile_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;
  g_autoptr (GVariant) answer
      = nm_remote_connection_update2_finish (NM_REMOTE_CONNECTION (source), result, &error);

  if (!answer)
    {
      fail_call (user_data, "make the profile one that goes with its use", error);
      return;
    }
  g_task_return_boolean (user_data, TRUE);
  g_object_unref (user_data);
}

static void
make_volatile (GTask *task)
{
  Call *call = g_task_get_task_data (task);

  nm_remote_connection_update2 (call->remote, NULL,
                                NM_SETTINGS_UPDATE2_FLAG_IN_MEMORY_ONLY
                                    | NM_SETTINGS_UPDATE2_FLAG_VOLATILE
                                    | NM_SETTINGS_UPDATE2_FLAG_NO_REAPPLY,
                                NULL, NULL, volatile_cb, task);
}

static void
activate_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;

  call->active = nm_client_activate_connection_finish (NM_CLIENT (source), result, &error);
  if (call->active)
    wait_for (task, NM_ACTIVE_CONNECTION_STATE_ACTIVATED, make_volatile);
  else
    fail_activation (task, N_ ("activate the tunnel"), error);
}

static void
add_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;

  call->remote = nm_client_add_connection2_finish (NM_CLIENT (source), result, NULL, &error);
  if (call->remote)
    nm_client_activate_connection_async (call->client, NM_CONNECTION (call->remote), NULL, NULL,
                                         NULL, activate_cb, task);
  else
    fail_call (task, N_ ("take the tunnel's profile"), error);
}

static void
add_to_memory (NMClient *client, NMConnection *profile, GAsyncReadyCallback callback, GTask *task)
{
  nm_client_add_connection2 (client, nm_connection_to_dbus (profile, NM_CONNECTION_SERIALIZE_ALL),
                             NM_SETTINGS_ADD_CONNECTION2_FLAG_IN_MEMORY
                                 | NM_SETTINGS_ADD_CONNECTION2_FLAG_BLOCK_AUTOCONNECT,
                             NULL, FALSE, NULL, callback, task);
}

void
funnel_nm_raise_async (NMClient *client,
                       NMConnection *profile,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task
      = new_call (client, profile, NULL, cancellable, callback, user_data, funnel_nm_raise_async);

  add_to_memory (client, profile, add_cb, task);
}

gboolean
funnel_nm_raise_finish (GAsyncResult *result, GError **error)
{
  return finish_call (result, funnel_nm_raise_async, error);
}

/* ---- raise bound to this client ---- */

static void
bound_is_active (GTask *task)
{
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
placeholder_deleted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  g_autoptr (GError) error = NULL;

  /* Left over, it would be found by its UUID the next time. */
  if (!nm_remote_connection_delete_finish (NM_REMOTE_CONNECTION (source), result, &error))
    g_debug ("Placeholder: %s", error->message);
  wait_for (task, NM_ACTIVE_CONNECTION_STATE_ACTIVATED, bound_is_active);
}

static void
activate_bound_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;

  call->active
      = nm_client_add_and_activate_connection2_finish (NM_CLIENT (source), result, NULL, &error);
  if (call->active)
    {
      nm_remote_connection_delete_async (call->remote, NULL, placeholder_deleted_cb, task);
      return;
    }
  nm_remote_connection_delete_async (call->remote, NULL, NULL, NULL);
  fail_activation (task, N_ ("activate the tunnel's guard"), error);
}

static void
add_placeholder_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Call *call = g_task_get_task_data (task);
  GVariantBuilder options;
  GError *error = NULL;

  call->remote = nm_client_add_connection2_finish (NM_CLIENT (source), result, NULL, &error);
  if (!call->remote)
    {
      fail_call (task, N_ ("take the profile of the tunnel's guard"), error);
      return;
    }
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "persist", g_variant_new_string ("volatile"));
  g_variant_builder_add (&options, "{sv}", "bind-activation", g_variant_new_string ("dbus-client"));
  nm_client_add_and_activate_connection2 (call->client, call->profile, NULL, NULL,
                                          g_variant_builder_end (&options), NULL, activate_bound_cb,
                                          task);
}

void
funnel_nm_raise_bound_async (NMClient *client,
                             NMConnection *profile,
                             const char *placeholder_uuid,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  GTask *task = new_call (client, profile, NULL, cancellable, callback, user_data,
                          funnel_nm_raise_bound_async);
  g_autoptr (NMConnection) placeholder = nm_simple_connection_new_clone (profile);

  g_object_set (nm_connection_get_setting_connection (placeholder), NM_SETTING_CONNECTION_ID,
                "Funnel (placeholder)", NM_SETTING_CONNECTION_UUID, placeholder_uuid, NULL);
  add_to_memory (client, placeholder, add_placeholder_cb, task);
}

gboolean
funnel_nm_raise_bound_finish (GAsyncResult *result, GError **error)
{
  return finish_call (result, funnel_nm_raise_bound_async, error);
}

/* ---- reapply ---- */

static void
reapply_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;

  if (!nm_device_reapply_finish (NM_DEVICE (source), result, &error))
    {
      fail_call (user_data, N_ ("change the tunnel's device"), error);
      return;
    }
  g_task_return_boolean (user_data, TRUE);
  g_object_unref (user_data);
}

void
funnel_nm_reapply_async (NMClient *client,
                         const char *interface,
                         NMConnection *profile,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr (GTask) task
      = new_call (client, profile, NULL, cancellable, callback, user_data, funnel_nm_reapply_async);
  NMDevice *device = nm_client_get_device_by_iface (client, interface);

  if (!device)
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                             N_ ("NetworkManager has no device %s"), interface);
  else
    nm_device_reapply_async (device, profile, 0, 0, NULL, reapply_cb, g_steal_pointer (&task));
}

gboolean
funnel_nm_reapply_finish (GAsyncResult *result, GError **error)
{
  return finish_call (result, funnel_nm_reapply_async, error);
}

/* ---- lower ---- */

static void
delete_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;

  /* A profile that goes with its use may have gone meanwhile. */
  if (!nm_remote_connection_delete_finish (NM_REMOTE_CONNECTION (source), result, &error)
      && nm_client_get_connection_by_uuid (call->client, call->uuid))
    {
      fail_call (task, N_ ("delete the tunnel's profile"), error);
      return;
    }
  g_clear_error (&error);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
delete_profile (GTask *task)
{
  Call *call = g_task_get_task_data (task);
  NMRemoteConnection *remote = nm_client_get_connection_by_uuid (call->client, call->uuid);

  if (remote)
    nm_remote_connection_delete_async (remote, NULL, delete_cb, task);
  else
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
    }
}

static void
deactivate_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  GError *error = NULL;

  if (nm_client_deactivate_connection_finish (NM_CLIENT (source), result, &error)
      || g_error_matches (error, NM_MANAGER_ERROR, NM_MANAGER_ERROR_CONNECTION_NOT_ACTIVE))
    {
      g_clear_error (&error);
      wait_for (task, NM_ACTIVE_CONNECTION_STATE_DEACTIVATED, delete_profile);
    }
  else
    fail_call (task, N_ ("deactivate the tunnel"), error);
}

void
funnel_nm_lower_async (NMClient *client,
                       const char *uuid,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task
      = new_call (client, NULL, uuid, cancellable, callback, user_data, funnel_nm_lower_async);
  Call *call = g_task_get_task_data (task);
  NMActiveConnection *active = funnel_nm_find_active (client, uuid);

  if (!active)
    {
      delete_profile (task);
      return;
    }
  call->active = g_object_ref (active);
  nm_client_deactivate_connection_async (client, active, NULL, deactivate_cb, task);
}

gboolean
funnel_nm_lower_finish (GAsyncResult *result, GError **error)
{
  return finish_call (result, funnel_nm_lower_async, error);
}

/* ---- orphans ---- */

static gboolean
has_key (NMDevice *device, const char *public_key)
{
  GBytes *bytes = NM_IS_DEVICE_WIREGUARD (device)
                      ? nm_device_wireguard_get_public_key (NM_DEVICE_WIREGUARD (device))
                      : NULL;
  g_autofree char *text
      = bytes ? g_base64_encode (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)) : NULL;

  return g_strcmp0 (text, public_key) == 0;
}

GPtrArray *
funnel_nm_find_orphans (NMClient *client, const char *public_key, const char *const *interfaces)
{
  const GPtrArray *all = nm_client_get_devices (client);
  GPtrArray *orphans = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; all && i < all->len; i++)
    {
      NMDevice *device = g_ptr_array_index (all, i);
      const char *interface = nm_device_get_iface (device);

      if (nm_device_is_real (device) && !nm_device_get_active_connection (device)
          && (has_key (device, public_key)
              || (interface && interfaces && g_strv_contains (interfaces, interface))))
        g_ptr_array_add (orphans, g_object_ref (device));
    }
  return orphans;
}

static void
device_deleted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  guint *left = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (nm_device_delete_finish (NM_DEVICE (source), result, &error))
    g_message ("Deleted the device %s, which NetworkManager had let go",
               nm_device_get_iface (NM_DEVICE (source)));
  else
    g_debug ("NetworkManager: %s", error->message);
  if (--*left == 0)
    g_task_return_boolean (task, TRUE);
}

void
funnel_nm_delete_devices_async (NMClient *client,
                                const GPtrArray *devices,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  guint *left = g_new (guint, 1);

  *left = devices->len;
  g_task_set_task_data (task, left, g_free);
  g_task_set_source_tag (task, funnel_nm_delete_devices_async);
  for (guint i = 0; i < devices->len; i++)
    nm_device_delete_async (g_ptr_array_index (devices, i), NULL, device_deleted_cb,
                            g_object_ref (task));
  if (devices->len == 0)
    g_task_return_boolean (task, TRUE);
}

gboolean
funnel_nm_delete_devices_finish (GAsyncResult *result, GError **error)
{
  return finish_call (result, funnel_nm_delete_devices_async, error);
}

/* ---- await a profile ---- */

typedef struct
{
  NMClient *client;
  char *uuid;
  char *other;
  gulong handler;
  GSource *timeout;
  GSource *cancelled;
} Awaited;

static void
awaited_free (Awaited *awaited)
{
  g_object_unref (awaited->client);
  g_free (awaited->uuid);
  g_free (awaited->other);
  g_free (awaited);
}

static gboolean
is_there (const Awaited *awaited)
{
  return nm_client_get_connection_by_uuid (awaited->client, awaited->uuid)
         || nm_client_get_connection_by_uuid (awaited->client, awaited->other);
}

static void
end_awaited (GTask *owned)
{
  g_autoptr (GTask) task = owned;
  Awaited *awaited = g_task_get_task_data (task);

  g_clear_signal_handler (&awaited->handler, awaited->client);
  clear_source (&awaited->timeout);
  clear_source (&awaited->cancelled);
  if (!g_task_return_error_if_cancelled (task))
    g_task_return_boolean (task, TRUE);
}

static void
on_client_connection_added (NMClient *client, NMRemoteConnection *remote, GTask *task)
{
  Awaited *awaited = g_task_get_task_data (task);

  if (is_there (awaited))
    end_awaited (task);
}

static gboolean
on_awaited_timeout (gpointer user_data)
{
  end_awaited (user_data);
  return G_SOURCE_REMOVE;
}

static gboolean
on_awaited_cancelled (GCancellable *cancellable, gpointer user_data)
{
  end_awaited (user_data);
  return G_SOURCE_REMOVE;
}

void
funnel_nm_await_profile_async (NMClient *client,
                               const char *uuid,
                               const char *other,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Awaited *awaited = g_new0 (Awaited, 1);

  awaited->client = g_object_ref (client);
  awaited->uuid = g_strdup (uuid);
  awaited->other = g_strdup (other);
  g_task_set_task_data (task, awaited, (GDestroyNotify)awaited_free);
  g_task_set_source_tag (task, funnel_nm_await_profile_async);
  if (is_there (awaited))
    {
      end_awaited (task);
      return;
    }
  awaited->handler = g_signal_connect (client, "connection-added",
                                       G_CALLBACK (on_client_connection_added), task);
  awaited->timeout = g_timeout_source_new_seconds (WAIT_S);
  g_source_set_callback (awaited->timeout, on_awaited_timeout, task, NULL);
  g_source_attach (awaited->timeout, g_task_get_context (task));
  if (!cancellable)
    return;
  awaited->cancelled = g_cancellable_source_new (cancellable);
  g_source_set_callback (awaited->cancelled, G_SOURCE_FUNC (on_awaited_cancelled), task, NULL);
  g_source_attach (awaited->cancelled, g_task_get_context (task));
}

gboolean
funnel_nm_await_profile_finish (GAsyncResult *result, GError **error)
{
  return finish_call (result, funnel_nm_await_profile_async, error);
}

NMActiveConnection *
funnel_nm_find_active (NMClient *client, const char *uuid)
{
  const GPtrArray *all = nm_client_get_active_connections (client);

  for (guint i = 0; all && i < all->len; i++)
    {
      NMActiveConnection *active = g_ptr_array_index (all, i);

      if (g_strcmp0 (nm_active_connection_get_uuid (active), uuid) == 0
          && nm_active_connection_get_state (active) != NM_ACTIVE_CONNECTION_STATE_DEACTIVATED)
        return active;
    }
  return NULL;
}

gboolean
funnel_nm_is_known (NMClient *client, const char *uuid)
{
  return nm_client_get_connection_by_uuid (client, uuid) || funnel_nm_find_active (client, uuid);
}
