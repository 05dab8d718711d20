/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/relay/bandwidth.h"

#define USED_MAX UINT32_MAX
#define LEVEL_MIN 4096u /* bytes per tick; a node always gets on */

static uint64_t
per_tick (uint64_t per_second)
{
  uint64_t bytes = per_second * BANDWIDTH_TICK_MS / 1000;

  return bytes > 0 ? bytes : 1;
}

void
bandwidth_init (struct bandwidth *bandwidth, uint64_t total)
{
  bandwidth->total = total;
  atomic_store (&bandwidth->level, per_tick (total));
}

/* --- cells --------------------------------------------------------------------------------------
 */

static uint32_t
used_in (uint64_t word, uint32_t tick)
{
  return (uint32_t)(word >> 32) == tick ? (uint32_t)word : 0;
}

/* Takes at most @wanted of the @quota for @tick. */
static uint32_t
cell_take (bandwidth_cell *cell, uint32_t tick, uint64_t quota, uint32_t wanted)
{
  uint64_t before = atomic_load_explicit (cell, memory_order_relaxed);
  uint32_t used, granted;

  if (quota > USED_MAX)
    quota = USED_MAX;
  do
    {
      used = used_in (before, tick);
      granted = used >= quota ? 0 : (uint32_t)(quota - used);
      if (granted > wanted)
        granted = wanted;
      if (granted == 0)
        return 0;
    }
  while (!atomic_compare_exchange_weak_explicit (cell, &before,
                                                 (uint64_t)tick << 32 | (used + granted),
                                                 memory_order_relaxed, memory_order_relaxed));
  return granted;
}

static void
cell_give (bandwidth_cell *cell, uint32_t tick, uint32_t unused)
{
  uint64_t before = atomic_load_explicit (cell, memory_order_relaxed);
  uint32_t used;

  do
    {
      used = used_in (before, tick);
      if (used == 0)
        return;
      used = used > unused ? used - unused : 0;
    }
  while (!atomic_compare_exchange_weak_explicit (cell, &before, (uint64_t)tick << 32 | used,
                                                 memory_order_relaxed, memory_order_relaxed));
}

/* --- the total ----------------------------------------------------------------------------------
 */

static void
adjust_level (struct bandwidth *bandwidth, uint64_t quota, int64_t left)
{
  uint64_t level = atomic_load_explicit (&bandwidth->level, memory_order_relaxed);

  if (left <= 0)
    level -= level / 8;
  else if ((uint64_t)left > quota / 16)
    level += level / 8 + 1;
  if (level > quota)
    level = quota;
  atomic_store_explicit (&bandwidth->level, level > LEVEL_MIN ? level : LEVEL_MIN,
                         memory_order_relaxed);
}

/* Whoever comes first in a tick begins it for all. */
static void
begin_tick (struct bandwidth *bandwidth, uint64_t tick)
{
  uint64_t before = atomic_load_explicit (&bandwidth->tick, memory_order_relaxed);
  const uint64_t quota = per_tick (bandwidth->total);
  int64_t left;

  if (before >= tick
      || !atomic_compare_exchange_strong_explicit (&bandwidth->tick, &before, tick,
                                                   memory_order_relaxed, memory_order_relaxed))
    return;
  left = atomic_exchange_explicit (&bandwidth->left, (int64_t)quota, memory_order_relaxed);
  adjust_level (bandwidth, quota, tick == before + 1 ? left : (int64_t)quota);
}

static uint32_t
total_take (struct bandwidth *bandwidth, uint32_t wanted)
{
  int64_t left = atomic_load_explicit (&bandwidth->left, memory_order_relaxed);
  int64_t granted;

  do
    {
      granted = left < (int64_t)wanted ? left : (int64_t)wanted;
      if (granted <= 0)
        return 0;
    }
  while (!atomic_compare_exchange_weak_explicit (&bandwidth->left, &left, left - granted,
                                                 memory_order_relaxed, memory_order_relaxed));
  return (uint32_t)granted;
}

/* --- claims -------------------------------------------------------------------------------------
 */

static uint64_t
node_quota (const struct bandwidth *bandwidth, const struct bandwidth_claim *claim)
{
  uint64_t quota = claim->node_limit > 0 ? per_tick (claim->node_limit) : UINT64_MAX;
  uint64_t level = bandwidth->total > 0
                       ? atomic_load_explicit (&bandwidth->level, memory_order_relaxed)
                       : UINT64_MAX;

  return quota < level ? quota : level;
}

uint32_t
bandwidth_take (struct bandwidth *bandwidth,
                const struct bandwidth_claim *claim,
                uint64_t now,
                uint32_t wanted)
{
  const uint64_t tick = now / BANDWIDTH_TICK_MS;
  uint64_t quota;
  uint32_t granted = wanted, name = 0, node = 0;

  if (bandwidth->total > 0)
    begin_tick (bandwidth, tick);
  if (claim->name_limit > 0)
    granted = name = cell_take (&bandwidth->names[claim->name], (uint32_t)tick,
                                per_tick (claim->name_limit), granted);
  quota = node_quota (bandwidth, claim);
  if (quota < UINT64_MAX)
    granted = node = cell_take (&bandwidth->nodes[claim->node], (uint32_t)tick, quota, granted);
  if (bandwidth->total > 0)
    granted = total_take (bandwidth, granted);
  if (node > granted)
    cell_give (&bandwidth->nodes[claim->node], (uint32_t)tick, node - granted);
  if (name > granted)
    cell_give (&bandwidth->names[claim->name], (uint32_t)tick, name - granted);
  return granted;
}

void
bandwidth_give (struct bandwidth *bandwidth,
                const struct bandwidth_claim *claim,
                uint64_t now,
                uint32_t unused)
{
  const uint64_t tick = now / BANDWIDTH_TICK_MS;

  if (claim->name_limit > 0)
    cell_give (&bandwidth->names[claim->name], (uint32_t)tick, unused);
  if (node_quota (bandwidth, claim) < UINT64_MAX)
    cell_give (&bandwidth->nodes[claim->node], (uint32_t)tick, unused);
  if (bandwidth->total > 0 && atomic_load_explicit (&bandwidth->tick, memory_order_relaxed) == tick)
    atomic_fetch_add_explicit (&bandwidth->left, unused, memory_order_relaxed);
}
