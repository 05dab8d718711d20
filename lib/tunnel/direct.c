/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/direct.h"

#include "lib/base/error.h"

struct _FunnelDirectTunnel
{
  FunnelTunnel parent_instance;
  FunnelTunnelConfig *config; /* NULL = down */
};

G_DEFINE_FINAL_TYPE (FunnelDirectTunnel, funnel_direct_tunnel, FUNNEL_TYPE_TUNNEL)

#define LOOPBACK_MTU 65536

static gboolean
boolean_finish (FunnelTunnel *tunnel, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, tunnel), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
succeed (FunnelTunnel *tunnel,
         GCancellable *cancellable,
         GAsyncReadyCallback callback,
         gpointer user_data,
         gpointer tag)
{
  g_autoptr (GTask) task = g_task_new (tunnel, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  g_task_return_boolean (task, TRUE);
}

static void
direct_probe_async (FunnelTunnel *tunnel,
                    GCancellable *cancellable,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  succeed (tunnel, cancellable, callback, user_data, direct_probe_async);
}

/* 127.64.0.0/10 stands for 100.64.0.0/10. */
static gboolean
is_direct_address (const char *text)
{
  g_autoptr (GInetAddress) address = text ? g_inet_address_new_from_string (text) : NULL;
  g_autoptr (GInetAddressMask) range = g_inet_address_mask_new_from_string ("127.64.0.0/10", NULL);

  return address && g_inet_address_mask_matches (range, address);
}

static void
direct_up_async (FunnelTunnel *tunnel,
                 const FunnelTunnelConfig *config,
                 GCancellable *cancellable,
                 GAsyncReadyCallback callback,
                 gpointer user_data)
{
  FunnelDirectTunnel *self = FUNNEL_DIRECT_TUNNEL (tunnel);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, direct_up_async);
  if (!is_direct_address (config->address) || !is_direct_address (config->peer_address))
    {
      g_task_return_new_error (
          task, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
          "address: without a tunnel only addresses of 127.64.0.0/10 can be used, not %s",
          config->address ? config->address : "(none)");
      return;
    }
  g_clear_pointer (&self->config, funnel_tunnel_config_free);
  self->config = funnel_tunnel_config_copy (config);
  g_task_return_boolean (task, TRUE);
}

static void
direct_down_async (FunnelTunnel *tunnel,
                   GCancellable *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  g_clear_pointer (&FUNNEL_DIRECT_TUNNEL (tunnel)->config, funnel_tunnel_config_free);
  succeed (tunnel, cancellable, callback, user_data, direct_down_async);
}

static void
direct_verify_async (FunnelTunnel *tunnel,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  succeed (tunnel, cancellable, callback, user_data, direct_verify_async);
}

static void
direct_refresh_async (FunnelTunnel *tunnel,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  succeed (tunnel, cancellable, callback, user_data, direct_refresh_async);
}

static void
direct_query_async (FunnelTunnel *tunnel,
                    GCancellable *cancellable,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  succeed (tunnel, cancellable, callback, user_data, direct_query_async);
}

static gboolean
direct_query_finish (FunnelTunnel *tunnel,
                     GAsyncResult *result,
                     FunnelTunnelStatus *out,
                     GError **error)
{
  if (!boolean_finish (tunnel, result, error))
    return FALSE;
  *out = (FunnelTunnelStatus) {.engine = "none", .mtu = LOOPBACK_MTU};
  return TRUE;
}

static GSocket *
open_listener (const char *ip, guint16 port, GError **error)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (ip);
  g_autoptr (GSocketAddress) local = g_inet_socket_address_new (address, port);
  g_autoptr (GSocket) socket
      = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

  if (!socket || !g_socket_bind (socket, local, TRUE, error) || !g_socket_listen (socket, error))
    return NULL;
  g_socket_set_blocking (socket, FALSE);
  return g_steal_pointer (&socket);
}

static gboolean
check_up (FunnelDirectTunnel *self, GTask *task)
{
  if (!self->config)
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE, "The tunnel is down");
  return self->config != NULL;
}

static void
direct_listen_async (FunnelTunnel *tunnel,
                     guint16 port,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  FunnelDirectTunnel *self = FUNNEL_DIRECT_TUNNEL (tunnel);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;
  GSocket *socket;

  g_task_set_source_tag (task, direct_listen_async);
  if (!check_up (self, task))
    return;
  socket = open_listener (self->config->address, port, &error);
  if (socket)
    g_task_return_pointer (task, socket, g_object_unref);
  else
    g_task_return_error (task, error);
}

static GSocket *
direct_listen_finish (FunnelTunnel *tunnel, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, tunnel), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
connect_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GSocketConnection *connection
      = g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);

  if (connection)
    g_task_return_pointer (task, connection, g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
direct_connect_async (FunnelTunnel *tunnel,
                      guint16 port,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  FunnelDirectTunnel *self = FUNNEL_DIRECT_TUNNEL (tunnel);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GInetAddress) from = NULL;
  g_autoptr (GSocketAddress) local = NULL, remote = NULL;

  g_task_set_source_tag (task, direct_connect_async);
  if (!check_up (self, task))
    return;
  from = g_inet_address_new_from_string (self->config->address);
  local = g_inet_socket_address_new (from, 0);
  remote = g_inet_socket_address_new_from_string (self->config->peer_address, port);
  g_socket_client_set_local_address (client, local);
  g_socket_client_set_enable_proxy (client, FALSE);
  g_socket_client_connect_async (client, G_SOCKET_CONNECTABLE (remote), cancellable, connect_cb,
                                 g_steal_pointer (&task));
}

static GSocketConnection *
direct_connect_finish (FunnelTunnel *tunnel, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, tunnel), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
funnel_direct_tunnel_finalize (GObject *object)
{
  g_clear_pointer (&FUNNEL_DIRECT_TUNNEL (object)->config, funnel_tunnel_config_free);
  G_OBJECT_CLASS (funnel_direct_tunnel_parent_class)->finalize (object);
}

static void
funnel_direct_tunnel_class_init (FunnelDirectTunnelClass *klass)
{
  FunnelTunnelClass *tunnel = FUNNEL_TUNNEL_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = funnel_direct_tunnel_finalize;
  tunnel->name = "direct";
  tunnel->probe_async = direct_probe_async;
  tunnel->probe_finish = boolean_finish;
  tunnel->up_async = direct_up_async;
  tunnel->up_finish = boolean_finish;
  tunnel->down_async = direct_down_async;
  tunnel->down_finish = boolean_finish;
  tunnel->verify_async = direct_verify_async;
  tunnel->verify_finish = boolean_finish;
  tunnel->listen_async = direct_listen_async;
  tunnel->listen_finish = direct_listen_finish;
  tunnel->connect_async = direct_connect_async;
  tunnel->connect_finish = direct_connect_finish;
  tunnel->refresh_async = direct_refresh_async;
  tunnel->refresh_finish = boolean_finish;
  tunnel->query_async = direct_query_async;
  tunnel->query_finish = direct_query_finish;
}

static void
funnel_direct_tunnel_init (FunnelDirectTunnel *self)
{
}
