/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/registry-claims.h"

#include "lib/base/host.h"
#include "lib/base/link-message.h"
#include "ingress-server/control/ingress-registry-private.h"

GPtrArray *
ingress_registry_load_claims (IngressRegistry *self, GError **error)
{
  return claim_store_load (self->store, error);
}

static gboolean
holds (const IngressNode *node, const char *name)
{
  const IngressGrant *grant = ingress_node_find_grant (node, name);

  return grant && grant->claimed && g_str_equal (grant->name, name);
}

static void
announce (IngressRegistry *self, const IngressNode *node, const char *name, const char *action)
{
  g_message ("Claim of %s by node %s: %s", name, node->name, action);
  ingress_registry_audit (self, -1, 0, action, node->name, name, NULL);
}

gboolean
ingress_registry_take_claim (IngressRegistry *self,
                             gint64 id,
                             const char *name,
                             const char *proof,
                             GError **error)
{
  const IngressNode *node = ingress_registry_find (self, id);
  g_autofree char *ports
      = ingress_ports_print (self->config->public_ports, self->config->n_public_ports);
  gboolean held = node && holds (node, name);

  if (!node
      || !claim_store_take (self->store, name, node, ports, proof, ingress_now (),
                            self->config->claim_quarantine, FUNNEL_LINK_CLAIMS_MAX, error)
      || (!held && !registry_reload (self, id, error)))
    return FALSE;
  if (held)
    return TRUE;
  announce (self, ingress_registry_find (self, id), name, "claim");
  registry_emit_grants_changed (self, id);
  return TRUE;
}

gboolean
ingress_registry_lose_claim (IngressRegistry *self, gint64 id, const char *name, GError **error)
{
  const IngressNode *node = ingress_registry_find (self, id);

  if (!claim_store_lose (self->store, name, ingress_now (), error))
    return FALSE;
  if (node)
    announce (self, node, name, "claim-lost");
  return TRUE;
}

gboolean
ingress_registry_release_claim (IngressRegistry *self, gint64 id, const char *name, GError **error)
{
  if (!claim_store_release (self->store, name, ingress_now (), error)
      || !registry_reload (self, id, error))
    return FALSE;
  announce (self, ingress_registry_find (self, id), name, "claim-released");
  registry_emit_grants_changed (self, id);
  return TRUE;
}

static const IngressNode *
find_claimant (IngressRegistry *self, const char *name)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (holds (value, name))
      return value;
  return NULL;
}

gboolean
ingress_registry_forget_claim (IngressRegistry *self, const char *name, GError **error)
{
  g_autofree char *canonical = funnel_host_normalize (name, error);
  const IngressNode *node = canonical ? find_claimant (self, canonical) : NULL;
  gint64 id = node ? node->id : 0;

  if (!canonical || !claim_store_forget (self->store, canonical, error))
    return FALSE;
  g_message ("Released %s", canonical);
  if (!node)
    return TRUE;
  if (!registry_reload (self, id, error))
    return FALSE;
  registry_emit_grants_changed (self, id);
  return TRUE;
}

void
ingress_registry_purge_claims (IngressRegistry *self)
{
  g_autoptr (GError) error = NULL;

  if (!claim_store_purge (self->store, ingress_now () - self->config->claim_quarantine, &error))
    g_warning ("Cannot forget old claims: %s", error->message);
}
