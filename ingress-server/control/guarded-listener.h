/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A listening socket in front of a SoupServer that bounds what strangers can hold open: connections
 * in all and per source, and the time a connection may take, TLS handshake and answer included. */

#include <gio/gio.h>
#include <libsoup/soup.h>

G_BEGIN_DECLS

typedef struct _GuardedListener GuardedListener;

typedef struct
{
  guint max_connections;
  guint max_per_source; /* 0: no limit of its own */
  guint seconds;        /* to the end of a connection, unless released; 0: for ever */
  gboolean sharded;     /* they may be many and stay: each is served in a shard (context-shard.h) */
} GuardedLimits;

/** guarded_listener_new: accept connections for @server. @certificate: wrap them in TLS; NULL:
 * plain. */
GuardedListener *guarded_listener_new (SoupServer *server,
                                       const GuardedLimits *limits,
                                       GTlsCertificate *certificate);
/** guarded_listener_free: stop accepting, and cut what is open. */
void guarded_listener_free (GuardedListener *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardedListener, guarded_listener_free)

/** guarded_listener_add: accept on a listening @socket. */
gboolean guarded_listener_add (GuardedListener *self, GSocket *socket, GError **error);

/** guarded_listener_release: the connection @message came by may stay open without limit. */
void guarded_listener_release (GuardedListener *self, SoupServerMessage *message);

/** guarded_listener_find_socket: the socket @message came by, or NULL. */
GSocket *guarded_listener_find_socket (GuardedListener *self, SoupServerMessage *message);

/** guarded_listen_inet: listening TCP sockets at @address:@port (NULL: all addresses, both
 * families). */
GPtrArray *guarded_listen_inet (const char *address, guint16 port, GError **error);

G_END_DECLS
