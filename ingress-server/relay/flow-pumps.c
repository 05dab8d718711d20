/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A flow that is open: its two pumps, and how much they may move.
 *
 * A direction runs on the events of the side it waits for, at most a turn's worth at a time; one
 * that has more to do goes to the worker's ready list. Where a limit of bandwidth applies, the turn
 * claims its bytes first; with nothing left in this tick the flow is parked until the next one, and
 * its sockets' buffers fill up, which is what slows the sender down. */

#include "ingress-server/relay/flow.h"

#include <sys/epoll.h>

void
flow_limit (struct worker *worker, struct flow *flow, const struct route *route)
{
  const struct route_node *node = route_table_node (worker->table, route);

  flow->claim = (struct bandwidth_claim) {
      .name = route->slot,
      .node = node->id % BANDWIDTH_CELLS,
      .name_limit = route->limits.bandwidth,
      .node_limit = node->limits.bandwidth,
  };
}

void
flow_after_turn (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];

  flow->active_at = worker->now;
  flow_count_bytes (worker, flow);
  if (flow->in_wait == PUMP_BROKEN || flow->out_wait == PUMP_BROKEN
      || (flow->in_wait == PUMP_FINISHED && flow->out_wait == PUMP_FINISHED))
    flow_close (worker, index);
  else if (flow->throttled)
    {
      flow->throttled = false;
      relay_count (&flow_counters (worker)->throttled, 1);
      worker_park (worker, index);
    }
  else if (flow->in_wait == PUMP_AGAIN || flow->out_wait == PUMP_AGAIN)
    worker_mark_ready (worker, index);
}

/* Bytes this turn may move: the turn's worth, or what the flow's limits still give in this tick. */
static uint32_t
claim_turn (struct worker *worker, const struct flow *flow)
{
  if (!bandwidth_applies (&worker->relay->bandwidth, &flow->claim))
    return WORKER_TURN_BYTES;
  return bandwidth_take (&worker->relay->bandwidth, &flow->claim, worker->now, WORKER_TURN_BYTES);
}

/* What of @claimed was not moved is for others. */
static void
return_rest (struct worker *worker, const struct flow *flow, uint32_t claimed, uint64_t moved)
{
  if (moved < claimed && bandwidth_applies (&worker->relay->bandwidth, &flow->claim))
    bandwidth_give (&worker->relay->bandwidth, &flow->claim, worker->now,
                    claimed - (uint32_t)moved);
}

static uint8_t
run_pump (struct worker *worker, struct flow *flow, struct pump *pump, int source, int destination)
{
  uint32_t budget = claim_turn (worker, flow);
  uint64_t before = pump->bytes;
  enum pump_result result;

  if (budget == 0)
    {
      flow->throttled = true;
      return PUMP_AGAIN;
    }
  result = pump_run (pump, source, destination, budget, &worker->scratch, &worker->pipes, NULL);
  return_rest (worker, flow, budget, pump->bytes - before);
  return (uint8_t)result;
}

void
flow_run_in (struct worker *worker, struct flow *flow)
{
  flow->in.last = flow->out.finished;
  flow->in_wait
      = run_pump (worker, flow, &flow->in, flow->visitor_fd, worker->conns[flow->conn].fd);
}

static void
run_out (struct worker *worker, struct flow *flow)
{
  flow->out.last = flow->in.finished;
  flow->out_wait
      = run_pump (worker, flow, &flow->out, worker->conns[flow->conn].fd, flow->visitor_fd);
}

/* Runs the directions that waited for what @events report. */
void
flow_run_pumps (struct worker *worker, uint32_t index, uint32_t events, bool from_visitor)
{
  struct flow *flow = &worker->flows[index];
  bool readable = events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
  bool writable = events & (EPOLLOUT | EPOLLHUP);
  uint8_t in_wakes = from_visitor ? PUMP_WAIT_SOURCE : PUMP_WAIT_DESTINATION;
  uint8_t out_wakes = from_visitor ? PUMP_WAIT_DESTINATION : PUMP_WAIT_SOURCE;

  if (flow->in_wait == in_wakes && (from_visitor ? readable : writable))
    flow_run_in (worker, flow);
  if (flow->out_wait == out_wakes && (from_visitor ? writable : readable))
    run_out (worker, flow);
  flow_after_turn (worker, index);
  /* A reset: what had arrived before it is passed on by now, nothing more will come or go. */
  if (events & EPOLLERR)
    flow_close (worker, index);
}

void
flow_run_ready (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];

  if (flow->state != FLOW_OPEN)
    return;
  if (flow->in_wait == PUMP_AGAIN)
    flow_run_in (worker, flow);
  if (flow->out_wait == PUMP_AGAIN)
    run_out (worker, flow);
  flow_after_turn (worker, index);
}
