/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The counters page: a memfd made by the agent, written by the relay's workers with relaxed
 * atomics, read by the control process. It outlives relay restarts; only the "active" gauges start
 * anew. */

#include "ingress-server/route/route-table.h"

#include <stdint.h>

#define RELAY_COUNTERS_MAGIC 0x32746e6375667466ull
#define RELAY_COUNTERS_SIZE sizeof (struct relay_counters)

/* X-macro: identifier, name in metrics and JSON */
#define RELAY_REFUSALS(X)                                                                          \
  X (UNKNOWN_NAME, "unknown-name")                                                                 \
  X (NODE_AWAY, "node-away")                                                                       \
  X (NODE_UNREACHABLE, "node-unreachable")                                                         \
  X (NODE_REFUSED, "node-refused")                                                                 \
  X (NODE_PROTOCOL, "node-protocol")                                                               \
  X (NO_SNI, "no-sni")                                                                             \
  X (BAD_HELLO, "bad-hello")                                                                       \
  X (PLAIN_HTTP, "plain-http")                                                                     \
  X (HELLO_TIMEOUT, "hello-timeout")                                                               \
  X (HELLO_CLOSED, "hello-closed")                                                                 \
  X (OFFER_TIMEOUT, "offer-timeout")                                                               \
  X (BAD_REQUEST, "bad-request")                                                                   \
  X (SOURCE_RATE, "source-rate")                                                                   \
  X (ROUTE_RATE, "name-rate")                                                                      \
  X (NODE_RATE, "node-rate")                                                                       \
  X (SOURCE_CAP, "source-cap")                                                                     \
  X (ROUTE_CAP, "name-cap")                                                                        \
  X (NODE_CAP, "node-cap")                                                                         \
  X (TOTAL_CAP, "total-cap")                                                                       \
  X (REVOKED, "revoked")                                                                           \
  X (IDLE, "idle")                                                                                 \
  X (RESOURCES, "resources")

enum relay_refusal
{
#define RELAY_REFUSAL_ID(id, name) RELAY_REFUSAL_##id,
  RELAY_REFUSALS (RELAY_REFUSAL_ID)
#undef RELAY_REFUSAL_ID
      RELAY_REFUSAL_COUNT
};

/* Upper bounds of the buckets of the offer latency, in microseconds; a last bucket has no bound. */
#define RELAY_LATENCY_BOUNDS(X)                                                                    \
  X (250)                                                                                          \
  X (500)                                                                                          \
  X (1000)                                                                                         \
  X (2500)                                                                                         \
  X (5000)                                                                                         \
  X (10000)                                                                                        \
  X (25000)                                                                                        \
  X (50000)                                                                                        \
  X (100000)                                                                                       \
  X (250000)                                                                                       \
  X (500000)                                                                                       \
  X (1000000)                                                                                      \
  X (2500000)                                                                                      \
  X (5000000)

#define RELAY_LATENCY_ONE(bound) +1
#define RELAY_LATENCY_BUCKETS (RELAY_LATENCY_BOUNDS (RELAY_LATENCY_ONE) + 1)

/* From writing an offer to the node's 101. */
struct relay_latency
{
  uint64_t buckets[RELAY_LATENCY_BUCKETS]; /* each counts once, in the first bucket that fits */
  uint64_t sum;                            /* microseconds */
};

struct relay_slot_counters
{
  uint32_t active;
  uint32_t refused;
  uint64_t total;
  uint64_t bytes_in;  /* visitor to node */
  uint64_t bytes_out; /* node to visitor */
};

struct relay_counters
{
  uint64_t magic;
  uint64_t generation; /* of the route table in use by all workers */
  uint32_t pid;
  uint32_t starts;
  uint32_t active; /* flows open now */
  uint32_t warm;   /* idle connections to nodes */
  uint64_t accepted;
  uint64_t offered;
  uint64_t taken;      /* offers answered 101 */
  uint64_t redirected; /* plain requests answered 308 */
  uint64_t throttled;  /* times a flow had to wait for bandwidth */
  uint64_t bytes_in;
  uint64_t bytes_out;
  uint64_t refusals[RELAY_REFUSAL_COUNT];
  struct relay_latency latency;
  struct relay_slot_counters slots[ROUTE_SLOTS];
};

/** relay_refusal_name: "unknown-name", … */
const char *relay_refusal_name (enum relay_refusal refusal);

/** relay_latency_bounds: RELAY_LATENCY_BUCKETS - 1 bounds, microseconds, ascending. */
extern const uint32_t relay_latency_bounds[];
