/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The way of a certificate authority to this node: while a name is ordered, its challenge is served
 * and announced at the ingress's port 443, whether or not something is shared there.
 *
 * A share of that name and port where TLS ends here gets the challenge as an addition. Where there
 * is none, one without a target is made for the time of the order. A share that is passed through
 * is never touched: then the order is refused, since the authority would ask the local server. An
 * ingress that does not have 443 itself (behind a port forward) is asked for its first port. */

#include "daemon/cert/certificate-keeper.h"
#include "daemon/ingress-runtime.h"
#include "daemon/model/share-list.h"

G_BEGIN_DECLS

typedef struct _FunnelChallengeRoutes FunnelChallengeRoutes;

/** funnel_challenge_way: for funnel_certificate_keeper_new, with a FunnelChallengeRoutes as owner.
 */
extern const FunnelChallengeWay funnel_challenge_way;

/** funnel_challenge_routes_new: @changed: another list must be served and announced. Follows @list.
 */
FunnelChallengeRoutes *funnel_challenge_routes_new (FunnelShareList *list,
                                                    void (*changed) (gpointer user_data),
                                                    gpointer user_data);
void funnel_challenge_routes_free (FunnelChallengeRoutes *self);

/** funnel_challenge_routes_set_ingress: where to announce; NULL: not joined. */
void
funnel_challenge_routes_set_ingress (FunnelChallengeRoutes *self, FunnelIngressRuntime *ingress);
/** funnel_challenge_routes_add: complete the lists that are about to be served (FunnelServeShare*,
 * fresh) and announced (FunnelLinkShare*). */
void
funnel_challenge_routes_add (FunnelChallengeRoutes *self, GPtrArray *served, GPtrArray *announced);
/** funnel_challenge_routes_look: the ingress may route what was announced by now, or the link may
 * be gone. */
void funnel_challenge_routes_look (FunnelChallengeRoutes *self);

G_END_DECLS
