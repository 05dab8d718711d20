/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/claims-json.h"

#include "ingress-server/control/registry-claims.h"

static void
add_claim (JsonArray *array, const IngressClaim *claim, gint64 quarantine)
{
  JsonObject *element = json_object_new ();

  json_object_set_string_member (element, "name", claim->name);
  json_object_set_string_member (element, "node", claim->node_name);
  json_object_set_string_member (element, "state",
                                 claim->node == 0 ? "quarantine"
                                 : claim->lost    ? "lost"
                                                  : "held");
  json_object_set_string_member (element, "proof", claim->proof);
  json_object_set_int_member (element, "since", claim->since);
  json_object_set_int_member (element, "checked", claim->checked);
  if (claim->lost)
    json_object_set_int_member (element, "lost", claim->lost);
  if (claim->node == 0)
    json_object_set_int_member (element, "until", claim->released + quarantine);
  json_array_add_object_element (array, element);
}

typedef struct
{
  const IngressParts *parts;
  JsonArray *array;
} Asked;

static void
add_asked (gint64 id, const FunnelLinkClaim *claim, gpointer user_data)
{
  Asked *asked = user_data;
  const IngressNode *node = ingress_registry_find (asked->parts->registry, id);
  JsonObject *element;

  if (!node || claim->state == FUNNEL_CLAIM_HELD || claim->state == FUNNEL_CLAIM_LOST)
    return;
  element = json_object_new ();
  json_object_set_string_member (element, "name", claim->name);
  json_object_set_string_member (element, "node", node->name);
  json_object_set_string_member (element, "state", funnel_claim_state_text (claim->state));
  if (claim->reason)
    json_object_set_string_member (element, "reason", claim->reason);
  json_array_add_object_element (asked->array, element);
}

JsonObject *
ingress_json_claims (const IngressParts *parts, GError **error)
{
  g_autoptr (GPtrArray) claims = ingress_registry_load_claims (parts->registry, error);
  Asked asked = {parts, NULL};
  JsonObject *object;
  JsonArray *array;

  if (!claims)
    return NULL;
  object = json_object_new ();
  json_object_set_boolean_member (object, "prove", parts->config->domains == INGRESS_DOMAINS_PROVE);
  array = json_array_new ();
  for (guint i = 0; i < claims->len; i++)
    add_claim (array, g_ptr_array_index (claims, i), parts->config->claim_quarantine);
  json_object_set_array_member (object, "claims", array);
  asked.array = json_array_new ();
  domain_claims_foreach (parts->claims, add_asked, &asked);
  json_object_set_array_member (object, "asked", asked.array);
  return object;
}
