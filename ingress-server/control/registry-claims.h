/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Claims through the registry: the store changes, the node is read again, everybody is told, and
 * the audit log has it. See claim-store.h for what they mean. */

#include "ingress-server/control/ingress-registry.h"
#include "ingress-server/store/claim-store.h"

G_BEGIN_DECLS

/** ingress_registry_load_claims: IngressClaim*, by name; those in quarantine included. */
GPtrArray *ingress_registry_load_claims (IngressRegistry *self, GError **error);
/** ingress_registry_take_claim: node @id has proved @name. */
gboolean ingress_registry_take_claim (IngressRegistry *self,
                                      gint64 id,
                                      const char *name,
                                      const char *proof,
                                      GError **error);
/** ingress_registry_lose_claim: the proof of @name, held by node @id, is gone for now. */
gboolean
ingress_registry_lose_claim (IngressRegistry *self, gint64 id, const char *name, GError **error);
/** ingress_registry_release_claim: it stayed away: the node loses the name, which is kept for it.
 */
gboolean
ingress_registry_release_claim (IngressRegistry *self, gint64 id, const char *name, GError **error);
/** ingress_registry_forget_claim: the admin frees @name, whoever has it or had it. */
gboolean ingress_registry_forget_claim (IngressRegistry *self, const char *name, GError **error);
/** ingress_registry_purge_claims: quarantines that are over. */
void ingress_registry_purge_claims (IngressRegistry *self);

G_END_DECLS
