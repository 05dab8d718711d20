/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-json.h"

#include <stdio.h>

#include "lib/base/error.h"

/* A property that is missing is an empty string, never null. */
static void
set_string (JsonObject *object, const char *member, const char *value)
{
  json_object_set_string_member (object, member, value ? value : "");
}

static JsonObject *
counts_to_json (GVariant *counts)
{
  JsonObject *object = json_object_new ();
  GVariantIter iter;
  const char *reason;
  guint64 count;

  if (!counts)
    return object;
  g_variant_iter_init (&iter, counts);
  while (g_variant_iter_next (&iter, "{&st}", &reason, &count))
    json_object_set_int_member (object, reason, (gint64)count);
  return object;
}

static JsonArray *
ports_to_json (GVariant *ports)
{
  JsonArray *array = json_array_new ();
  GVariantIter iter;
  guint16 port;

  if (!ports)
    return array;
  g_variant_iter_init (&iter, ports);
  while (g_variant_iter_next (&iter, "q", &port))
    json_array_add_int_element (array, port);
  return array;
}

static JsonArray *
names_to_json (const char *const *names)
{
  JsonArray *array = json_array_new ();

  for (; names && *names; names++)
    json_array_add_string_element (array, *names);
  return array;
}

static JsonArray *
grants_to_json (GVariant *grants)
{
  JsonArray *array = json_array_new ();
  GVariantIter iter;
  const char *name;
  GVariant *ports;

  if (!grants)
    return array;
  g_variant_iter_init (&iter, grants);
  while (g_variant_iter_loop (&iter, "{&s@aq}", &name, &ports))
    {
      JsonObject *grant = json_object_new ();

      json_object_set_string_member (grant, "name", name);
      json_object_set_array_member (grant, "ports", ports_to_json (ports));
      json_array_add_object_element (array, grant);
    }
  return array;
}

JsonObject *
funnel_cli_json_new (void)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "version", FUNNEL_CLI_JSON_VERSION);
  return object;
}

/* Members as on D-Bus, with underscores; only those that are known. */
static JsonObject *
certificate_to_json (GVariant *certificate)
{
  JsonObject *object = json_object_new ();
  GVariantIter iter;
  const char *key = NULL;
  GVariant *value = NULL;

  if (!certificate)
    return object;
  g_variant_iter_init (&iter, certificate);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    {
      g_autofree char *member = g_strdelimit (g_strdup (key), "-", '_');

      if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        json_object_set_string_member (object, member, g_variant_get_string (value, NULL));
      else if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
        json_object_set_int_member (object, member, g_variant_get_int64 (value));
    }
  return object;
}

static JsonNode *value_to_json (GVariant *value);

/* Members as on D-Bus, with underscores. */
static JsonObject *
map_to_json (GVariant *map)
{
  JsonObject *object = json_object_new ();
  GVariantIter iter;
  const char *key = NULL;
  GVariant *value = NULL;

  if (!map)
    return object;
  g_variant_iter_init (&iter, map);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    {
      g_autofree char *member = g_strdelimit (g_strdup (key), "-", '_');

      json_object_set_member (object, member, value_to_json (value));
    }
  return object;
}

static JsonNode *
value_to_json (GVariant *value)
{
  JsonNode *node = json_node_alloc ();
  JsonArray *array = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return json_node_init_boolean (node, g_variant_get_boolean (value));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    return json_node_init_int (node, g_variant_get_uint32 (value));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return json_node_init_string (node, g_variant_get_string (value, NULL));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY))
    {
      g_autofree const char **texts = g_variant_get_strv (value, NULL);

      array = names_to_json (texts);
    }
  else
    array = json_array_new ();
  json_node_init_array (node, array);
  json_array_unref (array);
  return node;
}

static JsonArray *
mounts_to_json (GVariant *mounts)
{
  JsonArray *array = json_array_new ();

  for (gsize i = 0; mounts && i < g_variant_n_children (mounts); i++)
    {
      g_autoptr (GVariant) mount = g_variant_get_child_value (mounts, i);

      json_array_add_object_element (array, map_to_json (mount));
    }
  return array;
}

static void
set_rules (JsonObject *object, FunnelDBusShare *share)
{
  json_object_set_array_member (object, "mounts",
                                mounts_to_json (funnel_dbus_share_get_mounts (share)));
  json_object_set_object_member (object, "access",
                                 map_to_json (funnel_dbus_share_get_access (share)));
  json_object_set_int_member (object, "expires", (gint64)funnel_dbus_share_get_expires (share));
  set_string (object, "command", funnel_dbus_share_get_command (share));
  json_object_set_int_member (object, "proxy_protocol",
                              funnel_dbus_share_get_proxy_protocol (share));
  json_object_set_array_member (object, "alpn", names_to_json (funnel_dbus_share_get_alpn (share)));
  json_object_set_array_member (object, "warnings",
                                names_to_json (funnel_dbus_share_get_warnings (share)));
  json_object_set_object_member (object, "requests",
                                 counts_to_json (funnel_dbus_share_get_requests (share)));
}

JsonObject *
funnel_cli_json_share (FunnelDBusShare *share)
{
  JsonObject *object = json_object_new ();
  JsonObject *visitors = json_object_new ();
  JsonObject *bytes = json_object_new ();

  set_string (object, "name", funnel_dbus_share_get_name (share));
  json_object_set_int_member (object, "port", funnel_dbus_share_get_port (share));
  set_string (object, "kind", funnel_dbus_share_get_kind (share));
  set_string (object, "target", funnel_dbus_share_get_target (share));
  set_string (object, "url", funnel_dbus_share_get_url (share));
  json_object_set_boolean_member (object, "foreground", funnel_dbus_share_get_foreground (share));
  json_object_set_boolean_member (object, "enabled", funnel_dbus_share_get_enabled (share));
  set_string (object, "state", funnel_dbus_share_get_state (share));
  set_string (object, "reason", funnel_dbus_share_get_reason (share));
  set_string (object, "next_step", funnel_dbus_share_get_next_step (share));
  set_string (object, "certificate_step", funnel_dbus_share_get_certificate_step (share));
  json_object_set_object_member (object, "certificate",
                                 certificate_to_json (funnel_dbus_share_get_certificate (share)));
  json_object_set_int_member (visitors, "now", funnel_dbus_share_get_flows_active (share));
  json_object_set_int_member (visitors, "total", (gint64)funnel_dbus_share_get_flows_total (share));
  json_object_set_object_member (object, "visitors", visitors);
  json_object_set_int_member (bytes, "in", (gint64)funnel_dbus_share_get_bytes_in (share));
  json_object_set_int_member (bytes, "out", (gint64)funnel_dbus_share_get_bytes_out (share));
  json_object_set_object_member (object, "bytes", bytes);
  json_object_set_object_member (object, "refusals",
                                 counts_to_json (funnel_dbus_share_get_refusals (share)));
  set_rules (object, share);
  return object;
}

JsonObject *
funnel_cli_json_ingress (FunnelDBusIngress *ingress)
{
  JsonObject *object = json_object_new ();
  JsonObject *tunnel = json_object_new ();

  set_string (object, "endpoint", funnel_dbus_ingress_get_endpoint (ingress));
  set_string (object, "node", funnel_dbus_ingress_get_node (ingress));
  set_string (object, "zone", funnel_dbus_ingress_get_zone (ingress));
  json_object_set_array_member (object, "names",
                                names_to_json (funnel_dbus_ingress_get_names (ingress)));
  json_object_set_array_member (object, "public_ports",
                                ports_to_json (funnel_dbus_ingress_get_public_ports (ingress)));
  json_object_set_array_member (object, "grants",
                                grants_to_json (funnel_dbus_ingress_get_grants (ingress)));
  set_string (object, "state", funnel_dbus_ingress_get_state (ingress));
  set_string (object, "reason", funnel_dbus_ingress_get_reason (ingress));
  set_string (object, "next_step", funnel_dbus_ingress_get_next_step (ingress));
  set_string (tunnel, "kind", funnel_dbus_ingress_get_tunnel (ingress));
  set_string (tunnel, "choice", funnel_dbus_ingress_get_tunnel_choice (ingress));
  json_object_set_array_member (
      tunnel, "passed_over", names_to_json (funnel_dbus_ingress_get_tunnel_passed_over (ingress)));
  set_string (tunnel, "engine", funnel_dbus_ingress_get_engine (ingress));
  json_object_set_int_member (tunnel, "handshake",
                              (gint64)funnel_dbus_ingress_get_handshake (ingress));
  json_object_set_int_member (tunnel, "mtu", funnel_dbus_ingress_get_mtu (ingress));
  json_object_set_int_member (tunnel, "round_trip_us",
                              funnel_dbus_ingress_get_round_trip (ingress));
  json_object_set_object_member (object, "tunnel", tunnel);
  json_object_set_object_member (object, "refusals",
                                 counts_to_json (funnel_dbus_ingress_get_refusals (ingress)));
  return object;
}

JsonObject *
funnel_cli_json_status (FunnelClient *client)
{
  JsonObject *object = funnel_cli_json_new ();
  JsonObject *daemon = json_object_new ();
  JsonArray *ingress_array = json_array_new ();
  JsonArray *share_array = json_array_new ();
  g_autoptr (GPtrArray) ingresses = funnel_client_list_ingresses (client);
  g_autoptr (GPtrArray) shares = funnel_client_list_shares (client);
  g_autofree char *version = funnel_client_dup_version (client);
  g_autofree char *etag = funnel_client_dup_etag (client);

  set_string (daemon, "version", version);
  set_string (daemon, "etag", etag);
  json_object_set_object_member (object, "daemon", daemon);
  for (guint i = 0; i < ingresses->len; i++)
    json_array_add_object_element (ingress_array,
                                   funnel_cli_json_ingress (g_ptr_array_index (ingresses, i)));
  json_object_set_array_member (object, "ingresses", ingress_array);
  for (guint i = 0; i < shares->len; i++)
    json_array_add_object_element (share_array,
                                   funnel_cli_json_share (g_ptr_array_index (shares, i)));
  json_object_set_array_member (object, "shares", share_array);
  return object;
}

void
funnel_cli_json_print (JsonObject *object, gboolean pretty)
{
  g_autoptr (JsonNode) root = json_node_alloc ();
  g_autofree char *text = NULL;

  json_node_init_object (root, object);
  json_object_unref (object);
  text = json_to_string (root, pretty);
  puts (text);
  fflush (stdout);
}

void
funnel_cli_json_print_error (const GError *error)
{
  JsonObject *object = funnel_cli_json_new ();
  JsonObject *body = json_object_new ();

  json_object_set_string_member (body, "code",
                                 funnel_error_code_text (error->domain == FUNNEL_ERROR
                                                             ? (FunnelError)error->code
                                                             : FUNNEL_ERROR_FAILED));
  json_object_set_string_member (body, "message", error->message);
  json_object_set_object_member (object, "error", body);
  funnel_cli_json_print (object, FALSE);
}

void
funnel_cli_json_print_count (guint count)
{
  JsonObject *object = funnel_cli_json_new ();

  json_object_set_int_member (object, "count", count);
  funnel_cli_json_print (object, FALSE);
}

char *
funnel_cli_json_request (const FunnelCliRequest *request)
{
  JsonObject *object = funnel_cli_json_new ();
  JsonObject *body = json_object_new ();
  g_autoptr (JsonNode) root = json_node_alloc ();

  json_object_set_int_member (body, "time", request->time);
  set_string (body, "source", request->source);
  set_string (body, "method", request->method);
  set_string (body, "path", request->path);
  json_object_set_int_member (body, "status", request->status);
  json_object_set_boolean_member (body, "complete", request->complete);
  json_object_set_int_member (body, "bytes", (gint64)request->bytes);
  json_object_set_int_member (body, "ms", request->ms);
  json_object_set_object_member (object, "request", body);
  json_node_init_object (root, object);
  json_object_unref (object);
  return json_to_string (root, FALSE);
}
