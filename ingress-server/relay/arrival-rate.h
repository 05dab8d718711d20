/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Limits of new flows per second: one 64-bit word per thing limited, shared by all workers without
 * a lock (GCRA: the word is the time at which the allowance would be whole again). */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ARRIVAL_BURST_SECONDS 4 /* of the rate, at once after a pause */

/**
 * arrival_rate_take: whether one more may come now, which then counts.
 * @cell: zero at first
 * @rate: per second; 0 is no limit
 * @now: milliseconds, of a clock that does not go back
 */
bool arrival_rate_take (_Atomic uint64_t *cell, uint32_t rate, uint64_t now);
