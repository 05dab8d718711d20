/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the relay is told: a route for each share that is granted by the registry and armed by its
 * node. Changes are gathered until the main loop comes round, then one table is built.
 *
 * A node whose link is away keeps its routes, marked so: visitors get an answer at once, and what
 * the node had armed is still known when it comes back. */

#include "ingress-server/control/ingress-registry.h"
#include "ingress-server/route/route-table.h"

G_BEGIN_DECLS

#define INGRESS_TYPE_ROUTES (ingress_routes_get_type ())
G_DECLARE_FINAL_TYPE (IngressRoutes, ingress_routes, INGRESS, ROUTES, GObject)

/* Signal "changed" (): another table is wanted; fetch it with ingress_routes_build. */

/* A share as the prober and the admin see it; pointers are valid during the call. */
typedef struct
{
  const IngressNode *node;
  const char *name;
  guint16 port;
  guint32 epoch;
  guint32 slot;
  gboolean granted; /* else armed but not granted: no route */
  gboolean linked;
  gboolean told; /* by the node itself; else taken over from an earlier table, epoch unknown */
} IngressRouteInfo;

typedef void (*IngressRouteFunc) (const IngressRouteInfo *info, gpointer user_data);

/** ingress_routes_new: nothing is built before ingress_routes_start. */
IngressRoutes *ingress_routes_new (IngressRegistry *registry);

/** ingress_routes_presume: after a restart, go on with what @table says was armed, and take the
 * nodes that were linked as linked for @grace_ms. */
void ingress_routes_presume (IngressRoutes *self, const struct route_table *table, guint grace_ms);
/** ingress_routes_start: from now on "changed" is emitted; first for what is known already. */
void ingress_routes_start (IngressRoutes *self);
/** ingress_routes_changed: want a new table, for instance because the relay's host lost the old
 * one. */
void ingress_routes_changed (IngressRoutes *self);

/** ingress_routes_set_link: the node's link came up and takes offers at @offer_port, or (0) went
 * away. */
void ingress_routes_set_link (IngressRoutes *self, gint64 node, guint16 offer_port);
/** ingress_routes_set_shares: what the node has armed (FunnelLinkShare*). */
void ingress_routes_set_shares (IngressRoutes *self, gint64 node, GPtrArray *shares);

/** ingress_routes_build: a sealed memfd with the table, and its generation; -1 and an error. */
int ingress_routes_build (IngressRoutes *self, guint64 *generation, GError **error);
/* @shares: FunnelLinkShare*: all that is routed for @node; valid during the call. */
typedef void (*IngressRoutedFunc) (gint64 node, GPtrArray *shares, gpointer user_data);

/** ingress_routes_applied: the relay uses the last table built: call @func for each linked node for
 * which it routes something else than what @func was last told over the same link. */
void ingress_routes_applied (IngressRoutes *self, IngressRoutedFunc func, gpointer user_data);
/** ingress_routes_foreach: every armed share. */
void ingress_routes_foreach (IngressRoutes *self, IngressRouteFunc func, gpointer user_data);

G_END_DECLS
