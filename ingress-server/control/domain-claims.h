/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Names outside the zone that nodes ask for over their links: each is looked up in DNS, given when
 * it is proved (ingress-server/dns/domain-proof.h), looked at again for as long as it is held, and
 * taken back when its proof stays away. Nodes are told over their links what became of their names.
 *
 *   asked    → proved: held · not proved: refused, tried again with growing pauses
 *   held     → looked at every claim-check; proof not there: lost
 *   lost     → proof back: held · away for claim-grace: released (in quarantine), and asked again
 *
 * A DNS server that does not answer changes nothing. Questions are bounded per node and in all. */

#include "ingress-server/control/ingress-registry.h"
#include "ingress-server/control/link-server.h"

G_BEGIN_DECLS

#define CLAIMS_AT_ONCE 4

typedef struct _DomainClaims DomainClaims;

/** domain_claims_new: reads what is held and begins to look after it. */
DomainClaims *domain_claims_new (IngressRegistry *registry, LinkServer *links, GError **error);
void domain_claims_free (DomainClaims *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DomainClaims, domain_claims_free)

/** domain_claims_set_wanted: node @id asks for @names, the complete list. */
void domain_claims_set_wanted (DomainClaims *self, gint64 id, GStrv names);

/** domain_claims_foreach: everything that is asked for or held. */
typedef void (*DomainClaimFunc) (gint64 node, const FunnelLinkClaim *claim, gpointer user_data);
void domain_claims_foreach (DomainClaims *self, DomainClaimFunc func, gpointer user_data);

G_END_DECLS
