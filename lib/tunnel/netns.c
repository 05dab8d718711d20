/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * State lives in three fields: agent (NULL = none), config (NULL = down), and the endpoint. up:
 * start the agent (which begins to set up its namespace at once), resolve the endpoint meanwhile,
 * then ask for "up". A refresh that finds no handshake since the last choice goes on to the
 * endpoint's next address. The agent's end is the tunnel's end: everything it made is gone.
 *
 * The device's MTU is the usual one; a path that carries less is given to the route inside, when
 * the path watch has found it. */

#include "lib/tunnel/netns.h"

#include "lib/base/error.h"
#include "lib/tunnel/agent-client.h"
#include "lib/tunnel/endpoint.h"
#include "lib/tunnel/path-watch.h"
#include "lib/tunnel/tunnel-backend.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>

struct _FunnelNetnsTunnel
{
  FunnelTunnel parent_instance;
  FunnelAgentClient *agent;
  FunnelTunnelConfig *config;
  gboolean up;
  FunnelEndpoint *endpoint;
  FunnelPathWatch *path_watch; /* while up */
  gint64 chosen_at;            /* Unix seconds: when the endpoint was set */
  GArray *ports;               /* guint16: our listeners */
  char *engine;
  char *no_kernel; /* why it is not the kernel's; NULL when it is */
};

G_DEFINE_FINAL_TYPE (FunnelNetnsTunnel, funnel_netns_tunnel, FUNNEL_TYPE_TUNNEL)

/* ---- the agent ---- */

static void
forget_agent (FunnelNetnsTunnel *self)
{
  if (self->agent)
    g_signal_handlers_disconnect_by_data (self->agent, self);
  g_clear_object (&self->agent);
  g_clear_pointer (&self->path_watch, funnel_path_watch_free);
  g_clear_pointer (&self->config, funnel_tunnel_config_free);
  g_array_set_size (self->ports, 0);
  self->up = FALSE;
}

static void
on_agent_closed (FunnelAgentClient *agent, FunnelNetnsTunnel *self)
{
  gboolean was_up = self->up;

  g_object_ref (self);
  forget_agent (self);
  if (was_up)
    g_signal_emit_by_name (self, "lost", N_ ("the tunnel's agent ended"));
  g_object_unref (self);
}

static void
on_agent_event (FunnelAgentClient *agent,
                const char *name,
                GHashTable *fields,
                FunnelNetnsTunnel *self)
{
  const char *message = g_hash_table_lookup (fields, "message");

  if (g_str_equal (name, "engine-restarted"))
    g_message ("WireGuard had ended and was started again");
  else if (g_str_equal (name, "engine-failed"))
    g_warning ("WireGuard cannot be started again yet: %s", message ? message : "no reason given");
}

static gboolean
ensure_agent (FunnelNetnsTunnel *self, GError **error)
{
  if (self->agent)
    return TRUE;
  self->agent = funnel_agent_client_spawn (NULL, error);
  if (!self->agent)
    return FALSE;
  g_signal_connect (self->agent, "closed", G_CALLBACK (on_agent_closed), self);
  g_signal_connect (self->agent, "event", G_CALLBACK (on_agent_event), self);
  return TRUE;
}

/* @task is answered by @callback, which owns a reference to it. */
static void
call_agent (FunnelNetnsTunnel *self,
            const char *name,
            const char *const *fields,
            GAsyncReadyCallback callback,
            GTask *task)
{
  funnel_agent_client_call_async (self->agent, name, fields, NULL, g_task_get_cancellable (task),
                                  callback, g_object_ref (task));
}

/* The end of a call whose answer carries nothing we want. */
static void
plain_call_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GHashTable) fields
      = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, NULL, &error);

  if (fields)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* ---- probe ---- */

/* An agent kept from a probe is used by the next up. One that cannot work is of no use. */
static void
probe_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelNetnsTunnel *self = g_task_get_source_object (task);
  GError *error = NULL;
  g_autoptr (GHashTable) fields
      = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, NULL, &error);

  if (fields)
    {
      g_free (self->no_kernel);
      self->no_kernel = g_strdup (g_hash_table_lookup (fields, "no-kernel"));
      g_task_return_boolean (task, TRUE);
      return;
    }
  if (self->agent == FUNNEL_AGENT_CLIENT (source) && !self->up)
    forget_agent (self);
  g_task_return_error (task, error);
}

static void
netns_probe (FunnelTunnel *tunnel, const FunnelTunnelConfig *config, GTask *task)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  GError *error = NULL;

  if (!ensure_agent (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  call_agent (self, "hello", NULL, probe_cb, task);
}

/* ---- the path's MTU ---- */

static void
mtu_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelNetnsTunnel) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) fields
      = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, NULL, &error);

  if (fields)
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
  FunnelNetnsTunnel *self = user_data;
  guint mtu = funnel_endpoint_inner_mtu (funnel_endpoint_get_path_mtu (self->endpoint),
                                         funnel_endpoint_is_v6 (self->endpoint));
  g_autofree char *number = g_strdup_printf ("%u", mtu);

  funnel_agent_client_call_async (self->agent, "mtu", (const char *[]) {"mtu", number, NULL}, NULL,
                                  NULL, mtu_cb, g_object_ref (self));
}

/* ---- up ---- */

static void
up_failed (FunnelNetnsTunnel *self, GTask *task, GError *error)
{
  forget_agent (self);
  g_task_return_error (task, error);
}

static void
up_call_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelNetnsTunnel *self = g_task_get_source_object (task);
  GError *error = NULL;
  g_autoptr (GHashTable) fields
      = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, NULL, &error);

  if (!fields)
    {
      if (self->agent == FUNNEL_AGENT_CLIENT (source))
        forget_agent (self);
      g_task_return_error (task, error);
      return;
    }
  g_free (self->engine);
  self->engine = g_strdup (g_hash_table_lookup (fields, "engine"));
  self->up = TRUE;
  self->path_watch = funnel_path_watch_new (self->endpoint, on_path_changed, self);
  g_task_return_boolean (task, TRUE);
}

static void
call_up (FunnelNetnsTunnel *self, GTask *task)
{
  const FunnelTunnelConfig *config = self->config;
  g_autofree char *address = g_strdup_printf ("%s/32", config->address);
  g_autofree char *peer_address = g_strdup_printf ("%s/32", config->peer_address);
  g_autofree char *endpoint = funnel_endpoint_dup_text (self->endpoint);
  g_autofree char *keepalive = g_strdup_printf ("%u", config->keepalive);
  const char *fields[] = {"address",   address,      "private-key", config->private_key,
                          "route",     peer_address, "peer",        config->peer_public_key,
                          "allowed",   peer_address, "endpoint",    endpoint,
                          "keepalive", keepalive,    NULL};

  self->chosen_at = g_get_real_time () / G_USEC_PER_SEC;
  call_agent (self, "up", fields, up_call_cb, task);
}

static void
up_resolved_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelNetnsTunnel *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (!funnel_endpoint_resolve_finish (result, &error))
    up_failed (self, task, error);
  else if (!self->agent || !self->config)
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                             N_ ("The tunnel's agent ended at its start"));
  else
    call_up (self, task);
}

static void
netns_up (FunnelTunnel *tunnel, const FunnelTunnelConfig *config, GTask *task)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  FunnelTunnelConfig *copy = funnel_tunnel_config_copy (config);
  GError *error = NULL;

  if (self->up)
    forget_agent (self); /* a fresh namespace for a fresh tunnel */
  g_clear_pointer (&self->config, funnel_tunnel_config_free);
  self->config = copy;
  g_clear_pointer (&self->endpoint, funnel_endpoint_unref);
  self->endpoint = funnel_endpoint_new (copy->endpoint_host, copy->endpoint_port);
  if (!ensure_agent (self, &error))
    {
      up_failed (self, task, error);
      return;
    }
  funnel_endpoint_resolve_async (self->endpoint, g_task_get_cancellable (task), up_resolved_cb,
                                 g_object_ref (task));
}

/* ---- down ---- */

static void
down_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GHashTable) fields
      = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, NULL, NULL);

  /* An agent that did not answer has lost its client by now, and ends for that reason. */
  g_task_return_boolean (task, TRUE);
}

static void
netns_down (FunnelTunnel *tunnel, GTask *task)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  g_autoptr (FunnelAgentClient) agent = self->agent ? g_object_ref (self->agent) : NULL;

  forget_agent (self);
  if (agent)
    funnel_agent_client_call_async (agent, "quit", NULL, NULL, g_task_get_cancellable (task),
                                    down_cb, g_object_ref (task));
  else
    g_task_return_boolean (task, TRUE);
}

/* ---- verify ---- */

static void
netns_verify (FunnelTunnel *tunnel, GTask *task)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  g_autoptr (GString) ports = g_string_new (NULL);

  if (!funnel_tunnel_check_up (self->up, task))
    return;
  for (guint i = 0; i < self->ports->len; i++)
    g_string_append_printf (ports, "%s%u", i ? "," : "", g_array_index (self->ports, guint16, i));
  call_agent (self, "verify", (const char *[]) {"ports", ports->str, NULL}, plain_call_cb, task);
}

/* ---- sockets ---- */

/* The answer's descriptor as a GSocket. */
static GSocket *
take_socket (GUnixFDList *fds, GError **error)
{
  GSocket *socket;
  int fd;

  if (!fds || g_unix_fd_list_get_length (fds) != 1)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                   N_ ("The tunnel's agent answered without a socket"));
      return NULL;
    }
  fd = g_unix_fd_list_get (fds, 0, error);
  if (fd < 0)
    return NULL;
  socket = g_socket_new_from_fd (fd, error);
  if (!socket)
    g_close (fd, NULL);
  else
    g_socket_set_blocking (socket, FALSE);
  return socket;
}

static void
listen_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelNetnsTunnel *self = g_task_get_source_object (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GHashTable) fields
      = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, &fds, &error);
  GSocket *socket = fields ? take_socket (fds, &error) : NULL;

  if (!socket)
    {
      g_task_return_error (task, error);
      return;
    }
  funnel_tunnel_note_port (self->ports, socket);
  g_task_return_pointer (task, socket, g_object_unref);
}

static void
netns_listen (FunnelTunnel *tunnel, guint16 port, GTask *task)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  g_autofree char *number = g_strdup_printf ("%u", port);

  if (!funnel_tunnel_check_up (self->up, task))
    return;
  call_agent (
      self, "listen",
      (const char *[]) {"address", self->config->address, "port", number, "backlog", "1024", NULL},
      listen_cb, task);
}

static void
socket_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelNetnsTunnel *self = g_task_get_source_object (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GHashTable) fields
      = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, &fds, &error);
  g_autoptr (GSocket) socket = fields ? take_socket (fds, &error) : NULL;

  if (!socket)
    g_task_return_error (task, error);
  else if (funnel_tunnel_check_up (self->up, task))
    funnel_tunnel_connect_socket (socket, self->config->peer_address,
                                  (guint16)GPOINTER_TO_UINT (g_task_get_task_data (task)), task);
}

static void
netns_connect (FunnelTunnel *tunnel, guint16 port, GTask *task)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);

  if (!funnel_tunnel_check_up (self->up, task))
    return;
  g_task_set_task_data (task, GUINT_TO_POINTER (port), NULL);
  call_agent (self, "socket", NULL, socket_cb, task);
}

/* ---- query ---- */

static guint64
number_of (GHashTable *fields, const char *key)
{
  const char *text = g_hash_table_lookup (fields, key);

  return text ? g_ascii_strtoull (text, NULL, 10) : 0;
}

static void
query_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelNetnsTunnel *self = g_task_get_source_object (task);
  GError *error = NULL;
  g_autoptr (GHashTable) fields
      = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, NULL, &error);
  FunnelTunnelStatus *status;

  if (!fields)
    {
      g_task_return_error (task, error);
      return;
    }
  status = g_new0 (FunnelTunnelStatus, 1);
  status->engine = g_intern_string (self->engine);
  status->no_kernel = g_intern_string (self->no_kernel);
  status->handshake = (gint64)number_of (fields, "handshake");
  status->rx_bytes = number_of (fields, "rx");
  status->tx_bytes = number_of (fields, "tx");
  status->mtu = (guint)number_of (fields, "mtu");
  g_task_return_pointer (task, status, g_free);
}

static void
netns_query (FunnelTunnel *tunnel, GTask *task)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);

  if (funnel_tunnel_check_up (self->up, task))
    call_agent (self, "status", NULL, query_cb, task);
}

/* ---- refresh ---- */

static void
call_endpoint (FunnelNetnsTunnel *self, GTask *task)
{
  g_autofree char *endpoint = funnel_endpoint_dup_text (self->endpoint);

  self->chosen_at = g_get_real_time () / G_USEC_PER_SEC;
  funnel_path_watch_start_over (self->path_watch);
  call_agent (self, "endpoint",
              (const char *[]) {"peer", self->config->peer_public_key, "endpoint", endpoint, NULL},
              plain_call_cb, task);
}

static void
refresh_status_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (source);
  g_autoptr (GTask) task = user_data;
  FunnelTunnelStatus status;

  if (!funnel_tunnel_check_up (self->up, task))
    return;
  /* Nothing was heard from the address in use: try the next one. */
  if (funnel_tunnel_query_finish (FUNNEL_TUNNEL (self), result, &status, NULL)
      && status.handshake < self->chosen_at)
    funnel_endpoint_next (self->endpoint);
  call_endpoint (self, task);
}

static void
refresh_resolved_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelNetnsTunnel *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;

  if (!funnel_tunnel_check_up (self->up, task))
    return;
  /* Without an answer the addresses known from before are as good as any. */
  if (!funnel_endpoint_resolve_finish (result, &error))
    g_debug ("%s", error->message);
  if (funnel_endpoint_get_count (self->endpoint) > 1)
    funnel_tunnel_query_async (FUNNEL_TUNNEL (self), g_task_get_cancellable (task),
                               refresh_status_cb, g_object_ref (task));
  else
    call_endpoint (self, task);
}

static void
netns_refresh (FunnelTunnel *tunnel, GTask *task)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);

  if (funnel_tunnel_check_up (self->up, task))
    funnel_endpoint_resolve_async (self->endpoint, g_task_get_cancellable (task),
                                   refresh_resolved_cb, g_object_ref (task));
}

/* ---- object ---- */

static void
funnel_netns_tunnel_finalize (GObject *object)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (object);

  forget_agent (self);
  g_clear_pointer (&self->endpoint, funnel_endpoint_unref);
  g_array_unref (self->ports);
  g_free (self->engine);
  g_free (self->no_kernel);
  G_OBJECT_CLASS (funnel_netns_tunnel_parent_class)->finalize (object);
}

static void
funnel_netns_tunnel_class_init (FunnelNetnsTunnelClass *klass)
{
  FunnelTunnelClass *tunnel = FUNNEL_TUNNEL_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = funnel_netns_tunnel_finalize;
  tunnel->name = "netns";
  tunnel->probe = netns_probe;
  tunnel->up = netns_up;
  tunnel->down = netns_down;
  tunnel->verify = netns_verify;
  tunnel->listen = netns_listen;
  tunnel->connect = netns_connect;
  tunnel->refresh = netns_refresh;
  tunnel->query = netns_query;
}

static void
funnel_netns_tunnel_init (FunnelNetnsTunnel *self)
{
  self->ports = g_array_new (FALSE, FALSE, sizeof (guint16));
}
