/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/link/link.h"

#include <glib/gi18n.h>

#include "lib/base/expiry.h"
#include "daemon/link/host-events.h"
#include "daemon/link/link-session.h"
#include "daemon/link/tunnel-keeper.h"
#include "lib/base/backoff.h"

#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS                                                                               \
  1000 /* with CONNECT_MS of a session: a path that works again is in use within 5 s */
#define CHECK_MS 2000 /* for a path that works to prove it */
#define NETWORK_SETTLE_MS 300
#define HANDSHAKE_MAX_S 180  /* WireGuard's sessions end after that */
#define CLOCK_MIN 1735689600 /* 2025: this program is younger */

enum
{
  SIGNAL_CHANGED,
  SIGNAL_LISTENER,
  SIGNAL_MESSAGE,
  N_SIGNALS
};

struct _FunnelLink
{
  GObject parent_instance;
  FunnelTunnelKeeper *keeper;
  char *host; /* the ingress's tunnel address */
  guint16 port;
  guint16 offer_port;
  FunnelLinkSession *session; /* open, or being opened */
  GCancellable *opening;
  gboolean welcomed;
  gboolean takes_claims; /* says the ingress */
  gboolean linked;
  char *reason; /* of the link being down */
  FunnelBackoff backoff;
  guint retry_source;
  GPtrArray *shares; /* FunnelLinkShare*: what is to be announced */
  GStrv claims;      /* names outside the zone to be asked for */
  gboolean claimed;  /* some were, over this link */
  GNetworkMonitor *monitor;
  FunnelHostEvents *host_events;
  char *endpoint; /* the ingress's UDP port, for people */
  guint settle_source;
  FunnelExpiry *check; /* a trial connection is under way */
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (FunnelLink, funnel_link, G_TYPE_OBJECT)

static void try_link (FunnelLink *self);

static void
set_reason (FunnelLink *self, const char *reason)
{
  g_free (self->reason);
  self->reason = g_strdup (reason);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
send_shares (FunnelLink *self)
{
  g_autoptr (FunnelLinkMessage) message = NULL;

  if (!self->linked)
    return;
  message = funnel_link_message_new (FUNNEL_LINK_SHARES);
  g_clear_pointer (&message->shares, g_ptr_array_unref);
  message->shares = g_ptr_array_ref (self->shares);
  funnel_link_session_send (self->session, message);
}

/* An ingress that does not take them would not know the message. */
static void
send_claims (FunnelLink *self)
{
  g_autoptr (FunnelLinkMessage) message = NULL;

  if (!self->linked || !self->takes_claims || (!self->claims[0] && !self->claimed))
    return;
  self->claimed = TRUE;
  message = funnel_link_message_new (FUNNEL_LINK_CLAIMS);
  message->names = g_strdupv (self->claims);
  funnel_link_session_send (self->session, message);
}

/* Its answer is not waited for any more. */
static void
drop_check (FunnelLink *self)
{
  if (self->check != NULL)
    g_cancellable_cancel (funnel_expiry_get (self->check));
  g_clear_pointer (&self->check, funnel_expiry_free);
}

static void
drop_session (FunnelLink *self)
{
  g_clear_handle_id (&self->retry_source, g_source_remove);
  drop_check (self);
  if (self->opening != NULL)
    g_cancellable_cancel (self->opening);
  g_clear_object (&self->opening);
  if (self->session != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->session, self);
      funnel_link_session_close (self->session);
    }
  g_clear_object (&self->session);
  self->welcomed = FALSE;
  self->linked = FALSE;
  self->claimed = FALSE;
}

/* What is sent while the tunnel loses its peer and gets it again is lost, and TCP would wait for a
 * second before it says it again. */
static void
try_link_when_refreshed (FunnelLink *self)
{
  if (!funnel_tunnel_keeper_is_refreshing (self->keeper))
    try_link (self);
}

static gboolean
on_retry_timeout (gpointer user_data)
{
  FunnelLink *self = user_data;

  self->retry_source = 0;
  try_link_when_refreshed (self);
  return G_SOURCE_REMOVE;
}

/* What may be behind a path on which nothing comes back. */
static char *
explain (FunnelLink *self, const char *reason)
{
  const FunnelTunnelStatus *status = funnel_tunnel_keeper_get_status (self->keeper);
  const char *trouble = funnel_tunnel_keeper_get_trouble (self->keeper);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  if (self->host_events != NULL && funnel_host_events_is_captive (self->host_events))
    return g_strdup (
        N_ ("this network asks for a login first (captive portal): open a web page and "
            "log in"));
  if (now < CLOCK_MIN)
    return g_strdup (N_ ("this machine's clock is wrong, and WireGuard refuses what comes from the "
                         "past: set it (timedatectl)"));
  if (trouble[0] != '\0')
    return g_strdup (trouble);
  if (g_str_equal (funnel_tunnel_keeper_get_name (self->keeper), "direct")
      || now - status->handshake < HANDSHAKE_MAX_S)
    return g_strdup (reason);
  return g_strdup_printf (
      N_ ("the ingress does not answer through WireGuard (UDP %s): this network may block UDP, the "
          "ingress may be down, or it knows this node's key no more (then join again); %s"),
      self->endpoint, reason);
}

/* @broken_path: nothing came back at all, so that the tunnel may need a push. A refused connection
 * has proved that the tunnel works. */
static void
fail_link (FunnelLink *self, const char *reason, gboolean broken_path)
{
  guint wait = funnel_backoff_next (&self->backoff);

  g_autofree char *full = broken_path ? explain (self, reason) : g_strdup (reason);

  if (self->linked)
    g_message ("Link lost: %s", reason);
  else
    g_debug ("Link: %s", reason);
  drop_session (self);
  /* Without a network there is nothing to gain; that it is back is told. */
  if (broken_path
      && (self->monitor == NULL || g_network_monitor_get_network_available (self->monitor)))
    funnel_tunnel_keeper_refresh (self->keeper);
  self->retry_source = g_timeout_add (wait, on_retry_timeout, self);
  set_reason (self, full);
}

static void
on_session_closed (FunnelLinkSession *session, const char *reason, FunnelLink *self)
{
  fail_link (self, reason, FALSE);
}

/* The ingress may have lost its end of the tunnel, which WireGuard would notice only after 15 s. A
 * new handshake mends that, and something sent makes a dead connection show. Both do a live one no
 * harm. */
static void
on_session_quiet (FunnelLinkSession *session, FunnelLink *self)
{
  funnel_tunnel_keeper_refresh (self->keeper);
  send_shares (self);
}

static void
on_session_message (FunnelLinkSession *session, FunnelLinkMessage *message, FunnelLink *self)
{
  if (message->type == FUNNEL_LINK_WELCOME)
    {
      self->welcomed = TRUE;
      self->takes_claims = message->takes_claims;
    }
  else if (message->type == FUNNEL_LINK_PING && !self->welcomed)
    return;
  else if (!self->welcomed)
    {
      fail_link (self, N_ ("the ingress broke the protocol: no welcome"), FALSE);
      return;
    }
  g_signal_emit (self, signals[SIGNAL_MESSAGE], 0, message);
  if (message->type != FUNNEL_LINK_GRANTS || self->linked || self->session != session)
    return;
  self->linked = TRUE;
  funnel_backoff_reset (&self->backoff);
  funnel_tunnel_keeper_confirm (self->keeper);
  funnel_tunnel_keeper_query (self->keeper);
  g_message ("Linked to the ingress");
  set_reason (self, "");
  send_claims (self);
  send_shares (self);
}

static void
session_open_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelLink) self = user_data;
  FunnelLinkSession *session = FUNNEL_LINK_SESSION (source);
  g_autoptr (GError) error = NULL;
  gboolean ok = funnel_link_session_open_finish (session, result, &error);

  if (self->session != session)
    return;
  g_clear_object (&self->opening);
  if (!ok)
    fail_link (self, error->message,
               !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED));
}

static void
try_link (FunnelLink *self)
{
  FunnelTunnel *tunnel = funnel_tunnel_keeper_get_tunnel (self->keeper);

  drop_session (self);
  if (tunnel == NULL)
    return;
  self->session = funnel_link_session_new ();
  self->opening = g_cancellable_new ();
  g_signal_connect (self->session, "message", G_CALLBACK (on_session_message), self);
  g_signal_connect (self->session, "quiet", G_CALLBACK (on_session_quiet), self);
  g_signal_connect (self->session, "closed", G_CALLBACK (on_session_closed), self);
  funnel_link_session_open_async (self->session, tunnel, self->host, self->port, self->offer_port,
                                  self->opening, session_open_cb, g_object_ref (self));
}

static guint16
get_local_port (GSocket *socket)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, NULL);

  return address != NULL ? g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)) : 0;
}

static void
on_keeper_ready (FunnelTunnelKeeper *keeper, GSocket *listener, FunnelLink *self)
{
  self->offer_port = get_local_port (listener);
  g_signal_emit (self, signals[SIGNAL_LISTENER], 0, listener);
  funnel_backoff_reset (&self->backoff);
  set_reason (self, N_ ("it is being made"));
  try_link (self);
}

static void
on_keeper_lost (FunnelTunnelKeeper *keeper, FunnelLink *self)
{
  drop_session (self);
  g_signal_emit (self, signals[SIGNAL_LISTENER], 0, NULL);
  set_reason (self, N_ ("the tunnel is down"));
}

static void
on_keeper_refreshed (FunnelTunnelKeeper *keeper, FunnelLink *self)
{
  if (self->session == NULL && self->retry_source == 0)
    try_link (self);
}

static void
on_keeper_changed (FunnelTunnelKeeper *keeper, FunnelLink *self)
{
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
check_connect_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelLink) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) connection
      = funnel_tunnel_connect_finish (FUNNEL_TUNNEL (source), result, &error);
  gboolean passed = self->check != NULL && funnel_expiry_has_passed (self->check);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) && !passed)
    return;
  g_clear_pointer (&self->check, funnel_expiry_free);
  if (connection == NULL && self->session != NULL)
    fail_link (self, N_ ("the network changed, and the ingress does not answer"), TRUE);
}

/* The addresses inside the tunnel stay, so a link survives a change of network if the path works.
 */
static gboolean
on_network_settled (gpointer user_data)
{
  FunnelLink *self = user_data;
  FunnelTunnel *tunnel = funnel_tunnel_keeper_get_tunnel (self->keeper);

  self->settle_source = 0;
  if (tunnel == NULL)
    {
      funnel_tunnel_keeper_retry (self->keeper);
      return G_SOURCE_REMOVE;
    }
  if (!self->linked)
    {
      drop_session (self);
      funnel_tunnel_keeper_refresh (self->keeper);
      funnel_backoff_reset (&self->backoff);
      try_link_when_refreshed (self);
      return G_SOURCE_REMOVE;
    }
  drop_check (self);
  self->check = funnel_expiry_new (NULL, CHECK_MS);
  funnel_tunnel_connect_async (tunnel, self->port, funnel_expiry_get (self->check),
                               check_connect_cb, g_object_ref (self));
  return G_SOURCE_REMOVE;
}

/* A change comes as many events. */
static void
settle (FunnelLink *self)
{
  if (self->settle_source == 0)
    self->settle_source = g_timeout_add (NETWORK_SETTLE_MS, on_network_settled, self);
}

static void
on_monitor_network_changed (GNetworkMonitor *monitor, gboolean available, FunnelLink *self)
{
  settle (self);
}

static void
on_host_changed (gpointer user_data)
{
  settle (user_data);
}

static void
on_host_allowed (gpointer user_data)
{
  FunnelLink *self = user_data;

  funnel_tunnel_keeper_reconsider (self->keeper);
}

static void
funnel_link_dispose (GObject *object)
{
  FunnelLink *self = FUNNEL_LINK (object);

  if (self->keeper != NULL)
    funnel_link_stop (self);
  g_clear_object (&self->keeper);
  G_OBJECT_CLASS (funnel_link_parent_class)->dispose (object);
}

static void
funnel_link_finalize (GObject *object)
{
  FunnelLink *self = FUNNEL_LINK (object);

  g_free (self->host);
  g_free (self->endpoint);
  g_free (self->reason);
  g_strfreev (self->claims);
  g_ptr_array_unref (self->shares);
  G_OBJECT_CLASS (funnel_link_parent_class)->finalize (object);
}

static void
funnel_link_class_init (FunnelLinkClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GType type = G_TYPE_FROM_CLASS (class);

  object_class->dispose = funnel_link_dispose;
  object_class->finalize = funnel_link_finalize;
  signals[SIGNAL_CHANGED]
      = g_signal_new ("changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_LISTENER] = g_signal_new ("listener", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                           G_TYPE_NONE, 1, G_TYPE_SOCKET);
  signals[SIGNAL_MESSAGE] = g_signal_new ("message", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 1, G_TYPE_POINTER);
}

static void
funnel_link_init (FunnelLink *self)
{
  self->reason = g_strdup ("");
  self->claims = g_new0 (char *, 1);
  self->shares = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_share_free);
  funnel_backoff_init (&self->backoff, RETRY_FIRST_MS, RETRY_MAX_MS);
}

FunnelLink *
funnel_link_new (const FunnelTunnelConfig *config, gboolean direct, guint16 link_port)
{
  FunnelLink *self = g_object_new (FUNNEL_TYPE_LINK, NULL);

  self->keeper = funnel_tunnel_keeper_new (config, direct);
  self->host = g_strdup (config->peer_address);
  self->endpoint
      = g_strdup_printf (N_ ("%s port %u"), config->endpoint_host, config->endpoint_port);
  self->port = link_port;
  g_signal_connect (self->keeper, "ready", G_CALLBACK (on_keeper_ready), self);
  g_signal_connect (self->keeper, "lost", G_CALLBACK (on_keeper_lost), self);
  g_signal_connect (self->keeper, "changed", G_CALLBACK (on_keeper_changed), self);
  g_signal_connect (self->keeper, "refreshed", G_CALLBACK (on_keeper_refreshed), self);
  return self;
}

static void
watch_host (FunnelLink *self)
{
  if (self->monitor == NULL)
    {
      self->monitor = g_object_ref (g_network_monitor_get_default ());
      g_signal_connect (self->monitor, "network-changed", G_CALLBACK (on_monitor_network_changed),
                        self);
    }
  if (self->host_events == NULL)
    self->host_events = funnel_host_events_new (on_host_changed, on_host_allowed, self);
}

void
funnel_link_start (FunnelLink *self)
{
  watch_host (self);
  funnel_tunnel_keeper_start (self->keeper);
}

void
funnel_link_start_switched_off (FunnelLink *self)
{
  watch_host (self);
  funnel_tunnel_keeper_start_switched_off (self->keeper);
}

gboolean
funnel_link_is_switched_off (FunnelLink *self)
{
  return funnel_tunnel_keeper_is_switched_off (self->keeper);
}

void
funnel_link_stop (FunnelLink *self)
{
  g_clear_handle_id (&self->settle_source, g_source_remove);
  if (self->monitor != NULL)
    g_signal_handlers_disconnect_by_data (self->monitor, self);
  g_clear_object (&self->monitor);
  g_clear_pointer (&self->host_events, funnel_host_events_free);
  drop_session (self);
  g_signal_handlers_disconnect_by_data (self->keeper, self);
  funnel_tunnel_keeper_stop (self->keeper);
}

static gboolean
same_shares (const GPtrArray *a, const GPtrArray *b)
{
  if (a->len != b->len)
    return FALSE;
  for (guint i = 0; i < a->len; i++)
    {
      const FunnelLinkShare *x = g_ptr_array_index (a, i), *y = g_ptr_array_index (b, i);

      if (x->port != y->port || x->epoch != y->epoch || g_strcmp0 (x->name, y->name) != 0)
        return FALSE;
    }
  return TRUE;
}

void
funnel_link_set_shares (FunnelLink *self, GPtrArray *shares)
{
  gboolean same = same_shares (self->shares, shares);

  g_ptr_array_unref (self->shares);
  self->shares = shares;
  if (!same)
    send_shares (self);
}

void
funnel_link_set_claims (FunnelLink *self, GStrv names)
{
  gboolean same = g_strv_equal ((const char *const *)self->claims, (const char *const *)names);

  g_strfreev (self->claims);
  self->claims = names;
  if (!same)
    send_claims (self);
}

FunnelLinkState
funnel_link_get_state (FunnelLink *self)
{
  if (funnel_tunnel_keeper_get_tunnel (self->keeper) == NULL)
    return FUNNEL_LINK_STATE_TUNNEL_DOWN;
  return self->linked ? FUNNEL_LINK_STATE_LINKED : FUNNEL_LINK_STATE_LINK_DOWN;
}

const char *
funnel_link_get_reason (FunnelLink *self)
{
  if (funnel_tunnel_keeper_get_tunnel (self->keeper) == NULL)
    return funnel_tunnel_keeper_get_reason (self->keeper);
  return self->reason;
}

const char *
funnel_link_get_next_step (FunnelLink *self)
{
  if (funnel_tunnel_keeper_is_switched_off (self->keeper))
    return "funnel tunnel on";
  return "";
}

void
funnel_link_set_tunnel (FunnelLink *self, const char *name)
{
  funnel_tunnel_keeper_prefer (self->keeper, name);
}

const char *const *
funnel_link_get_passed_over (FunnelLink *self)
{
  return funnel_tunnel_keeper_get_passed_over (self->keeper);
}

gboolean
funnel_link_has_better_tunnel (FunnelLink *self)
{
  return funnel_tunnel_keeper_has_better (self->keeper);
}

void
funnel_link_move (FunnelLink *self)
{
  funnel_tunnel_keeper_move (self->keeper);
}

const char *
funnel_link_get_tunnel_name (FunnelLink *self)
{
  return funnel_tunnel_keeper_get_name (self->keeper);
}

const FunnelTunnelStatus *
funnel_link_get_tunnel_status (FunnelLink *self)
{
  return funnel_tunnel_keeper_get_status (self->keeper);
}

guint
funnel_link_get_round_trip (FunnelLink *self)
{
  return self->session != NULL ? funnel_link_session_get_round_trip (self->session) : 0;
}

void
funnel_link_query (FunnelLink *self)
{
  funnel_tunnel_keeper_query (self->keeper);
}

gboolean
funnel_link_is_querying (FunnelLink *self)
{
  return funnel_tunnel_keeper_is_querying (self->keeper);
}
