/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Who may come, decided at the offer: before any TLS work, before the target hears of it. Pure: the
 * caller brings the clocks and keeps the bucket. Constant memory per share, none per visitor. */

#include "daemon/serve/serve-share.h"
#include "lib/wire/address.h"
#include "lib/wire/offer.h"

#include <stdbool.h>
#include <stdint.h>

/* A token bucket; all 0: never used, hence full. One thread. */
struct token_bucket
{
  uint64_t millitokens;
  uint64_t filled_at; /* milliseconds */
  bool is_used;
};

/** token_bucket_take: take one token at @now_ms (monotonic) from @bucket, which gets @rate per
 * second (not 0) and holds @burst (0: as many as @rate). False if there is none. A bucket may be
 * used with another rate and burst the next time. */
bool
token_bucket_take (struct token_bucket *bucket, uint32_t rate, uint32_t burst, uint64_t now_ms);

/** offer_policy_admits: whether a visitor from @source who is here already may stay at @now_s (Unix
 * seconds): OFFER_REASON_NONE, EXPIRED or NOT_ALLOWED. */
enum offer_reason
offer_policy_admits (const FunnelServePolicy *policy, const struct address *source, int64_t now_s);

/**
 * offer_policy_judge: whether one more visitor may come.
 * @source: the visitor
 * @flows: of this share at present
 * @now_s: Unix seconds; the share ends at the beginning of second policy->expires
 * Returns OFFER_REASON_NONE, or the first of EXPIRED, NOT_ALLOWED (denied, or not among the
 * allowed), BUSY and RATE that applies. Only a visitor who passes all else costs a token.
 */
enum offer_reason offer_policy_judge (const FunnelServePolicy *policy,
                                      const struct address *source,
                                      uint32_t flows,
                                      struct token_bucket *bucket,
                                      uint64_t now_ms,
                                      int64_t now_s);
