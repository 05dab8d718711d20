/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* How many flows each visitor address has, and how fast new ones come, in fixed memory, shared by
 * all workers without a lock.
 *
 * An address is hashed with a random key into one of SOURCE_CAP_CELLS counters; two addresses that
 * meet in a cell share its count, so the cap can only be reached too early, never exceeded;
 * likewise their rate. IPv6 addresses count by their /64, which is what one visitor usually holds.
 */

#include "ingress-server/relay/arrival-rate.h"
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
  uint32_t rate; /* per second; 0: no limit */
  _Atomic uint16_t cells[SOURCE_CAP_CELLS];
  _Atomic uint64_t arrivals[SOURCE_CAP_CELLS];
};

enum source_cap_result
{
  SOURCE_CAP_OK,
  SOURCE_CAP_FULL,     /* as many flows as one address may have */
  SOURCE_CAP_TOO_FAST, /* more new ones than one address may begin */
};

/** source_cap_new: at most @limit (≤ SOURCE_CAP_LIMIT_MAX) flows per address, and @rate new ones
 * per second (0: no limit). NULL without memory or randomness. */
struct source_cap *source_cap_new (uint32_t limit, uint32_t rate);
void source_cap_free (struct source_cap *cap);

/** source_cap_take: count one more flow of @source at @now (milliseconds). @cell receives what
 * source_cap_give needs if the result is OK. Any thread. */
enum source_cap_result source_cap_take (struct source_cap *cap,
                                        const struct address *source,
                                        uint64_t now,
                                        uint32_t *cell);
/** source_cap_give: the flow counted in @cell ended. */
void source_cap_give (struct source_cap *cap, uint32_t cell);
