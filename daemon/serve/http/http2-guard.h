/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Allowances: how often a visitor may do what costs him less than us (HTTP/2 resets, pings,
 * settings, empty frames). One token bucket each; no allocation, no thread. */

#include <stdbool.h>
#include <stdint.h>

struct http2_allowance_rule
{
  uint32_t burst;      /* tokens there are at first, and at most */
  uint32_t per_second; /* tokens that come back */
};

struct http2_allowance
{
  uint32_t tokens;
  uint64_t at; /* milliseconds: up to when the tokens that come back have been added */
};

/** http2_allowance_init: full. @now: milliseconds. */
void http2_allowance_init (struct http2_allowance *allowance,
                           const struct http2_allowance_rule *rule,
                           uint64_t now);

/** http2_allowance_take: use one token up; false when none is left. */
bool http2_allowance_take (struct http2_allowance *allowance,
                           const struct http2_allowance_rule *rule,
                           uint64_t now);

/** http2_allowance_give: @tokens more, but no more than the burst. */
void http2_allowance_give (struct http2_allowance *allowance,
                           const struct http2_allowance_rule *rule,
                           uint32_t tokens);
