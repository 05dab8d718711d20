/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the relay's threads share: the main thread receives route tables and publishes them, each
 * worker serves its own visitors. Workers never wait for each other or for the main thread.
 *
 * Route tables. The main thread stores a new table in relay.table and wakes the workers. A worker
 * adopts it between two batches of events and says so in worker.adopted; when all have, the main
 * thread frees the older one. So a table in use is never freed and lookups take no lock.
 *
 * Visitors are accepted from the first table on; until then they wait in the listeners.
 *
 * Draining. Told so, the workers leave the listeners to another relay and go on with the flows they
 * have; route tables still arrive, so that what is revoked is cut. The last flow of the last worker
 * ends the process.
 *
 * To add a state of a flow: enum flow_state in worker.h and its handler in flow.c. To add a
 * refusal: RELAY_REFUSALS in counters.h. To add a limit: relay-options.h. */

#include "ingress-server/relay/arrival-rate.h"
#include "ingress-server/relay/bandwidth.h"
#include "ingress-server/relay/counters.h"
#include "ingress-server/relay/relay-options.h"
#include "ingress-server/relay/source-cap.h"
#include "ingress-server/route/route-table.h"

#include <stdatomic.h>

struct worker;

#define RELAY_NODE_CELLS BANDWIDTH_CELLS /* what is kept per node, by node id modulo this */
_Static_assert(ROUTE_SLOTS <= BANDWIDTH_CELLS, "a cell of bandwidth per slot");

struct relay
{
  const struct relay_options *options;
  struct relay_counters *counters;
  struct source_cap *source_cap;
  _Atomic (const struct route_table *) table; /* NULL until the first arrives */
  _Atomic uint64_t published;                 /* number of tables published so far */
  int adopted_fd;                             /* eventfd: a worker adopted a table */
  struct worker *workers;
  _Atomic bool draining;    /* set once, by the main thread */
  _Atomic uint32_t left;    /* workers that have left the listeners */
  _Atomic uint32_t drained; /* workers without a flow since then */
  _Atomic uint32_t node_flows[RELAY_NODE_CELLS];
  _Atomic uint64_t node_arrivals[RELAY_NODE_CELLS];
  _Atomic uint64_t slot_arrivals[ROUTE_SLOTS];
  struct bandwidth bandwidth;
};

/** relay_count: add one to a counter of the page. Any thread. */
static inline void
relay_count (uint64_t *counter, uint64_t n)
{
  __atomic_fetch_add (counter, n, __ATOMIC_RELAXED);
}

/** relay_gauge: move a gauge of the page up or down. Any thread. */
static inline void
relay_gauge (uint32_t *gauge, int32_t delta)
{
  __atomic_fetch_add (gauge, (uint32_t)delta, __ATOMIC_RELAXED);
}

/** relay_serve_control: the main thread's loop: route tables from the control socket to the
 * workers. Returns an exit status; goes on without a peer when the control socket closes. */
int relay_serve_control (struct relay *relay);
