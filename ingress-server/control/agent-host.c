/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/agent-host-private.h"

#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/base/token.h"
#include "ingress-server/control/counters-page.h"
#include "ingress-server/control/public-listeners.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define NOTE_FILE "agent-setup"
#define RETRY_FIRST_MS 200
#define RETRY_MAX_MS 5000
#define WORKERS_MAX 32
#define REPLACE_SECONDS 30
#define AGENT_SETUP_VERSION 2 /* counts up when an agent must be set up in another way */

G_DEFINE_FINAL_TYPE (IngressAgentHost, ingress_agent_host, G_TYPE_OBJECT)

enum
{
  READY,
  FAILED,
  LOST,
  RELAY_BACK,
  ROUTES_APPLIED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void attach (IngressAgentHost *self);
static void attach_relay (IngressAgentHost *self);

char *
agent_note_path (IngressAgentHost *self)
{
  return g_build_filename (self->run_dir, NOTE_FILE, NULL);
}

static gboolean
note_says_started (IngressAgentHost *self)
{
  g_autofree char *path = agent_note_path (self);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) && strstr (text, "started\n");
}

/* Losing it. */

static void
drop_client (IngressAgentHost *self, FunnelAgentClient **client)
{
  if (*client)
    g_signal_handlers_disconnect_by_data (*client, self);
  g_clear_object (client);
}

static void
let_relay_go (IngressAgentHost *self)
{
  self->relay_up = FALSE;
  drop_client (self, &self->relay);
  g_clear_pointer (&self->last_routes, route_table_free);
  counters_page_unmap (g_steal_pointer (&self->counters));
}

static void
let_go (IngressAgentHost *self)
{
  self->ready = self->peers_sent = FALSE;
  if (self->cancellable)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  let_relay_go (self);
  drop_client (self, &self->client);
  g_clear_object (&self->link_socket);
}

static gboolean
on_retry (gpointer data)
{
  IngressAgentHost *self = data;

  self->retry_timer = 0;
  if (self->client)
    attach_relay (self);
  else
    attach (self);
  return G_SOURCE_REMOVE;
}

static void
retry_later (IngressAgentHost *self)
{
  if (!self->stopped && self->retry_timer == 0)
    self->retry_timer = g_timeout_add (funnel_backoff_next (&self->backoff), on_retry, self);
}

/* The tunnel, and the links in it, go on without the relay's parent. */
static void
on_relay_closed (FunnelAgentClient *client, IngressAgentHost *self)
{
  if (client != self->relay)
    return;
  g_warning ("The relay's unit is gone; waiting for it to be back");
  if (self->ready)
    let_relay_go (self);
  else
    let_go (self);
  retry_later (self);
}

static void
on_client_closed (FunnelAgentClient *client, IngressAgentHost *self)
{
  g_autoptr (IngressAgentHost) keep = g_object_ref (self);
  gboolean was_ready = self->ready;

  if (client != self->client)
    return;
  let_go (self);
  if (was_ready)
    {
      g_warning ("The agent is gone; starting it again");
      g_signal_emit (self, signals[LOST], 0, "The tunnel of the ingress is being set up again");
    }
  retry_later (self);
}

static void
on_client_event (FunnelAgentClient *client,
                 const char *name,
                 GHashTable *fields,
                 IngressAgentHost *self)
{
  const char *generation = g_hash_table_lookup (fields, "generation");
  const char *message = g_hash_table_lookup (fields, "message");

  if (g_str_equal (name, "routes-applied") && generation)
    {
      self->relay_up = TRUE;
      g_signal_emit (self, signals[ROUTES_APPLIED], 0, g_ascii_strtoull (generation, NULL, 10));
    }
  else if (g_str_equal (name, "relay-started"))
    self->relay_up = TRUE;
  else if (g_str_equal (name, "relay-exited"))
    {
      self->relay_up = FALSE;
      g_warning ("The relay has ended (%s); it is started again",
                 (const char *)g_hash_table_lookup (fields, "status"));
    }
  else
    g_message ("Agent: %s%s%s", name, message ? ": " : "", message ? message : "");
}

/* Getting it. */

static FunnelAgentClient *
connect_or_start (IngressAgentHost *self, GError **error)
{
  static const char *const direct_options[] = {"engine=none", NULL};
  g_autofree char *path = g_build_filename (self->run_dir, INGRESS_AGENT_SOCKET, NULL);
  g_autofree char *note = agent_note_path (self);
  g_autoptr (GError) why = NULL;
  FunnelAgentClient *client = funnel_agent_client_connect (path, &why);

  if (client)
    return client;
  if (self->relay_socket)
    {
      /* Where the relay is a unit, so is the agent. */
      g_propagate_prefixed_error (error, g_steal_pointer (&why),
                                  "systemctl start funnel-netns-ingress: ");
      return NULL;
    }
  if (!g_error_matches (why, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
      && !g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    {
      g_propagate_error (error, g_steal_pointer (&why));
      return NULL;
    }
  client = funnel_agent_client_start_lasting (
      path, self->config->tunnel == INGRESS_TUNNEL_DIRECT ? direct_options : NULL, error);
  if (client
      && !g_file_set_contents_full (note, "started\n", -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                    error))
    g_clear_object (&client);
  return client;
}

/* The relay's parent: the agent, or who listens at the relay's socket. */
static gboolean
connect_relay (IngressAgentHost *self, GError **error)
{
  if (!self->relay_socket)
    {
      self->relay = g_object_ref (self->client);
      return TRUE;
    }
  self->relay = funnel_agent_client_connect (self->relay_socket, error);
  if (!self->relay)
    {
      g_prefix_error (error, "systemctl start funnel-relay.socket: ");
      return FALSE;
    }
  g_signal_connect (self->relay, "closed", G_CALLBACK (on_relay_closed), self);
  g_signal_connect (self->relay, "event", G_CALLBACK (on_client_event), self);
  return TRUE;
}

static void
attach (IngressAgentHost *self)
{
  GError *error = NULL;

  self->cancellable = g_cancellable_new ();
  self->client = connect_or_start (self, &error);
  if (!self->client || !connect_relay (self, &error))
    {
      agent_host_steps_failed (self, error);
      return;
    }
  g_signal_connect (self->client, "closed", G_CALLBACK (on_client_closed), self);
  g_signal_connect (self->client, "event", G_CALLBACK (on_client_event), self);
  agent_steps_begin (self);
}

static void
attach_relay (IngressAgentHost *self)
{
  GError *error = NULL;

  if (connect_relay (self, &error))
    agent_steps_begin_relay (self);
  else
    agent_host_steps_failed (self, error);
}

/* The relay's part was done once more; the tunnel was up all the time. */
static void
relay_is_back (IngressAgentHost *self)
{
  funnel_backoff_reset (&self->backoff);
  self->relay_up = TRUE;
  g_clear_pointer (&self->last_routes, route_table_free);
  g_message ("The relay's unit is back");
  g_signal_emit (self, signals[RELAY_BACK], 0);
}

static void
all_is_up (IngressAgentHost *self)
{
  g_autoptr (IngressAgentHost) keep = g_object_ref (self);
  g_autoptr (GSocket) link_socket = g_steal_pointer (&self->link_socket);
  struct route_table *last = g_steal_pointer (&self->last_routes);

  funnel_backoff_reset (&self->backoff);
  self->ready = self->relay_up = TRUE;
  g_message ("The tunnel is up (%s)%s", self->engine,
             self->agent_has_relay ? ", the relay kept running" : "");
  g_signal_emit (self, signals[READY], 0, link_socket, last);
  g_clear_pointer (&last, route_table_free);
}

void
agent_host_steps_done (IngressAgentHost *self)
{
  if (self->ready)
    relay_is_back (self);
  else
    all_is_up (self);
}

/* Another agent is on its way; that it is not there yet is no failure. */
static gboolean
is_being_replaced (IngressAgentHost *self)
{
  return self->replaced_at != 0
         && g_get_monotonic_time () - self->replaced_at < REPLACE_SECONDS * G_USEC_PER_SEC;
}

void
agent_host_steps_failed (IngressAgentHost *self, GError *error)
{
  g_autoptr (IngressAgentHost) keep = g_object_ref (self);
  g_autoptr (GError) owned = error;

  if (self->ready)
    {
      g_warning ("Cannot set up the relay: %s", error->message);
      let_relay_go (self);
      retry_later (self);
      return;
    }
  let_go (self);
  if (is_being_replaced (self))
    g_message ("Another agent is to come: %s", error->message);
  else
    g_signal_emit (self, signals[FAILED], 0, error);
  retry_later (self);
}

/* Life. */

static void
ingress_agent_host_finalize (GObject *object)
{
  IngressAgentHost *self = INGRESS_AGENT_HOST (object);

  g_clear_handle_id (&self->retry_timer, g_source_remove);
  let_go (self);
  g_array_unref (self->listeners);
  funnel_secret_free (self->private_key);
  g_free (self->public_key);
  g_free (self->fingerprint);
  g_free (self->relay_fingerprint);
  g_array_unref (self->held_ports);
  if (self->routes >= 0)
    close (self->routes);
  g_hash_table_unref (self->handshakes);
  g_free (self->run_dir);
  g_free (self->relay_socket);
  g_free (self->engine);
  g_object_unref (self->registry);
  G_OBJECT_CLASS (ingress_agent_host_parent_class)->finalize (object);
}

static guint
add_signal (const char *name, guint n_parameters, GType first, GType second)
{
  GType types[] = {first, second};

  return g_signal_newv (name, INGRESS_TYPE_AGENT_HOST, G_SIGNAL_RUN_LAST, NULL, NULL, NULL, NULL,
                        G_TYPE_NONE, n_parameters, types);
}

static void
ingress_agent_host_class_init (IngressAgentHostClass *class)
{
  G_OBJECT_CLASS (class)->finalize = ingress_agent_host_finalize;
  signals[READY] = add_signal ("ready", 2, G_TYPE_SOCKET, G_TYPE_POINTER);
  signals[FAILED] = add_signal ("failed", 1, G_TYPE_ERROR, G_TYPE_NONE);
  signals[LOST] = add_signal ("lost", 1, G_TYPE_STRING, G_TYPE_NONE);
  signals[RELAY_BACK] = add_signal ("relay-back", 0, G_TYPE_NONE, G_TYPE_NONE);
  signals[ROUTES_APPLIED] = add_signal ("routes-applied", 1, G_TYPE_UINT64, G_TYPE_NONE);
}

static void
ingress_agent_host_init (IngressAgentHost *self)
{
  self->listeners = public_listeners_new ();
  self->routes = -1;
  self->engine = g_strdup ("");
  self->held_ports = g_array_new (FALSE, FALSE, sizeof (guint16));
  self->handshakes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->workers = CLAMP (g_get_num_processors (), 1, WORKERS_MAX);
  funnel_backoff_init (&self->backoff, RETRY_FIRST_MS, RETRY_MAX_MS);
}

IngressAgentHost *
ingress_agent_host_new (IngressRegistry *registry,
                        const char *run_dir,
                        const char *relay_socket,
                        const char *private_key,
                        const char *public_key)
{
  IngressAgentHost *self = g_object_new (INGRESS_TYPE_AGENT_HOST, NULL);
  g_autofree char *text = NULL, *described = NULL;

  self->registry = g_object_ref (registry);
  self->config = ingress_registry_get_config (registry);
  self->run_dir = g_strdup (run_dir);
  self->relay_socket = g_strdup (relay_socket);
  self->private_key = g_strdup (private_key);
  self->public_key = g_strdup (public_key);
  /* What cannot be changed while it runs; the relay's part is in agent-relay.c. */
  text = funnel_endpoint_join (self->config->endpoint_host, self->config->endpoint_port);
  described = g_strdup_printf (
      "%d %s %s %s %s %u %s", AGENT_SETUP_VERSION, relay_socket ? "apart" : "child",
      ingress_tunnel_text (self->config->tunnel), text,
      self->config->listen ? self->config->listen : "", self->config->link_port, public_key);
  self->fingerprint = g_compute_checksum_for_string (G_CHECKSUM_SHA256, described, -1);
  return self;
}

gboolean
ingress_agent_host_inherit (IngressAgentHost *self, GError **error)
{
  return public_listeners_inherit (self->listeners, self->config, error);
}

void
ingress_agent_host_start (IngressAgentHost *self)
{
  attach (self);
}

void
ingress_agent_host_stop (IngressAgentHost *self, gboolean quit)
{
  g_autofree char *note = agent_note_path (self);
  g_autofree char *path = g_build_filename (self->run_dir, INGRESS_AGENT_SOCKET, NULL);
  g_autoptr (FunnelAgentClient) client = self->client ? g_object_ref (self->client) : NULL;
  g_autoptr (GHashTable) fields = NULL;

  self->stopped = TRUE;
  g_clear_handle_id (&self->retry_timer, g_source_remove);
  let_go (self);
  if (!quit || self->relay_socket || !note_says_started (self))
    return;
  /* After a failed set-up we are not attached, but the agent is there. */
  if (!client)
    client = funnel_agent_client_connect (path, NULL);
  if (client)
    fields = funnel_agent_client_call_sync (client, "quit", NULL, NULL, NULL, NULL);
  if (fields)
    g_unlink (note);
}

gboolean
ingress_agent_host_is_ready (IngressAgentHost *self)
{
  return self->ready;
}

/* Requests. */

typedef struct
{
  const char *verb;
  void (*done) (gpointer data);
  gpointer data;
} Request;

static void
request_call_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Request *request = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) fields
      = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, NULL, &error);

  /* What an agent that is going away did not do is done when it is set up again. */
  if (!fields && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
      && !g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE))
    g_warning ("The agent refused %s: %s", request->verb, error->message);
  if (request->done)
    request->done (request->data);
}

static void
send_request (IngressAgentHost *self,
              FunnelAgentClient *client,
              const char *verb,
              const char *const *fields,
              GUnixFDList *fds,
              void (*done) (gpointer data),
              gpointer data)
{
  Request *request = g_new0 (Request, 1);

  request->verb = verb;
  request->done = done;
  request->data = data;
  funnel_agent_client_call_async (client, verb, fields, fds, self->cancellable, request_call_cb,
                                  request);
}

void
ingress_agent_host_put_peer (IngressAgentHost *self,
                             const IngressNode *node,
                             void (*done) (gpointer data),
                             gpointer data)
{
  g_autofree char *address = ingress_config_address (self->config, node->host);
  g_autofree char *allowed = g_strconcat (address, "/32", NULL);
  const char *fields[] = {"peer", node->public_key, "allowed", allowed, NULL};

  if (self->config->tunnel == INGRESS_TUNNEL_DIRECT || !self->client || !self->peers_sent)
    done (data);
  else
    send_request (self, self->client, "peer", fields, NULL, done, data);
}

void
ingress_agent_host_remove_peer (IngressAgentHost *self, const char *public_key)
{
  const char *fields[] = {"peer", public_key, NULL};

  if (self->config->tunnel != INGRESS_TUNNEL_DIRECT && self->client && self->peers_sent)
    send_request (self, self->client, "unpeer", fields, NULL, NULL, NULL);
}

void
ingress_agent_host_set_routes (IngressAgentHost *self,
                               int fd,
                               void (*done) (gpointer data),
                               gpointer data)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&fd, 1);

  if (self->routes >= 0)
    close (self->routes);
  self->routes = g_unix_fd_list_get (fds, 0, NULL);
  if (self->ready && self->relay)
    send_request (self, self->relay, "relay-routes", NULL, fds, done, data);
  else
    done (data);
}

const char *
ingress_agent_host_get_engine (IngressAgentHost *self)
{
  return self->engine;
}

const struct relay_counters *
ingress_agent_host_get_counters (IngressAgentHost *self)
{
  return self->counters;
}

gboolean
ingress_agent_host_relay_is_up (IngressAgentHost *self)
{
  return self->ready && self->relay_up;
}
