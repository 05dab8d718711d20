/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/admin-api.h"

#include "lib/base/byte-rate.h"
#include "lib/base/duration.h"
#include "lib/base/error.h"
#include "lib/base/join-message.h"
#include "lib/base/json-read.h"
#include "ingress-server/control/claims-json.h"
#include "ingress-server/control/guarded-listener.h"
#include "ingress-server/control/ingress-json.h"
#include "ingress-server/control/registry-claims.h"
#include "ingress-server/control/traffic-json.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <string.h>
#include <sys/stat.h>

#define REQUEST_MAX 16384
#define CONNECTIONS_MAX 64
#define DEADLINE_SECONDS 30
#define RELOAD_DELAY_MS 100
#define LIMIT_FLOWS_MAX 1000000
#define LIMIT_RATE_MAX 1000000
#define AUDIT_COUNT_MAX 10000

struct _AdminApi
{
  const IngressParts *parts;
  char *path;
  SoupServer *server;
  GuardedListener *listener;
  guint reload_timer;
};

/* Commands: an object in (NULL for GET), an object out. */

static JsonObject *
do_status (AdminApi *self, JsonObject *request, GError **error)
{
  return ingress_json_status (self->parts);
}

static JsonObject *
do_nodes (AdminApi *self, JsonObject *request, GError **error)
{
  return ingress_json_nodes (self->parts, error);
}

static JsonObject *
do_traffic (AdminApi *self, JsonObject *request, GError **error)
{
  return ingress_json_traffic (self->parts);
}

static gboolean
read_ports (JsonObject *request, GArray **ports, GError **error)
{
  *ports = NULL;
  if (!funnel_json_has (request, "ports"))
    return TRUE;
  *ports = funnel_json_get_ports (request, "ports", INGRESS_PUBLIC_PORTS_MAX, error);
  return *ports != NULL;
}

/* An optional duration; 0 when absent. */
static gboolean
read_lifetime (JsonObject *request, gint64 *lifetime, GError **error)
{
  guint64 value = 0;

  *lifetime = 0;
  if (!funnel_json_has (request, "lifetime"))
    return TRUE;
  if (!funnel_json_get_uint (request, "lifetime", 1, FUNNEL_DURATION_MAX, &value, error))
    return FALSE;
  *lifetime = (gint64)value;
  return TRUE;
}

/* An optional text; FALSE only when it is there and malformed. */
static gboolean
read_optional (JsonObject *request, const char *member, const char **out, GError **error)
{
  *out = NULL;
  if (!funnel_json_has (request, member))
    return TRUE;
  *out = funnel_json_get_string (request, member, 255, error);
  return *out != NULL;
}

static char *
print_token (AdminApi *self, const guint8 secret[FUNNEL_TOKEN_SECRET_LEN])
{
  FunnelToken token
      = {.host = self->parts->config->endpoint_host, .port = self->parts->config->endpoint_port};
  char *text;

  memcpy (token.key_hash, self->parts->key_hash, FUNNEL_KEY_HASH_LEN);
  memcpy (token.secret, secret, FUNNEL_TOKEN_SECRET_LEN);
  text = funnel_token_print (&token);
  explicit_bzero (token.secret, sizeof token.secret);
  return text;
}

static JsonObject *
do_invite (AdminApi *self, JsonObject *request, GError **error)
{
  const char *node = funnel_json_get_string (request, "node", 255, error);
  g_autoptr (GArray) ports = NULL;
  guint8 secret[FUNNEL_TOKEN_SECRET_LEN];
  gboolean grant, replace;
  gint64 lifetime;
  JsonObject *answer;
  char *token;

  if (!node || !read_ports (request, &ports, error) || !read_lifetime (request, &lifetime, error)
      || !funnel_json_get_bool (request, "grant", FALSE, &grant, error)
      || !funnel_json_get_bool (request, "replace", FALSE, &replace, error))
    return NULL;
  lifetime = lifetime ? lifetime : 3600;
  if (!ingress_registry_invite (self->parts->registry, node, grant, ports, replace, lifetime,
                                secret, error))
    return NULL;
  token = print_token (self, secret);
  explicit_bzero (secret, sizeof secret);
  answer = json_object_new ();
  json_object_set_string_member (answer, "token", token);
  json_object_set_string_member (answer, "node", node);
  json_object_set_boolean_member (answer, "grant", grant);
  json_object_set_int_member (answer, "expires", ingress_now () + lifetime);
  json_object_set_string_member (answer, "zone", self->parts->config->zone);
  funnel_secret_free (token);
  return answer;
}

static JsonObject *
print_named_node (AdminApi *self, const char *name)
{
  const IngressNode *node = ingress_registry_find_name (self->parts->registry, name);

  return node ? ingress_json_node (self->parts, node) : json_object_new ();
}

/* A member that is a limit: absent leaves @out alone, 0 is no limit. */
static gboolean
read_limit (JsonObject *request,
            const char *member,
            guint64 max,
            guint64 *out,
            gboolean *given,
            GError **error)
{
  if (!funnel_json_has (request, member))
    return TRUE;
  *given = TRUE;
  return funnel_json_get_uint (request, member, 0, max, out, error);
}

/* Puts the limits @request names over those in @limits. @given: whether there is any. */
static gboolean
read_limits (JsonObject *request, IngressLimits *limits, gboolean *given, GError **error)
{
  guint64 max_flows = limits->max_flows, rate = limits->rate;

  *given = FALSE;
  if (!read_limit (request, "max_flows", LIMIT_FLOWS_MAX, &max_flows, given, error)
      || !read_limit (request, "rate", LIMIT_RATE_MAX, &rate, given, error)
      || !read_limit (request, "bandwidth", FUNNEL_BYTE_RATE_MAX, &limits->bandwidth, given, error))
    return FALSE;
  limits->max_flows = (guint)max_flows;
  limits->rate = (guint)rate;
  return TRUE;
}

/* The limits a grant has now, to be changed. */
static IngressLimits
find_limits (AdminApi *self, const char *node_name, const char *name)
{
  const IngressNode *node = ingress_registry_find_name (self->parts->registry, node_name);
  g_autofree char *assigned = ingress_registry_assigned_name (self->parts->registry, node_name);
  const IngressGrant *grant = node ? ingress_node_find_grant (node, name ? name : assigned) : NULL;

  return grant ? grant->limits : (IngressLimits) {0};
}

static JsonObject *
do_grant (AdminApi *self, JsonObject *request, GError **error)
{
  const char *node = funnel_json_get_string (request, "node", 255, error);
  g_autoptr (GArray) ports = NULL;
  const char *name = NULL;
  IngressLimits limits;
  gboolean given, below;
  gint64 lifetime;

  if (!node || !read_optional (request, "name", &name, error)
      || !read_ports (request, &ports, error) || !read_lifetime (request, &lifetime, error)
      || !funnel_json_get_bool (request, "below", FALSE, &below, error))
    return NULL;
  limits = find_limits (self, node, name);
  if (!read_limits (request, &limits, &given, error)
      || !ingress_registry_grant (self->parts->registry, node, name, below, ports, lifetime,
                                  given ? &limits : NULL, error))
    return NULL;
  return print_named_node (self, node);
}

static JsonObject *
do_limit (AdminApi *self, JsonObject *request, GError **error)
{
  const char *name = funnel_json_get_string (request, "node", 255, error);
  const IngressNode *node = name ? ingress_registry_find_name (self->parts->registry, name) : NULL;
  IngressLimits limits = node ? node->limits : (IngressLimits) {0};
  gboolean given;

  if (!name || !read_limits (request, &limits, &given, error)
      || !ingress_registry_limit (self->parts->registry, name, &limits, error))
    return NULL;
  return print_named_node (self, name);
}

static JsonObject *
close_name (AdminApi *self, JsonObject *request, gboolean closed, GError **error)
{
  const char *name = funnel_json_get_string (request, "name", 255, error);
  const IngressNode *node
      = name ? ingress_registry_close (self->parts->registry, name, closed, error) : NULL;

  return node ? ingress_json_node (self->parts, node) : NULL;
}

static JsonObject *
do_close (AdminApi *self, JsonObject *request, GError **error)
{
  return close_name (self, request, TRUE, error);
}

static JsonObject *
do_open (AdminApi *self, JsonObject *request, GError **error)
{
  return close_name (self, request, FALSE, error);
}

static JsonObject *
do_claims (AdminApi *self, JsonObject *request, GError **error)
{
  return ingress_json_claims (self->parts, error);
}

static JsonObject *
do_release (AdminApi *self, JsonObject *request, GError **error)
{
  const char *name = funnel_json_get_string (request, "name", 255, error);
  JsonObject *answer;

  if (!name || !ingress_registry_forget_claim (self->parts->registry, name, error))
    return NULL;
  answer = json_object_new ();
  json_object_set_string_member (answer, "name", name);
  return answer;
}

static JsonObject *
do_audit (AdminApi *self, JsonObject *request, GError **error)
{
  const char *node;
  guint64 count = 100;
  g_autoptr (GPtrArray) entries = NULL;

  if (!read_optional (request, "node", &node, error)
      || (funnel_json_has (request, "count")
          && !funnel_json_get_uint (request, "count", 1, AUDIT_COUNT_MAX, &count, error)))
    return NULL;
  entries = ingress_registry_load_audit (self->parts->registry, node, (guint)count, error);
  return entries ? ingress_json_audit (entries) : NULL;
}

static JsonObject *
do_revoke (AdminApi *self, JsonObject *request, GError **error)
{
  const char *node = funnel_json_get_string (request, "node", 255, error);
  const char *name;

  if (!node || !read_optional (request, "name", &name, error)
      || !ingress_registry_revoke (self->parts->registry, node, name, error))
    return NULL;
  return print_named_node (self, node);
}

/* A moment later, so that the answer is on its way. */
static gboolean
on_reload (gpointer data)
{
  AdminApi *self = data;
  g_autoptr (GError) error = NULL;

  self->reload_timer = 0;
  if (!ingress_app_reload (self->parts->app, &error))
    g_warning ("Cannot reload: %s", error->message);
  return G_SOURCE_REMOVE;
}

static JsonObject *
do_reload (AdminApi *self, JsonObject *request, GError **error)
{
  if (!ingress_app_can_reload (self->parts->app, error))
    return NULL;
  if (self->reload_timer == 0)
    self->reload_timer = g_timeout_add (RELOAD_DELAY_MS, on_reload, self);
  return json_object_new ();
}

static JsonObject *
do_remove (AdminApi *self, JsonObject *request, GError **error)
{
  const char *node = funnel_json_get_string (request, "node", 255, error);
  JsonObject *answer;

  if (!node || !ingress_registry_remove (self->parts->registry, node, error))
    return NULL;
  answer = json_object_new ();
  json_object_set_string_member (answer, "node", node);
  return answer;
}

static const struct command
{
  const char *path;
  gboolean asks;    /* POST with a body */
  gboolean changes; /* logged */
  gboolean fresh;   /* wants to know the handshakes of nodes */
  JsonObject *(*run) (AdminApi *self, JsonObject *request, GError **error);
} commands[] = {
    {"/v1/status", FALSE, FALSE, FALSE, do_status},  {"/v1/nodes", FALSE, FALSE, TRUE, do_nodes},
    {"/v1/traffic", FALSE, FALSE, TRUE, do_traffic}, {"/v1/invite", TRUE, TRUE, FALSE, do_invite},
    {"/v1/grant", TRUE, TRUE, FALSE, do_grant},      {"/v1/limit", TRUE, TRUE, FALSE, do_limit},
    {"/v1/close", TRUE, TRUE, FALSE, do_close},      {"/v1/open", TRUE, TRUE, FALSE, do_open},
    {"/v1/revoke", TRUE, TRUE, FALSE, do_revoke},    {"/v1/remove", TRUE, TRUE, FALSE, do_remove},
    {"/v1/claims", FALSE, FALSE, FALSE, do_claims},  {"/v1/release", TRUE, TRUE, FALSE, do_release},
    {"/v1/reload", TRUE, TRUE, FALSE, do_reload},    {"/v1/audit", TRUE, FALSE, FALSE, do_audit},
};

/* HTTP. */

static void
respond (SoupServerMessage *message, guint status, char *body)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);

  soup_message_headers_replace (headers, "Connection", "close");
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, "application/json", SOUP_MEMORY_TAKE, body,
                                    strlen (body));
}

static void
respond_error (SoupServerMessage *message, const GError *error)
{
  guint status = SOUP_STATUS_BAD_REQUEST;

  if (g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND))
    status = SOUP_STATUS_NOT_FOUND;
  else if (g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT))
    status = SOUP_STATUS_CONFLICT;
  else if (error->domain != FUNNEL_ERROR || error->code == FUNNEL_ERROR_STORE
           || error->code == FUNNEL_ERROR_FAILED)
    status = SOUP_STATUS_INTERNAL_SERVER_ERROR;
  respond (message, status, funnel_join_error_print (error));
}

/* What was asked for, but for the node, which stands beside it: "name=a.example ports=[443]". The
 * requests of an admin carry no secrets. */
static char *
describe (JsonObject *request)
{
  GString *text = g_string_new (NULL);
  g_autoptr (GList) members = request ? json_object_get_members (request) : NULL;

  for (const GList *at = members; at; at = at->next)
    {
      g_autofree char *value = NULL;

      if (g_str_equal (at->data, "node"))
        continue;
      value = json_to_string (json_object_get_member (request, at->data), FALSE);
      g_string_append_printf (text, "%s%s=%s", text->len ? " " : "", (const char *)at->data, value);
    }
  return g_string_free (text, FALSE);
}

static void
log_change (AdminApi *self,
            SoupServerMessage *message,
            const char *path,
            JsonObject *request,
            const GError *error)
{
  GSocket *socket = guarded_listener_find_socket (self->listener, message);
  g_autoptr (GCredentials) credentials = socket ? g_socket_get_credentials (socket, NULL) : NULL;
  g_autofree char *detail = describe (request);
  const char *node = request && funnel_json_has (request, "node")
                         ? funnel_json_get_string (request, "node", 255, NULL)
                         : NULL;
  gint64 uid = credentials ? (gint64)g_credentials_get_unix_user (credentials, NULL) : -1;
  gint64 pid = credentials ? (gint64)g_credentials_get_unix_pid (credentials, NULL) : 0;

  g_message ("Admin: uid %d, process %d: %s %s %s%s%s", (int)uid, (int)pid, strrchr (path, '/') + 1,
             node ? node : "", detail, error ? " refused: " : "", error ? error->message : "");
  ingress_registry_audit (self->parts->registry, uid, pid, strrchr (path, '/') + 1,
                          node ? node : "", detail, error);
}

static JsonObject *
read_request (SoupServerMessage *message, GError **error)
{
  g_autoptr (GBytes) bytes
      = soup_message_body_flatten (soup_server_message_get_request_body (message));
  gsize len;
  const char *text = g_bytes_get_data (bytes, &len);

  return funnel_json_parse_object (text ? text : "", len, error);
}

static void
run_command (AdminApi *self, const struct command *command, SoupServerMessage *message)
{
  g_autoptr (JsonObject) request = NULL;
  g_autoptr (GError) error = NULL;
  JsonObject *answer = NULL;

  if (command->asks)
    request = read_request (message, &error);
  if (!error)
    answer = command->run (self, request, &error);
  if (command->changes)
    log_change (self, message, command->path, request, error);
  if (answer)
    respond (message, SOUP_STATUS_OK, funnel_json_print_object (answer));
  else
    respond_error (message, error);
}

/* A request that waits for the handshakes to be known. */
typedef struct
{
  AdminApi *api;
  const struct command *command;
  SoupServerMessage *message;
} Waiting;

static void
run_waiting (gpointer data)
{
  Waiting *waiting = data;

  run_command (waiting->api, waiting->command, waiting->message);
  soup_server_message_unpause (waiting->message);
  g_object_unref (waiting->message);
  g_free (waiting);
}

static void
run_when_fresh (AdminApi *self, const struct command *command, SoupServerMessage *message)
{
  Waiting *waiting = g_new (Waiting, 1);

  *waiting = (Waiting) {self, command, g_object_ref (message)};
  soup_server_message_pause (message);
  ingress_agent_host_refresh_handshakes (self->parts->agent, run_waiting, waiting);
}

static void
on_request (SoupServer *server,
            SoupServerMessage *message,
            const char *path,
            GHashTable *query,
            gpointer user_data)
{
  AdminApi *self = user_data;
  g_autoptr (GError) error = NULL;

  if (soup_server_message_get_status (message) != 0)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (path, commands[i].path)
        && soup_server_message_get_method (message)
               == (commands[i].asks ? SOUP_METHOD_POST : SOUP_METHOD_GET))
      {
        if (commands[i].fresh)
          run_when_fresh (self, &commands[i], message);
        else
          run_command (self, &commands[i], message);
        return;
      }
  error = g_error_new (FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND, "There is no %s %s",
                       soup_server_message_get_method (message), path);
  respond_error (message, error);
}

static void
on_head (SoupServer *server,
         SoupServerMessage *message,
         const char *path,
         GHashTable *query,
         gpointer user_data)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  if (soup_message_headers_get_encoding (headers) == SOUP_ENCODING_CHUNKED
      || soup_message_headers_get_content_length (headers) > REQUEST_MAX)
    {
      soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
      soup_server_message_set_status (message, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, NULL);
    }
}

/* The socket. */

static GSocket *
listen_at (const char *path, GError **error)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocket) socket
      = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
  mode_t old;
  gboolean bound;

  if (!socket)
    return NULL;
  /* The run directory is ours by its lock: what lies there is a leftover. */
  g_unlink (path);
  old = umask (0117);
  bound = g_socket_bind (socket, address, FALSE, error);
  umask (old);
  if (!bound || !g_socket_listen (socket, error))
    {
      g_prefix_error (error, "%s: ", path);
      return NULL;
    }
  return g_steal_pointer (&socket);
}

AdminApi *
admin_api_new (const IngressParts *parts, const char *run_dir, GError **error)
{
  static const GuardedLimits limits = {CONNECTIONS_MAX, 0, DEADLINE_SECONDS, FALSE};
  g_autoptr (AdminApi) self = g_new0 (AdminApi, 1);
  g_autoptr (GSocket) socket = NULL;

  self->parts = parts;
  self->path = g_build_filename (run_dir, INGRESS_ADMIN_SOCKET, NULL);
  self->server = soup_server_new ("server-header", "funnel-ingress", NULL);
  soup_server_add_early_handler (self->server, NULL, on_head, self, NULL);
  soup_server_add_handler (self->server, NULL, on_request, self, NULL);
  socket = listen_at (self->path, error);
  if (!socket)
    return NULL;
  self->listener = guarded_listener_new (self->server, &limits, NULL);
  return guarded_listener_add (self->listener, socket, error) ? g_steal_pointer (&self) : NULL;
}

void
admin_api_free (AdminApi *self)
{
  g_clear_handle_id (&self->reload_timer, g_source_remove);
  if (self->listener)
    g_unlink (self->path);
  g_clear_pointer (&self->listener, guarded_listener_free);
  soup_server_disconnect (self->server);
  g_object_unref (self->server);
  g_free (self->path);
  g_free (self);
}
