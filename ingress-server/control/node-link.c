/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/node-link.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"
#include "ingress-server/control/context-shard.h"
#include "ingress-server/control/rate-limit.h"

#define MESSAGES_PER_SECOND 20
#define MESSAGES_BURST 200
#define UNKNOWN_MAX 10 /* messages of unknown type before we give up */

struct _IngressNodeLink
{
  GObject parent_instance;

  SoupWebsocketConnection *connection;
  gint64 id;
  char *name;
  guint ping_interval;
  gint64 since;

  gboolean ready;
  gboolean closed;
  guint16 offer_port;
  char *software;
  guint unknown;
  RateBucket bucket;
  guint32 ping_id;
  gint64 ping_at, silent_at; /* monotonic, microseconds */
  gboolean suspected;        /* it was silent for too long at the last tick */
};

G_DEFINE_FINAL_TYPE (IngressNodeLink, ingress_node_link, G_TYPE_OBJECT)

enum
{
  HELLO,
  SHARES,
  CLAIMS,
  CLOSED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void
finish (IngressNodeLink *self, const char *reason)
{
  if (self->closed)
    return;
  self->closed = TRUE;
  g_signal_handlers_disconnect_by_data (self->connection, self);
  g_signal_emit (self, signals[CLOSED], 0, reason);
}

void
ingress_node_link_send (IngressNodeLink *self, const FunnelLinkMessage *message)
{
  g_autofree char *text = NULL;

  if (self->closed
      || soup_websocket_connection_get_state (self->connection) != SOUP_WEBSOCKET_STATE_OPEN)
    return;
  text = funnel_link_message_print (message);
  soup_websocket_connection_send_text (self->connection, text);
}

static void
send_error (IngressNodeLink *self, const char *text)
{
  g_autoptr (FunnelLinkMessage) message = funnel_link_message_new (FUNNEL_LINK_ERROR);

  message->detail = g_strdup (text);
  ingress_node_link_send (self, message);
}

/* The connection outlives the link until its closing handshake ends, or libsoup gives that up. */
static void
close_connection (IngressNodeLink *self, gushort code)
{
  if (soup_websocket_connection_get_state (self->connection) != SOUP_WEBSOCKET_STATE_OPEN)
    return;
  g_signal_connect (g_object_ref (self->connection), "closed", G_CALLBACK (g_object_unref), NULL);
  soup_websocket_connection_close (self->connection, code, NULL);
}

void
ingress_node_link_close (IngressNodeLink *self, const char *reason)
{
  g_autoptr (IngressNodeLink) keep = g_object_ref (self);

  if (self->closed)
    return;
  send_error (self, reason);
  close_connection (self, SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION);
  finish (self, reason);
}

/* Silence. */

static void
note_life (IngressNodeLink *self, gint64 now)
{
  self->suspected = FALSE;
  self->silent_at = now + (self->ping_interval + NODE_LINK_GRACE) * G_USEC_PER_SEC;
}

static void
send_ping (IngressNodeLink *self, gint64 now)
{
  g_autoptr (FunnelLinkMessage) message = funnel_link_message_new (FUNNEL_LINK_PING);

  self->ping_at = now + self->ping_interval * G_USEC_PER_SEC;
  message->id = ++self->ping_id;
  ingress_node_link_send (self, message);
}

/* One tick more than the time is up: it may be this process that was held up, and neither asked nor
 * read. */
void
ingress_node_link_tick (IngressNodeLink *self, gint64 now)
{
  gboolean silent = now >= self->silent_at;

  if (self->closed)
    return;
  if (silent && self->suspected)
    ingress_node_link_close (self, N_ ("No message for too long"));
  else if (silent || now >= self->ping_at)
    send_ping (self, now);
  self->suspected = silent;
}

/* Messages. */

static void
take_hello (IngressNodeLink *self, const FunnelLinkMessage *message)
{
  g_autofree char *reason = NULL;

  if (self->ready)
    {
      ingress_node_link_close (self, N_ ("hello was sent twice"));
      return;
    }
  if (message->version != FUNNEL_LINK_VERSION)
    {
      reason = g_strdup_printf (
          N_ ("This ingress speaks version %d of the link, not %u; update the older side"),
          FUNNEL_LINK_VERSION, message->version);
      ingress_node_link_close (self, reason);
      return;
    }
  self->ready = TRUE;
  self->offer_port = message->offer_port;
  g_free (self->software);
  self->software = g_strdup (message->software ? message->software : "");
  g_signal_emit (self, signals[HELLO], 0);
}

static void
take (IngressNodeLink *self, const FunnelLinkMessage *message)
{
  g_autofree char *reason = NULL;

  if (message->type == FUNNEL_LINK_HELLO)
    take_hello (self, message);
  else if (message->type == FUNNEL_LINK_ERROR)
    {
      reason
          = g_strdup_printf (N_ ("The node says: %s"), message->detail ? message->detail : "error");
      close_connection (self, SOUP_WEBSOCKET_CLOSE_NORMAL);
      finish (self, reason);
    }
  else if (!self->ready)
    ingress_node_link_close (self, N_ ("hello must come first"));
  else if (message->type == FUNNEL_LINK_SHARES)
    g_signal_emit (self, signals[SHARES], 0, message->shares);
  else if (message->type == FUNNEL_LINK_CLAIMS)
    g_signal_emit (self, signals[CLAIMS], 0, message->names);
  else if (message->type != FUNNEL_LINK_PONG)
    {
      reason
          = g_strdup_printf (N_ ("A node does not send %s"), funnel_link_type_text (message->type));
      ingress_node_link_close (self, reason);
    }
}

/* An unknown type may come from a later version and is only answered; nonsense ends the link. */
static void
take_bad (IngressNodeLink *self, const GError *error)
{
  if (g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED)
      && ++self->unknown <= UNKNOWN_MAX)
    send_error (self, error->message);
  else
    ingress_node_link_close (self, error->message);
}

static void
take_bytes (IngressNodeLink *self, SoupWebsocketDataType type, GBytes *bytes)
{
  g_autoptr (FunnelLinkMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  gint64 now = g_get_monotonic_time ();
  gsize len;
  const char *text = g_bytes_get_data (bytes, &len);

  note_life (self, now);
  if (!rate_bucket_take (&self->bucket, MESSAGES_PER_SECOND, MESSAGES_BURST, now))
    {
      ingress_node_link_close (self, N_ ("Too many messages"));
      return;
    }
  if (type != SOUP_WEBSOCKET_DATA_TEXT)
    {
      ingress_node_link_close (self, N_ ("Messages of the link are text"));
      return;
    }
  message = funnel_link_message_parse (text ? text : "", len, &error);
  if (message)
    take (self, message);
  else
    take_bad (self, error);
}

/* The connection is served in a shard; what its messages set off is not. */
static void
on_connection_message (SoupWebsocketConnection *connection,
                       SoupWebsocketDataType type,
                       GBytes *bytes,
                       IngressNodeLink *self)
{
  g_autoptr (IngressNodeLink) keep = g_object_ref (self);

  context_shard_suspend ();
  take_bytes (self, type, bytes);
  context_shard_resume ();
}

static void
on_connection_error (SoupWebsocketConnection *connection, GError *error, IngressNodeLink *self)
{
  g_debug ("Link of node %s: %s", self->name, error->message);
}

static void
on_connection_closed (SoupWebsocketConnection *connection, IngressNodeLink *self)
{
  g_autoptr (IngressNodeLink) keep = g_object_ref (self);

  context_shard_suspend ();
  finish (self, N_ ("The node closed it"));
  context_shard_resume ();
}

/* Life. */

static void
ingress_node_link_dispose (GObject *object)
{
  IngressNodeLink *self = INGRESS_NODE_LINK (object);

  self->closed = TRUE;
  if (self->connection)
    g_signal_handlers_disconnect_by_data (self->connection, self);
  g_clear_object (&self->connection);
  G_OBJECT_CLASS (ingress_node_link_parent_class)->dispose (object);
}

static void
ingress_node_link_finalize (GObject *object)
{
  IngressNodeLink *self = INGRESS_NODE_LINK (object);

  g_free (self->name);
  g_free (self->software);
  G_OBJECT_CLASS (ingress_node_link_parent_class)->finalize (object);
}

static void
ingress_node_link_class_init (IngressNodeLinkClass *class)
{
  GType pointer[] = {G_TYPE_POINTER}, text[] = {G_TYPE_STRING};

  G_OBJECT_CLASS (class)->dispose = ingress_node_link_dispose;
  G_OBJECT_CLASS (class)->finalize = ingress_node_link_finalize;
  signals[HELLO] = g_signal_newv ("hello", INGRESS_TYPE_NODE_LINK, G_SIGNAL_RUN_LAST, NULL, NULL,
                                  NULL, NULL, G_TYPE_NONE, 0, NULL);
  signals[SHARES] = g_signal_newv ("shares", INGRESS_TYPE_NODE_LINK, G_SIGNAL_RUN_LAST, NULL, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, pointer);
  signals[CLAIMS] = g_signal_newv ("claims", INGRESS_TYPE_NODE_LINK, G_SIGNAL_RUN_LAST, NULL, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, pointer);
  signals[CLOSED] = g_signal_newv ("closed", INGRESS_TYPE_NODE_LINK, G_SIGNAL_RUN_LAST, NULL, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, text);
}

static void
ingress_node_link_init (IngressNodeLink *self)
{
}

IngressNodeLink *
ingress_node_link_new (SoupWebsocketConnection *connection,
                       gint64 id,
                       const char *name,
                       guint ping_interval)
{
  IngressNodeLink *self = g_object_new (INGRESS_TYPE_NODE_LINK, NULL);
  gint64 now = g_get_monotonic_time ();

  self->connection = g_object_ref (connection);
  self->id = id;
  self->name = g_strdup (name);
  self->software = g_strdup ("");
  self->ping_interval = ping_interval;
  self->since = g_get_real_time () / G_USEC_PER_SEC;
  soup_websocket_connection_set_max_incoming_payload_size (connection, FUNNEL_LINK_MESSAGE_MAX);
  g_signal_connect (connection, "message", G_CALLBACK (on_connection_message), self);
  g_signal_connect (connection, "error", G_CALLBACK (on_connection_error), self);
  g_signal_connect (connection, "closed", G_CALLBACK (on_connection_closed), self);
  self->ping_at = now + ping_interval * G_USEC_PER_SEC;
  note_life (self, now);
  return self;
}

gint64
ingress_node_link_get_id (IngressNodeLink *self)
{
  return self->id;
}

guint16
ingress_node_link_get_offer_port (IngressNodeLink *self)
{
  return self->offer_port;
}

const char *
ingress_node_link_get_software (IngressNodeLink *self)
{
  return self->software;
}

guint
ingress_node_link_get_ping_interval (IngressNodeLink *self)
{
  return self->ping_interval;
}

gint64
ingress_node_link_get_since (IngressNodeLink *self)
{
  return self->since;
}

gboolean
ingress_node_link_is_ready (IngressNodeLink *self)
{
  return self->ready && !self->closed;
}
