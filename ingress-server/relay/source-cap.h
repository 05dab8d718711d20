/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* How many flows each visitor address has, in fixed memory, shared by all workers without a lock.
 *
 * An address is hashed with a random key into one of SOURCE_CAP_CELLS counters; two addresses that
 * meet in a cell share its count, so the cap can only be reached too early, never exceeded. IPv6
 * addresses count by their /64, which is what one visitor usually holds. */

#include "lib/wire/address.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SOURCE_CAP_CELLS 65536
#define SOURCE_CAP_LIMIT_MAX 60000 /* leaves room for workers counting at the same moment */

struct source_cap
{
  uint64_t key[2];
  uint32_t limit;
  _Atomic uint16_t cells[SOURCE_CAP_CELLS];
};

/** source_cap_new: at most @limit (≤ SOURCE_CAP_LIMIT_MAX) flows per address. NULL without memory
 * or randomness. */
struct source_cap *source_cap_new (uint32_t limit);
void source_cap_free (struct source_cap *cap);

/** source_cap_take: count one more flow of @source; false when the limit is reached. @cell receives
 * what source_cap_give needs. Any thread. */
bool source_cap_take (struct source_cap *cap, const struct address *source, uint32_t *cell);
/** source_cap_give: the flow counted in @cell ended. */
void source_cap_give (struct source_cap *cap, uint32_t cell);
