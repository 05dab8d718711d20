/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The node's side of one ingress: the isolated tunnel, the listener for offers in it, and the link,
 * each brought back whenever it goes. */

#include "lib/base/link-message.h"
#include "lib/tunnel/tunnel.h"

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_LINK_STATE_TUNNEL_DOWN,
  FUNNEL_LINK_STATE_LINK_DOWN,
  FUNNEL_LINK_STATE_LINKED, /* welcomed, and the grants are known */
} FunnelLinkState;

#define FUNNEL_TYPE_LINK (funnel_link_get_type ())
G_DECLARE_FINAL_TYPE (FunnelLink, funnel_link, FUNNEL, LINK, GObject)

/* Signals:
 * "changed" (): state, reason or tunnel status are different.
 * "listener" (GSocket *): the tunnel is verified and offers may be taken; NULL: no more, at once.
 * "message" (FunnelLinkMessage *): welcome, grants, probe, routed, claimed or ping. */

/** funnel_link_new: @config is copied. @direct as for funnel_tunnel_keeper_new. */
FunnelLink *funnel_link_new (const FunnelTunnelConfig *config, gboolean direct, guint16 link_port);
/** funnel_link_start: (anew), even a tunnel the user had switched off. */
void funnel_link_start (FunnelLink *self);
/** funnel_link_start_switched_off: as after the user switched the tunnel off; until start. */
void funnel_link_start_switched_off (FunnelLink *self);
/** funnel_link_is_switched_off: whether the user did that. */
gboolean funnel_link_is_switched_off (FunnelLink *self);
/** funnel_link_stop: take everything away; emits nothing. */
void funnel_link_stop (FunnelLink *self);
/** funnel_link_set_shares: the complete list (FunnelLinkShare*, taken); sent when it differs. */
void funnel_link_set_shares (FunnelLink *self, GPtrArray *shares);

/** funnel_link_set_claims: names outside the zone to be asked for, the complete list (taken); sent
 * when it differs, if the ingress takes such. */
void funnel_link_set_claims (FunnelLink *self, GStrv names);

FunnelLinkState funnel_link_get_state (FunnelLink *self);
/** funnel_link_get_reason: why it is not linked; "" when it is. */
const char *funnel_link_get_reason (FunnelLink *self);
/** funnel_link_get_next_step: what the user can do about it; "" nothing. */
const char *funnel_link_get_next_step (FunnelLink *self);
/** funnel_link_set_tunnel: use back end @name only, "" any; from the next start on. */
void funnel_link_set_tunnel (FunnelLink *self, const char *name);
/** funnel_link_get_passed_over: as funnel_tunnel_keeper_get_passed_over. */
const char *const *funnel_link_get_passed_over (FunnelLink *self);
/** funnel_link_has_better_tunnel, funnel_link_move: as of the tunnel's keeper. */
gboolean funnel_link_has_better_tunnel (FunnelLink *self);
void funnel_link_move (FunnelLink *self);
const char *funnel_link_get_tunnel_name (FunnelLink *self);
const FunnelTunnelStatus *funnel_link_get_tunnel_status (FunnelLink *self);
/** funnel_link_get_round_trip: microseconds through the tunnel and back; 0 without a link. */
guint funnel_link_get_round_trip (FunnelLink *self);
/** funnel_link_query, funnel_link_is_querying: ask for a fresh tunnel status; "changed" follows. */
void funnel_link_query (FunnelLink *self);
gboolean funnel_link_is_querying (FunnelLink *self);

G_END_DECLS
