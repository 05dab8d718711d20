/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A flow's beginning: what the visitor wants, and whether there is room for it.
 *
 * The visitor's bytes are only peeked at, so they stay in the kernel, whose receive buffer is the
 * bound of what somebody can make us hold before a name is known; more than a hello's worth is
 * refused at once. */

#include "ingress-server/relay/flow.h"
#include "lib/wire/plain-request.h"

#include <errno.h>
#include <string.h>

#define HTTPS_PORT 443

static const struct route *
find_route (const struct worker *worker, const char *name, uint16_t port)
{
  return worker->table != NULL ? route_table_find (worker->table, name, strlen (name), port) : NULL;
}

/* Claims the caps of @route for @flow. Returns 0, or the refusal, below 0, when one is reached. */
static int
claim_route (struct worker *worker, struct flow *flow, const struct route *route)
{
  struct relay *relay = worker->relay;
  const struct route_node *node = route_table_node (worker->table, route);
  const uint32_t cell = node->id % RELAY_NODE_CELLS;
  uint32_t node_flows, slot_flows;

  flow->slot = route->slot;
  flow->route_id = route->id;
  flow->node_id = node->id;
  flow_limit (worker, flow, route);
  slot_flows = __atomic_add_fetch (&flow_slot (worker, flow)->active, 1, __ATOMIC_RELAXED);
  node_flows = 1 + atomic_fetch_add_explicit (&relay->node_flows[cell], 1, memory_order_relaxed);
  if (route->limits.max_flows > 0 && slot_flows > route->limits.max_flows)
    return -RELAY_REFUSAL_ROUTE_CAP;
  if (node->limits.max_flows > 0 && node_flows > node->limits.max_flows)
    return -RELAY_REFUSAL_NODE_CAP;
  if (!arrival_rate_take (&relay->slot_arrivals[route->slot], route->limits.rate, worker->now))
    return -RELAY_REFUSAL_ROUTE_RATE;
  if (!arrival_rate_take (&relay->node_arrivals[cell], node->limits.rate, worker->now))
    return -RELAY_REFUSAL_NODE_RATE;
  return node->linked && node->offer_port != 0 ? 0 : -RELAY_REFUSAL_NODE_AWAY;
}

static void
use_hello (struct worker *worker, uint32_t index, const struct hello *hello, size_t len)
{
  struct flow *flow = &worker->flows[index];
  const struct route *route = find_route (worker, hello->name, flow->public_port);
  int refusal;

  if (route == NULL)
    {
      flow_refuse (worker, index, RELAY_REFUSAL_UNKNOWN_NAME, ALERT_UNRECOGNIZED_NAME);
      return;
    }
  refusal = claim_route (worker, flow, route);
  if (refusal < 0)
    {
      flow_refuse (worker, index, (enum relay_refusal) - refusal, ALERT_INTERNAL_ERROR);
      return;
    }
  relay_count (&flow_slot (worker, flow)->total, 1);
  flow->hello_len = (uint16_t)len;
  flow_offer (worker, index, route);
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
use_hello_bytes (struct worker *worker, uint32_t index, size_t len)
{
  struct hello hello;
  enum hello_result result = hello_parse (worker->scratch.data, len, &hello);

  if (result == HELLO_OK)
    use_hello (worker, index, &hello, len);
  else if (result != HELLO_NEED_MORE)
    refuse_hello (worker, index, result);
}

/* The public port at which @name is served, the usual one if there are several; 0 for none. */
static uint16_t
find_served_port (const struct worker *worker, const char *name)
{
  const struct relay_options *options = worker->options;
  uint16_t port = 0;

  for (uint32_t i = 0; i < options->listener_count && port != HTTPS_PORT; i++)
    if (find_route (worker, name, options->listeners[i].port) != NULL
        && (port == 0 || options->listeners[i].port == HTTPS_PORT))
      port = options->listeners[i].port;
  return port;
}

/* On the port that only redirects: names that are served are sent to https, nothing else is
 * answered. */
static void
use_request_bytes (struct worker *worker, uint32_t index, size_t len)
{
  struct plain_request request;
  char answer[PLAIN_REDIRECT_MAX];
  uint16_t port;
  enum plain_request_result result
      = plain_request_parse ((const char *)worker->scratch.data, len, &request);

  if (result == PLAIN_REQUEST_NEED_MORE)
    return;
  if (result != PLAIN_REQUEST_OK)
    flow_refuse (worker, index, RELAY_REFUSAL_BAD_REQUEST, ALERT_NONE);
  else if ((port = find_served_port (worker, request.host)) == 0)
    flow_refuse (worker, index, RELAY_REFUSAL_UNKNOWN_NAME, ALERT_NONE);
  else
    {
      relay_count (&flow_counters (worker)->redirected, 1);
      flow_say_goodbye (worker, index, answer, plain_request_redirect (&request, port, answer));
    }
}

void
flow_read_hello (struct worker *worker, uint32_t index)
{
  struct flow *flow = &worker->flows[index];
  ssize_t n = recv (flow->visitor_fd, worker->scratch.data, HELLO_MAX, MSG_DONTWAIT | MSG_PEEK);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0)
    flow_cut (worker, index, RELAY_REFUSAL_HELLO_CLOSED);
  else if (flow->public_port == worker->options->redirect_port)
    use_request_bytes (worker, index, (size_t)n);
  else
    use_hello_bytes (worker, index, (size_t)n);
}
