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

#include "ingress-server/relay/worker.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

/* TLS alert descriptions (RFC 8446 6, RFC 6066 3). */
enum alert
{
  ALERT_NONE = 0,
  ALERT_ACCESS_DENIED = 49,
  ALERT_DECODE_ERROR = 50,
  ALERT_INTERNAL_ERROR = 80,
  ALERT_UNRECOGNIZED_NAME = 112,
};

static struct relay_counters *
counters_of (const struct worker *worker)
{
  return worker->relay->counters;
}

static struct relay_slot_counters *
slot_of (const struct worker *worker, const struct flow *flow)
{
  return &counters_of (worker)->slots[flow->slot];
}

static _Atomic uint32_t *
node_gauge (struct worker *worker, uint32_t node_id)
{
  return &worker->relay->node_flows[node_id % RELAY_NODE_CELLS];
}

/* --- ending -------------------------------------------------------------------------------------
 */

static void
drop_conn (struct worker *worker, struct flow *flow)
{
  if (flow->conn != NO_INDEX)
    conn_close (worker, flow->conn);
  flow->conn = NO_INDEX;
}

static void
flow_close (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];

  if (flow->state == FLOW_CLOSING || flow->state == FLOW_FREE)
    return;
  deadline_disarm (&worker->flow_deadlines, index);
  drop_conn (worker, flow);
  flow->state = FLOW_CLOSING;
  flow->next = worker->closing_flows;
  worker->closing_flows = index;
}

static void
count_refusal (struct worker *worker, const struct flow *flow, enum relay_refusal refusal)
{
  relay_count (&counters_of (worker)->refusals[refusal], 1);
  if (flow != NULL && flow->slot != NO_INDEX)
    relay_gauge (&slot_of (worker, flow)->refused, 1);
}

/* Ends a flow that was open, or a visitor that is not owed an answer. */
static void
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

static void
flow_refuse (struct worker *worker, uint32_t index, enum relay_refusal refusal, enum alert alert)
{
  struct flow *flow = &worker->flows[index];
  uint8_t record[7] = {21, 3, 3, 0, 2, 2, (uint8_t)alert};

  count_refusal (worker, flow, refusal);
  drop_conn (worker, flow);
  if (alert == ALERT_NONE
      || send (flow->visitor_fd, record, sizeof record, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    {
      flow_close (worker, index);
      return;
    }
  shutdown (flow->visitor_fd, SHUT_WR);
  flow->state = FLOW_LINGER;
  deadline_arm (&worker->flow_deadlines, index, DEADLINE_LINGER, worker->now);
  discard_input (worker, index);
}

static void
count_bytes (struct worker *worker, struct flow *flow)
{
  struct relay_counters *counters = counters_of (worker);
  uint64_t in = flow->in.bytes - flow->in_counted;
  uint64_t out = flow->out.bytes - flow->out_counted;

  if (in > 0)
    {
      relay_count (&counters->bytes_in, in);
      relay_count (&slot_of (worker, flow)->bytes_in, in);
      flow->in_counted = flow->in.bytes;
    }
  if (out > 0)
    {
      relay_count (&counters->bytes_out, out);
      relay_count (&slot_of (worker, flow)->bytes_out, out);
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
      count_bytes (worker, flow);
      relay_gauge (&slot_of (worker, flow)->active, -1);
      atomic_fetch_sub_explicit (node_gauge (worker, flow->node_id), 1, memory_order_relaxed);
    }
  source_cap_give (worker->relay->source_cap, flow->source_cell);
  relay_gauge (&counters_of (worker)->active, -1);
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

  if (!source_cap_take (worker->relay->source_cap, source, &cell))
    {
      count_refusal (worker, NULL, RELAY_REFUSAL_SOURCE_CAP);
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
  relay_gauge (&counters_of (worker)->active, 1);
  if (worker_watch (worker, fd, EVENT_VISITOR, index, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)
      < 0)
    {
      flow_cut (worker, index, RELAY_REFUSAL_RESOURCES);
      return;
    }
  deadline_arm (&worker->flow_deadlines, index, DEADLINE_HELLO, worker->now);
}

/* --- offering -----------------------------------------------------------------------------------
 */

/* The address the visitor connected to, with the public port. Asked once: an offer that is written
 * twice must not change. */
static void
note_destination (struct flow *flow)
{
  struct sockaddr_storage address;
  socklen_t len = sizeof address;

  if (getsockname (flow->visitor_fd, (struct sockaddr *)&address, &len) == 0
      && address_from_sockaddr ((struct sockaddr *)&address, len, &flow->destination))
    flow->destination.port = flow->public_port;
}

static void
fill_offer (struct worker *worker, const struct flow *flow, struct offer *offer)
{
  const struct route *route = route_table_find_slot (worker->table, flow->slot);

  offer->source = flow->source;
  memcpy (offer->name, route_table_name (worker->table, route), route->name_len);
  offer->name[route->name_len] = '\0';
  offer->port = flow->public_port;
  offer->destination = flow->destination;
  snprintf (offer->flow, sizeof offer->flow, "%x-%llx", worker->index,
            (unsigned long long)flow->number);
}

/* Writes what is left of head and hello; the hello is the first hello_len bytes of scratch. */
static void
write_offer (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];
  struct offer offer;
  char head[OFFER_HEAD_MAX];
  size_t head_len, skip = flow->offer_sent;
  struct iovec parts[2];
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  ssize_t n;

  fill_offer (worker, flow, &offer);
  head_len = offer_write (&offer, head, sizeof head);
  parts[0].iov_base = head + (skip < head_len ? skip : head_len);
  parts[0].iov_len = skip < head_len ? head_len - skip : 0;
  skip = skip > head_len ? skip - head_len : 0;
  parts[1].iov_base = worker->scratch.data + skip;
  parts[1].iov_len = flow->hello_len - skip;

  n = sendmsg (worker->conns[flow->conn].fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 && errno != EAGAIN && errno != EINTR)
    {
      flow_on_conn_failed (worker, index);
      return;
    }
  flow->offer_sent += n > 0 ? (uint32_t)n : 0;
}

static bool
offer_is_complete (struct worker *worker, const struct flow *flow)
{
  struct offer offer;
  char head[OFFER_HEAD_MAX];

  fill_offer (worker, flow, &offer);
  return flow->offer_sent == offer_write (&offer, head, sizeof head) + flow->hello_len;
}

/* Peeks at the hello again and writes (the rest of) the offer. */
static void
continue_offer (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];
  ssize_t n
      = recv (flow->visitor_fd, worker->scratch.data, flow->hello_len, MSG_DONTWAIT | MSG_PEEK);

  if (n != flow->hello_len)
    flow_cut (worker, index, RELAY_REFUSAL_HELLO_CLOSED);
  else
    write_offer (worker, index);
}

static void
begin_offer (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];

  flow->state = FLOW_OFFERED;
  note_destination (flow);
  relay_count (&counters_of (worker)->offered, 1);
  deadline_arm (&worker->flow_deadlines, index, DEADLINE_OFFER, worker->now);
}

/* Finds the flow a conn; with a warm one the offer (hello in scratch) leaves at once. */
static void
take_conn (struct worker *worker, uint32_t index, const struct route *route, bool fresh)
{
  struct flow *flow = &worker->flows[index];

  flow->offer_sent = 0;
  flow->conn = conn_take (worker, route->node, index, fresh);
  if (flow->conn == NO_INDEX)
    {
      flow_refuse (worker, index, RELAY_REFUSAL_NODE_UNREACHABLE, ALERT_INTERNAL_ERROR);
      return;
    }
  if (worker->conns[flow->conn].state == CONN_CONNECTING)
    {
      flow->state = FLOW_CONNECTING;
      deadline_arm (&worker->flow_deadlines, index, DEADLINE_CONNECT, worker->now);
      return;
    }
  begin_offer (worker, index);
  write_offer (worker, index);
}

void
flow_on_conn_connected (struct worker *worker, uint32_t index)
{
  begin_offer (worker, index);
  continue_offer (worker, index);
}

/* The conn broke before the node answered. One that sat idle may just have been stale: the
 * visitor's bytes are still there, so try once more with a fresh one. */
void
flow_on_conn_failed (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];
  const struct route *route;
  bool was_warm = flow->conn != NO_INDEX && worker->conns[flow->conn].was_warm;

  drop_conn (worker, flow);
  if (!was_warm || flow->retried || flow->state != FLOW_OFFERED)
    {
      flow_refuse (worker, index, RELAY_REFUSAL_NODE_UNREACHABLE, ALERT_INTERNAL_ERROR);
      return;
    }
  flow->retried = true;
  route = route_table_find_slot (worker->table, flow->slot);
  take_conn (worker, index, route, true);
}

/* --- the hello ----------------------------------------------------------------------------------
 */

/* Claims the caps of @route for @flow; counts and refuses when one is reached. */
static bool
claim_route (struct worker *worker, uint32_t index, const struct route *route)
{
  struct flow *flow = &worker->flows[index];
  const struct route_node *node = route_table_node (worker->table, route);
  uint32_t node_flows, slot_flows;

  flow->slot = route->slot;
  flow->route_id = route->id;
  flow->node_id = node->id;
  slot_flows = __atomic_add_fetch (&slot_of (worker, flow)->active, 1, __ATOMIC_RELAXED);
  node_flows
      = 1 + atomic_fetch_add_explicit (node_gauge (worker, node->id), 1, memory_order_relaxed);
  if (route->max_flows > 0 && slot_flows > route->max_flows)
    flow_refuse (worker, index, RELAY_REFUSAL_ROUTE_CAP, ALERT_INTERNAL_ERROR);
  else if (node->max_flows > 0 && node_flows > node->max_flows)
    flow_refuse (worker, index, RELAY_REFUSAL_NODE_CAP, ALERT_INTERNAL_ERROR);
  else if (!node->linked || node->offer_port == 0)
    flow_refuse (worker, index, RELAY_REFUSAL_NODE_AWAY, ALERT_INTERNAL_ERROR);
  else
    return true;
  return false;
}

static void
use_hello (struct worker *worker, uint32_t index, const struct hello *hello, size_t len)
{
  struct flow *flow = &worker->flows[index];
  const struct route *route = NULL;

  if (worker->table != NULL)
    route = route_table_find (worker->table, hello->name, strlen (hello->name), flow->public_port);
  if (route == NULL)
    {
      flow_refuse (worker, index, RELAY_REFUSAL_UNKNOWN_NAME, ALERT_UNRECOGNIZED_NAME);
      return;
    }
  if (!claim_route (worker, index, route))
    return;
  relay_count (&slot_of (worker, flow)->total, 1);
  flow->hello_len = (uint16_t)len;
  take_conn (worker, index, route, false);
}

static void
refuse_hello (struct worker *worker, uint32_t index, enum hello_result result)
{
  switch (result)
    {
    case HELLO_NO_SNI:
    case HELLO_IP_LITERAL:
      flow_refuse (worker, index, RELAY_REFUSAL_NO_SNI, ALERT_UNRECOGNIZED_NAME);
      break;
    case HELLO_BAD_NAME:
      flow_refuse (worker, index, RELAY_REFUSAL_BAD_HELLO, ALERT_UNRECOGNIZED_NAME);
      break;
    case HELLO_DUPLICATE:
    case HELLO_MALFORMED:
    case HELLO_TOO_LARGE:
      flow_refuse (worker, index, RELAY_REFUSAL_BAD_HELLO, ALERT_DECODE_ERROR);
      break;
    case HELLO_PLAIN_HTTP:
      flow_refuse (worker, index, RELAY_REFUSAL_PLAIN_HTTP, ALERT_NONE);
      break;
    case HELLO_SSLV2:
    case HELLO_NOT_TLS:
    case HELLO_OK:
    case HELLO_NEED_MORE:
      flow_refuse (worker, index, RELAY_REFUSAL_BAD_HELLO, ALERT_NONE);
      break;
    }
}

static void
read_hello (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];
  struct hello hello;
  enum hello_result result;
  ssize_t n = recv (flow->visitor_fd, worker->scratch.data, HELLO_MAX, MSG_DONTWAIT | MSG_PEEK);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0)
    {
      flow_cut (worker, index, RELAY_REFUSAL_HELLO_CLOSED);
      return;
    }
  result = hello_parse (worker->scratch.data, (size_t)n, &hello);
  if (result == HELLO_OK)
    use_hello (worker, index, &hello, (size_t)n);
  else if (result != HELLO_NEED_MORE)
    refuse_hello (worker, index, result);
}

/* --- open ---------------------------------------------------------------------------------------
 */

static void
after_turn (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];

  flow->active_at = worker->now;
  count_bytes (worker, flow);
  if (flow->in_wait == PUMP_BROKEN || flow->out_wait == PUMP_BROKEN
      || (flow->in_wait == PUMP_FINISHED && flow->out_wait == PUMP_FINISHED))
    flow_close (worker, index);
  else if (flow->in_wait == PUMP_AGAIN || flow->out_wait == PUMP_AGAIN)
    worker_mark_ready (worker, index);
}

static void
run_in (struct worker *worker, struct flow *flow)
{
  flow->in.last = flow->out.finished;
  flow->in_wait = (uint8_t)pump_run (&flow->in, flow->visitor_fd, worker->conns[flow->conn].fd,
                                     WORKER_TURN_BYTES, &worker->scratch, &worker->pipes, NULL);
}

static void
run_out (struct worker *worker, struct flow *flow)
{
  flow->out.last = flow->in.finished;
  flow->out_wait = (uint8_t)pump_run (&flow->out, worker->conns[flow->conn].fd, flow->visitor_fd,
                                      WORKER_TURN_BYTES, &worker->scratch, &worker->pipes, NULL);
}

/* Runs the directions that waited for what @events report. */
static void
run_pumps (struct worker *worker, uint32_t index, uint32_t events, bool from_visitor)
{
  struct flow *flow = &worker->flows[index];
  bool readable = events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
  bool writable = events & (EPOLLOUT | EPOLLHUP);
  uint8_t in_wakes = from_visitor ? PUMP_WAIT_SOURCE : PUMP_WAIT_DESTINATION;
  uint8_t out_wakes = from_visitor ? PUMP_WAIT_DESTINATION : PUMP_WAIT_SOURCE;

  if (flow->in_wait == in_wakes && (from_visitor ? readable : writable))
    run_in (worker, flow);
  if (flow->out_wait == out_wakes && (from_visitor ? writable : readable))
    run_out (worker, flow);
  after_turn (worker, index);
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
    run_in (worker, flow);
  if (flow->out_wait == PUMP_AGAIN)
    run_out (worker, flow);
  after_turn (worker, index);
}

/* The node took the visitor: @len bytes of its answer are in scratch, of which the first @head are
 * the answer's head. */
static void
open_flow (struct worker *worker, uint32_t index, size_t head, size_t len)
{
  struct flow *flow = &worker->flows[index];
  int node_fd = worker->conns[flow->conn].fd;
  ssize_t hello, answer;

  answer = recv (node_fd, NULL, len, MSG_DONTWAIT | MSG_TRUNC);
  if (answer != (ssize_t)len
      || pump_push (&flow->out, flow->visitor_fd, worker->scratch.data + head, len - head,
                    &worker->pipes)
             < 0)
    {
      flow_cut (worker, index, RELAY_REFUSAL_RESOURCES);
      return;
    }
  hello = recv (flow->visitor_fd, NULL, flow->hello_len, MSG_DONTWAIT | MSG_TRUNC);
  if (hello != flow->hello_len)
    {
      flow_cut (worker, index, RELAY_REFUSAL_HELLO_CLOSED);
      return;
    }
  flow->in.bytes = flow->hello_len;
  flow->state = FLOW_OPEN;
  relay_count (&counters_of (worker)->taken, 1);
  deadline_arm (&worker->flow_deadlines, index, DEADLINE_IDLE, worker->now);
  if (flow->visitor_ready || flow->hello_len == HELLO_MAX)
    run_in (worker, flow);
  if (flow->out.in_pipe > 0)
    flow->out_wait = PUMP_WAIT_DESTINATION;
  after_turn (worker, index);
}

static void
refused_by_node (struct worker *worker, uint32_t index, const struct offer_answer *answer)
{
  enum alert alert = ALERT_INTERNAL_ERROR;

  if (answer->kind != OFFER_ANSWER_REFUSED)
    {
      flow_refuse (worker, index, RELAY_REFUSAL_NODE_PROTOCOL, alert);
      return;
    }
  if (answer->reason == OFFER_REASON_NO_SHARE || answer->reason == OFFER_REASON_NAME_MISMATCH)
    alert = ALERT_UNRECOGNIZED_NAME;
  else if (answer->reason == OFFER_REASON_NOT_ALLOWED || answer->reason == OFFER_REASON_EXPIRED)
    alert = ALERT_ACCESS_DENIED;
  flow_refuse (worker, index, RELAY_REFUSAL_NODE_REFUSED, alert);
}

static void
read_answer (struct worker *worker, uint32_t index, uint32_t events)
{
  struct flow *flow = &worker->flows[index];
  struct offer_answer answer;
  enum offer_result result;
  ssize_t n = recv (worker->conns[flow->conn].fd, worker->scratch.data, worker->scratch.size,
                    MSG_DONTWAIT | MSG_PEEK);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0)
    {
      flow_on_conn_failed (worker, index);
      return;
    }
  result = offer_answer_parse ((const char *)worker->scratch.data, (size_t)n, &answer);
  if (result == OFFER_NEED_MORE)
    {
      if (events & EPOLLRDHUP)
        flow_refuse (worker, index, RELAY_REFUSAL_NODE_PROTOCOL, ALERT_INTERNAL_ERROR);
    }
  else if (result != OFFER_OK)
    flow_refuse (worker, index, RELAY_REFUSAL_NODE_PROTOCOL, ALERT_INTERNAL_ERROR);
  else if (answer.kind != OFFER_ANSWER_ACCEPTED)
    refused_by_node (worker, index, &answer);
  else
    {
      open_flow (worker, index, answer.consumed, (size_t)n);
      /* More than one read's worth, or the end, is already there and will cause no further event.
       */
      if (flow->state == FLOW_OPEN && (n == (ssize_t)worker->scratch.size || (events & EPOLLRDHUP)))
        run_pumps (worker, index, EPOLLIN, false);
    }
}

/* --- events -------------------------------------------------------------------------------------
 */

void
flow_on_conn (struct worker *worker, uint32_t index, uint32_t events)
{
  struct flow *flow = &worker->flows[index];

  if (flow->state == FLOW_OPEN)
    {
      run_pumps (worker, index, events, false);
      return;
    }
  if (flow->state != FLOW_OFFERED)
    return;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    read_answer (worker, index, events);
  if (flow->state == FLOW_OFFERED && (events & EPOLLOUT) && !offer_is_complete (worker, flow))
    continue_offer (worker, index);
}

void
flow_on_visitor (struct worker *worker, uint32_t index, uint32_t events)
{
  struct flow *flow = &worker->flows[index];

  switch ((enum flow_state)flow->state)
    {
    case FLOW_HELLO:
      if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        read_hello (worker, index);
      break;
    case FLOW_CONNECTING:
    case FLOW_OFFERED:
      flow->visitor_ready = flow->visitor_ready || (events & (EPOLLIN | EPOLLRDHUP));
      if (events & (EPOLLERR | EPOLLHUP))
        flow_cut (worker, index, RELAY_REFUSAL_HELLO_CLOSED);
      break;
    case FLOW_OPEN:
      run_pumps (worker, index, events, true);
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
        continue;
      if (flow->state == FLOW_OPEN)
        flow_cut (worker, index, RELAY_REFUSAL_REVOKED);
      else
        flow_refuse (worker, index, RELAY_REFUSAL_REVOKED, ALERT_UNRECOGNIZED_NAME);
    }
}
