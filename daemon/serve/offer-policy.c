/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/offer-policy.h"

#define MILLI 1000u

bool
token_bucket_take (struct token_bucket *bucket, uint32_t rate, uint32_t burst, uint64_t now_ms)
{
  uint64_t full = (uint64_t)(burst > 0 ? burst : rate) * MILLI;
  uint64_t elapsed = now_ms - bucket->filled_at;

  /* A rate of one per second is one millitoken per millisecond. Past the time that fills it from
   * empty it is full, whatever the product would overflow to. */
  if (!bucket->is_used || elapsed >= full / rate + 1)
    bucket->millitokens = full;
  else
    bucket->millitokens += elapsed * rate;
  if (bucket->millitokens > full)
    bucket->millitokens = full;
  bucket->filled_at = now_ms;
  bucket->is_used = true;
  if (bucket->millitokens < MILLI)
    return false;
  bucket->millitokens -= MILLI;
  return true;
}

static bool
any_has (const GArray *ranges, const struct address *address)
{
  for (guint i = 0; ranges != NULL && i < ranges->len; i++)
    if (funnel_address_range_contains (&g_array_index (ranges, FunnelServeRange, i), address))
      return true;
  return false;
}

static bool
is_allowed (const FunnelServePolicy *policy, const struct address *source)
{
  if (any_has (policy->deny, source))
    return false;
  return policy->allow == NULL || policy->allow->len == 0 || any_has (policy->allow, source);
}

enum offer_reason
offer_policy_admits (const FunnelServePolicy *policy, const struct address *source, int64_t now_s)
{
  if (policy->expires > 0 && now_s >= policy->expires)
    return OFFER_REASON_EXPIRED;
  return is_allowed (policy, source) ? OFFER_REASON_NONE : OFFER_REASON_NOT_ALLOWED;
}

enum offer_reason
offer_policy_judge (const FunnelServePolicy *policy,
                    const struct address *source,
                    uint32_t flows,
                    struct token_bucket *bucket,
                    uint64_t now_ms,
                    int64_t now_s)
{
  enum offer_reason reason = offer_policy_admits (policy, source, now_s);

  if (reason != OFFER_REASON_NONE)
    return reason;
  if (policy->max_flows > 0 && flows >= policy->max_flows)
    return OFFER_REASON_BUSY;
  if (policy->rate > 0 && !token_bucket_take (bucket, policy->rate, policy->burst, now_ms))
    return OFFER_REASON_RATE;
  return OFFER_REASON_NONE;
}
