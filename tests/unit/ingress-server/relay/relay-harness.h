/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A real funnel-relay between sockets the test holds: the test plays the visitors, the nodes and
 * the agent. */

#include "ingress-server/relay/counters.h"
#include "lib/wire/offer.h"

#include <glib.h>
#include <stdbool.h>

#define RELAY_SILENT_MAX 512

typedef struct
{
  GPid pid;
  int control; /* the agent's end */
  int counters_fd;
  struct relay_counters *counters;
  guint16 port;       /* where visitors connect; its public port is 443 */
  guint16 plain_port; /* the same for public port 80 */
  int node;           /* listening socket of the node at 127.0.0.1 */
  guint16 node_port;
  int silent[RELAY_SILENT_MAX]; /* accepted by the node, without an offer so far */
  guint n_silent;
} Relay;

/** relay_new: start a relay with @options (NULL-terminated, or NULL), without a route table. */
Relay *relay_new (const char *const *options);
void relay_free (Relay *relay);

/** relay_route: publish a table: @name at port 443 leads to the test's node; wait until it is in
 * use. */
void relay_route (Relay *relay, const char *name, guint64 id, gboolean linked, guint32 max_flows);
/** relay_route_limited: the same, linked, with limits of the name and of the node. */
void relay_route_limited (Relay *relay,
                          const char *name,
                          const struct route_limits *name_limits,
                          const struct route_limits *node_limits);
/** relay_send_table: publish @table (a memfd, closed here) and return the relay's answer. */
char *relay_send_table (Relay *relay, int table);

/** relay_drain: tell it to leave its listeners and end with its last flow. */
void relay_drain (Relay *relay);
/** relay_wait_end: it ends by itself, orderly; @relay is freed. */
void relay_wait_end (Relay *relay);

/** relay_revoke_all: publish an empty table, without waiting for an answer. */
void relay_revoke_all (Relay *relay);
/** relay_can_connect: whether anybody listens for visitors. */
bool relay_can_connect (Relay *relay);
/** relay_connect_plain: to the listener whose public port is 80. */
int relay_connect_plain (Relay *relay);
/** relay_connect: a visitor. All sockets here block, with a deadline that fails the test. */
int relay_connect (Relay *relay);
/** relay_accept: the next connection to the node that carries an offer, or ended. */
int relay_accept (Relay *relay);
/** relay_accept_warm: the next connection to the node, whatever it carries. */
int relay_accept_warm (Relay *relay);
/** relay_read_offer: read an offer from @fd; visitor bytes after the head go to @rest. */
void relay_read_offer (int fd, struct offer *offer, GByteArray *rest);

GBytes *relay_fixture (const char *name);
void relay_send (int fd, gconstpointer data, gsize len);
/** relay_expect: read exactly @len bytes and compare. */
void relay_expect (int fd, gconstpointer data, gsize len);
/** relay_expect_end: the other side has ended its half. */
void relay_expect_end (int fd);
/** relay_expect_alert: a fatal TLS alert, then the end. */
void relay_expect_alert (int fd, guint8 description);
/** relay_wait: until @counter has @value. */
void relay_wait (const guint64 *counter, guint64 value);
void relay_wait_gauge (const guint32 *gauge, guint32 value);
