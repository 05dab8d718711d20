/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A flow between hello and bytes: the offer to the node and its answer. */

#include "ingress-server/relay/flow.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>

static uint64_t
now_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

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
  flow->offered_at_us = now_us ();
  relay_count (&flow_counters (worker)->offered, 1);
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

  flow_drop_conn (worker, flow);
  if (!was_warm || flow->retried || flow->state != FLOW_OFFERED)
    {
      flow_refuse (worker, index, RELAY_REFUSAL_NODE_UNREACHABLE, ALERT_INTERNAL_ERROR);
      return;
    }
  flow->retried = true;
  route = route_table_find_slot (worker->table, flow->slot);
  take_conn (worker, index, route, true);
}

void
flow_offer (struct worker *worker, uint32_t index, const struct route *route)
{
  take_conn (worker, index, route, false);
}

/* --- the answer ---------------------------------------------------------------------------------
 */

static void
count_latency (struct worker *worker, const struct flow *flow)
{
  struct relay_latency *latency = &flow_counters (worker)->latency;
  uint64_t us = now_us () - flow->offered_at_us;
  uint32_t bucket = 0;

  while (bucket < RELAY_LATENCY_BUCKETS - 1 && us > relay_latency_bounds[bucket])
    bucket++;
  relay_count (&latency->buckets[bucket], 1);
  relay_count (&latency->sum, us);
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
  relay_count (&flow_counters (worker)->taken, 1);
  count_latency (worker, flow);
  deadline_arm (&worker->flow_deadlines, index, DEADLINE_IDLE, worker->now);
  if (flow->visitor_ready || flow->hello_len == HELLO_MAX)
    flow_run_in (worker, flow);
  if (flow->out.in_pipe > 0)
    flow->out_wait = PUMP_WAIT_DESTINATION;
  flow_after_turn (worker, index);
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
        flow_run_pumps (worker, index, EPOLLIN, false);
    }
}

void
flow_on_answer (struct worker *worker, uint32_t index, uint32_t events)
{
  struct flow *flow = &worker->flows[index];

  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    read_answer (worker, index, events);
  if (flow->state == FLOW_OFFERED && (events & EPOLLOUT) && !offer_is_complete (worker, flow))
    continue_offer (worker, index);
}
