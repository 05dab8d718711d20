/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The daemon as a window sees it: there, or away and why, with the shares as a list. It asks the
 * bus to start the daemon once, and again when told to; a daemon that goes takes its data with it,
 * and one that comes back by itself is found. Nothing is polled. All of it belongs to the thread of
 * the default main context. */

#include "lib/client/client.h"
#include "lib/client/share-model.h"

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_CONNECTION_CONNECTING, /* nothing is known yet; no data */
  FUNNEL_CONNECTION_NO_BUS,     /* there is no session bus, or it is gone: it stays so */
  FUNNEL_CONNECTION_MISSING,    /* the daemon is away; no data */
  FUNNEL_CONNECTION_OUTDATED,   /* it runs, and is older than this program */
  FUNNEL_CONNECTION_READY,
} FunnelConnectionState;

#define FUNNEL_TYPE_CONNECTION (funnel_connection_get_type ())
G_DECLARE_FINAL_TYPE (FunnelConnection, funnel_connection, FUNNEL, CONNECTION, GObject)

/* Signal "changed" (FunnelConnection *self): the state, or anything the daemon tells, is different;
 * once per turn of the main loop. Property "state" (int, FunnelConnectionState, read only) notifies
 * only when it changes. */

/** funnel_connection_new: does nothing until funnel_connection_start. */
FunnelConnection *funnel_connection_new (GBusType bus);

/** funnel_connection_start: connect, and have the daemon started if it is away. While that is under
 * way, and when it runs, this does nothing. */
void funnel_connection_start (FunnelConnection *self);

FunnelConnectionState funnel_connection_get_state (FunnelConnection *self);
/** funnel_connection_has_data: the daemon runs: FUNNEL_CONNECTION_OUTDATED or
 * FUNNEL_CONNECTION_READY. */
gboolean funnel_connection_has_data (FunnelConnection *self);
/** funnel_connection_get_message: why the daemon is away, in the words of whoever said so; ""
 * otherwise. */
const char *funnel_connection_get_message (FunnelConnection *self);

/** funnel_connection_get_client: for calls; NULL until there is a bus. Borrowed. */
FunnelClient *funnel_connection_get_client (FunnelConnection *self);
/** funnel_connection_get_shares: GListModel of FunnelDBusShare; the same object for ever. Borrowed.
 */
GListModel *funnel_connection_get_shares (FunnelConnection *self);
/** funnel_connection_ref_ingress: the ingress this node has joined; NULL: none, or not known. */
FunnelDBusIngress *funnel_connection_ref_ingress (FunnelConnection *self);

/** funnel_connection_compare_versions: of two dotted numbers; less than, equal to or greater than
 * 0. What is not a number counts as 0. */
int funnel_connection_compare_versions (const char *a, const char *b);

G_END_DECLS
