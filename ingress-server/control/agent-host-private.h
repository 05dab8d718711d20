/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Shared by agent-host.c (life) and agent-steps.c (setting up). */

#include "ingress-server/control/agent-host.h"
#include "lib/base/backoff.h"
#include "lib/tunnel/agent-client.h"

struct _IngressAgentHost
{
  GObject parent_instance;

  IngressRegistry *registry;
  const IngressConfig *config;
  char *run_dir;
  char *private_key;
  char *public_key;
  char *fingerprint; /* of everything an agent is set up with */
  guint workers;
  gboolean inherited; /* listeners came from the service manager */
  GArray *listeners;  /* PublicListener; empty until they are needed */

  char *relay_socket;        /* of the relay's own parent; NULL: the agent is it */
  FunnelAgentClient *client; /* NULL: none */
  FunnelAgentClient *relay;  /* the relay's parent: client once more, or another one */
  GCancellable *cancellable; /* of this client's calls */
  FunnelBackoff backoff;
  guint retry_timer;
  gboolean stopped;
  gint64 replaced_at; /* monotonic: the agent was told to make place for another; 0 never */

  /* While it is set up; see agent-steps.c. */
  guint step;
  gboolean agent_is_up; /* it survived an earlier control process */
  gboolean agent_has_relay;
  gboolean peers_sent; /* later changes must be sent one by one */
  GSocket *link_socket;
  struct route_table *last_routes;

  gboolean ready;
  gboolean relay_up;
  char *engine;
  const struct relay_counters *counters;
  int routes; /* the last table sent; -1: none yet */

  /* See agent-relay.c. */
  GArray *held_ports; /* guint16: of the listeners the relay's parent has already */
  char *relay_fingerprint;

  /* See agent-handshakes.c. */
  GHashTable *handshakes; /* public key → gint64*, Unix seconds */
  gint64 handshakes_at;   /* monotonic, microseconds; 0 never */
  GArray *handshake_waiters;
};

/** agent_steps_begin: set up self->client and self->relay, from the first step. Ends in one of the
 * two below. */
void agent_steps_begin (IngressAgentHost *self);
/** agent_steps_begin_relay: only self->relay, which is another one than before. */
void agent_steps_begin_relay (IngressAgentHost *self);
void agent_host_steps_done (IngressAgentHost *self);
void agent_host_steps_failed (IngressAgentHost *self, GError *error); /* takes @error */

/** agent_steps_send: the request of a step; its end gets the answer. */
void agent_steps_send (IngressAgentHost *self,
                       const char *verb,
                       const char *const *fields,
                       GUnixFDList *fds);

/** agent_relay_begin, agent_relay_end: the step that starts, keeps or replaces the relay. */
gboolean agent_relay_begin (IngressAgentHost *self, GError **error);
gboolean
agent_relay_end (IngressAgentHost *self, GHashTable *fields, GUnixFDList *fds, GError **error);
/** agent_relay_read_hello: what the relay's parent says about relay and listeners. */
gboolean agent_relay_read_hello (IngressAgentHost *self, GHashTable *fields, GError **error);

/** The note beside the agent's socket: what it was set up for, and that it was not started by a
 * service manager. */
char *agent_note_path (IngressAgentHost *self);
