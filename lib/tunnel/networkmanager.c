/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * The tunnel's devices live in this machine's own network namespace, so the isolation is a matter
 * of routing, made by the path (networkmanager-path.c) and proved from what the kernel says
 * (networkmanager-verify.c): before the first use, at once whenever a device, route or rule
 * changes, and every few seconds for what the kernel does not announce. A finding is a loss:
 * nothing of the tunnel may be used any more, and the owner takes it down.
 *
 * The kernel tells an ordinary user nothing about WireGuard's handshakes. But its device counts
 * only packets that were authenticated, so a growing counter is as good: "heard" stands for it. */

#include "lib/tunnel/networkmanager.h"

#include "lib/base/error.h"
#include "lib/tunnel/kernel-view.h"
#include "lib/tunnel/kernel-watch.h"
#include "lib/tunnel/networkmanager-calls.h"
#include "lib/tunnel/networkmanager-path.h"
#include "lib/tunnel/networkmanager-probe.h"
#include "lib/tunnel/networkmanager-verify.h"
#include "lib/tunnel/path-watch.h"
#include "lib/tunnel/tunnel-backend.h"

#include <glib/gi18n.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG 1024
#define TICK_S 5
#define HANDSHAKE_MS                                                                               \
  2000 /* a new peer tries at once; nothing is gained by starting over before                      \
        */

struct _FunnelNmTunnel
{
  FunnelTunnel parent_instance;
  NMClient *client;
  FunnelNmPath *path; /* NULL: never up */
  gboolean up;
  GPtrArray *watched; /* NMActiveConnection*: whose end is ours */
  FunnelKernelWatch *watch;
  guint tick;
  gulong running_handler;
  GCancellable *renewing; /* the guard, after a restart of NetworkManager */
  gboolean to_renew;      /* that has failed, and is to be done again */
  FunnelPathWatch *path_watch;
  GArray *ports;     /* guint16: our listeners */
  guint64 received;  /* bytes, when last looked */
  gint64 heard_at;   /* Unix seconds: when it had grown; 0 never */
  gint64 chosen_at;  /* Unix seconds: when the endpoint was set */
  gint64 renewed_at; /* monotonic microseconds: the same */
};

G_DEFINE_FINAL_TYPE (FunnelNmTunnel, funnel_nm_tunnel, FUNNEL_TYPE_TUNNEL)

static gint64
now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

static gint64
read_counter (FunnelNmTunnel *self, const char *name)
{
  return funnel_kernel_view_number (0, "/sys/class/net/%s/statistics/%s",
                                    funnel_nm_path_get_plan (self->path)->wireguard_interface,
                                    name);
}

static void
listen_for_life (FunnelNmTunnel *self)
{
  guint64 received = (guint64)read_counter (self, "rx_bytes");

  if (received > self->received)
    self->heard_at = now ();
  self->received = received;
}

/* ---- watching ---- */

static void
stop_watching (FunnelNmTunnel *self)
{
  self->up = FALSE;
  g_clear_pointer (&self->watch, funnel_kernel_watch_free);
  g_clear_handle_id (&self->tick, g_source_remove);
  g_clear_pointer (&self->path_watch, funnel_path_watch_free);
  for (guint i = 0; i < self->watched->len; i++)
    g_signal_handlers_disconnect_by_data (g_ptr_array_index (self->watched, i), self);
  g_ptr_array_set_size (self->watched, 0);
  if (self->client)
    g_clear_signal_handler (&self->running_handler, self->client);
  if (self->renewing)
    g_cancellable_cancel (self->renewing);
  g_clear_object (&self->renewing);
  self->to_renew = FALSE;
}

static void
lose (FunnelNmTunnel *self, const char *reason)
{
  if (!self->up)
    return;
  stop_watching (self);
  g_signal_emit_by_name (self, "lost", reason);
}

static gboolean
check_isolation (FunnelNmTunnel *self, GError **error)
{
  return funnel_nm_verify (funnel_nm_path_get_plan (self->path),
                           funnel_nm_path_get_config (self->path)->peer_address, self->ports,
                           error);
}

static void
look (gpointer user_data)
{
  FunnelNmTunnel *self = user_data;
  g_autoptr (GError) error = NULL;

  if (!check_isolation (self, &error))
    lose (self, error->message);
}

static void
adapt_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelNmTunnel) self = user_data;
  g_autoptr (GError) error = NULL;

  if (funnel_nm_path_finish (FUNNEL_NM_PATH (source), result, &error))
    {
      g_signal_emit_by_name (self, "changed");
      return;
    }
  g_debug ("MTU: %s", error->message);
  if (self->path_watch)
    funnel_path_watch_start_over (self->path_watch);
}

static void
on_path_changed (gpointer user_data)
{
  FunnelNmTunnel *self = user_data;

  funnel_nm_path_adapt_async (self->path, NULL, adapt_cb, g_object_ref (self));
}

static void renew_guard (FunnelNmTunnel *self);

/* A look may lose the tunnel. */
static gboolean
on_tick (gpointer user_data)
{
  g_autoptr (FunnelNmTunnel) self = g_object_ref (user_data);

  listen_for_life (self);
  look (self);
  if (!self->up)
    return G_SOURCE_REMOVE;
  if (self->to_renew && nm_client_get_nm_running (self->client))
    renew_guard (self);
  return G_SOURCE_CONTINUE;
}

/* A restarting NetworkManager drops everything it told before, but not the devices. */
static void
on_active_state_changed (NMActiveConnection *active,
                         guint state,
                         guint reason,
                         FunnelNmTunnel *self)
{
  if (state < NM_ACTIVE_CONNECTION_STATE_DEACTIVATING || !nm_client_get_nm_running (self->client))
    return;
  lose (self, N_ ("NetworkManager took it down"));
}

static void
watch_active (FunnelNmTunnel *self, FunnelNmRole role)
{
  const char *uuid = funnel_nm_path_get_plan (self->path)->uuid[role];
  NMActiveConnection *active = funnel_nm_find_active (self->client, uuid);

  if (!active || g_ptr_array_find (self->watched, active, NULL))
    return;
  g_ptr_array_add (self->watched, g_object_ref (active));
  g_signal_connect (active, "state-changed", G_CALLBACK (on_active_state_changed), self);
}

static void
watch_all_active (FunnelNmTunnel *self)
{
  watch_active (self, FUNNEL_NM_VRF);
  watch_active (self, FUNNEL_NM_WIREGUARD);
}

/* Whether it may go well another time, while the old guard stands: every look sees to that. */
static gboolean
is_passing (const GError *error)
{
  return g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE)
         || g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED);
}

static void
renew_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelNmTunnel) self = user_data;
  g_autoptr (GError) error = NULL;

  funnel_nm_path_finish (FUNNEL_NM_PATH (source), result, &error);
  if (!self->up || FUNNEL_NM_PATH (source) != self->path
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->renewing);
  watch_all_active (self);
  if (error)
    g_message ("The tunnel's guard was not renewed: %s", error->message);
  if (is_passing (error))
    self->to_renew = TRUE;
  else if (error)
    lose (self, error->message);
}

static void
renew_guard (FunnelNmTunnel *self)
{
  self->to_renew = FALSE;
  self->renewing = g_cancellable_new ();
  funnel_nm_path_renew_guard_async (self->path, self->renewing, renew_cb, g_object_ref (self));
}

/* It may go again, and come again, while the guard is renewed. */
static void
on_client_notify_running (NMClient *client, GParamSpec *property, FunnelNmTunnel *self)
{
  if (self->renewing)
    g_cancellable_cancel (self->renewing);
  g_clear_object (&self->renewing);
  self->to_renew = FALSE;
  if (!nm_client_get_nm_running (client))
    return;
  g_message ("NetworkManager was restarted");
  renew_guard (self);
}

static void
note_chosen (FunnelNmTunnel *self)
{
  self->chosen_at = now ();
  self->renewed_at = g_get_monotonic_time ();
}

static void
start_watching (FunnelNmTunnel *self)
{
  self->up = TRUE;
  self->received = (guint64)read_counter (self, "rx_bytes");
  self->heard_at = 0;
  note_chosen (self);
  self->watch = funnel_kernel_watch_new (look, self);
  self->tick = g_timeout_add_seconds (TICK_S, on_tick, self);
  self->path_watch
      = funnel_path_watch_new (funnel_nm_path_get_endpoint (self->path), on_path_changed, self);
  self->running_handler = g_signal_connect (self->client, "notify::nm-running",
                                            G_CALLBACK (on_client_notify_running), self);
  watch_all_active (self);
}

/* ---- probe ---- */

static void
probe_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelNmTunnel *self = g_task_get_source_object (task);
  GError *error = NULL;
  g_autoptr (NMClient) client = funnel_nm_probe_finish (result, &error);

  if (!client)
    {
      g_task_return_error (task, error);
      return;
    }
  g_set_object (&self->client, client);
  g_task_return_boolean (task, TRUE);
}

static void
nm_probe (FunnelTunnel *tunnel, const FunnelTunnelConfig *config, GTask *task)
{
  funnel_nm_probe_async (FUNNEL_NM_TUNNEL (tunnel)->client, config, g_task_get_cancellable (task),
                         probe_cb, g_object_ref (task));
}

/* ---- up and down ---- */

static void
up_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelNmTunnel *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (!funnel_nm_path_finish (FUNNEL_NM_PATH (source), result, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  start_watching (self);
  g_task_return_boolean (task, TRUE);
}

static void
start_path (FunnelNmTunnel *self, GTask *task)
{
  stop_watching (self);
  g_clear_object (&self->path);
  self->path = funnel_nm_path_new (self->client, g_task_get_task_data (task));
  g_array_set_size (self->ports, 0);
  funnel_nm_path_up_async (self->path, g_task_get_cancellable (task), up_cb, g_object_ref (task));
}

static void
up_probed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (funnel_tunnel_probe_finish (FUNNEL_TUNNEL (source), result, &error))
    start_path (FUNNEL_NM_TUNNEL (source), task);
  else
    g_task_return_error (task, error);
}

static void
nm_up (FunnelTunnel *tunnel, const FunnelTunnelConfig *config, GTask *task)
{
  FunnelNmTunnel *self = FUNNEL_NM_TUNNEL (tunnel);

  g_task_set_task_data (task, funnel_tunnel_config_copy (config),
                        (GDestroyNotify)funnel_tunnel_config_free);
  if (self->client)
    start_path (self, task);
  else
    funnel_tunnel_probe_async (tunnel, config, g_task_get_cancellable (task), up_probed_cb,
                               g_object_ref (task));
}

static void
down_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FunnelNmPath *path = FUNNEL_NM_PATH (source);
  g_autoptr (GTask) task = user_data;
  FunnelNmTunnel *self = g_task_get_source_object (task);
  GError *error = NULL;
  gboolean ok = funnel_nm_path_finish (path, result, &error);

  if (funnel_nm_path_was_switched_off (path))
    g_signal_emit_by_name (self, "switched-off");
  if (ok)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* Not to be cancelled: what is half down is no better than what is up. Each step has its end. */
static void
nm_down (FunnelTunnel *tunnel, GTask *task)
{
  FunnelNmTunnel *self = FUNNEL_NM_TUNNEL (tunnel);

  stop_watching (self);
  if (!self->path)
    g_task_return_boolean (task, TRUE);
  else
    funnel_nm_path_down_async (self->path, NULL, down_cb, g_object_ref (task));
}

/* ---- verify ---- */

static void
nm_verify (FunnelTunnel *tunnel, GTask *task)
{
  FunnelNmTunnel *self = FUNNEL_NM_TUNNEL (tunnel);
  GError *error = NULL;

  if (!funnel_tunnel_check_up (self->up, task))
    return;
  if (check_isolation (self, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* ---- sockets ---- */

/* Bound to the device and the tunnel address: it neither hears nor reaches anything else. */
static GSocket *
new_socket (FunnelNmTunnel *self, guint16 port, GError **error)
{
  const char *interface = funnel_nm_path_get_plan (self->path)->wireguard_interface;
  const char *address = funnel_nm_path_get_config (self->path)->address;
  g_autoptr (GSocketAddress) local = g_inet_socket_address_new_from_string (address, port);
  g_autoptr (GSocket) socket
      = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

  if (!socket)
    return NULL;
  g_socket_set_blocking (socket, FALSE);
  if (setsockopt (g_socket_get_fd (socket), SOL_SOCKET, SO_BINDTODEVICE, interface,
                  (socklen_t)strlen (interface))
      < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
                   N_ ("a socket cannot be bound to the device %s: %s"), interface,
                   g_strerror (errno));
      return NULL;
    }
  return g_socket_bind (socket, local, TRUE, error) ? g_steal_pointer (&socket) : NULL;
}

static void
nm_listen (FunnelTunnel *tunnel, guint16 port, GTask *task)
{
  FunnelNmTunnel *self = FUNNEL_NM_TUNNEL (tunnel);
  g_autoptr (GSocket) socket = NULL;
  GError *error = NULL;

  if (!funnel_tunnel_check_up (self->up, task))
    return;
  socket = new_socket (self, port, &error);
  if (socket)
    {
      /* Known before it listens, or the next look would find a stranger. */
      funnel_tunnel_note_port (self->ports, socket);
      g_socket_set_listen_backlog (socket, BACKLOG);
    }
  if (socket && g_socket_listen (socket, &error))
    g_task_return_pointer (task, g_steal_pointer (&socket), g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
nm_connect (FunnelTunnel *tunnel, guint16 port, GTask *task)
{
  FunnelNmTunnel *self = FUNNEL_NM_TUNNEL (tunnel);
  g_autoptr (GSocket) socket = NULL;
  GError *error = NULL;

  if (!funnel_tunnel_check_up (self->up, task))
    return;
  socket = new_socket (self, 0, &error);
  if (socket)
    funnel_tunnel_connect_socket (socket, funnel_nm_path_get_config (self->path)->peer_address,
                                  port, task);
  else
    g_task_return_error (task, error);
}

/* ---- refresh ---- */

static void
refresh_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (funnel_nm_path_finish (FUNNEL_NM_PATH (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
nm_refresh (FunnelTunnel *tunnel, GTask *task)
{
  FunnelNmTunnel *self = FUNNEL_NM_TUNNEL (tunnel);
  gboolean silent = FALSE;

  if (!funnel_tunnel_check_up (self->up, task))
    return;
  listen_for_life (self);
  if (g_get_monotonic_time () - self->renewed_at < HANDSHAKE_MS * G_TIME_SPAN_MILLISECOND)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  silent = self->heard_at < self->chosen_at;
  note_chosen (self);
  funnel_path_watch_start_over (self->path_watch);
  funnel_nm_path_refresh_async (self->path, silent, g_task_get_cancellable (task), refresh_cb,
                                g_object_ref (task));
}

/* ---- query ---- */

static void
nm_query (FunnelTunnel *tunnel, GTask *task)
{
  FunnelNmTunnel *self = FUNNEL_NM_TUNNEL (tunnel);
  FunnelTunnelStatus *status = NULL;

  if (!funnel_tunnel_check_up (self->up, task))
    return;
  listen_for_life (self);
  status = g_new0 (FunnelTunnelStatus, 1);
  status->engine = "kernel";
  status->handshake = self->heard_at;
  status->rx_bytes = self->received;
  status->tx_bytes = (guint64)read_counter (self, "tx_bytes");
  status->mtu = funnel_nm_path_get_plan (self->path)->mtu;
  /* Packets of a VRF's port come in by the VRF. */
  g_strlcpy (status->device, funnel_nm_path_get_plan (self->path)->vrf_interface,
             sizeof status->device);
  g_task_return_pointer (task, status, g_free);
}

/* ---- object ---- */

static void
funnel_nm_tunnel_dispose (GObject *object)
{
  FunnelNmTunnel *self = FUNNEL_NM_TUNNEL (object);

  stop_watching (self);
  g_clear_object (&self->path);
  g_clear_object (&self->client);
  G_OBJECT_CLASS (funnel_nm_tunnel_parent_class)->dispose (object);
}

static void
funnel_nm_tunnel_finalize (GObject *object)
{
  FunnelNmTunnel *self = FUNNEL_NM_TUNNEL (object);

  g_array_unref (self->ports);
  g_ptr_array_unref (self->watched);
  G_OBJECT_CLASS (funnel_nm_tunnel_parent_class)->finalize (object);
}

static void
funnel_nm_tunnel_class_init (FunnelNmTunnelClass *klass)
{
  FunnelTunnelClass *tunnel = FUNNEL_TUNNEL_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_nm_tunnel_dispose;
  G_OBJECT_CLASS (klass)->finalize = funnel_nm_tunnel_finalize;
  tunnel->name = "networkmanager";
  tunnel->probe = nm_probe;
  tunnel->up = nm_up;
  tunnel->down = nm_down;
  tunnel->verify = nm_verify;
  tunnel->listen = nm_listen;
  tunnel->connect = nm_connect;
  tunnel->refresh = nm_refresh;
  tunnel->query = nm_query;
}

static void
funnel_nm_tunnel_init (FunnelNmTunnel *self)
{
  self->ports = g_array_new (FALSE, FALSE, sizeof (guint16));
  self->watched = g_ptr_array_new_with_free_func (g_object_unref);
}
