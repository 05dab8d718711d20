/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/endpoint.h"

#include "lib/base/error.h"
#include "lib/base/expiry.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#define PROBE_MS 500 /* for a router to say that a packet is too large */
#define PROBES 4
#define RESOLVE_MS 5000
#define RESOLVE_AGAIN_MS 1500 /* where the addresses known from before will do */
#define PROBE_MAX 9216        /* loopback and the like need no probe */
#define OUTER_V4_BYTES 60     /* IP, UDP and WireGuard's header and tag */
#define OUTER_V6_BYTES 80
#define INNER_MTU_MIN 576 /* every IPv4 host takes that (RFC 791, section 3.1) */
#define INNER_MTU_MAX 8920

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

typedef struct
{
  FunnelEndpoint *endpoint;
  FunnelExpiry *expiry;
} Lookup;

static void
lookup_free (Lookup *lookup)
{
  funnel_endpoint_unref (lookup->endpoint);
  funnel_expiry_free (lookup->expiry);
  g_free (lookup);
}

/* A resolver whose question was lost on a broken path waits long before it asks again. */
static void
lookup_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Lookup *lookup = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  GList *addresses = g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &error);

  if (addresses)
    {
      take_addresses (lookup->endpoint, addresses);
      g_task_return_boolean (task, TRUE);
    }
  else if (funnel_expiry_has_passed (lookup->expiry))
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                             N_ ("The ingress's name cannot be resolved: no answer in time"));
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                             N_ ("The ingress's name cannot be resolved: %s"), error->message);
}

void
funnel_endpoint_resolve_async (FunnelEndpoint *self,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GResolver) resolver = NULL;
  Lookup *lookup = NULL;

  g_task_set_source_tag (task, funnel_endpoint_resolve_async);
  if (g_hostname_is_ip_address (self->host))
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  lookup = g_new0 (Lookup, 1);
  lookup->endpoint = funnel_endpoint_ref (self);
  lookup->expiry = funnel_expiry_new (cancellable, self->addresses ? RESOLVE_AGAIN_MS : RESOLVE_MS);
  g_task_set_task_data (task, lookup, (GDestroyNotify)lookup_free);
  resolver = g_resolver_get_default ();
  g_resolver_lookup_by_name_async (resolver, self->host, funnel_expiry_get (lookup->expiry),
                                   lookup_cb, g_steal_pointer (&task));
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
  gboolean v6 = funnel_endpoint_is_v6 (self);

  return ip ? g_strdup_printf (v6 ? "[%s]:%u" : "%s:%u", ip, self->port) : NULL;
}

/* ---- the path ---- */

static GSocket *
connect_to (FunnelEndpoint *self)
{
  GInetAddress *address = funnel_endpoint_get_address (self);
  g_autoptr (GSocketAddress) remote = NULL;
  g_autoptr (GSocket) socket = NULL;

  if (!address)
    return NULL;
  remote = g_inet_socket_address_new (address, self->port);
  socket = g_socket_new (g_inet_address_get_family (address), G_SOCKET_TYPE_DATAGRAM,
                         G_SOCKET_PROTOCOL_UDP, NULL);
  if (!socket || !g_socket_connect (socket, remote, NULL, NULL))
    return NULL;
  g_socket_set_blocking (socket, FALSE);
  return g_steal_pointer (&socket);
}

static gboolean
is_v6 (GSocket *socket)
{
  return g_socket_get_family (socket) == G_SOCKET_FAMILY_IPV6;
}

static guint
read_mtu (GSocket *socket)
{
  int mtu = 0;

  if (!g_socket_get_option (socket, is_v6 (socket) ? IPPROTO_IPV6 : IPPROTO_IP,
                            is_v6 (socket) ? IPV6_MTU : IP_MTU, &mtu, NULL)
      || mtu < 0)
    return 0;
  return (guint)mtu;
}

guint
funnel_endpoint_get_path_mtu (FunnelEndpoint *self)
{
  g_autoptr (GSocket) socket = connect_to (self);

  return socket ? read_mtu (socket) : 0;
}

guint
funnel_endpoint_inner_mtu (guint path_mtu, gboolean v6)
{
  guint outer = v6 ? OUTER_V6_BYTES : OUTER_V4_BYTES;

  return path_mtu > outer ? CLAMP (path_mtu - outer, INNER_MTU_MIN, INNER_MTU_MAX) : 0;
}

gboolean
funnel_endpoint_is_v6 (FunnelEndpoint *self)
{
  GInetAddress *address = funnel_endpoint_get_address (self);

  return address && g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6;
}

typedef struct
{
  GSocket *socket;
  guint tried; /* bytes of the last packet */
  guint tries;
  GSource *error; /* a router's answer */
  GSource *timeout;
} Probe;

static void
clear_source (GSource **source)
{
  if (*source)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
probe_free (Probe *probe)
{
  clear_source (&probe->error);
  clear_source (&probe->timeout);
  g_clear_object (&probe->socket);
  g_free (probe);
}

/* One packet as large as is believed to pass; FALSE when there is nothing to learn any more. */
static gboolean
send_probe (Probe *probe)
{
  guint mtu = read_mtu (probe->socket);
  gsize headers = is_v6 (probe->socket) ? 40 + 8 : 20 + 8;
  g_autofree char *packet = NULL;

  if (mtu <= headers || mtu == probe->tried || mtu > PROBE_MAX || probe->tries == PROBES)
    return FALSE;
  probe->tried = mtu;
  probe->tries++;
  packet = g_malloc0 (mtu - headers);
  return g_socket_send (probe->socket, packet, mtu - headers, NULL, NULL) >= 0;
}

/* The task's sources hold no reference to it; whoever ends them drops the one there is. */
static void
end_probe (GTask *owned)
{
  g_autoptr (GTask) task = owned;
  Probe *probe = g_task_get_task_data (task);

  clear_source (&probe->error);
  clear_source (&probe->timeout);
  g_task_return_boolean (task, TRUE);
}

static gboolean
on_probe_error (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  Probe *probe = g_task_get_task_data (user_data);
  int pending = 0;

  g_socket_get_option (socket, SOL_SOCKET, SO_ERROR, &pending, NULL);
  if (pending == EMSGSIZE && send_probe (probe))
    return G_SOURCE_CONTINUE;
  end_probe (user_data);
  return G_SOURCE_REMOVE;
}

static gboolean
on_probe_timeout (gpointer user_data)
{
  end_probe (user_data);
  return G_SOURCE_REMOVE;
}

void
funnel_endpoint_probe_path_async (FunnelEndpoint *self,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Probe *probe = g_new0 (Probe, 1);
  GSocket *socket = connect_to (self);
  int discover = IP_PMTUDISC_DO;

  g_task_set_source_tag (task, funnel_endpoint_probe_path_async);
  g_task_set_task_data (task, probe, (GDestroyNotify)probe_free);
  probe->socket = socket;
  if (!socket
      || !g_socket_set_option (socket, is_v6 (socket) ? IPPROTO_IPV6 : IPPROTO_IP,
                               is_v6 (socket) ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, discover, NULL)
      || !send_probe (probe))
    {
      end_probe (task);
      return;
    }
  probe->error = g_socket_create_source (socket, G_IO_ERR, NULL);
  g_source_set_callback (probe->error, G_SOURCE_FUNC (on_probe_error), task, NULL);
  g_source_attach (probe->error, g_task_get_context (task));
  probe->timeout = g_timeout_source_new (PROBE_MS);
  g_source_set_callback (probe->timeout, on_probe_timeout, task, NULL);
  g_source_attach (probe->timeout, g_task_get_context (task));
}

gboolean
funnel_endpoint_probe_path_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_endpoint_probe_path_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
