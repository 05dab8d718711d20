/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/traffic-json.h"

#include "ingress-server/control/counters-page.h"

typedef struct
{
  const IngressParts *parts;
  const struct relay_counters *counters; /* or NULL */
  JsonArray *names;
} Traffic;

static void
add_counters (JsonObject *element, const struct relay_slot_counters *slot)
{
  json_object_set_int_member (element, "flows", counters_page_read32 (&slot->active));
  json_object_set_int_member (element, "flows_total", (gint64)counters_page_read (&slot->total));
  json_object_set_int_member (element, "refused", counters_page_read32 (&slot->refused));
  json_object_set_int_member (element, "bytes_in", (gint64)counters_page_read (&slot->bytes_in));
  json_object_set_int_member (element, "bytes_out", (gint64)counters_page_read (&slot->bytes_out));
}

static void
add_name (const IngressRouteInfo *info, gpointer user_data)
{
  static const struct relay_slot_counters nothing;
  Traffic *traffic = user_data;
  JsonObject *element;
  gint64 handshake
      = ingress_agent_host_get_handshake (traffic->parts->agent, info->node->public_key);
  gboolean counted = traffic->counters && info->slot < ROUTE_SLOTS;

  if (!info->granted)
    return;
  element = json_object_new ();
  json_object_set_string_member (element, "name", info->name);
  json_object_set_int_member (element, "port", info->port);
  json_object_set_string_member (element, "node", info->node->name);
  json_object_set_boolean_member (element, "linked", info->linked);
  json_object_set_int_member (element, "handshake", handshake);
  add_counters (element, counted ? &traffic->counters->slots[info->slot] : &nothing);
  json_array_add_object_element (traffic->names, element);
}

static gint64
sum_refusals (const struct relay_counters *counters)
{
  guint64 sum = 0;

  for (guint i = 0; i < RELAY_REFUSAL_COUNT; i++)
    sum += counters_page_read (&counters->refusals[i]);
  return (gint64)sum;
}

JsonObject *
ingress_json_traffic (const IngressParts *parts)
{
  const struct relay_counters *counters = ingress_agent_host_get_counters (parts->agent);
  Traffic traffic = {parts, counters, json_array_new ()};
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "time", g_get_monotonic_time ());
  json_object_set_int_member (object, "clock", ingress_now ());
  json_object_set_string_member (object, "zone", parts->config->zone);
  json_object_set_int_member (object, "nodes", ingress_registry_get_count (parts->registry));
  json_object_set_int_member (object, "links", link_server_get_count (parts->links));
  json_object_set_boolean_member (object, "relay_up",
                                  ingress_agent_host_relay_is_up (parts->agent));
  json_object_set_boolean_member (object, "tunnel_up", ingress_agent_host_is_ready (parts->agent));
  if (counters)
    {
      json_object_set_int_member (object, "flows", counters_page_read32 (&counters->active));
      json_object_set_int_member (object, "flows_total",
                                  (gint64)counters_page_read (&counters->accepted));
      json_object_set_int_member (object, "refused", sum_refusals (counters));
      json_object_set_int_member (object, "bytes_in",
                                  (gint64)counters_page_read (&counters->bytes_in));
      json_object_set_int_member (object, "bytes_out",
                                  (gint64)counters_page_read (&counters->bytes_out));
    }
  ingress_routes_foreach (parts->routes, add_name, &traffic);
  json_object_set_array_member (object, "names", traffic.names);
  return object;
}
