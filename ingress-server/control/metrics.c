/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/metrics.h"

#include "ingress-server/control/counters-page.h"
#include "ingress-server/control/guarded-listener.h"

#include <libsoup/soup.h>
#include <string.h>

#define CONNECTIONS_MAX 16
#define DEADLINE_SECONDS 10
#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct _MetricsServer
{
  const IngressParts *parts;
  SoupServer *server;
  GuardedListener *listener;
};

/* The page. */

static void
put_head (GString *out, const char *name, const char *type, const char *help)
{
  g_string_append_printf (out, "# HELP funnel_%s %s\n# TYPE funnel_%s %s\n", name, help, name,
                          type);
}

static void
put_value (GString *out, const char *name, guint64 value)
{
  g_string_append_printf (out, "funnel_%s %" G_GUINT64_FORMAT "\n", name, value);
}

static void
put_single (GString *out, const char *name, const char *type, const char *help, guint64 value)
{
  put_head (out, name, type, help);
  put_value (out, name, value);
}

static void
put_refusals (GString *out, const struct relay_counters *counters)
{
  put_head (out, "relay_refusals_total", "counter", "Visitors refused or cut off, by reason.");
  for (guint i = 0; i < RELAY_REFUSAL_COUNT; i++)
    g_string_append_printf (
        out, "funnel_relay_refusals_total{reason=\"%s\"} %" G_GUINT64_FORMAT "\n",
        relay_refusal_name ((enum relay_refusal)i), counters_page_read (&counters->refusals[i]));
}

/* Seconds, exactly: bounds are whole microseconds. */
static void
put_seconds (GString *out, guint64 microseconds)
{
  g_string_append_printf (out, "%" G_GUINT64_FORMAT ".%06u", microseconds / 1000000,
                          (guint)(microseconds % 1000000));
}

static void
put_latency (GString *out, const struct relay_latency *latency)
{
  const char *name = "funnel_relay_offer_seconds";
  guint64 count = 0;

  put_head (out, "relay_offer_seconds", "histogram",
            "Time from an offer to the node that takes it.");
  for (guint i = 0; i < RELAY_LATENCY_BUCKETS; i++)
    {
      count += counters_page_read (&latency->buckets[i]);
      g_string_append_printf (out, "%s_bucket{le=\"", name);
      if (i < RELAY_LATENCY_BUCKETS - 1)
        put_seconds (out, relay_latency_bounds[i]);
      else
        g_string_append (out, "+Inf");
      g_string_append_printf (out, "\"} %" G_GUINT64_FORMAT "\n", count);
    }
  g_string_append_printf (out, "%s_sum ", name);
  put_seconds (out, counters_page_read (&latency->sum));
  g_string_append_printf (out, "\n%s_count %" G_GUINT64_FORMAT "\n", name, count);
}

static void
put_relay (GString *out, const struct relay_counters *counters)
{
  put_single (out, "relay_starts_total", "counter", "Starts of the relay.",
              counters_page_read32 (&counters->starts));
  put_single (out, "relay_flows_active", "gauge", "Visitors connected now.",
              counters_page_read32 (&counters->active));
  put_single (out, "relay_warm_connections", "gauge", "Idle connections to nodes.",
              counters_page_read32 (&counters->warm));
  put_single (out, "relay_accepted_total", "counter", "Connections accepted.",
              counters_page_read (&counters->accepted));
  put_single (out, "relay_offered_total", "counter", "Visitors offered to nodes.",
              counters_page_read (&counters->offered));
  put_single (out, "relay_flows_total", "counter", "Visitors taken by nodes.",
              counters_page_read (&counters->taken));
  put_single (out, "relay_redirected_total", "counter", "Plain requests sent to https.",
              counters_page_read (&counters->redirected));
  put_single (out, "relay_throttled_total", "counter", "Times a visitor waited for bandwidth.",
              counters_page_read (&counters->throttled));
  put_head (out, "relay_bytes_total", "counter", "Bytes passed on, seen from the visitor.");
  g_string_append_printf (out, "funnel_relay_bytes_total{direction=\"in\"} %" G_GUINT64_FORMAT "\n",
                          counters_page_read (&counters->bytes_in));
  g_string_append_printf (out,
                          "funnel_relay_bytes_total{direction=\"out\"} %" G_GUINT64_FORMAT "\n",
                          counters_page_read (&counters->bytes_out));
  put_refusals (out, counters);
  put_latency (out, &counters->latency);
}

/* Per name. Labels need no escaping: names of nodes and hosts are checked, lower-case ASCII. */

typedef struct
{
  const IngressParts *parts;
  GString *flows, *total, *in, *out, *refused, *works;
} Names;

static void
put_name (GString *out, const char *metric, const IngressRouteInfo *info, guint64 value)
{
  g_string_append_printf (out,
                          "funnel_%s{node=\"%s\",name=\"%s\",port=\"%u\"} %" G_GUINT64_FORMAT "\n",
                          metric, info->node->name, info->name, info->port, value);
}

static void
add_name (const IngressRouteInfo *info, gpointer user_data)
{
  Names *names = user_data;
  const struct relay_counters *counters = ingress_agent_host_get_counters (names->parts->agent);
  const FunnelLinkMessage *probe;
  gint64 when = 0;

  if (!info->granted)
    return;
  probe = prober_find (names->parts->prober, info->name, info->port, &when);
  put_name (names->works, "name_works", info, probe && probe->outcome == FUNNEL_PROBE_OK);
  if (counters && info->slot < ROUTE_SLOTS)
    {
      const struct relay_slot_counters *slot = &counters->slots[info->slot];

      put_name (names->flows, "name_flows_active", info, counters_page_read32 (&slot->active));
      put_name (names->total, "name_flows_total", info, counters_page_read (&slot->total));
      put_name (names->refused, "name_refused_total", info, counters_page_read32 (&slot->refused));
      put_name (names->in, "name_bytes_in_total", info, counters_page_read (&slot->bytes_in));
      put_name (names->out, "name_bytes_out_total", info, counters_page_read (&slot->bytes_out));
    }
}

static void
put_series (GString *page, const char *name, const char *type, const char *help, GString *series)
{
  put_head (page, name, type, help);
  g_string_append_len (page, series->str, (gssize)series->len);
  g_string_free (series, TRUE);
}

static void
put_names (GString *out, const IngressParts *parts)
{
  Names names = {parts,
                 g_string_new (NULL),
                 g_string_new (NULL),
                 g_string_new (NULL),
                 g_string_new (NULL),
                 g_string_new (NULL),
                 g_string_new (NULL)};

  ingress_routes_foreach (parts->routes, add_name, &names);
  put_series (out, "name_works", "gauge", "Whether the last probe from outside saw the node.",
              names.works);
  put_series (out, "name_flows_active", "gauge", "Visitors of a name now.", names.flows);
  put_series (out, "name_flows_total", "counter", "Visitors of a name.", names.total);
  put_series (out, "name_refused_total", "counter", "Visitors of a name refused.", names.refused);
  put_series (out, "name_bytes_in_total", "counter", "Bytes from visitors of a name.", names.in);
  put_series (out, "name_bytes_out_total", "counter", "Bytes to visitors of a name.", names.out);
}

static void
put_nodes (GString *out, const IngressParts *parts)
{
  g_autoptr (GPtrArray) nodes = ingress_registry_list (parts->registry);
  GString *age = g_string_new (NULL), *linked = g_string_new (NULL);
  gint64 now = ingress_now ();

  for (guint i = 0; i < nodes->len; i++)
    {
      const IngressNode *node = g_ptr_array_index (nodes, i);
      gint64 handshake = ingress_agent_host_get_handshake (parts->agent, node->public_key);

      g_string_append_printf (linked, "funnel_node_linked{node=\"%s\"} %d\n", node->name,
                              link_server_get_since (parts->links, node->id) != 0);
      if (handshake > 0)
        g_string_append_printf (
            age, "funnel_node_handshake_age_seconds{node=\"%s\"} %" G_GINT64_FORMAT "\n",
            node->name, MAX (now - handshake, 0));
    }
  put_series (out, "node_linked", "gauge", "Whether a node has its link.", linked);
  put_series (out, "node_handshake_age_seconds", "gauge",
              "Age of a node's last WireGuard handshake; missing without one.", age);
}

char *
metrics_print (const IngressParts *parts)
{
  GString *out = g_string_new (NULL);
  const struct relay_counters *counters = ingress_agent_host_get_counters (parts->agent);

  put_head (out, "build_info", "gauge", "Version of the ingress.");
  g_string_append_printf (out, "funnel_build_info{version=\"%s\"} 1\n", FUNNEL_VERSION);
  put_single (out, "nodes", "gauge", "Nodes that have joined.",
              ingress_registry_get_count (parts->registry));
  put_single (out, "links", "gauge", "Nodes that are linked.",
              link_server_get_count (parts->links));
  put_single (out, "tunnel_up", "gauge", "Whether the tunnel is up.",
              ingress_agent_host_is_ready (parts->agent));
  put_single (out, "relay_up", "gauge", "Whether the relay is running.",
              ingress_agent_host_relay_is_up (parts->agent));
  put_single (out, "database_sound", "gauge", "Whether the database passes SQLite's check.",
              store_watch_get_problem (parts->watch) == NULL);
  if (counters)
    put_relay (out, counters);
  put_nodes (out, parts);
  put_names (out, parts);
  return g_string_free (out, FALSE);
}

/* HTTP. */

typedef struct
{
  const IngressParts *parts;
  SoupServerMessage *message;
} Answer;

static void
answer_when_fresh (gpointer data)
{
  Answer *answer = data;
  char *page = metrics_print (answer->parts);

  soup_server_message_set_status (answer->message, SOUP_STATUS_OK, NULL);
  soup_server_message_set_response (answer->message, CONTENT_TYPE, SOUP_MEMORY_TAKE, page,
                                    strlen (page));
  soup_server_message_unpause (answer->message);
  g_object_unref (answer->message);
  g_free (answer);
}

static void
on_request (SoupServer *server,
            SoupServerMessage *message,
            const char *path,
            GHashTable *query,
            gpointer user_data)
{
  MetricsServer *self = user_data;
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);
  Answer *answer;

  soup_message_headers_replace (headers, "Connection", "close");
  if (!g_str_equal (path, "/metrics"))
    {
      soup_server_message_set_status (message, SOUP_STATUS_NOT_FOUND, NULL);
      return;
    }
  if (soup_server_message_get_method (message) != SOUP_METHOD_GET)
    {
      soup_message_headers_replace (headers, "Allow", "GET");
      soup_server_message_set_status (message, SOUP_STATUS_METHOD_NOT_ALLOWED, NULL);
      return;
    }
  answer = g_new (Answer, 1);
  answer->parts = self->parts;
  answer->message = g_object_ref (message);
  soup_server_message_pause (message);
  ingress_agent_host_refresh_handshakes (self->parts->agent, answer_when_fresh, answer);
}

MetricsServer *
metrics_server_new (const IngressParts *parts, GError **error)
{
  static const GuardedLimits limits = {CONNECTIONS_MAX, 0, DEADLINE_SECONDS, FALSE};
  g_autoptr (MetricsServer) self = g_new0 (MetricsServer, 1);
  g_autoptr (GPtrArray) sockets
      = guarded_listen_inet (parts->config->metrics_host, parts->config->metrics_port, error);

  self->parts = parts;
  self->server = soup_server_new ("server-header", "funnel-ingress", NULL);
  soup_server_add_handler (self->server, NULL, on_request, self, NULL);
  if (!sockets)
    {
      g_prefix_error (error, "metrics of " INGRESS_CONFIG_FILE ": ");
      return NULL;
    }
  self->listener = guarded_listener_new (self->server, &limits, NULL);
  return guarded_listener_add (self->listener, g_ptr_array_index (sockets, 0), error)
             ? g_steal_pointer (&self)
             : NULL;
}

void
metrics_server_free (MetricsServer *self)
{
  g_clear_pointer (&self->listener, guarded_listener_free);
  soup_server_disconnect (self->server);
  g_object_unref (self->server);
  g_free (self);
}
