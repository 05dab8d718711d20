/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/link/link-session.h"

#include "lib/base/expiry.h"
#include "daemon/link/web-socket.h"
#include "lib/base/error.h"
#include "lib/base/names.h"

#include <glib/gi18n.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define CONNECT_MS 2000 /* the link is tried at least this often while it is away */
#define HANDSHAKE_MS 3000
#define WELCOME_MS 5000
#define SILENCE_GRACE_MS 3000 /* after the ping interval, docs/protocol.md */
#define QUIET_GRACE_MS 700    /* for a ping that is merely late */

enum
{
  SIGNAL_MESSAGE,
  SIGNAL_QUIET,
  SIGNAL_CLOSED,
  N_SIGNALS
};

struct _FunnelLinkSession
{
  GObject parent_instance;
  char *host;
  guint16 port;
  guint16 offer_port;
  GSocketConnection *connection;
  SoupWebsocketConnection *socket;
  guint quiet_ms;   /* when to call it quiet; 0 never */
  guint silence_ms; /* when to give up */
  guint silence_source;
  gint64 heard; /* monotonic time of the last message */
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (FunnelLinkSession, funnel_link_session, G_TYPE_OBJECT)

static void
finish_session (FunnelLinkSession *self, const char *reason)
{
  g_autofree char *text = g_strdup (reason);

  if (self->socket == NULL)
    return;
  funnel_link_session_close (self);
  g_signal_emit (self, signals[SIGNAL_CLOSED], 0, text);
}

/* One timer that looks at a time stamp, instead of a new one for every message. It stops first
 * where it would be quiet, and where that is so, it goes on to the end. */
static gboolean
on_silence_timeout (gpointer user_data)
{
  FunnelLinkSession *self = user_data;
  guint silent_ms = (guint)((g_get_monotonic_time () - self->heard) / 1000);
  gboolean quiet = self->quiet_ms != 0 && silent_ms >= self->quiet_ms;
  guint until_ms = self->quiet_ms == 0 || quiet ? self->silence_ms : self->quiet_ms;

  self->silence_source = 0;
  if (silent_ms >= self->silence_ms)
    {
      finish_session (self, N_ ("the ingress has fallen silent"));
      return G_SOURCE_REMOVE;
    }
  self->silence_source = g_timeout_add (until_ms - silent_ms + 1, on_silence_timeout, self);
  if (quiet)
    g_signal_emit (self, signals[SIGNAL_QUIET], 0);
  return G_SOURCE_REMOVE;
}

static void
watch_silence (FunnelLinkSession *self, guint quiet_ms, guint silence_ms)
{
  g_clear_handle_id (&self->silence_source, g_source_remove);
  self->quiet_ms = quiet_ms;
  self->silence_ms = silence_ms;
  self->silence_source
      = g_timeout_add (quiet_ms != 0 ? quiet_ms : silence_ms, on_silence_timeout, self);
}

static void
send_error (FunnelLinkSession *self, const char *text)
{
  g_autoptr (FunnelLinkMessage) message = funnel_link_message_new (FUNNEL_LINK_ERROR);

  message->detail = g_strdup (text);
  funnel_link_session_send (self, message);
}

static void
send_pong (FunnelLinkSession *self, guint32 id)
{
  g_autoptr (FunnelLinkMessage) message = funnel_link_message_new (FUNNEL_LINK_PONG);

  message->id = id;
  funnel_link_session_send (self, message);
}

static void
send_hello (FunnelLinkSession *self)
{
  g_autoptr (FunnelLinkMessage) message = funnel_link_message_new (FUNNEL_LINK_HELLO);

  message->version = FUNNEL_LINK_VERSION;
  message->software = g_strdup ("funnel/" FUNNEL_VERSION);
  message->offer_port = self->offer_port;
  funnel_link_session_send (self, message);
}

static void
take_message (FunnelLinkSession *self, const FunnelLinkMessage *message)
{
  g_autofree char *reason = NULL;

  switch (message->type)
    {
    case FUNNEL_LINK_PING:
      send_pong (self, message->id);
      g_signal_emit (self, signals[SIGNAL_MESSAGE], 0, message);
      break;
    case FUNNEL_LINK_ERROR:
      reason = g_strdup_printf (N_ ("the ingress ended it: %s"),
                                message->detail != NULL ? message->detail : N_ ("no reason given"));
      finish_session (self, reason);
      break;
    case FUNNEL_LINK_WELCOME:
      watch_silence (self, message->ping_interval * 1000 + QUIET_GRACE_MS,
                     message->ping_interval * 1000 + SILENCE_GRACE_MS);
      g_signal_emit (self, signals[SIGNAL_MESSAGE], 0, message);
      break;
    case FUNNEL_LINK_GRANTS:
    case FUNNEL_LINK_PROBE:
    case FUNNEL_LINK_ROUTED:
    case FUNNEL_LINK_CLAIMED:
      g_signal_emit (self, signals[SIGNAL_MESSAGE], 0, message);
      break;
    case FUNNEL_LINK_HELLO:
    case FUNNEL_LINK_SHARES:
    case FUNNEL_LINK_CLAIMS:
    case FUNNEL_LINK_PONG:
    default:
      send_error (self, N_ ("this message is for the ingress"));
      finish_session (self, N_ ("the ingress broke the protocol"));
    }
}

static void
on_socket_message (SoupWebsocketConnection *socket,
                   SoupWebsocketDataType type,
                   GBytes *bytes,
                   FunnelLinkSession *self)
{
  g_autoptr (FunnelLinkSession) kept = g_object_ref (self);
  g_autoptr (FunnelLinkMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  gsize len = 0;
  const char *text = g_bytes_get_data (bytes, &len);

  self->heard = g_get_monotonic_time ();
  if (type == SOUP_WEBSOCKET_DATA_TEXT)
    message = funnel_link_message_parse (text, len, &error);
  else
    g_set_error_literal (&error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL, "binary message");
  if (message == NULL)
    {
      g_autofree char *reason
          = g_strdup_printf (N_ ("the ingress broke the protocol: %s"), error->message);

      send_error (self, error->message);
      finish_session (self, reason);
      return;
    }
  take_message (self, message);
}

static void
on_socket_closed (SoupWebsocketConnection *socket, FunnelLinkSession *self)
{
  g_autoptr (FunnelLinkSession) kept = g_object_ref (self);

  finish_session (self, N_ ("the ingress closed it"));
}

static void
funnel_link_session_dispose (GObject *object)
{
  FunnelLinkSession *self = FUNNEL_LINK_SESSION (object);

  funnel_link_session_close (self);
  g_clear_pointer (&self->host, g_free);
  G_OBJECT_CLASS (funnel_link_session_parent_class)->dispose (object);
}

static void
funnel_link_session_class_init (FunnelLinkSessionClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GType type = G_TYPE_FROM_CLASS (class);

  object_class->dispose = funnel_link_session_dispose;
  signals[SIGNAL_MESSAGE] = g_signal_new ("message", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 1, G_TYPE_POINTER);
  signals[SIGNAL_QUIET]
      = g_signal_new ("quiet", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_CLOSED] = g_signal_new ("closed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
funnel_link_session_init (FunnelLinkSession *self)
{
}

FunnelLinkSession *
funnel_link_session_new (void)
{
  return g_object_new (FUNNEL_TYPE_LINK_SESSION, NULL);
}

static void
return_step_error (GTask *task, GError *cause, const char *what)
{
  FunnelExpiry *expiry = g_task_get_task_data (task);

  if (funnel_expiry_has_passed (expiry))
    {
      g_error_free (cause);
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                               N_ ("the ingress does not answer (%s)"), what);
      return;
    }
  g_task_return_error (task, cause);
}

static void
web_socket_open_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelLinkSession *self = g_task_get_source_object (task);
  GError *error = NULL;
  SoupWebsocketConnection *socket = funnel_web_socket_open_finish (result, &error);

  if (socket == NULL)
    {
      g_clear_object (&self->connection);
      return_step_error (task, error, "link handshake");
      return;
    }
  self->socket = socket;
  self->heard = g_get_monotonic_time ();
  soup_websocket_connection_set_max_incoming_payload_size (socket, FUNNEL_LINK_MESSAGE_MAX);
  g_signal_connect (socket, "message", G_CALLBACK (on_socket_message), self);
  g_signal_connect (socket, "closed", G_CALLBACK (on_socket_closed), self);
  watch_silence (self, 0, WELCOME_MS);
  send_hello (self);
  g_task_return_boolean (task, TRUE);
}

static void
connect_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelLinkSession *self = g_task_get_source_object (task);
  GCancellable *cancellable = g_task_get_cancellable (task);
  g_autofree char *host = NULL;
  FunnelExpiry *expiry = NULL;
  GError *error = NULL;

  self->connection = funnel_tunnel_connect_finish (FUNNEL_TUNNEL (source), result, &error);
  if (self->connection == NULL)
    {
      return_step_error (task, error, "connecting");
      return;
    }
  expiry = funnel_expiry_new (cancellable, HANDSHAKE_MS);
  g_task_set_task_data (task, expiry, (GDestroyNotify)funnel_expiry_free);
  host = g_strdup_printf ("%s:%u", self->host, self->port);
  funnel_web_socket_open_async (self->connection, host, FUNNEL_LINK_PATH, FUNNEL_LINK_SUBPROTOCOL,
                                funnel_expiry_get (expiry), web_socket_open_cb,
                                g_steal_pointer (&task));
}

void
funnel_link_session_open_async (FunnelLinkSession *self,
                                FunnelTunnel *tunnel,
                                const char *host,
                                guint16 port,
                                guint16 offer_port,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  FunnelExpiry *expiry = funnel_expiry_new (cancellable, CONNECT_MS);

  g_task_set_source_tag (task, funnel_link_session_open_async);
  g_task_set_task_data (task, expiry, (GDestroyNotify)funnel_expiry_free);
  g_free (self->host);
  self->host = g_strdup (host);
  self->port = port;
  self->offer_port = offer_port;
  funnel_tunnel_connect_async (tunnel, port, funnel_expiry_get (expiry), connect_cb, task);
}

gboolean
funnel_link_session_open_finish (FunnelLinkSession *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_link_session_open_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
funnel_link_session_send (FunnelLinkSession *self, const FunnelLinkMessage *message)
{
  g_autofree char *text = NULL;

  if (self->socket == NULL
      || soup_websocket_connection_get_state (self->socket) != SOUP_WEBSOCKET_STATE_OPEN)
    return;
  text = funnel_link_message_print (message);
  soup_websocket_connection_send_text (self->socket, text);
}

guint
funnel_link_session_get_round_trip (FunnelLinkSession *self)
{
  struct tcp_info info = {0};
  socklen_t len = sizeof info;

  if (self->connection == NULL)
    return 0;
  if (getsockopt (g_socket_get_fd (g_socket_connection_get_socket (self->connection)), IPPROTO_TCP,
                  TCP_INFO, &info, &len)
      != 0)
    return 0;
  return info.tcpi_rtt;
}

void
funnel_link_session_close (FunnelLinkSession *self)
{
  g_clear_handle_id (&self->silence_source, g_source_remove);
  if (self->socket != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->socket, self);
      if (soup_websocket_connection_get_state (self->socket) == SOUP_WEBSOCKET_STATE_OPEN)
        soup_websocket_connection_close (self->socket, SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
      g_clear_object (&self->socket);
    }
  g_clear_object (&self->connection);
}
