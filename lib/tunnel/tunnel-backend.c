/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/tunnel-backend.h"

#include "lib/base/error.h"

#include <glib/gi18n.h>

#define PORTS_MAX 64

gboolean
funnel_tunnel_check_up (gboolean up, GTask *task)
{
  if (!up)
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                             N_ ("The tunnel is down"));
  return up;
}

void
funnel_tunnel_note_port (GArray *ports, GSocket *socket)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, NULL);
  guint16 port = address ? g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)) : 0;

  for (guint i = 0; i < ports->len; i++)
    if (g_array_index (ports, guint16, i) == port)
      return;
  if (port != 0 && ports->len < PORTS_MAX)
    g_array_append_val (ports, port);
}

static void
connect_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (g_socket_connection_connect_finish (G_SOCKET_CONNECTION (source), result, &error))
    g_task_return_pointer (task, g_object_ref (source), g_object_unref);
  else
    g_task_return_error (task, error);
}

void
funnel_tunnel_connect_socket (GSocket *socket, const char *peer, guint16 port, GTask *task)
{
  g_autoptr (GSocketAddress) remote = g_inet_socket_address_new_from_string (peer, port);
  g_autoptr (GSocketConnection) connection = NULL;

  if (!remote)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                               "peer_address: not an IP address: %s", peer);
      return;
    }
  connection = g_socket_connection_factory_create_connection (socket);
  g_socket_connection_connect_async (connection, remote, g_task_get_cancellable (task), connect_cb,
                                     g_object_ref (task));
}
