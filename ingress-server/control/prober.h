/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Probes every routed share, and compares what a server of its zone says with what the resolver
 * says: when it appears, when its epoch changes, every PROBER_STEADY_SECONDS while all is well, and
 * sooner after a failure. */

#include "ingress-server/control/ingress-routes.h"
#include "ingress-server/control/probe.h"

G_BEGIN_DECLS

#define PROBER_AT_ONCE 16
#define PROBER_STEADY_SECONDS 60

typedef struct _Prober Prober;

/* Called with each result; @message is a complete probe message for @node. */
typedef void (*ProberFunc) (gint64 node, const FunnelLinkMessage *message, gpointer user_data);

Prober *prober_new (const IngressConfig *config, ProberFunc func, gpointer user_data);
void prober_free (Prober *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Prober, prober_free)

/** prober_set_gate: ask @gate before a name is tried: a text (to be freed) that it returns is told
 * to the node as the reason why it was not, with outcome "dns". */
void prober_set_gate (Prober *self, char *(*gate) (const char *name, gpointer data), gpointer data);
/** prober_try_again: names that failed for their DNS record are tried at once. */
void prober_try_again (Prober *self);

/** prober_sync: the relay has the routes of @routes now; probe what is new, forget what is gone. */
void prober_sync (Prober *self, IngressRoutes *routes);

/** prober_renew: the link of @node is new and it has to be told again, after the next prober_sync.
 */
void prober_renew (Prober *self, gint64 node);

/** prober_find: the last result of a share, and when (Unix seconds), or NULL. */
const FunnelLinkMessage *prober_find (Prober *self, const char *name, guint16 port, gint64 *when);

G_END_DECLS
