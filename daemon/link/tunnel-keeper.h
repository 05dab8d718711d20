/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Keeps one tunnel up and proved to be isolated, with a listener for offers in it. */

#include "lib/tunnel/tunnel.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_TUNNEL_KEEPER (funnel_tunnel_keeper_get_type ())
G_DECLARE_FINAL_TYPE (FunnelTunnelKeeper, funnel_tunnel_keeper, FUNNEL, TUNNEL_KEEPER, GObject)

/* Signals:
 * "ready" (GSocket *listener): up and verified; offers may be taken from the listener.
 * "lost" (): no longer so. Nothing made in the tunnel may be used any more; see get_reason.
 * "changed" (): reason or status are different. */

/**
 * funnel_tunnel_keeper_new:
 * @config: copied
 * @direct: the ingress has no WireGuard: only loopback sockets can reach it, and nothing else may
 */
FunnelTunnelKeeper *funnel_tunnel_keeper_new (const FunnelTunnelConfig *config, gboolean direct);
void funnel_tunnel_keeper_start (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_stop: take the tunnel away; emits nothing. */
void funnel_tunnel_keeper_stop (FunnelTunnelKeeper *self);

/** funnel_tunnel_keeper_get_tunnel: NULL unless ready. */
FunnelTunnel *funnel_tunnel_keeper_get_tunnel (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_get_reason: why it is not ready; "" when it is. */
const char *funnel_tunnel_keeper_get_reason (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_get_name: back end in use, "" before one is chosen. */
const char *funnel_tunnel_keeper_get_name (FunnelTunnelKeeper *self);
const FunnelTunnelStatus *funnel_tunnel_keeper_get_status (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_confirm: the tunnel carries data; the next loss is retried at once. */
void funnel_tunnel_keeper_confirm (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_query: ask for fresh numbers; "changed" follows. */
void funnel_tunnel_keeper_query (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_refresh: the path may be broken; make WireGuard try anew. */
void funnel_tunnel_keeper_refresh (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_retry: if waiting to try again, do so now. */
void funnel_tunnel_keeper_retry (FunnelTunnelKeeper *self);

G_END_DECLS
