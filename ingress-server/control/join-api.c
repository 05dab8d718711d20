/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/join-api.h"

#include "lib/base/error.h"
#include "lib/base/join-message.h"
#include "lib/base/known-message.h"
#include "lib/base/names.h"
#include "ingress-server/control/guarded-listener.h"
#include "ingress-server/control/rate-limit.h"

#include <glib/gi18n.h>
#include <libsoup/soup.h>
#include <string.h>

/* A node joins once in its life; people mistype a few times. */
#define CONNECTIONS_MAX 64
#define PER_SOURCE_MAX 8
#define DEADLINE_SECONDS 15
#define TRIES_PER_SECOND 0.5
#define TRIES_BURST 20
#define TOO_MANY_REQUESTS 429 /* RFC 6585; libsoup has no name for it */

struct _JoinApi
{
  IngressRegistry *registry;
  IngressAgentHost *agent;
  char *wireguard_key;
  JoinApiPrepare prepare;
  gpointer user_data;
  SoupServer *server;
  GuardedListener *listener;
  RateLimit *limit;
};

#define NOTHING_HERE "There is nothing here but " FUNNEL_JOIN_PATH " and " FUNNEL_KNOWN_PATH

/* A question that waits for the handshakes to be known. */
typedef struct
{
  JoinApi *api;
  SoupServerMessage *message;
  char *public_key;
} Question;

/* An answer that waits for its peer to be set. */
typedef struct
{
  SoupServerMessage *message;
  char *body;
} Ticket;

static void
respond (SoupServerMessage *message, guint status, const char *body)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);

  /* One request per connection: the deadline is the connection's. */
  soup_message_headers_replace (headers, "Connection", "close");
  soup_message_headers_replace (headers, "Cache-Control", "no-store");
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, "application/json", SOUP_MEMORY_COPY, body,
                                    strlen (body));
}

static void
respond_error (SoupServerMessage *message, guint status, const GError *error)
{
  g_autofree char *body = funnel_join_error_print (error);

  respond (message, status, body);
}

static void
respond_text (SoupServerMessage *message, guint status, FunnelError code, const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (FUNNEL_ERROR, (int)code, text);

  respond_error (message, status, error);
}

static char *
client_text (SoupServerMessage *message)
{
  GSocketAddress *remote = soup_server_message_get_remote_address (message);

  if (!G_IS_INET_SOCKET_ADDRESS (remote))
    return g_strdup ("?");
  return g_inet_address_to_string (
      g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote)));
}

static guint
status_of (const GError *error)
{
  if (error->domain != FUNNEL_ERROR)
    return SOUP_STATUS_INTERNAL_SERVER_ERROR;
  switch ((FunnelError)error->code)
    {
    case FUNNEL_ERROR_PROTOCOL:
    case FUNNEL_ERROR_UNSUPPORTED:
    case FUNNEL_ERROR_INVALID_ARGUMENT:
      return SOUP_STATUS_BAD_REQUEST;
    case FUNNEL_ERROR_TOKEN_UNKNOWN:
    case FUNNEL_ERROR_TOKEN_USED:
    case FUNNEL_ERROR_TOKEN_EXPIRED:
      return SOUP_STATUS_FORBIDDEN;
    case FUNNEL_ERROR_CONFLICT:
      return SOUP_STATUS_CONFLICT;
    default:
      return SOUP_STATUS_INTERNAL_SERVER_ERROR;
    }
}

static char *
print_answer (JoinApi *self, const IngressNode *node)
{
  const IngressConfig *config = ingress_registry_get_config (self->registry);
  g_autoptr (FunnelJoinAnswer) answer = funnel_join_answer_new ();

  answer->node = g_strdup (node->name);
  answer->zone = g_strdup (config->zone);
  answer->names = g_new0 (char *, 2);
  answer->names[0] = ingress_registry_assigned_name (self->registry, node->name);
  answer->address = ingress_config_address (config, node->host);
  answer->ingress_address = ingress_config_address (config, 1);
  answer->ingress_public_key = g_strdup (self->wireguard_key);
  answer->endpoint_host = g_strdup (config->endpoint_host);
  answer->endpoint_port = config->endpoint_port;
  answer->link_port = config->link_port;
  answer->public_ports = g_array_new (FALSE, FALSE, sizeof (guint16));
  g_array_append_vals (answer->public_ports, config->public_ports, config->n_public_ports);
  answer->tunnel = g_strdup (ingress_tunnel_text (config->tunnel));
  return funnel_join_answer_print (answer);
}

void
join_api_answer (gpointer data)
{
  Ticket *ticket = data;

  respond (ticket->message, SOUP_STATUS_OK, ticket->body);
  soup_server_message_unpause (ticket->message);
  g_object_unref (ticket->message);
  g_free (ticket->body);
  g_free (ticket);
}

/* Wipes what libsoup has of the request: the secret was in it. */
static void
wipe_request (SoupServerMessage *message)
{
  g_autoptr (GBytes) body
      = soup_message_body_flatten (soup_server_message_get_request_body (message));
  gsize len;
  gpointer bytes = (gpointer)g_bytes_get_data (body, &len);

  if (len)
    explicit_bzero (bytes, len);
}

static const IngressNode *
join (JoinApi *self, SoupServerMessage *message, GError **error)
{
  SoupMessageBody *body = soup_server_message_get_request_body (message);
  g_autoptr (GBytes) bytes = soup_message_body_flatten (body);
  gsize len;
  const char *text = g_bytes_get_data (bytes, &len);
  g_autoptr (FunnelJoinRequest) request = funnel_join_request_parse (text ? text : "", len, error);

  if (!request)
    return NULL;
  return ingress_registry_join (self->registry, request->secret, request->public_key,
                                request->software, error);
}

static void
on_join (SoupServer *server,
         SoupServerMessage *message,
         const char *path,
         GHashTable *query,
         gpointer user_data)
{
  JoinApi *self = user_data;
  const IngressNode *node;
  g_autoptr (GError) error = NULL;
  g_autofree char *client = client_text (message);
  Ticket *ticket;

  node = join (self, message, &error);
  wipe_request (message);
  if (!node)
    {
      g_message ("Refused to let %s join: %s", client, error->message);
      respond_error (message, status_of (error), error);
      return;
    }
  g_message ("Answered the join of node %s from %s", node->name, client);
  ticket = g_new0 (Ticket, 1);
  ticket->message = g_object_ref (message);
  ticket->body = print_answer (self, node);
  soup_server_message_pause (message);
  self->prepare (node, ticket, self->user_data);
}

/* Whoever has a node's key may know that it is known: nobody guesses one. The ingress's own is told
 * to nodes only, so that strangers cannot make WireGuard answer. */
static void
answer_known (gpointer data)
{
  Question *question = data;
  JoinApi *self = question->api;
  const IngressNode *node = ingress_registry_find_key (self->registry, question->public_key);
  FunnelKnownAnswer answer = {.known = node != NULL, .time = ingress_now ()};
  g_autofree char *body = NULL;

  answer.ingress_public_key = self->wireguard_key;
  answer.handshake = node ? ingress_agent_host_get_handshake (self->agent, node->public_key) : 0;
  body = funnel_known_answer_print (&answer);
  respond (question->message, SOUP_STATUS_OK, body);
  soup_server_message_unpause (question->message);
  g_object_unref (question->message);
  g_free (question->public_key);
  g_free (question);
}

static void
on_known (SoupServer *server,
          SoupServerMessage *message,
          const char *path,
          GHashTable *query,
          gpointer user_data)
{
  JoinApi *self = user_data;
  g_autoptr (GBytes) bytes
      = soup_message_body_flatten (soup_server_message_get_request_body (message));
  gsize len;
  const char *text = g_bytes_get_data (bytes, &len);
  g_autoptr (GError) error = NULL;
  g_autofree char *public_key = funnel_known_request_parse (text ? text : "", len, &error);
  Question *question;

  if (!public_key)
    {
      respond_error (message, status_of (error), error);
      return;
    }
  question = g_new0 (Question, 1);
  question->api = self;
  question->message = g_object_ref (message);
  question->public_key = g_steal_pointer (&public_key);
  soup_server_message_pause (message);
  ingress_agent_host_refresh_handshakes (self->agent, answer_known, question);
}

static void
on_other (SoupServer *server,
          SoupServerMessage *message,
          const char *path,
          GHashTable *query,
          gpointer user_data)
{
  if (soup_server_message_get_status (message) == 0)
    respond_text (message, SOUP_STATUS_NOT_FOUND, FUNNEL_ERROR_NOT_FOUND, NOTHING_HERE);
}

/* Runs when the head has been read: decides before a body is taken in. */
static void
on_head (SoupServer *server,
         SoupServerMessage *message,
         const char *path,
         GHashTable *query,
         gpointer user_data)
{
  JoinApi *self = user_data;
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  GSocketAddress *remote = soup_server_message_get_remote_address (message);
  GInetAddress *source = G_IS_INET_SOCKET_ADDRESS (remote)
                             ? g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote))
                             : NULL;

  if (!source || !rate_limit_take (self->limit, source, g_get_monotonic_time ()))
    respond_text (message, TOO_MANY_REQUESTS, FUNNEL_ERROR_NOT_ALLOWED,
                  N_ ("Too many attempts from this address; wait a minute"));
  else if (!g_str_equal (path, FUNNEL_JOIN_PATH) && !g_str_equal (path, FUNNEL_KNOWN_PATH))
    respond_text (message, SOUP_STATUS_NOT_FOUND, FUNNEL_ERROR_NOT_FOUND, NOTHING_HERE);
  else if (soup_server_message_get_method (message) != SOUP_METHOD_POST)
    respond_text (message, SOUP_STATUS_METHOD_NOT_ALLOWED, FUNNEL_ERROR_UNSUPPORTED,
                  N_ ("Only POST is answered here"));
  else if (soup_message_headers_get_encoding (headers) != SOUP_ENCODING_CONTENT_LENGTH)
    respond_text (message, SOUP_STATUS_LENGTH_REQUIRED, FUNNEL_ERROR_PROTOCOL,
                  N_ ("Content-Length is missing"));
  else if (soup_message_headers_get_content_length (headers) > FUNNEL_JOIN_REQUEST_MAX)
    respond_text (message, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, FUNNEL_ERROR_PROTOCOL,
                  "message: is too long");
  else
    return;
  /* Whatever body still comes is dropped piece by piece, until the deadline. */
  soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
}

static gboolean
start_listening (JoinApi *self, GTlsCertificate *certificate, GError **error)
{
  static const GuardedLimits limits = {CONNECTIONS_MAX, PER_SOURCE_MAX, DEADLINE_SECONDS, FALSE};
  const IngressConfig *config = ingress_registry_get_config (self->registry);
  g_autoptr (GPtrArray) sockets
      = guarded_listen_inet (config->listen, config->endpoint_port, error);

  if (!sockets)
    {
      g_prefix_error (error, "The join API cannot listen: ");
      return FALSE;
    }
  self->listener = guarded_listener_new (self->server, &limits, certificate);
  for (guint i = 0; i < sockets->len; i++)
    if (!guarded_listener_add (self->listener, g_ptr_array_index (sockets, i), error))
      return FALSE;
  return TRUE;
}

JoinApi *
join_api_new (IngressRegistry *registry,
              IngressAgentHost *agent,
              GTlsCertificate *certificate,
              const char *wireguard_key,
              JoinApiPrepare prepare,
              gpointer user_data,
              GError **error)
{
  g_autoptr (JoinApi) self = g_new0 (JoinApi, 1);

  self->registry = g_object_ref (registry);
  self->agent = g_object_ref (agent);
  self->wireguard_key = g_strdup (wireguard_key);
  self->prepare = prepare;
  self->user_data = user_data;
  self->limit = rate_limit_new (TRIES_PER_SECOND, TRIES_BURST);
  self->server = soup_server_new ("server-header", "funnel-ingress", NULL);
  /* An early handler counts for its own path only. */
  soup_server_add_early_handler (self->server, NULL, on_head, self, NULL);
  soup_server_add_early_handler (self->server, FUNNEL_JOIN_PATH, on_head, self, NULL);
  soup_server_add_early_handler (self->server, FUNNEL_KNOWN_PATH, on_head, self, NULL);
  soup_server_add_handler (self->server, NULL, on_other, self, NULL);
  soup_server_add_handler (self->server, FUNNEL_JOIN_PATH, on_join, self, NULL);
  soup_server_add_handler (self->server, FUNNEL_KNOWN_PATH, on_known, self, NULL);
  return start_listening (self, certificate, error) ? g_steal_pointer (&self) : NULL;
}

void
join_api_free (JoinApi *self)
{
  g_clear_pointer (&self->listener, guarded_listener_free);
  g_clear_pointer (&self->limit, rate_limit_free);
  if (self->server)
    soup_server_disconnect (self->server);
  g_clear_object (&self->server);
  g_object_unref (self->agent);
  g_object_unref (self->registry);
  g_free (self->wireguard_key);
  g_free (self);
}
