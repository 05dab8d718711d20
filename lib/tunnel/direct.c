/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/direct.h"

#include "lib/base/error.h"
#include "lib/tunnel/tunnel-backend.h"

struct _FunnelDirectTunnel
{
  FunnelTunnel parent_instance;
  FunnelTunnelConfig *config; /* NULL = down */
};

G_DEFINE_FINAL_TYPE (FunnelDirectTunnel, funnel_direct_tunnel, FUNNEL_TYPE_TUNNEL)

#define LOOPBACK_MTU 65536

static void
direct_probe (FunnelTunnel *tunnel, const FunnelTunnelConfig *config, GTask *task)
{
  g_task_return_boolean (task, TRUE);
}

/* verify and refresh: there is nothing that could fail. */
static void
direct_succeed (FunnelTunnel *tunnel, GTask *task)
{
  g_task_return_boolean (task, TRUE);
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
direct_up (FunnelTunnel *tunnel, const FunnelTunnelConfig *config, GTask *task)
{
  FunnelDirectTunnel *self = FUNNEL_DIRECT_TUNNEL (tunnel);

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
direct_down (FunnelTunnel *tunnel, GTask *task)
{
  g_clear_pointer (&FUNNEL_DIRECT_TUNNEL (tunnel)->config, funnel_tunnel_config_free);
  g_task_return_boolean (task, TRUE);
}

static void
direct_query (FunnelTunnel *tunnel, GTask *task)
{
  FunnelTunnelStatus *status = g_new0 (FunnelTunnelStatus, 1);

  status->engine = "none";
  status->mtu = LOOPBACK_MTU;
  g_task_return_pointer (task, status, g_free);
}

/* Bound to the tunnel address. */
static GSocket *
new_socket (FunnelDirectTunnel *self, guint16 port, GError **error)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (self->config->address);
  g_autoptr (GSocketAddress) local = g_inet_socket_address_new (address, port);
  g_autoptr (GSocket) socket
      = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

  if (!socket || !g_socket_bind (socket, local, TRUE, error))
    return NULL;
  g_socket_set_blocking (socket, FALSE);
  return g_steal_pointer (&socket);
}

static void
direct_listen (FunnelTunnel *tunnel, guint16 port, GTask *task)
{
  FunnelDirectTunnel *self = FUNNEL_DIRECT_TUNNEL (tunnel);
  g_autoptr (GSocket) socket = NULL;
  GError *error = NULL;

  if (!funnel_tunnel_check_up (self->config != NULL, task))
    return;
  socket = new_socket (self, port, &error);
  if (socket && g_socket_listen (socket, &error))
    g_task_return_pointer (task, g_steal_pointer (&socket), g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
direct_connect (FunnelTunnel *tunnel, guint16 port, GTask *task)
{
  FunnelDirectTunnel *self = FUNNEL_DIRECT_TUNNEL (tunnel);
  g_autoptr (GSocket) socket = NULL;
  GError *error = NULL;

  if (!funnel_tunnel_check_up (self->config != NULL, task))
    return;
  socket = new_socket (self, 0, &error);
  if (socket)
    funnel_tunnel_connect_socket (socket, self->config->peer_address, port, task);
  else
    g_task_return_error (task, error);
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
  tunnel->probe = direct_probe;
  tunnel->up = direct_up;
  tunnel->down = direct_down;
  tunnel->verify = direct_succeed;
  tunnel->listen = direct_listen;
  tunnel->connect = direct_connect;
  tunnel->refresh = direct_succeed;
  tunnel->query = direct_query;
}

static void
funnel_direct_tunnel_init (FunnelDirectTunnel *self)
{
}
