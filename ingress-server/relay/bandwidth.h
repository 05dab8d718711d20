/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Bandwidth: how many bytes a flow may move now.
 *
 * Theory. Time is cut into ticks. In each tick a name may move what its limit gives it, a node what
 * its limit gives it, and all together what the relay's total gives them; what is not used is lost,
 * so nobody saves up for a burst longer than a tick. A flow claims before it moves and gives back
 * what it did not use.
 *
 * The total is shared fairly among the nodes that want bytes: in a tick no node gets more than the
 * `level`, which falls when a tick's total ran out and rises when some was left. So a few busy
 * nodes end at equal parts, and what nodes with little to move leave is there for the others (the
 * level is the water line of max-min fairness, found by trying).
 *
 * Everything is atomic words shared by the workers; two that race lose a claim of some bytes in a
 * tick at worst. Without any limit nothing of this is touched. */

#include <stdatomic.h>
#include <stdint.h>

#define BANDWIDTH_TICK_MS 20u
#define BANDWIDTH_CELLS 65536u

/* What one name or node moved in a tick: the tick in the upper, the bytes in the lower half. */
typedef _Atomic uint64_t bandwidth_cell;

struct bandwidth
{
  uint64_t total; /* bytes per second; 0: no limit */
  _Atomic uint64_t tick;
  _Atomic int64_t left;   /* of the total, in this tick */
  _Atomic uint64_t level; /* bytes a node may have in this tick */
  bandwidth_cell names[BANDWIDTH_CELLS];
  bandwidth_cell nodes[BANDWIDTH_CELLS];
};

/* What a flow is limited by. */
struct bandwidth_claim
{
  uint32_t name;       /* cell: the flow's slot */
  uint32_t node;       /* cell: the node's id modulo BANDWIDTH_CELLS */
  uint64_t name_limit; /* bytes per second; 0: none */
  uint64_t node_limit;
};

/** bandwidth_init: @bandwidth is zeroed memory; @total in bytes per second, 0 for no limit. */
void bandwidth_init (struct bandwidth *bandwidth, uint64_t total);

/** bandwidth_applies: whether a flow with @claim is limited at all. */
static inline int
bandwidth_applies (const struct bandwidth *bandwidth, const struct bandwidth_claim *claim)
{
  return (bandwidth->total | claim->name_limit | claim->node_limit) != 0;
}

/** bandwidth_take: up to @wanted bytes at @now (milliseconds); 0: nothing before the next tick. */
uint32_t bandwidth_take (struct bandwidth *bandwidth,
                         const struct bandwidth_claim *claim,
                         uint64_t now,
                         uint32_t wanted);

/** bandwidth_give: return what of a claim was not used, in the same tick. */
void bandwidth_give (struct bandwidth *bandwidth,
                     const struct bandwidth_claim *claim,
                     uint64_t now,
                     uint32_t unused);
