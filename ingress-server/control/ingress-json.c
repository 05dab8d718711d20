/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/ingress-json.h"

#include "lib/base/host.h"
#include "lib/base/json-read.h"
#include "ingress-server/control/counters-page.h"

/* Members are there when there is a limit. */
static void
add_limits (JsonObject *object, const IngressLimits *limits)
{
  if (limits->max_flows)
    json_object_set_int_member (object, "max_flows", limits->max_flows);
  if (limits->rate)
    json_object_set_int_member (object, "rate", limits->rate);
  if (limits->bandwidth)
    json_object_set_int_member (object, "bandwidth", (gint64)limits->bandwidth);
}

static void
add_grants (JsonObject *object, const IngressNode *node)
{
  JsonArray *grants = json_array_new ();
  gint64 now = ingress_now ();

  for (guint i = 0; i < node->grants->len; i++)
    {
      const IngressGrant *grant = g_ptr_array_index (node->grants, i);
      JsonObject *element = json_object_new ();

      json_object_set_string_member (element, "name", grant->name);
      funnel_json_set_ports (element, "ports", grant->ports, grant->n_ports);
      json_object_set_int_member (element, "expires", grant->expires);
      json_object_set_boolean_member (element, "expired", !ingress_grant_is_live (grant, now));
      json_object_set_boolean_member (element, "closed", grant->closed);
      json_object_set_boolean_member (element, "below", grant->below);
      json_object_set_boolean_member (element, "claimed", grant->claimed);
      add_limits (element, &grant->limits);
      json_array_add_object_element (grants, element);
    }
  json_object_set_array_member (object, "grants", grants);
}

/* Shares of all nodes at once: node id → JsonArray*. */

typedef struct
{
  const IngressParts *parts;
  gint64 node; /* 0: all */
  GHashTable *arrays;
} Shares;

static void
add_counters (JsonObject *element, const IngressParts *parts, guint32 slot)
{
  const struct relay_counters *counters = ingress_agent_host_get_counters (parts->agent);
  const struct relay_slot_counters *entry;

  if (!counters || slot >= ROUTE_SLOTS)
    return;
  entry = &counters->slots[slot];
  json_object_set_int_member (element, "flows", counters_page_read32 (&entry->active));
  json_object_set_int_member (element, "flows_total", (gint64)counters_page_read (&entry->total));
  json_object_set_int_member (element, "bytes_in", (gint64)counters_page_read (&entry->bytes_in));
  json_object_set_int_member (element, "bytes_out", (gint64)counters_page_read (&entry->bytes_out));
}

static void
add_probe (JsonObject *element, const FunnelLinkMessage *probe, gint64 when)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "outcome", funnel_probe_outcome_text (probe->outcome));
  json_object_set_int_member (object, "time", when);
  if (probe->detail)
    json_object_set_string_member (object, "detail", probe->detail);
  if (probe->leaf)
    json_object_set_string_member (object, "leaf", probe->leaf);
  json_object_set_object_member (element, "probe", object);
}

static void
add_share (const IngressRouteInfo *info, gpointer user_data)
{
  Shares *shares = user_data;
  JsonArray *array = g_hash_table_lookup (shares->arrays, &info->node->id);
  const FunnelLinkMessage *probe;
  JsonObject *element;
  gint64 when = 0;

  if (shares->node && shares->node != info->node->id)
    return;
  if (!array)
    {
      array = json_array_new ();
      g_hash_table_insert (shares->arrays, g_memdup2 (&info->node->id, sizeof (gint64)), array);
    }
  element = json_object_new ();
  json_object_set_string_member (element, "name", info->name);
  json_object_set_int_member (element, "port", info->port);
  json_object_set_boolean_member (element, "granted", info->granted);
  json_object_set_boolean_member (element, "routed", info->granted && info->linked);
  add_counters (element, shares->parts, info->slot);
  probe = info->granted ? prober_find (shares->parts->prober, info->name, info->port, &when) : NULL;
  if (probe)
    add_probe (element, probe, when);
  json_array_add_object_element (array, element);
}

static GHashTable *
collect_shares (const IngressParts *parts, gint64 node)
{
  Shares shares = {parts, node, NULL};

  shares.arrays = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free,
                                         (GDestroyNotify)json_array_unref);
  ingress_routes_foreach (parts->routes, add_share, &shares);
  return shares.arrays;
}

static JsonObject *
print_node (const IngressParts *parts, const IngressNode *node, GHashTable *arrays)
{
  JsonObject *object = json_object_new ();
  JsonArray *shares = g_hash_table_lookup (arrays, &node->id);
  g_autofree char *address = ingress_config_address (parts->config, node->host);
  gint64 since = link_server_get_since (parts->links, node->id);

  json_object_set_int_member (object, "id", node->id);
  json_object_set_string_member (object, "name", node->name);
  json_object_set_string_member (object, "address", address);
  json_object_set_string_member (object, "public_key", node->public_key);
  json_object_set_string_member (object, "software", node->software);
  json_object_set_int_member (object, "created", node->created);
  json_object_set_int_member (object, "last_seen", since ? ingress_now () : node->last_seen);
  json_object_set_boolean_member (object, "linked", since != 0);
  json_object_set_int_member (object, "linked_since", since);
  json_object_set_int_member (object, "handshake",
                              ingress_agent_host_get_handshake (parts->agent, node->public_key));
  add_limits (object, &node->limits);
  add_grants (object, node);
  json_object_set_array_member (object, "shares",
                                shares ? json_array_ref (shares) : json_array_new ());
  return object;
}

JsonObject *
ingress_json_node (const IngressParts *parts, const IngressNode *node)
{
  g_autoptr (GHashTable) arrays = collect_shares (parts, node->id);

  return print_node (parts, node, arrays);
}

JsonObject *
ingress_json_audit (GPtrArray *entries)
{
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < entries->len; i++)
    {
      const AuditEntry *entry = g_ptr_array_index (entries, i);
      JsonObject *element = json_object_new ();

      json_object_set_int_member (element, "id", entry->id);
      json_object_set_int_member (element, "time", entry->time);
      json_object_set_int_member (element, "uid", entry->uid);
      json_object_set_int_member (element, "pid", entry->pid);
      json_object_set_string_member (element, "action", entry->action);
      json_object_set_string_member (element, "node", entry->node);
      json_object_set_string_member (element, "detail", entry->detail);
      json_object_set_string_member (element, "error", entry->error);
      json_array_add_object_element (array, element);
    }
  json_object_set_array_member (object, "entries", array);
  return object;
}

JsonObject *
ingress_json_nodes (const IngressParts *parts, GError **error)
{
  g_autoptr (GPtrArray) invites = ingress_registry_list_invites (parts->registry, error);
  g_autoptr (GPtrArray) nodes = ingress_registry_list (parts->registry);
  g_autoptr (GHashTable) arrays = NULL;
  JsonObject *object;
  JsonArray *array;

  if (!invites)
    return NULL;
  arrays = collect_shares (parts, 0);
  object = json_object_new ();
  json_object_set_string_member (object, "zone", parts->config->zone);
  array = json_array_new ();
  for (guint i = 0; i < nodes->len; i++)
    json_array_add_object_element (array, print_node (parts, g_ptr_array_index (nodes, i), arrays));
  json_object_set_array_member (object, "nodes", array);
  array = json_array_new ();
  for (guint i = 0; i < invites->len; i++)
    {
      const IngressInvite *invite = g_ptr_array_index (invites, i);
      JsonObject *element = json_object_new ();

      json_object_set_string_member (element, "name", invite->node_name);
      json_object_set_int_member (element, "expires", invite->expires);
      json_object_set_boolean_member (element, "grant", invite->grant);
      json_object_set_boolean_member (element, "replace", invite->replace);
      json_array_add_object_element (array, element);
    }
  json_object_set_array_member (object, "invites", array);
  return object;
}

static void
add_relay (JsonObject *object, const struct relay_counters *counters, gboolean up)
{
  JsonObject *relay = json_object_new ();
  JsonObject *refusals = json_object_new ();

  json_object_set_boolean_member (relay, "up", up);
  if (counters)
    {
      json_object_set_int_member (relay, "pid", counters_page_read32 (&counters->pid));
      json_object_set_int_member (relay, "starts", counters_page_read32 (&counters->starts));
      json_object_set_int_member (relay, "flows", counters_page_read32 (&counters->active));
      json_object_set_int_member (relay, "warm", counters_page_read32 (&counters->warm));
      json_object_set_int_member (relay, "accepted",
                                  (gint64)counters_page_read (&counters->accepted));
      json_object_set_int_member (relay, "offered",
                                  (gint64)counters_page_read (&counters->offered));
      json_object_set_int_member (relay, "taken", (gint64)counters_page_read (&counters->taken));
      json_object_set_int_member (relay, "bytes_in",
                                  (gint64)counters_page_read (&counters->bytes_in));
      json_object_set_int_member (relay, "bytes_out",
                                  (gint64)counters_page_read (&counters->bytes_out));
      for (guint i = 0; i < RELAY_REFUSAL_COUNT; i++)
        json_object_set_int_member (refusals, relay_refusal_name ((enum relay_refusal)i),
                                    (gint64)counters_page_read (&counters->refusals[i]));
    }
  json_object_set_object_member (relay, "refusals", refusals);
  json_object_set_object_member (object, "relay", relay);
}

static void
add_dns (JsonObject *object, DnsPublisher *publisher)
{
  JsonObject *dns = json_object_new ();
  const char *error = dns_publisher_get_error (publisher);

  json_object_set_int_member (dns, "published", dns_publisher_count (publisher));
  if (error)
    json_object_set_string_member (dns, "error", error);
  json_object_set_object_member (object, "dns", dns);
}

static void
count_route (const IngressRouteInfo *info, gpointer user_data)
{
  *(gint64 *)user_data += info->granted && info->linked;
}

JsonObject *
ingress_json_status (const IngressParts *parts)
{
  const IngressConfig *config = parts->config;
  JsonObject *object = json_object_new ();
  g_autofree char *endpoint = funnel_endpoint_join (config->endpoint_host, config->endpoint_port);
  g_autofree char *address = ingress_config_address (config, 1);
  g_autofree char *record = ingress_config_dns_record (config, NULL);
  gint64 routes = 0;

  ingress_routes_foreach (parts->routes, count_route, &routes);
  json_object_set_string_member (object, "version", FUNNEL_VERSION);
  json_object_set_string_member (object, "zone", config->zone);
  json_object_set_string_member (object, "endpoint", endpoint);
  json_object_set_string_member (object, "dns_record", record);
  if (parts->dns)
    add_dns (object, parts->dns);
  funnel_json_set_ports (object, "public_ports", config->public_ports, config->n_public_ports);
  json_object_set_string_member (object, "tunnel", ingress_tunnel_text (config->tunnel));
  json_object_set_boolean_member (object, "tunnel_up", ingress_agent_host_is_ready (parts->agent));
  json_object_set_string_member (object, "engine", ingress_agent_host_get_engine (parts->agent));
  json_object_set_string_member (object, "address", address);
  if (store_watch_get_problem (parts->watch))
    json_object_set_string_member (object, "database_problem",
                                   store_watch_get_problem (parts->watch));
  json_object_set_int_member (object, "nodes", ingress_registry_get_count (parts->registry));
  json_object_set_int_member (object, "links", link_server_get_count (parts->links));
  json_object_set_int_member (object, "routes", routes);
  add_relay (object, ingress_agent_host_get_counters (parts->agent),
             ingress_agent_host_relay_is_up (parts->agent));
  return object;
}
