/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A visitor's connection, from accept to close.
 *
 *   accept ─ HELLO ─(hello complete, route found)─┬─ CONNECTING ─┐
 *              │                                  └──────────────┴─ OFFERED ─(101)─ OPEN ─ CLOSING
 *              └──(refusal)── LINGER ── CLOSING                        │
 *                                ↑────────────(403, failure)───────────┘
 *
 * Until the node has said 101, the visitor's bytes are only peeked at: they stay in the kernel, so
 * a silent or slow visitor costs one record and no buffer, a stale warm conn can be replaced
 * without the visitor noticing, and the offer can be written in several pieces by building it
 * again. Offer head and hello leave in one sendmsg. Once taken, the peeked bytes are discarded from
 * the socket and two pumps run: `in` visitor to node, `out` node to visitor. Each runs on the
 * events of the side it waits for.
 *
 * Refusals end with a TLS alert where the visitor spoke TLS: the alert, then LINGER reads away
 * what the visitor still sends, so that closing does not reset the connection under the alert.
 *
 * Deadlines: hello, connect, offer, linger as configured; idle is checked against active_at, so
 * a flow ends after one to two idle periods without a byte.
 *
 * Counters: everything is counted once, in flow_release or where a refusal is decided. */

#include "ingress-server/relay/flow.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* --- ending -------------------------------------------------------------------------------------
 */

void
flow_drop_conn (struct worker *worker, struct flow *flow)
{
  if (flow->conn != NO_INDEX)
    conn_close (worker, flow->conn);
  flow->conn = NO_INDEX;
}

void
flow_close (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];

  if (flow->state == FLOW_CLOSING || flow->state == FLOW_FREE)
    return;
  deadline_disarm (&worker->flow_deadlines, index);
  flow_drop_conn (worker, flow);
  flow->state = FLOW_CLOSING;
  flow->next = worker->closing_flows;
  worker->closing_flows = index;
}

static void
count_refusal (struct worker *worker, const struct flow *flow, enum relay_refusal refusal)
{
  relay_count (&flow_counters (worker)->refusals[refusal], 1);
  if (flow != NULL && flow->slot != NO_INDEX)
    relay_gauge (&flow_slot (worker, flow)->refused, 1);
}

/* Ends a flow that was open, or a visitor that is not owed an answer. */
void
flow_cut (struct worker *worker, uint32_t index, enum relay_refusal refusal)
{
  count_refusal (worker, &worker->flows[index], refusal);
  flow_close (worker, index);
}

static void
discard_input (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];
  ssize_t n;

  /* Bounded: whoever keeps sending after an alert is read from again at the next event, until the
   * linger deadline. */
  for (int i = 0; i < 8; i++)
    {
      n = recv (flow->visitor_fd, worker->scratch.data, worker->scratch.size,
                MSG_DONTWAIT | MSG_TRUNC);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        {
          flow_close (worker, index);
          return;
        }
      if (n < 0)
        return;
    }
}

void
flow_say_goodbye (struct worker *worker, uint32_t index, const void *data, size_t len)
{
  struct flow *flow = &worker->flows[index];

  /* The first bytes on this connection: a send buffer without room for them is broken. */
  if (send (flow->visitor_fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
    {
      flow_close (worker, index);
      return;
    }
  shutdown (flow->visitor_fd, SHUT_WR);
  flow->state = FLOW_LINGER;
  deadline_arm (&worker->flow_deadlines, index, DEADLINE_LINGER, worker->now);
  discard_input (worker, index);
}

void
flow_refuse (struct worker *worker, uint32_t index, enum relay_refusal refusal, enum alert alert)
{
  struct flow *flow = &worker->flows[index];
  const uint8_t record[7] = {21, 3, 3, 0, 2, 2, (uint8_t)alert};

  count_refusal (worker, flow, refusal);
  flow_drop_conn (worker, flow);
  if (alert == ALERT_NONE)
    flow_close (worker, index);
  else
    flow_say_goodbye (worker, index, record, sizeof record);
}

void
flow_count_bytes (struct worker *worker, struct flow *flow)
{
  struct relay_counters *counters = flow_counters (worker);
  uint64_t in = flow->in.bytes - flow->in_counted;
  uint64_t out = flow->out.bytes - flow->out_counted;

  if (in > 0)
    {
      relay_count (&counters->bytes_in, in);
      relay_count (&flow_slot (worker, flow)->bytes_in, in);
      flow->in_counted = flow->in.bytes;
    }
  if (out > 0)
    {
      relay_count (&counters->bytes_out, out);
      relay_count (&flow_slot (worker, flow)->bytes_out, out);
      flow->out_counted = flow->out.bytes;
    }
}

void
flow_release (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];

  pump_release (&flow->in, &worker->pipes);
  pump_release (&flow->out, &worker->pipes);
  close (flow->visitor_fd);
  if (flow->slot != NO_INDEX)
    {
      flow_count_bytes (worker, flow);
      relay_gauge (&flow_slot (worker, flow)->active, -1);
      atomic_fetch_sub_explicit (&worker->relay->node_flows[flow->node_id % RELAY_NODE_CELLS], 1,
                                 memory_order_relaxed);
    }
  source_cap_give (worker->relay->source_cap, flow->source_cell);
  relay_gauge (&flow_counters (worker)->active, -1);
  worker->flows_active--;
  flow->state = FLOW_FREE;
  flow->next = worker->flows_free;
  worker->flows_free = index;
}

/* --- accepting ----------------------------------------------------------------------------------
 */

static uint32_t
flow_allocate (struct worker *worker)
{
  uint32_t index = worker->flows_free;

  if (index != NO_INDEX)
    worker->flows_free = worker->flows[index].next;
  else if (worker->flows_used < worker->flows_max)
    index = worker->flows_used++;
  return index;
}

void
flow_accept (struct worker *worker, int fd, const struct address *source, uint16_t public_port)
{
  uint32_t cell, index;
  struct flow *flow;
  enum source_cap_result room
      = source_cap_take (worker->relay->source_cap, source, worker->now, &cell);

  if (room != SOURCE_CAP_OK)
    {
      count_refusal (worker, NULL,
                     room == SOURCE_CAP_FULL ? RELAY_REFUSAL_SOURCE_CAP
                                             : RELAY_REFUSAL_SOURCE_RATE);
      close (fd);
      return;
    }
  index = flow_allocate (worker);
  if (index == NO_INDEX)
    {
      source_cap_give (worker->relay->source_cap, cell);
      count_refusal (worker, NULL, RELAY_REFUSAL_TOTAL_CAP);
      close (fd);
      return;
    }
  flow = &worker->flows[index];
  *flow = (struct flow) {
      .number = worker->flow_number++,
      .active_at = worker->now,
      .visitor_fd = fd,
      .conn = NO_INDEX,
      .slot = NO_INDEX,
      .source_cell = cell,
      .source = *source,
      .public_port = public_port,
      .state = FLOW_HELLO,
      .in_wait = PUMP_WAIT_SOURCE,
      .out_wait = PUMP_WAIT_SOURCE,
  };
  pump_init (&flow->in);
  pump_init (&flow->out);
  deadline_link_init (&flow->deadline);
  worker->flows_active++;
  relay_gauge (&flow_counters (worker)->active, 1);
  if (worker_watch (worker, fd, EVENT_VISITOR, index, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)
      < 0)
    {
      flow_cut (worker, index, RELAY_REFUSAL_RESOURCES);
      return;
    }
  deadline_arm (&worker->flow_deadlines, index, DEADLINE_HELLO, worker->now);
}

/* --- events -------------------------------------------------------------------------------------
 */

void
flow_on_conn (struct worker *worker, uint32_t index, uint32_t events)
{
  struct flow *flow = &worker->flows[index];

  if (flow->state == FLOW_OPEN)
    {
      flow_run_pumps (worker, index, events, false);
      return;
    }
  if (flow->state == FLOW_OFFERED)
    flow_on_answer (worker, index, events);
}

void
flow_on_visitor (struct worker *worker, uint32_t index, uint32_t events)
{
  struct flow *flow = &worker->flows[index];

  switch ((enum flow_state)flow->state)
    {
    case FLOW_HELLO:
      if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        flow_read_hello (worker, index);
      break;
    case FLOW_CONNECTING:
    case FLOW_OFFERED:
      flow->visitor_ready = flow->visitor_ready || (events & (EPOLLIN | EPOLLRDHUP));
      if (events & (EPOLLERR | EPOLLHUP))
        flow_cut (worker, index, RELAY_REFUSAL_HELLO_CLOSED);
      break;
    case FLOW_OPEN:
      flow_run_pumps (worker, index, events, true);
      break;
    case FLOW_LINGER:
      discard_input (worker, index);
      break;
    case FLOW_FREE:
    case FLOW_CLOSING:
      break;
    }
}

void
flow_on_deadline (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];

  switch ((enum flow_state)flow->state)
    {
    case FLOW_HELLO:
      flow_cut (worker, index, RELAY_REFUSAL_HELLO_TIMEOUT);
      break;
    case FLOW_CONNECTING:
      flow_refuse (worker, index, RELAY_REFUSAL_NODE_UNREACHABLE, ALERT_INTERNAL_ERROR);
      break;
    case FLOW_OFFERED:
      flow_refuse (worker, index, RELAY_REFUSAL_OFFER_TIMEOUT, ALERT_INTERNAL_ERROR);
      break;
    case FLOW_OPEN:
      if (worker->now - flow->active_at >= worker->options->idle_ms)
        flow_cut (worker, index, RELAY_REFUSAL_IDLE);
      else
        deadline_arm (&worker->flow_deadlines, index, DEADLINE_IDLE, worker->now);
      break;
    case FLOW_LINGER:
      flow_close (worker, index);
      break;
    case FLOW_FREE:
    case FLOW_CLOSING:
      break;
    }
}

/* Ends every flow whose route is not in the table just adopted: an open one is cut, a visitor still
 * waiting for the node is told. */
void
flow_check_routes (struct worker *worker)
{
  for (uint32_t index = 0; index < worker->flows_used; index++)
    {
      const struct flow *flow = &worker->flows[index];
      const struct route *route;

      if (flow->state != FLOW_CONNECTING && flow->state != FLOW_OFFERED && flow->state != FLOW_OPEN)
        continue;
      route = route_table_find_slot (worker->table, flow->slot);
      if (route != NULL && route->id == flow->route_id)
        {
          flow_limit (worker, &worker->flows[index], route);
          continue;
        }
      if (flow->state == FLOW_OPEN)
        flow_cut (worker, index, RELAY_REFUSAL_REVOKED);
      else
        flow_refuse (worker, index, RELAY_REFUSAL_REVOKED, ALERT_UNRECOGNIZED_NAME);
    }
}
