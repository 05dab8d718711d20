/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/endpoint.h"

#include "lib/base/error.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

struct _FunnelEndpoint
{
  gatomicrefcount references;
  char *host;
  guint16 port;
  GList *addresses; /* GInetAddress*, IPv4 first */
  guint chosen;     /* index modulo the list's length */
};

static int
compare_family (gconstpointer a, gconstpointer b)
{
  return (int)(g_inet_address_get_family ((GInetAddress *)a) == G_SOCKET_FAMILY_IPV6)
         - (int)(g_inet_address_get_family ((GInetAddress *)b) == G_SOCKET_FAMILY_IPV6);
}

static void
take_addresses (FunnelEndpoint *self, GList *addresses)
{
  g_clear_list (&self->addresses, g_object_unref);
  self->addresses = g_list_sort (addresses, compare_family);
}

FunnelEndpoint *
funnel_endpoint_new (const char *host, guint16 port)
{
  FunnelEndpoint *self = g_new0 (FunnelEndpoint, 1);
  GInetAddress *literal = g_inet_address_new_from_string (host);

  g_atomic_ref_count_init (&self->references);
  self->host = g_strdup (host);
  self->port = port;
  if (literal)
    take_addresses (self, g_list_append (NULL, literal));
  return self;
}

FunnelEndpoint *
funnel_endpoint_ref (FunnelEndpoint *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
funnel_endpoint_unref (FunnelEndpoint *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_clear_list (&self->addresses, g_object_unref);
  g_free (self->host);
  g_free (self);
}

static void
lookup_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  GList *addresses = g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &error);

  if (addresses)
    {
      take_addresses (g_task_get_task_data (task), addresses);
      g_task_return_boolean (task, TRUE);
    }
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                             "The ingress's name cannot be resolved: %s", error->message);
}

void
funnel_endpoint_resolve_async (FunnelEndpoint *self,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GResolver) resolver = NULL;

  g_task_set_source_tag (task, funnel_endpoint_resolve_async);
  g_task_set_task_data (task, funnel_endpoint_ref (self), (GDestroyNotify)funnel_endpoint_unref);
  if (g_hostname_is_ip_address (self->host))
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  resolver = g_resolver_get_default ();
  g_resolver_lookup_by_name_async (resolver, self->host, cancellable, lookup_cb,
                                   g_steal_pointer (&task));
}

gboolean
funnel_endpoint_resolve_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_endpoint_resolve_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

guint
funnel_endpoint_get_count (FunnelEndpoint *self)
{
  return g_list_length (self->addresses);
}

void
funnel_endpoint_next (FunnelEndpoint *self)
{
  self->chosen++;
}

GInetAddress *
funnel_endpoint_get_address (FunnelEndpoint *self)
{
  guint count = g_list_length (self->addresses);

  return count ? g_list_nth_data (self->addresses, self->chosen % count) : NULL;
}

char *
funnel_endpoint_dup_text (FunnelEndpoint *self)
{
  GInetAddress *address = funnel_endpoint_get_address (self);
  g_autofree char *ip = address ? g_inet_address_to_string (address) : NULL;
  gboolean v6 = address && g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6;

  return ip ? g_strdup_printf (v6 ? "[%s]:%u" : "%s:%u", ip, self->port) : NULL;
}

guint
funnel_endpoint_get_path_mtu (FunnelEndpoint *self)
{
  GInetAddress *address = funnel_endpoint_get_address (self);
  g_autoptr (GSocketAddress) remote = NULL;
  g_autoptr (GSocket) socket = NULL;
  gboolean v6 = FALSE;
  int mtu = 0;

  if (!address)
    return 0;
  v6 = g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6;
  remote = g_inet_socket_address_new (address, self->port);
  socket = g_socket_new (g_inet_address_get_family (address), G_SOCKET_TYPE_DATAGRAM,
                         G_SOCKET_PROTOCOL_UDP, NULL);
  if (!socket || !g_socket_connect (socket, remote, NULL, NULL)
      || !g_socket_get_option (socket, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu,
                               NULL)
      || mtu < 0)
    return 0;
  return (guint)mtu;
}
