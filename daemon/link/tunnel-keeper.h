/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Keeps one tunnel up and proved to be isolated, with a listener for offers in it. */

#include "lib/tunnel/tunnel.h"

G_BEGIN_DECLS

/* The reason after the user switched the tunnel off. */
#define FUNNEL_TUNNEL_SWITCHED_OFF "switched off in NetworkManager"

#define FUNNEL_TYPE_TUNNEL_KEEPER (funnel_tunnel_keeper_get_type ())
G_DECLARE_FINAL_TYPE (FunnelTunnelKeeper, funnel_tunnel_keeper, FUNNEL, TUNNEL_KEEPER, GObject)

/* Signals:
 * "ready" (GSocket *listener): up and verified; offers may be taken from the listener.
 * "lost" (): no longer so. Nothing made in the tunnel may be used any more; see get_reason.
 * "refreshed" (): a refresh has ended, well or not, or takes long.
 * "changed" (): reason or status are different. */

/**
 * funnel_tunnel_keeper_new:
 * @config: copied
 * @direct: the ingress has no WireGuard: only loopback sockets can reach it, and nothing else may
 */
FunnelTunnelKeeper *funnel_tunnel_keeper_new (const FunnelTunnelConfig *config, gboolean direct);
/** funnel_tunnel_keeper_start: (anew), even what the user had switched off. */
void funnel_tunnel_keeper_start (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_start_switched_off: as after the user switched it off; nothing goes up. */
void funnel_tunnel_keeper_start_switched_off (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_stop: take the tunnel away; emits nothing. */
void funnel_tunnel_keeper_stop (FunnelTunnelKeeper *self);

/** funnel_tunnel_keeper_prefer: use back end @name only; "" any. From the next start on. */
void funnel_tunnel_keeper_prefer (FunnelTunnelKeeper *self, const char *name);

/** funnel_tunnel_keeper_get_tunnel: NULL unless ready. */
FunnelTunnel *funnel_tunnel_keeper_get_tunnel (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_get_reason: why it is not ready; "" when it is. */
const char *funnel_tunnel_keeper_get_reason (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_get_name: back end in use, "" before one is chosen. */
const char *funnel_tunnel_keeper_get_name (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_get_passed_over: back ends that come first and do not work here, as "NAME:
 * why and what would help"; NULL-terminated. */
const char *const *funnel_tunnel_keeper_get_passed_over (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_reconsider: what was passed over may work by now: ask it again, soon. What
 * it says is among the passed over, and "changed" follows. */
void funnel_tunnel_keeper_reconsider (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_has_better: whether a back end that comes before the one in use works by
 * now. */
gboolean funnel_tunnel_keeper_has_better (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_move: to the better one. The tunnel goes down and up; "lost" comes first.
 */
void funnel_tunnel_keeper_move (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_is_switched_off: by the user, with another program; stays so until start.
 */
gboolean funnel_tunnel_keeper_is_switched_off (FunnelTunnelKeeper *self);
const FunnelTunnelStatus *funnel_tunnel_keeper_get_status (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_confirm: the tunnel carries data; the next loss is retried at once. */
void funnel_tunnel_keeper_confirm (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_query: ask for fresh numbers; "changed" follows. */
void funnel_tunnel_keeper_query (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_is_querying: whether that is still to come. */
gboolean funnel_tunnel_keeper_is_querying (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_refresh: the path may be broken; make WireGuard try anew. */
void funnel_tunnel_keeper_refresh (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_get_trouble: why the last refresh could not be made; "" when it could. */
const char *funnel_tunnel_keeper_get_trouble (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_is_refreshing: what is sent meanwhile may be lost; "refreshed" follows,
 * after 3 s even if it has not ended. */
gboolean funnel_tunnel_keeper_is_refreshing (FunnelTunnelKeeper *self);
/** funnel_tunnel_keeper_retry: if waiting to try again, do so now; else soon after a failure. */
void funnel_tunnel_keeper_retry (FunnelTunnelKeeper *self);

G_END_DECLS
