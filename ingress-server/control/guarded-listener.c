/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/guarded-listener.h"

#include "lib/base/error.h"
#include "ingress-server/control/context-shard.h"
#include "ingress-server/control/rate-limit.h"

#include <netinet/in.h>

struct _GuardedListener
{
  SoupServer *server;
  GTlsCertificate *certificate;
  GuardedLimits limits;
  GSocketService *service;
  GHashTable *guards;  /* remote address object → Guard*: open connections */
  GHashTable *sources; /* source text → number of them */
};

/* One open connection. Lives as long as the GSocketConnection, whoever holds that. */
typedef struct
{
  GuardedListener *listener; /* NULL once that is gone */
  GSocket *socket;
  GSocketAddress *remote; /* the object handed to SoupServer, by which messages are recognized */
  char *source;
  ContextShard *shard; /* NULL: the default context */
  guint timer;
} Guard;

static void
count_source (GuardedListener *self, const char *source, int change)
{
  guint count = GPOINTER_TO_UINT (g_hash_table_lookup (self->sources, source)) + (guint)change;

  if (count == 0)
    g_hash_table_remove (self->sources, source);
  else
    g_hash_table_insert (self->sources, g_strdup (source), GUINT_TO_POINTER (count));
}

static void
on_connection_gone (gpointer data, GObject *connection)
{
  Guard *guard = data;

  if (guard->listener)
    {
      g_hash_table_remove (guard->listener->guards, guard->remote);
      count_source (guard->listener, guard->source, -1);
    }
  g_clear_handle_id (&guard->timer, g_source_remove);
  context_shard_release (guard->shard);
  g_object_unref (guard->socket);
  g_object_unref (guard->remote);
  g_free (guard->source);
  g_free (guard);
}

static void
cut (Guard *guard)
{
  /* The stream belongs to libsoup; an end of file makes it let go. */
  g_socket_shutdown (guard->socket, TRUE, TRUE, NULL);
}

static gboolean
on_deadline (gpointer data)
{
  Guard *guard = data;

  guard->timer = 0;
  g_debug ("A connection from %s took too long", guard->source);
  cut (guard);
  return G_SOURCE_REMOVE;
}

static char *
source_of (GSocketAddress *remote)
{
  if (G_IS_INET_SOCKET_ADDRESS (remote))
    return rate_source_text (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote)));
  return g_strdup ("local");
}

static Guard *
guard_new (GuardedListener *self,
           GSocketConnection *connection,
           char *source,
           GSocketAddress *remote)
{
  Guard *guard = g_new0 (Guard, 1);

  guard->listener = self;
  guard->socket = g_object_ref (g_socket_connection_get_socket (connection));
  guard->remote = g_object_ref (remote);
  guard->source = source;
  if (self->limits.seconds)
    guard->timer = g_timeout_add_seconds (self->limits.seconds, on_deadline, guard);
  g_hash_table_insert (self->guards, guard->remote, guard);
  count_source (self, source, 1);
  g_object_weak_ref (G_OBJECT (connection), on_connection_gone, guard);
  return guard;
}

static gboolean
has_room (GuardedListener *self, const char *source)
{
  guint of_source = GPOINTER_TO_UINT (g_hash_table_lookup (self->sources, source));

  return g_hash_table_size (self->guards) < self->limits.max_connections
         && (self->limits.max_per_source == 0 || of_source < self->limits.max_per_source);
}

static void
hand_over (GuardedListener *self, GSocketConnection *connection, GSocketAddress *remote)
{
  g_autoptr (GSocketAddress) local = g_socket_connection_get_local_address (connection, NULL);
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (GError) error = NULL;

  if (self->certificate)
    stream = g_tls_server_connection_new (G_IO_STREAM (connection), self->certificate, &error);
  else
    stream = g_object_ref (G_IO_STREAM (connection));
  if (!stream || !soup_server_accept_iostream (self->server, stream, local, remote, &error))
    g_warning ("Cannot take a connection: %s", error->message);
}

static gboolean
on_service_incoming (GSocketService *service,
                     GSocketConnection *connection,
                     GObject *source_object,
                     GuardedListener *self)
{
  g_autoptr (GSocketAddress) remote = g_socket_connection_get_remote_address (connection, NULL);
  g_autofree char *source = remote ? source_of (remote) : NULL;
  ContextShard *shard;
  Guard *guard;

  if (!source || !has_room (self, source))
    return TRUE;
  guard = guard_new (self, connection, g_steal_pointer (&source), remote);
  shard = guard->shard = self->limits.sharded ? context_shard_enter () : NULL;
  hand_over (self, connection, remote);
  context_shard_leave (shard);
  return TRUE;
}

GuardedListener *
guarded_listener_new (SoupServer *server, const GuardedLimits *limits, GTlsCertificate *certificate)
{
  GuardedListener *self = g_new0 (GuardedListener, 1);

  self->server = g_object_ref (server);
  self->limits = *limits;
  self->certificate = certificate ? g_object_ref (certificate) : NULL;
  self->guards = g_hash_table_new (NULL, NULL);
  self->sources = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->service = g_socket_service_new ();
  g_signal_connect (self->service, "incoming", G_CALLBACK (on_service_incoming), self);
  return self;
}

void
guarded_listener_free (GuardedListener *self)
{
  GHashTableIter iter;
  gpointer value;

  g_socket_service_stop (self->service);
  g_signal_handlers_disconnect_by_data (self->service, self);
  g_socket_listener_close (G_SOCKET_LISTENER (self->service));
  g_hash_table_iter_init (&iter, self->guards);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      ((Guard *)value)->listener = NULL;
      cut (value);
    }
  g_object_unref (self->service);
  g_hash_table_unref (self->guards);
  g_hash_table_unref (self->sources);
  g_clear_object (&self->certificate);
  g_object_unref (self->server);
  g_free (self);
}

gboolean
guarded_listener_add (GuardedListener *self, GSocket *socket, GError **error)
{
  return g_socket_listener_add_socket (G_SOCKET_LISTENER (self->service), socket, NULL, error);
}

static Guard *
find_guard (GuardedListener *self, SoupServerMessage *message)
{
  return g_hash_table_lookup (self->guards, soup_server_message_get_remote_address (message));
}

void
guarded_listener_release (GuardedListener *self, SoupServerMessage *message)
{
  Guard *guard = find_guard (self, message);

  if (guard)
    g_clear_handle_id (&guard->timer, g_source_remove);
}

GSocket *
guarded_listener_find_socket (GuardedListener *self, SoupServerMessage *message)
{
  Guard *guard = find_guard (self, message);

  return guard ? guard->socket : NULL;
}

/* Sockets. */

static GSocket *
listen_at (GInetAddress *address, guint16 port, GError **error)
{
  g_autoptr (GSocketAddress) at = g_inet_socket_address_new (address, port);
  g_autoptr (GSocket) socket = g_socket_new (g_inet_address_get_family (address),
                                             G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

  if (!socket)
    return NULL;
  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6
      && g_inet_address_get_is_any (address))
    g_socket_set_option (socket, IPPROTO_IPV6, IPV6_V6ONLY, 1, NULL);
  g_socket_set_listen_backlog (socket, 128);
  if (!g_socket_bind (socket, at, TRUE, error) || !g_socket_listen (socket, error))
    {
      g_autofree char *text = g_inet_address_to_string (address);

      g_prefix_error (error, "%s port %u (TCP): ", text, port);
      return NULL;
    }
  return g_steal_pointer (&socket);
}

GPtrArray *
guarded_listen_inet (const char *address, guint16 port, GError **error)
{
  g_autoptr (GPtrArray) sockets = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GInetAddress) four = address ? g_inet_address_new_from_string (address)
                                          : g_inet_address_new_any (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GInetAddress) six = address ? NULL : g_inet_address_new_any (G_SOCKET_FAMILY_IPV6);
  GSocket *socket = listen_at (four, port, error);

  if (!socket)
    return NULL;
  g_ptr_array_add (sockets, socket);
  /* A host without IPv6 is fine. */
  socket = six ? listen_at (six, port, NULL) : NULL;
  if (socket)
    g_ptr_array_add (sockets, socket);
  return g_steal_pointer (&sockets);
}
