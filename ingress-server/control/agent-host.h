/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The agent as the control process uses it: attached or started, set up step by step, watched, and
 * set up again when it was lost.
 *
 *   attach → hello → up → peers → listen → hello → routes → relay → counters → ready
 *
 * From the second hello on it is about the relay's parent. That is the agent too, which is then not
 * asked twice, or a program of the relay's own unit, so that the tunnel and the relay can go and
 * come without each other.
 *
 * An agent that survived an earlier control process is taken over as it is: the tunnel stays up,
 * the relay keeps running, visitors notice nothing. Only when it was set up for another
 * configuration is it ended and started anew. */

#include "ingress-server/control/ingress-registry.h"
#include "ingress-server/relay/counters.h"
#include "ingress-server/route/route-table.h"

G_BEGIN_DECLS

#define INGRESS_TYPE_AGENT_HOST (ingress_agent_host_get_type ())
G_DECLARE_FINAL_TYPE (IngressAgentHost, ingress_agent_host, INGRESS, AGENT_HOST, GObject)

/* Signals:
 *
 * "ready" (GSocket *link_socket, struct route_table *last): all is set up; last is the table an
 * earlier control process left, or NULL, and valid during the call.
 *
 * "failed" (GError *): a set-up failed; it is tried again by itself.
 *
 * "lost" (const char *reason): the tunnel and all sockets in it are gone.
 *
 * "relay-back" (): the relay's parent was gone for a while, and the new one has no routes yet.
 *
 * "routes-applied" (guint64 generation): every worker of the relay uses that table or a later one.
 */

/** ingress_agent_host_new: @relay_socket: where the relay's parent listens, when that is not the
 * agent; or NULL. @private_key is copied and wiped in the end. */
IngressAgentHost *ingress_agent_host_new (IngressRegistry *registry,
                                          const char *run_dir,
                                          const char *relay_socket,
                                          const char *private_key,
                                          const char *public_key);

/** ingress_agent_host_inherit: public listeners from the service manager, if any. */
gboolean ingress_agent_host_inherit (IngressAgentHost *self, GError **error);

void ingress_agent_host_start (IngressAgentHost *self);
/** ingress_agent_host_stop: stop watching. @quit: end the agent too, if a control process started
 * it (and not a service manager). Blocks shortly. */
void ingress_agent_host_stop (IngressAgentHost *self, gboolean quit);

gboolean ingress_agent_host_is_ready (IngressAgentHost *self);

/** ingress_agent_host_put_peer: add the WireGuard peer of @node; @done is called when that is
 * settled, well or badly, and at once when there is nothing to do. */
void ingress_agent_host_put_peer (IngressAgentHost *self,
                                  const IngressNode *node,
                                  void (*done) (gpointer data),
                                  gpointer data);
void ingress_agent_host_remove_peer (IngressAgentHost *self, const char *public_key);

/** ingress_agent_host_set_routes: give the relay the table @fd (taken over). @done is called when
 * the agent has it. */
void ingress_agent_host_set_routes (IngressAgentHost *self,
                                    int fd,
                                    void (*done) (gpointer data),
                                    gpointer data);

/** ingress_agent_host_refresh_handshakes: learn when nodes last shook hands, then call @done; at
 * once when that is known well enough, or cannot be. */
void ingress_agent_host_refresh_handshakes (IngressAgentHost *self,
                                            void (*done) (gpointer data),
                                            gpointer data);
/** ingress_agent_host_answer_waiters: call every @done now, before what they belong to goes. */
void ingress_agent_host_answer_waiters (IngressAgentHost *self);
/** ingress_agent_host_get_handshake: Unix seconds, as of the last refresh; 0 never or unknown. */
gint64 ingress_agent_host_get_handshake (IngressAgentHost *self, const char *public_key);

/* For status. */
const char *ingress_agent_host_get_engine (
    IngressAgentHost *self); /* "kernel", "wireguard-go", "none", "" before */
const struct relay_counters *ingress_agent_host_get_counters (IngressAgentHost *self); /* or NULL */
gboolean ingress_agent_host_relay_is_up (IngressAgentHost *self);

G_END_DECLS
