/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * NetworkManager creates a WireGuard device outside its VRF, and takes it out of the VRF before it
 * removes it; in a VRF whose table knows no route, the kernel goes on to the main table. Three
 * things together close that, without any privilege:
 *
 *  - the peer comes last and goes first: a WireGuard device without peers takes no packet;
 *  - the VRF's table ends in an unreachable default route;
 *  - the guard, for everything that does not happen in this order (the user switches the profile
 *    off, logs out, the VRF is deleted): see funnel_nm_guard_profile. It is up before anything else
 *    and goes last, and is bound to this process's bus connection, so that a logout does not take
 * it first.
 *
 * If this process is killed the guard goes, and VRF and WireGuard stay as they were: isolated. The
 * next run raises its guard and then takes them away.
 *
 * Each operation is a table of steps (networkmanager-steps.h). Everything is found by UUID when it
 * is to be taken away, so it does not matter who put it there. */

#include "lib/tunnel/networkmanager-path.h"

#include "lib/base/error.h"
#include "lib/base/wg-key.h"
#include "lib/tunnel/kernel-view.h"
#include "lib/tunnel/kernel-watch.h"
#include "lib/tunnel/networkmanager-calls.h"
#include "lib/tunnel/networkmanager-probe.h"
#include "lib/tunnel/networkmanager-profiles.h"
#include "lib/tunnel/networkmanager-steps.h"
#include "lib/tunnel/networkmanager-verify.h"

#include <glib/gi18n.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#define ANSWER_MS 25000
#define GONE_S 10 /* for a device to be removed, once nobody uses it */

struct _FunnelNmPath
{
  GObject parent_instance;
  NMClient *client;
  FunnelTunnelConfig *config;
  FunnelNmPlan *plan;
  FunnelEndpoint *endpoint;
  guint ends;            /* subscription: how VRF and WireGuard end */
  gboolean switched_off; /* so far as heard */
};

G_DEFINE_FINAL_TYPE (FunnelNmPath, funnel_nm_path, G_TYPE_OBJECT)

/* ---- what is free ---- */

static gboolean
name_is_taken (const char *name, gpointer user_data)
{
  FunnelNmPath *self = user_data;
  const GPtrArray *profiles = nm_client_get_connections (self->client);

  if (if_nametoindex (name) != 0)
    return TRUE;
  for (guint i = 0; profiles && i < profiles->len; i++)
    if (g_strcmp0 (nm_connection_get_interface_name (g_ptr_array_index (profiles, i)), name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
address_is_taken (const char *text, gpointer user_data)
{
  g_autoptr (GInetAddress) wanted = g_inet_address_new_from_string (text);
  struct ifaddrs *all = NULL;
  gboolean taken = FALSE;

  if (getifaddrs (&all) < 0)
    return FALSE;
  for (struct ifaddrs *i = all; i && !taken; i = i->ifa_next)
    taken = i->ifa_addr && i->ifa_addr->sa_family == AF_INET
            && memcmp (&((struct sockaddr_in *)i->ifa_addr)->sin_addr,
                       g_inet_address_to_bytes (wanted), sizeof (struct in_addr))
                   == 0;
  freeifaddrs (all);
  return taken;
}

static gboolean
is_known (FunnelNmPath *self, FunnelNmRole role)
{
  return funnel_nm_is_known (self->client, self->plan->uuid[role]);
}

/* ---- steps of going up ---- */

/* The end of a look-up; takes the step. */
static void
resolve_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;

  funnel_endpoint_resolve_finish (result, &error);
  funnel_nm_step_end (user_data, error);
}

static void
resolve (FunnelNmPath *self, GTask *step)
{
  funnel_endpoint_resolve_async (self->endpoint, g_task_get_cancellable (step), resolve_cb, step);
}

static void
lower_placeholder (FunnelNmPath *self, GTask *step)
{
  funnel_nm_lower_async (self->client, self->plan->uuid[FUNNEL_NM_PLACEHOLDER],
                         g_task_get_cancellable (step), funnel_nm_step_call_cb, step);
}

/* Of two guards, the one that is not the newest. */
static FunnelNmRole
get_other_guard (FunnelNmPath *self)
{
  return self->plan->guard == FUNNEL_NM_GUARD ? FUNNEL_NM_GUARD_OTHER : FUNNEL_NM_GUARD;
}

/* Both are there only when an earlier run was killed while it renewed its guard. */
static void
make_room_for_guard (FunnelNmPath *self, GTask *step)
{
  if (is_known (self, FUNNEL_NM_GUARD) && is_known (self, FUNNEL_NM_GUARD_OTHER))
    funnel_nm_lower_async (self->client, self->plan->uuid[get_other_guard (self)],
                           g_task_get_cancellable (step), funnel_nm_step_call_cb, step);
  else
    funnel_nm_step_end (step, NULL);
}

static void
raise_guard (FunnelNmPath *self, GTask *step)
{
  FunnelNmRole role = is_known (self, FUNNEL_NM_GUARD) ? FUNNEL_NM_GUARD_OTHER : FUNNEL_NM_GUARD;
  g_autoptr (NMConnection) profile = NULL;
  GError *error = NULL;

  if (!funnel_nm_judge_address (self->config->peer_address, &error)
      || !funnel_nm_plan_choose_guard (self->plan, role, name_is_taken, address_is_taken, self,
                                       &error))
    {
      funnel_nm_step_end (step, error);
      return;
    }
  profile = funnel_nm_guard_profile (self->plan, self->config);
  funnel_nm_raise_bound_async (self->client, profile, self->plan->uuid[FUNNEL_NM_PLACEHOLDER],
                               g_task_get_cancellable (step), funnel_nm_step_call_cb, step);
}

/* Before that, the old guard would be taken for somebody else's. */
static void
await_guard (FunnelNmPath *self, GTask *step)
{
  funnel_nm_await_profile_async (self->client, self->plan->uuid[FUNNEL_NM_GUARD],
                                 self->plan->uuid[FUNNEL_NM_GUARD_OTHER],
                                 g_task_get_cancellable (step), funnel_nm_step_call_cb, step);
}

static void
check_guard (FunnelNmPath *self, GTask *step)
{
  GError *error = NULL;

  if (if_nametoindex (self->plan->guard_interface) == 0)
    error = g_error_new (FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
                         N_ ("NetworkManager manages another network namespace than this one"));
  else
    funnel_nm_verify_guard (self->config->peer_address, &error);
  funnel_nm_step_end (step, error);
}

static void
raise_vrf (FunnelNmPath *self, GTask *step)
{
  g_autoptr (NMConnection) profile = NULL;
  GError *error = NULL;

  if (!funnel_nm_plan_choose_path (self->plan, name_is_taken, funnel_kernel_view_table_is_used,
                                   self, &error))
    {
      funnel_nm_step_end (step, error);
      return;
    }
  profile = funnel_nm_vrf_profile (self->plan);
  funnel_nm_raise_async (self->client, profile, g_task_get_cancellable (step),
                         funnel_nm_step_call_cb, step);
}

static void
set_mtu (FunnelNmPath *self)
{
  funnel_nm_plan_set_path_mtu (self->plan, funnel_endpoint_get_path_mtu (self->endpoint),
                               funnel_endpoint_is_v6 (self->endpoint));
}

static void
raise_wireguard (FunnelNmPath *self, GTask *step)
{
  g_autoptr (NMConnection) profile = NULL;
  GError *error = NULL;

  funnel_nm_plan_set_device_mtu (self->plan, funnel_endpoint_get_path_mtu (self->endpoint),
                                 funnel_endpoint_is_v6 (self->endpoint));
  set_mtu (self);
  profile = funnel_nm_wireguard_profile (self->plan, self->config, NULL, &error);
  if (profile)
    funnel_nm_raise_async (self->client, profile, g_task_get_cancellable (step),
                           funnel_nm_step_call_cb, step);
  else
    funnel_nm_step_end (step, error);
}

static gboolean
is_of_path (FunnelNmPath *self, const char *object_path)
{
  NMDevice *device = nm_client_get_device_by_path (self->client, object_path);
  const char *interface = device ? nm_device_get_iface (device) : NULL;

  return interface
         && (g_str_equal (interface, self->plan->vrf_interface)
             || g_str_equal (interface, self->plan->wireguard_interface));
}

/* A device's way out is told in steps, and only the first has the true reason: a logout, a sleep or
 * a deleted profile end in "user requested" as well. libnm tells the last step alone. */
static void
on_device_state_changed (GDBusConnection *bus,
                         const char *sender,
                         const char *path,
                         const char *interface,
                         const char *signal,
                         GVariant *parameters,
                         gpointer user_data)
{
  FunnelNmPath *self = user_data;
  guint32 state = 0, before = 0, reason = 0;

  if (!is_of_path (self, path) || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(uuu)")))
    return;
  g_variant_get (parameters, "(uuu)", &state, &before, &reason);
  if (before == NM_DEVICE_STATE_ACTIVATED && reason == NM_DEVICE_STATE_REASON_USER_REQUESTED)
    self->switched_off = TRUE;
}

static void
stop_hearing (FunnelNmPath *self)
{
  GDBusConnection *bus = nm_client_get_dbus_connection (self->client);

  if (bus && self->ends)
    g_dbus_connection_signal_unsubscribe (bus, self->ends);
  self->ends = 0;
}

/* Of all devices: after a restart of NetworkManager ours have other paths. */
static void
hear_ends (FunnelNmPath *self)
{
  GDBusConnection *bus = nm_client_get_dbus_connection (self->client);

  stop_hearing (self);
  self->switched_off = FALSE;
  if (bus)
    self->ends = g_dbus_connection_signal_subscribe (
        bus, NM_DBUS_SERVICE, NM_DBUS_INTERFACE_DEVICE, "StateChanged", NULL, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_device_state_changed, self, NULL);
}

static void
check_path (FunnelNmPath *self, GTask *step)
{
  GError *error = NULL;

  hear_ends (self);
  funnel_nm_verify (self->plan, self->config->peer_address, NULL, &error);
  funnel_nm_step_end (step, error);
}

/* With its peer, where that is. */
static NMConnection *
new_wireguard_profile (FunnelNmPath *self, GError **error)
{
  g_autofree char *endpoint = funnel_endpoint_dup_text (self->endpoint);

  if (endpoint)
    return funnel_nm_wireguard_profile (self->plan, self->config, endpoint, error);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
               N_ ("The ingress's name has no address"));
  return NULL;
}

static void
give_peer_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) step = user_data;
  FunnelNmPath *self = g_task_get_source_object (step);
  GError *error = NULL;

  if (funnel_nm_reapply_finish (result, &error))
    {
      g_task_return_boolean (step, TRUE);
      return;
    }
  self->plan->mtu = GPOINTER_TO_UINT (g_task_get_task_data (step));
  g_task_return_error (step, error);
}

static void
give_peer (FunnelNmPath *self, GTask *step)
{
  g_autoptr (NMConnection) profile = NULL;
  GError *error = NULL;

  g_task_set_task_data (step, GUINT_TO_POINTER (self->plan->mtu), NULL);
  set_mtu (self);
  profile = new_wireguard_profile (self, &error);
  if (profile)
    funnel_nm_reapply_async (self->client, self->plan->wireguard_interface, profile,
                             g_task_get_cancellable (step), give_peer_cb, step);
  else
    funnel_nm_step_end (step, error);
}

/* ---- steps of going down ---- */

static void
version_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GVariant) answer
      = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);

  funnel_nm_step_end (user_data, NULL);
}

/* What NetworkManager said before it answers has arrived when it has answered; so it is asked
 * anything at all. */
static void
hear_out (FunnelNmPath *self, GTask *step)
{
  GDBusConnection *bus = nm_client_get_dbus_connection (self->client);

  if (bus && nm_client_get_nm_running (self->client))
    g_dbus_connection_call (bus, NM_DBUS_SERVICE, NM_DBUS_PATH, "org.freedesktop.DBus.Properties",
                            "Get", g_variant_new ("(ss)", NM_DBUS_INTERFACE, "Version"), NULL,
                            G_DBUS_CALL_FLAGS_NO_AUTO_START, ANSWER_MS, NULL, version_cb, step);
  else
    funnel_nm_step_end (step, NULL);
}

/* What follows ends by our own wish. */
static void
hear_no_more (FunnelNmPath *self, GTask *step)
{
  stop_hearing (self);
  funnel_nm_step_end (step, NULL);
}

/* WireGuard of our own run or an earlier one, without peers: the profile is asked for, not
 * remembered. It comes without its key. NULL when there is none. */
static NMConnection *
get_wireguard (FunnelNmPath *self)
{
  NMActiveConnection *active
      = funnel_nm_find_active (self->client, self->plan->uuid[FUNNEL_NM_WIREGUARD]);
  NMRemoteConnection *remote = active ? nm_active_connection_get_connection (active) : NULL;
  g_autoptr (NMConnection) profile = NULL;
  NMSetting *wireguard = NULL;

  if (!remote)
    return NULL;
  profile = nm_simple_connection_new_clone (NM_CONNECTION (remote));
  wireguard = nm_connection_get_setting (profile, NM_TYPE_SETTING_WIREGUARD);
  if (!wireguard)
    return NULL;
  nm_setting_wireguard_clear_peers (NM_SETTING_WIREGUARD (wireguard));
  g_object_set (wireguard, NM_SETTING_WIREGUARD_PRIVATE_KEY, self->config->private_key, NULL);
  return g_steal_pointer (&profile);
}

/* Fine when there is nothing to apply it to. */
static void
try_reapply (FunnelNmPath *self, NMConnection *profile, GTask *step)
{
  if (profile)
    funnel_nm_reapply_async (self->client, nm_connection_get_interface_name (profile), profile,
                             g_task_get_cancellable (step), funnel_nm_step_try_cb, step);
  else
    funnel_nm_step_end (step, NULL);
}

/* NetworkManager takes away only a peer that it has given itself since it was started. */
static void
remind_peer (FunnelNmPath *self, GTask *step)
{
  g_autoptr (NMConnection) profile = get_wireguard (self);
  g_autoptr (GError) error = NULL;

  if (profile && !funnel_nm_add_peer (profile, self->config, NULL, &error))
    g_debug ("NetworkManager: %s", error->message);
  try_reapply (self, profile, step);
}

static void
take_peer (FunnelNmPath *self, GTask *step)
{
  g_autoptr (NMConnection) profile = get_wireguard (self);

  try_reapply (self, profile, step);
}

static void
lower (FunnelNmPath *self, FunnelNmRole role, GTask *step)
{
  funnel_nm_lower_async (self->client, self->plan->uuid[role], g_task_get_cancellable (step),
                         funnel_nm_step_call_cb, step);
}

static void
lower_wireguard (FunnelNmPath *self, GTask *step)
{
  lower (self, FUNNEL_NM_WIREGUARD, step);
}

static void
lower_vrf (FunnelNmPath *self, GTask *step)
{
  lower (self, FUNNEL_NM_VRF, step);
}

static void
lower_other_guard (FunnelNmPath *self, GTask *step)
{
  lower (self, get_other_guard (self), step);
}

static void
delete_orphans (FunnelNmPath *self, const char *const *interfaces, GTask *step)
{
  g_autofree char *public_key = funnel_wg_key_public (self->config->private_key, NULL);
  g_autoptr (GPtrArray) orphans = funnel_nm_find_orphans (self->client, public_key, interfaces);

  funnel_nm_delete_devices_async (self->client, orphans, g_task_get_cancellable (step),
                                  funnel_nm_step_call_cb, step);
}

/* Outside its VRF WireGuard is to be no more, at once and whatever else is under way: the guard may
 * have gone, too. */
static void
delete_astray (FunnelNmPath *self, GTask *step)
{
  const char *interface = self->plan->wireguard_interface;
  NMDevice *device = nm_client_get_device_by_iface (self->client, interface);
  g_autofree char *master = funnel_kernel_view_master (interface);
  g_autoptr (GPtrArray) astray = g_ptr_array_new ();

  if (device && g_strcmp0 (master, self->plan->vrf_interface) != 0)
    g_ptr_array_add (astray, device);
  funnel_nm_delete_devices_async (self->client, astray, g_task_get_cancellable (step),
                                  funnel_nm_step_call_cb, step);
}

/* Nothing that has our key may be left to itself, with its peer and outside its VRF. */
static void
delete_wireguard (FunnelNmPath *self, GTask *step)
{
  delete_orphans (self, NULL, step);
}

static void
delete_rest (FunnelNmPath *self, GTask *step)
{
  delete_orphans (
      self, (const char *[]) {self->plan->vrf_interface, self->plan->guard_interface, NULL}, step);
}

static gboolean
has_wireguard (FunnelNmPath *self)
{
  return is_known (self, FUNNEL_NM_WIREGUARD)
         || (self->plan->wireguard_interface[0] != '\0'
             && if_nametoindex (self->plan->wireguard_interface) != 0);
}

typedef struct
{
  FunnelKernelWatch *watch;
  guint timeout;
} Await;

static void
await_free (Await *await)
{
  g_clear_pointer (&await->watch, funnel_kernel_watch_free);
  g_clear_handle_id (&await->timeout, g_source_remove);
  g_free (await);
}

static void
on_await_changed (gpointer user_data)
{
  GTask *step = user_data;

  if (has_wireguard (g_task_get_source_object (step)))
    return;
  g_task_set_task_data (step, NULL, NULL);
  funnel_nm_step_end (step, NULL);
}

static gboolean
on_await_timeout (gpointer user_data)
{
  GTask *step = user_data;

  ((Await *)g_task_get_task_data (step))->timeout = 0;
  g_task_set_task_data (step, NULL, NULL);
  funnel_nm_step_end (step, g_error_new (FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
                                         N_ ("the tunnel's WireGuard device does not go away")));
  return G_SOURCE_REMOVE;
}

/* NetworkManager calls a connection deactivated before it removes the device. */
static void
await_no_wireguard (FunnelNmPath *self, GTask *step)
{
  Await *await = NULL;

  if (!has_wireguard (self))
    {
      funnel_nm_step_end (step, NULL);
      return;
    }
  await = g_new0 (Await, 1);
  await->watch = funnel_kernel_watch_new (on_await_changed, step);
  await->timeout = g_timeout_add_seconds (GONE_S, on_await_timeout, step);
  g_task_set_task_data (step, await, (GDestroyNotify)await_free);
  on_await_changed (step);
}

/* A user who has logged out may not even take away what is his; but it goes with the bus connection
 * it is bound to. */
static void
lower_guard_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) step = user_data;
  FunnelNmPath *self = g_task_get_source_object (step);
  GDBusConnection *bus = nm_client_get_dbus_connection (self->client);
  g_autoptr (GError) error = NULL;

  if (!funnel_nm_lower_finish (result, &error))
    {
      g_debug ("NetworkManager: %s", error->message);
      g_dbus_connection_close (bus, NULL, NULL, NULL);
    }
  g_task_return_boolean (step, TRUE);
}

static void
lower_guard (FunnelNmPath *self, GTask *step)
{
  if (!has_wireguard (self))
    {
      funnel_nm_lower_async (self->client, self->plan->uuid[self->plan->guard], NULL,
                             lower_guard_cb, step);
      return;
    }
  /* Never closed: the guard must stay as long as the process does, or until a later run of it has
   * put another in its place. */
  g_object_ref (nm_client_get_dbus_connection (self->client));
  funnel_nm_step_end (
      step, g_error_new (FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
                         N_ ("the tunnel's WireGuard device could not be taken away, so its "
                             "guard stays")));
}

static void
give_peer_with_new_mtu (FunnelNmPath *self, GTask *step)
{
  guint path_mtu = funnel_endpoint_get_path_mtu (self->endpoint);

  if (funnel_nm_plan_has_path_mtu (self->plan, path_mtu, funnel_endpoint_is_v6 (self->endpoint)))
    funnel_nm_step_end (step, NULL);
  else
    give_peer (self, step);
}

/* To a device that has it, so that NetworkManager knows. */
static void
give_peer_again (FunnelNmPath *self, GTask *step)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (NMConnection) profile = new_wireguard_profile (self, &error);

  try_reapply (self, profile, step);
}

/* ---- operations ---- */

/* clang-format off */
static const FunnelNmStep up_steps[] = {
    {delete_wireguard, TRUE},
    {lower_placeholder, TRUE},
    {make_room_for_guard, FALSE},
    {resolve, FALSE},
    {raise_guard, FALSE},
    {check_guard, FALSE},
    /* leftovers */
    {remind_peer, TRUE},
    {take_peer, TRUE},
    {lower_wireguard, FALSE},
    {lower_vrf, FALSE},
    {lower_other_guard, FALSE},
    /* the tunnel */
    {raise_vrf, FALSE},
    {raise_wireguard, FALSE},
    {check_path, FALSE},
    {give_peer, FALSE},
    {NULL, FALSE},
};

static const FunnelNmStep down_steps[] = {
    {hear_out, TRUE},
    {hear_no_more, TRUE},
    /* WireGuard */
    {delete_astray, TRUE},
    {remind_peer, TRUE},
    {take_peer, TRUE},
    {lower_wireguard, TRUE},
    {delete_wireguard, TRUE},
    {await_no_wireguard, TRUE},
    /* what kept it apart */
    {lower_vrf, TRUE},
    {lower_placeholder, TRUE},
    {lower_guard, FALSE},
    {lower_other_guard, TRUE},
    {delete_rest, TRUE},
    {NULL, FALSE},
};

static const FunnelNmStep refresh_steps[] = {
    /* Without an answer the addresses known from before are as good as any. */
    {resolve, TRUE},
    {take_peer, FALSE},
    {give_peer, FALSE},
    {NULL, FALSE},
};

static const FunnelNmStep adapt_steps[] = {
    {give_peer_with_new_mtu, FALSE},
    {NULL, FALSE},
};

static const FunnelNmStep renew_guard_steps[] = {
    {await_guard, FALSE},
    {lower_placeholder, TRUE},
    {make_room_for_guard, FALSE},
    {raise_guard, FALSE},
    {check_guard, FALSE},
    {lower_other_guard, FALSE},
    {give_peer_again, FALSE},
    {NULL, FALSE},
};
/* clang-format on */

void
funnel_nm_path_up_async (FunnelNmPath *self,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  funnel_nm_steps_run_async (self, up_steps, cancellable, callback, user_data);
}

void
funnel_nm_path_down_async (FunnelNmPath *self,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  funnel_nm_steps_run_async (self, down_steps, cancellable, callback, user_data);
}

void
funnel_nm_path_refresh_async (FunnelNmPath *self,
                              gboolean next,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
  if (next)
    funnel_endpoint_next (self->endpoint);
  funnel_nm_steps_run_async (self, refresh_steps, cancellable, callback, user_data);
}

void
funnel_nm_path_adapt_async (FunnelNmPath *self,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
  funnel_nm_steps_run_async (self, adapt_steps, cancellable, callback, user_data);
}

void
funnel_nm_path_renew_guard_async (FunnelNmPath *self,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data)
{
  funnel_nm_steps_run_async (self, renew_guard_steps, cancellable, callback, user_data);
}

gboolean
funnel_nm_path_finish (FunnelNmPath *self, GAsyncResult *result, GError **error)
{
  return funnel_nm_steps_finish (self, result, error);
}

const FunnelTunnelConfig *
funnel_nm_path_get_config (FunnelNmPath *self)
{
  return self->config;
}

const FunnelNmPlan *
funnel_nm_path_get_plan (FunnelNmPath *self)
{
  return self->plan;
}

FunnelEndpoint *
funnel_nm_path_get_endpoint (FunnelNmPath *self)
{
  return self->endpoint;
}

gboolean
funnel_nm_path_was_switched_off (FunnelNmPath *self)
{
  return self->switched_off;
}

static void
funnel_nm_path_finalize (GObject *object)
{
  FunnelNmPath *self = FUNNEL_NM_PATH (object);

  stop_hearing (self);
  g_clear_object (&self->client);
  funnel_tunnel_config_free (self->config);
  funnel_nm_plan_free (self->plan);
  funnel_endpoint_unref (self->endpoint);
  G_OBJECT_CLASS (funnel_nm_path_parent_class)->finalize (object);
}

static void
funnel_nm_path_class_init (FunnelNmPathClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = funnel_nm_path_finalize;
}

static void
funnel_nm_path_init (FunnelNmPath *self)
{
}

FunnelNmPath *
funnel_nm_path_new (NMClient *client, const FunnelTunnelConfig *config)
{
  FunnelNmPath *self = g_object_new (FUNNEL_TYPE_NM_PATH, NULL);

  self->client = g_object_ref (client);
  self->config = funnel_tunnel_config_copy (config);
  self->plan = funnel_nm_plan_new (config);
  self->endpoint = funnel_endpoint_new (config->endpoint_host, config->endpoint_port);
  return self;
}
