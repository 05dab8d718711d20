/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The order is from what costs nothing to what needs a conversation. Permissions are asked for
 * afresh each time: they follow the user's sessions. */

#include "lib/tunnel/networkmanager-probe.h"

#include "lib/base/error.h"
#include "lib/base/system-bus.h"
#include "lib/tunnel/kernel-view.h"
#include "lib/tunnel/networkmanager-calls.h"
#include "lib/tunnel/networkmanager-verify.h"

#include <glib/gi18n.h>
#include <net/if.h>
#include <stdio.h>

#define ANSWER_MS 25000 /* polkit is asked about everything NetworkManager can do */
#define MAJOR 1
#define MINOR 42
#define PERMISSION_PREFIX "org.freedesktop.NetworkManager."

static const char *const permissions_needed[] = {"network-control", "settings.modify.own"};

static gboolean G_GNUC_PRINTF (2, 3) refuse (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_propagate_error (
      error, g_error_new_valist (FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED, format, arguments));
  va_end (arguments);
  return FALSE;
}

gboolean
funnel_nm_judge_permissions (GVariant *permissions, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (permissions_needed); i++)
    {
      g_autofree char *name = g_strconcat (PERMISSION_PREFIX, permissions_needed[i], NULL);
      const char *answer = "";

      g_variant_lookup (permissions, name, "&s", &answer);
      if (g_str_equal (answer, "yes"))
        continue;
      if (g_str_equal (answer, "auth"))
        return refuse (
            error,
            N_ ("polkit would ask for a password (%s), because this user has no local "
                "session: log in at the machine itself, or install Funnel's polkit rule "
                "and have an administrator type: sudo groupadd -f funnel; sudo usermod -aG "
                "funnel %s"),
            permissions_needed[i], g_get_user_name ());
      return refuse (error, N_ ("polkit does not allow it (%s): ask the machine's administrator"),
                     permissions_needed[i]);
    }
  return TRUE;
}

gboolean
funnel_nm_judge_version (const char *version, GError **error)
{
  int major = 0, minor = 0;

  if (version && sscanf (version, "%d.%d", &major, &minor) == 2
      && (major > MAJOR || (major == MAJOR && minor >= MINOR)))
    return TRUE;
  return refuse (error, N_ ("NetworkManager %s is too old: %d.%d or later is needed"),
                 version ? version : N_ ("of unknown version"), MAJOR, MINOR);
}

/* A guard is no use, be it left over, on its way out, or another user's. */
gboolean
funnel_nm_judge_address (const char *peer, GError **error)
{
  return funnel_kernel_view_is_routed (peer, FUNNEL_NM_GUARD_PREFIX) != 1
         || refuse (error,
                    N_ ("this machine already uses the ingress's tunnel address %s for something "
                        "else (ip route get %s)"),
                    peer, peer);
}

/* A daemon in a network namespace of its own may still reach the machine's bus. One device that is
 * not here says nothing: it may have been taken away this moment. */
static gboolean
is_same_namespace (NMClient *client)
{
  const GPtrArray *devices = nm_client_get_devices (client);
  guint here = 0, missing = 0;

  for (guint i = 0; devices && i < devices->len; i++)
    {
      NMDevice *device = g_ptr_array_index (devices, i);
      const char *interface = nm_device_get_iface (device);

      if (!interface || g_str_equal (interface, "lo")
          || nm_device_get_state (device) != NM_DEVICE_STATE_ACTIVATED)
        continue;
      if (if_nametoindex (interface) != 0)
        here++;
      else
        missing++;
    }
  return missing <= here;
}

static gboolean
judge_client (NMClient *client, GError **error)
{
  if (!nm_client_get_nm_running (client))
    return refuse (error, N_ ("NetworkManager is not running"));
  if (!funnel_nm_judge_version (nm_client_get_version (client), error))
    return FALSE;
  if (!nm_client_networking_get_enabled (client))
    return refuse (error, N_ ("networking is switched off in NetworkManager: nmcli networking on"));
  return is_same_namespace (client)
         || refuse (error, N_ ("NetworkManager manages another network namespace than this one"));
}

static gboolean
judge_kernel (GError **error)
{
  static const char *const modules[] = {"wireguard", "vrf"};

  for (guint i = 0; i < G_N_ELEMENTS (modules); i++)
    if (!funnel_kernel_view_has_module (modules[i]))
      return refuse (error, N_ ("this kernel has no %s module"), modules[i]);
  return funnel_nm_verify_settings (error);
}

/* ---- asking ---- */

typedef struct
{
  NMClient *client;
  char *peer; /* the ingress's address in the tunnel */
} Probe;

static void
probe_free (Probe *probe)
{
  g_clear_object (&probe->client);
  g_free (probe->peer);
  g_free (probe);
}

/* Takes @error. */
static void
permissions_failed (GTask *task, GError *error)
{
  gboolean denied = g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED);

  g_dbus_error_strip_remote_error (error);
  g_task_return_new_error (task, FUNNEL_ERROR,
                           denied ? FUNNEL_ERROR_UNSUPPORTED : FUNNEL_ERROR_UNREACHABLE,
                           denied ? N_ ("the system bus does not let this user talk to "
                                        "NetworkManager (%s): ask the machine's administrator")
                                  : N_ ("NetworkManager does not tell what this user may do: %s"),
                           error->message);
  g_error_free (error);
}

static void
permissions_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Probe *probe = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GVariant) answer
      = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) permissions = answer ? g_variant_get_child_value (answer, 0) : NULL;

  if (answer && nm_client_get_version (probe->client) == NULL
      && nm_client_get_nm_running (probe->client))
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                             N_ ("NetworkManager does not tell its version"));
  else if (answer && judge_client (probe->client, &error)
           && funnel_nm_judge_permissions (permissions, &error)
           && funnel_nm_judge_address (probe->peer, &error))
    g_task_return_pointer (task, g_object_ref (probe->client), g_object_unref);
  else if (answer || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_task_return_error (task, error);
  else
    permissions_failed (task, error);
}

static void
ask_permissions (GTask *owned)
{
  g_autoptr (GTask) task = owned;
  NMClient *client = ((const Probe *)g_task_get_task_data (task))->client;
  GCancellable *cancellable = g_task_get_cancellable (task);
  GError *error = NULL;

  /* To whom the bus gives no answer, or too late, NetworkManager runs and has no version: then it
   * is asked on, for the bus's words. */
  if (nm_client_get_version (client) == NULL && nm_client_get_nm_running (client))
    g_debug ("NetworkManager tells this user nothing");
  else if (!judge_client (client, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  g_dbus_connection_call (nm_client_get_dbus_connection (client), NM_DBUS_SERVICE, NM_DBUS_PATH,
                          NM_DBUS_INTERFACE, "GetPermissions", NULL, G_VARIANT_TYPE ("(a{ss})"),
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, ANSWER_MS, cancellable, permissions_cb,
                          g_steal_pointer (&task));
}

/* Takes @error. */
static void
bus_failed (GTask *task, GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_task_return_error (task, error);
      return;
    }
  g_dbus_error_strip_remote_error (error);
  g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
                           N_ ("the system bus cannot be used: %s"), error->message);
  g_error_free (error);
}

static void
client_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GObject *client = g_async_initable_new_finish (G_ASYNC_INITABLE (source), result, &error);

  if (client)
    {
      ((Probe *)g_task_get_task_data (task))->client = NM_CLIENT (client);
      ask_permissions (g_steal_pointer (&task));
    }
  else
    bus_failed (task, error);
}

static void
bus_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GCancellable *cancellable = g_task_get_cancellable (task);
  GError *error = NULL;
  g_autoptr (GDBusConnection) bus = funnel_system_bus_finish (result, &error);

  if (bus)
    g_async_initable_new_async (NM_TYPE_CLIENT, G_PRIORITY_DEFAULT, cancellable, client_cb,
                                g_steal_pointer (&task), NM_CLIENT_DBUS_CONNECTION, bus,
                                NM_CLIENT_INSTANCE_FLAGS,
                                (guint)NM_CLIENT_INSTANCE_FLAGS_NO_AUTO_FETCH_PERMISSIONS, NULL);
  else
    bus_failed (task, error);
}

void
funnel_nm_probe_async (NMClient *client,
                       const FunnelTunnelConfig *config,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Probe *probe = g_new0 (Probe, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, funnel_nm_probe_async);
  probe->client = client ? g_object_ref (client) : NULL;
  probe->peer = g_strdup (config->peer_address);
  g_task_set_task_data (task, probe, (GDestroyNotify)probe_free);
  if (!judge_kernel (&error))
    g_task_return_error (task, error);
  else if (client)
    ask_permissions (g_steal_pointer (&task));
  else
    funnel_system_bus_connect_async (cancellable, bus_cb, g_steal_pointer (&task));
}

NMClient *
funnel_nm_probe_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_nm_probe_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
