/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* All links: takes connections on the tunnel, knows whose they are by their source address, and
 * keeps each node told of its grants. */

#include "ingress-server/control/ingress-registry.h"
#include "ingress-server/control/ingress-routes.h"
#include "lib/base/link-message.h"

G_BEGIN_DECLS

typedef struct _LinkServer LinkServer;

/** link_server_new: @ready is called when a node has a new link that said hello. */
LinkServer *link_server_new (IngressRegistry *registry,
                             IngressRoutes *routes,
                             void (*ready) (gint64 node, gpointer user_data),
                             gpointer user_data);
void link_server_free (LinkServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LinkServer, link_server_free)

/** link_server_listen: take links on @socket from now on, instead of an earlier one. */
gboolean link_server_listen (LinkServer *self, GSocket *socket, GError **error);
/** link_server_suspend: the tunnel is gone: close its socket and every link. */
void link_server_suspend (LinkServer *self, const char *reason);

/** link_server_set_claims_func: @claims is called with the names (GStrv) that a node asks for. */
void link_server_set_claims_func (LinkServer *self,
                                  void (*claims) (gint64 node, GStrv names, gpointer user_data),
                                  gpointer user_data);

/** link_server_send: to the link of @node, if it is ready. */
void link_server_send (LinkServer *self, gint64 node, const FunnelLinkMessage *message);

guint link_server_get_count (LinkServer *self);
/** link_server_get_since: Unix seconds since when @node is linked, 0 if it is not. */
gint64 link_server_get_since (LinkServer *self, gint64 node);

/** link_ping_interval: seconds between pings when there are @links: few links are watched closely,
 * many cost little in all. */
guint link_ping_interval (guint links);

G_END_DECLS
