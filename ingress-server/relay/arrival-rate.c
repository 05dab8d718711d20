/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/relay/arrival-rate.h"

#define SECOND_US 1000000u

bool
arrival_rate_take (_Atomic uint64_t *cell, uint32_t rate, uint64_t now)
{
  const uint64_t now_us = now * 1000;
  const uint64_t burst_us = ARRIVAL_BURST_SECONDS * SECOND_US;
  uint64_t whole_at, next;

  if (rate == 0)
    return true;
  whole_at = atomic_load_explicit (cell, memory_order_relaxed);
  do
    {
      next = (whole_at > now_us ? whole_at : now_us) + SECOND_US / rate;
      if (next > now_us + burst_us)
        return false;
    }
  while (!atomic_compare_exchange_weak_explicit (cell, &whole_at, next, memory_order_relaxed,
                                                 memory_order_relaxed));
  return true;
}
