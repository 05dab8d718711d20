/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One worker thread of the relay: its epoll, its flows, its connections to nodes. Included by the
 * files of this room only.
 *
 * Vocabulary: a *flow* is one visitor connection; a *conn* is one TCP connection to a node's offer
 * port, idle ("warm") or owned by a flow; a *pool* is the warm conns to one node. All three live in
 * tables and refer to each other by index.
 *
 * Rules that keep this simple:
 *  - Handlers never free. They mark (flow_close, conn_close) and release_closed() frees
 * after the batch of events, so no handler meets a descriptor or record that went away under it.
 *  - Sockets are registered once, edge-triggered, for reading and writing. The 64-bit datum is a
 * union event_ref: what kind of thing, and its index.
 *  - Nothing is allocated per flow or per byte: records come from tables reserved at start and
 * touched only as needed, pipes from a pool. A visitor's bytes before acceptance stay in the kernel
 * (MSG_PEEK). */

#include "ingress-server/relay/relay.h"
#include "lib/pump/deadline.h"
#include "lib/pump/pump.h"
#include "lib/wire/address.h"
#include "lib/wire/hello.h"
#include "lib/wire/offer.h"

#include <pthread.h>

#define NO_INDEX UINT32_MAX
#define WORKER_SCRATCH (64u * 1024)
#define WORKER_TURN_BYTES                                                                          \
  (512u * 1024) /* one direction of one flow, before others get their turn */

enum event_kind
{
  EVENT_LISTENER, /* index into options->listeners */
  EVENT_WAKE,     /* a table was published */
  EVENT_VISITOR,  /* flow index */
  EVENT_CONN,     /* conn index */
};

union event_ref
{
  struct
  {
    uint32_t kind;
    uint32_t index;
  };
  uint64_t datum;
};

_Static_assert(sizeof (union event_ref) == 8, "fits the epoll datum");

/* Life of a flow. In brackets: what its deadline is. */
enum flow_state
{
  FLOW_FREE,       /* in the free list */
  FLOW_HELLO,      /* peeking at the visitor's bytes until the hello is complete [hello] */
  FLOW_CONNECTING, /* route known, its conn is being connected [connect] */
  FLOW_OFFERED,    /* offer and hello are (being) written, answer awaited [offer] */
  FLOW_OPEN,       /* taken: two pumps [idle] */
  FLOW_LINGER,     /* refused: alert sent, discarding until the visitor closes [linger] */
  FLOW_CLOSING,    /* marked; freed after the batch */
};

enum flow_deadline
{
  DEADLINE_HELLO,
  DEADLINE_CONNECT,
  DEADLINE_OFFER,
  DEADLINE_IDLE,
  DEADLINE_LINGER,
  FLOW_DEADLINES,
};

struct flow
{
  struct pump in;  /* visitor to node */
  struct pump out; /* node to visitor */
  struct deadline_link deadline;
  uint64_t route_id;
  uint64_t number;        /* flow id: worker and this */
  uint64_t active_at;     /* ms of the last byte either way */
  uint64_t offered_at_us; /* microseconds */
  struct bandwidth_claim claim;
  uint64_t in_counted; /* bytes already added to the counters */
  uint64_t out_counted;
  int visitor_fd;
  uint32_t conn; /* NO_INDEX before there is one */
  uint32_t slot; /* NO_INDEX before the route is known */
  uint32_t node_id;
  uint32_t source_cell;
  uint32_t next;       /* free or closing list */
  uint32_t next_ready; /* ready or parked list */
  uint32_t offer_sent; /* bytes of head and hello written so far */
  struct address source;
  struct address destination; /* what the visitor connected to; unset if unknown */
  uint16_t public_port;
  uint16_t hello_len; /* visitor bytes that go with the offer */
  uint8_t state;      /* enum flow_state */
  uint8_t in_wait;    /* enum pump_result of the last run */
  uint8_t out_wait;
  bool visitor_ready; /* an event came that nobody looked at yet */
  bool is_ready;      /* in the ready or the parked list */
  bool throttled;     /* a direction met the end of its bandwidth in this turn */
  bool retried;       /* the offer already went to a second conn */
};

enum conn_state
{
  CONN_FREE,
  CONN_CONNECTING,
  CONN_IDLE,  /* warm */
  CONN_OWNED, /* connected, used by a flow */
  CONN_CLOSING,
};

enum conn_deadline
{
  DEADLINE_CONN_CONNECT,
  DEADLINE_CONN_IDLE,
  CONN_DEADLINES,
};

struct conn
{
  struct deadline_link deadline;
  int fd;
  uint32_t flow;       /* owner, NO_INDEX while warm */
  uint32_t pool;       /* NO_INDEX once it left its pool */
  uint32_t prev, next; /* pool's list of unowned conns; next also free and closing lists */
  uint8_t state;
  bool was_warm; /* sat idle before its flow took it: may be stale */
};

struct pool
{
  uint64_t retry_at; /* ms; no new warm conns before, after a failure */
  uint32_t node_id;
  uint32_t head; /* unowned conns, idle ones first */
  uint16_t unowned;
  uint16_t target; /* unowned conns wanted */
  uint32_t hash_next;
  uint32_t refill_next; /* in the worker's list, if wants_refill */
  uint16_t offer_port;
  uint8_t address[4];
  bool linked;
  bool seen; /* in the table being adopted */
  bool wants_refill;
};

struct worker
{
  struct relay *relay;
  const struct relay_options *options;
  const struct route_table *table; /* adopted one */
  _Atomic uint64_t adopted;        /* count of publications seen */
  pthread_t thread;
  uint32_t index;
  int epoll_fd;
  int wake_fd;
  uint64_t now; /* ms, of the current batch */

  struct flow *flows;
  uint32_t flows_max, flows_used, flows_free, flows_active;
  uint32_t closing_flows;
  uint32_t ready_head, ready_tail;
  uint32_t parked_head, parked_tail; /* out of bandwidth until unpark_at */
  uint64_t unpark_at;                /* ms */
  uint64_t flow_number;
  struct deadlines flow_deadlines;
  struct deadline_queue flow_queues[FLOW_DEADLINES];

  struct conn *conns;
  uint32_t conns_max, conns_used, conns_free;
  uint32_t closing_conns;
  uint32_t warm, warm_max;
  struct deadlines conn_deadlines;
  struct deadline_queue conn_queues[CONN_DEADLINES];

  struct pool *pools;
  uint32_t pools_used, pools_size;
  uint32_t *pool_buckets; /* by node id; pools_size entries, a power of two */
  uint32_t *node_pools;   /* by node index of the adopted table */
  uint32_t refill_head;   /* pools that lost a conn in this batch */
  uint64_t refill_at;     /* ms; when a pool below its target may connect again; UINT64_MAX none */

  struct pipe_pool pipes;
  struct pump_scratch scratch;
  bool accepting;
  bool is_drained;
  bool draining;         /* another relay has the listeners; ends with the last flow */
  uint64_t accept_again; /* ms; when to listen again after running out of descriptors */
};

/* worker.c */
int worker_init (struct worker *worker, struct relay *relay, uint32_t index, uint32_t flows_max);
void *worker_run (void *worker);
void worker_mark_ready (struct worker *worker, uint32_t flow);
/** worker_park: no turn for @flow before the next tick of bandwidth. */
void worker_park (struct worker *worker, uint32_t flow);
int
worker_watch (struct worker *worker, int fd, enum event_kind kind, uint32_t index, uint32_t events);

/* flow.c, flow-offer.c, flow-pumps.c */
void
flow_accept (struct worker *worker, int fd, const struct address *source, uint16_t public_port);
void flow_on_visitor (struct worker *worker, uint32_t index, uint32_t events);
void flow_on_conn (struct worker *worker, uint32_t index, uint32_t events);
void flow_on_conn_connected (struct worker *worker, uint32_t index);
void flow_on_conn_failed (struct worker *worker, uint32_t index);
void flow_on_deadline (struct worker *worker, uint32_t index);
void flow_run_ready (struct worker *worker, uint32_t index);
void flow_check_routes (struct worker *worker);
void flow_release (struct worker *worker, uint32_t index);

/* conn.c */
int conn_pools_adopt (struct worker *worker, const struct route_table *table);
uint32_t conn_take (struct worker *worker, uint32_t node_index, uint32_t flow, bool fresh);
void conn_on_event (struct worker *worker, uint32_t index, uint32_t events);
void conn_on_deadline (struct worker *worker, uint32_t index);
void conn_close (struct worker *worker, uint32_t index);
void conn_release (struct worker *worker, uint32_t index);
void conn_refill_pools (struct worker *worker);
/** conn_drop_warm: no more conns ahead of visitors. */
void conn_drop_warm (struct worker *worker);
