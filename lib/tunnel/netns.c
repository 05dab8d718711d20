/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * State lives in three fields: agent (NULL = none), config (NULL = down), and the endpoint. up:
 * start the agent (which begins to set up its namespace at once), resolve the endpoint meanwhile,
 * then ask for "up". A refresh that finds no handshake since the last choice goes on to the
 * endpoint's next address. The agent's end is the tunnel's end: everything it made is gone. */

#include "lib/tunnel/netns.h"

#include "lib/base/error.h"
#include "lib/tunnel/agent-client.h"
#include "lib/tunnel/endpoint.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>

#define LISTENERS_MAX 64

struct _FunnelNetnsTunnel
{
  FunnelTunnel parent_instance;
  FunnelAgentClient *agent;
  FunnelTunnelConfig *config;
  gboolean up;
  FunnelEndpoint *endpoint;
  gint64 chosen_at; /* Unix seconds: when the endpoint was set */
  GArray *ports;    /* guint16: our listeners */
  char *engine;
  char *no_kernel; /* why it is not the kernel's; NULL when it is */
};

G_DEFINE_FINAL_TYPE (FunnelNetnsTunnel, funnel_netns_tunnel, FUNNEL_TYPE_TUNNEL)

static gboolean
boolean_finish (FunnelTunnel *tunnel, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, tunnel), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

static GTask *
new_task (FunnelTunnel *tunnel,
          GCancellable *cancellable,
          GAsyncReadyCallback callback,
          gpointer user_data,
          gpointer tag)
{
  GTask *task = g_task_new (tunnel, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  return task;
}

/* ---- the agent ---- */

static void
forget_agent (FunnelNetnsTunnel *self)
{
  if (self->agent)
    g_signal_handlers_disconnect_by_data (self->agent, self);
  g_clear_object (&self->agent);
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

static gboolean
check_up (FunnelNetnsTunnel *self, GTask *task)
{
  if (!self->up)
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                             N_ ("The tunnel is down"));
  return self->up;
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
netns_probe_async (FunnelTunnel *tunnel,
                   GCancellable *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  g_autoptr (GTask) task = new_task (tunnel, cancellable, callback, user_data, netns_probe_async);
  GError *error = NULL;

  if (!ensure_agent (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  funnel_agent_client_call_async (self->agent, "hello", NULL, NULL, cancellable, probe_cb,
                                  g_steal_pointer (&task));
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
  funnel_agent_client_call_async (self->agent, "up", fields, NULL, g_task_get_cancellable (task),
                                  up_call_cb, g_object_ref (task));
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
netns_up_async (FunnelTunnel *tunnel,
                const FunnelTunnelConfig *config,
                GCancellable *cancellable,
                GAsyncReadyCallback callback,
                gpointer user_data)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  g_autoptr (GTask) task = new_task (tunnel, cancellable, callback, user_data, netns_up_async);
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
  funnel_endpoint_resolve_async (self->endpoint, cancellable, up_resolved_cb,
                                 g_steal_pointer (&task));
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
netns_down_async (FunnelTunnel *tunnel,
                  GCancellable *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  g_autoptr (GTask) task = new_task (tunnel, cancellable, callback, user_data, netns_down_async);
  g_autoptr (FunnelAgentClient) agent = self->agent ? g_object_ref (self->agent) : NULL;

  forget_agent (self);
  if (agent)
    funnel_agent_client_call_async (agent, "quit", NULL, NULL, cancellable, down_cb,
                                    g_steal_pointer (&task));
  else
    g_task_return_boolean (task, TRUE);
}

/* ---- verify ---- */

static void
netns_verify_async (FunnelTunnel *tunnel,
                    GCancellable *cancellable,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  g_autoptr (GTask) task = new_task (tunnel, cancellable, callback, user_data, netns_verify_async);
  g_autoptr (GString) ports = g_string_new (NULL);

  if (!check_up (self, task))
    return;
  for (guint i = 0; i < self->ports->len; i++)
    g_string_append_printf (ports, "%s%u", i ? "," : "", g_array_index (self->ports, guint16, i));
  funnel_agent_client_call_async (self->agent, "verify",
                                  (const char *[]) {"ports", ports->str, NULL}, NULL, cancellable,
                                  plain_call_cb, g_steal_pointer (&task));
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
remember_port (FunnelNetnsTunnel *self, GSocket *socket)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, NULL);
  guint16 port = address ? g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)) : 0;

  for (guint i = 0; i < self->ports->len; i++)
    if (g_array_index (self->ports, guint16, i) == port)
      return;
  if (port && self->ports->len < LISTENERS_MAX)
    g_array_append_val (self->ports, port);
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
  remember_port (self, socket);
  g_task_return_pointer (task, socket, g_object_unref);
}

static void
netns_listen_async (FunnelTunnel *tunnel,
                    guint16 port,
                    GCancellable *cancellable,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  g_autoptr (GTask) task = new_task (tunnel, cancellable, callback, user_data, netns_listen_async);
  g_autofree char *number = g_strdup_printf ("%u", port);

  if (!check_up (self, task))
    return;
  funnel_agent_client_call_async (
      self->agent, "listen",
      (const char *[]) {"address", self->config->address, "port", number, "backlog", "1024", NULL},
      NULL, cancellable, listen_cb, g_steal_pointer (&task));
}

static GSocket *
netns_listen_finish (FunnelTunnel *tunnel, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, tunnel), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
connected_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (g_socket_connection_connect_finish (G_SOCKET_CONNECTION (source), result, &error))
    g_task_return_pointer (task, g_object_ref (source), g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
socket_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GHashTable) fields
      = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, &fds, &error);
  g_autoptr (GSocket) socket = fields ? take_socket (fds, &error) : NULL;
  g_autoptr (GSocketConnection) connection = NULL;
  GSocketAddress *remote = g_task_get_task_data (task);

  if (!socket)
    {
      g_task_return_error (task, error);
      return;
    }
  connection = g_socket_connection_factory_create_connection (socket);
  g_socket_connection_connect_async (connection, remote, g_task_get_cancellable (task),
                                     connected_cb, g_object_ref (task));
}

static void
netns_connect_async (FunnelTunnel *tunnel,
                     guint16 port,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  g_autoptr (GTask) task = new_task (tunnel, cancellable, callback, user_data, netns_connect_async);
  GSocketAddress *remote;

  if (!check_up (self, task))
    return;
  remote = g_inet_socket_address_new_from_string (self->config->peer_address, port);
  if (!remote)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                               "peer_address: not an IP address: %s", self->config->peer_address);
      return;
    }
  g_task_set_task_data (task, remote, g_object_unref);
  funnel_agent_client_call_async (self->agent, "socket", NULL, NULL, cancellable, socket_cb,
                                  g_steal_pointer (&task));
}

static GSocketConnection *
netns_connect_finish (FunnelTunnel *tunnel, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, tunnel), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
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
netns_query_async (FunnelTunnel *tunnel,
                   GCancellable *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  g_autoptr (GTask) task = new_task (tunnel, cancellable, callback, user_data, netns_query_async);

  if (check_up (self, task))
    funnel_agent_client_call_async (self->agent, "status", NULL, NULL, cancellable, query_cb,
                                    g_steal_pointer (&task));
}

static gboolean
netns_query_finish (FunnelTunnel *tunnel,
                    GAsyncResult *result,
                    FunnelTunnelStatus *out,
                    GError **error)
{
  g_autofree FunnelTunnelStatus *status = NULL;

  g_return_val_if_fail (g_task_is_valid (result, tunnel), FALSE);
  status = g_task_propagate_pointer (G_TASK (result), error);
  if (status)
    *out = *status;
  return status != NULL;
}

/* ---- refresh ---- */

static void
call_endpoint (FunnelNetnsTunnel *self, GTask *task)
{
  g_autofree char *endpoint = funnel_endpoint_dup_text (self->endpoint);

  self->chosen_at = g_get_real_time () / G_USEC_PER_SEC;
  funnel_agent_client_call_async (
      self->agent, "endpoint",
      (const char *[]) {"peer", self->config->peer_public_key, "endpoint", endpoint, NULL}, NULL,
      g_task_get_cancellable (task), plain_call_cb, g_object_ref (task));
}

static void
refresh_status_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (source);
  g_autoptr (GTask) task = user_data;
  FunnelTunnelStatus status;

  if (!check_up (self, task))
    return;
  /* Nothing was heard from the address in use: try the next one. */
  if (netns_query_finish (FUNNEL_TUNNEL (self), result, &status, NULL)
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

  if (!check_up (self, task))
    return;
  /* Without an answer the addresses known from before are as good as any. */
  if (!funnel_endpoint_resolve_finish (result, &error))
    g_debug ("%s", error->message);
  if (funnel_endpoint_get_count (self->endpoint) > 1)
    netns_query_async (FUNNEL_TUNNEL (self), g_task_get_cancellable (task), refresh_status_cb,
                       g_object_ref (task));
  else
    call_endpoint (self, task);
}

static void
netns_refresh_async (FunnelTunnel *tunnel,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  FunnelNetnsTunnel *self = FUNNEL_NETNS_TUNNEL (tunnel);
  g_autoptr (GTask) task = new_task (tunnel, cancellable, callback, user_data, netns_refresh_async);

  if (check_up (self, task))
    funnel_endpoint_resolve_async (self->endpoint, cancellable, refresh_resolved_cb,
                                   g_steal_pointer (&task));
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
  tunnel->probe_async = netns_probe_async;
  tunnel->probe_finish = boolean_finish;
  tunnel->up_async = netns_up_async;
  tunnel->up_finish = boolean_finish;
  tunnel->down_async = netns_down_async;
  tunnel->down_finish = boolean_finish;
  tunnel->verify_async = netns_verify_async;
  tunnel->verify_finish = boolean_finish;
  tunnel->listen_async = netns_listen_async;
  tunnel->listen_finish = netns_listen_finish;
  tunnel->connect_async = netns_connect_async;
  tunnel->connect_finish = netns_connect_finish;
  tunnel->refresh_async = netns_refresh_async;
  tunnel->refresh_finish = boolean_finish;
  tunnel->query_async = netns_query_async;
  tunnel->query_finish = netns_query_finish;
}

static void
funnel_netns_tunnel_init (FunnelNetnsTunnel *self)
{
  self->ports = g_array_new (FALSE, FALSE, sizeof (guint16));
}
