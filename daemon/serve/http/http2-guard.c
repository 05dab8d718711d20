/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/http2-guard.h"

void
http2_allowance_init (struct http2_allowance *allowance,
                      const struct http2_allowance_rule *rule,
                      uint64_t now)
{
  *allowance = (struct http2_allowance) {.tokens = rule->burst, .at = now};
}

void
http2_allowance_give (struct http2_allowance *allowance,
                      const struct http2_allowance_rule *rule,
                      uint32_t tokens)
{
  uint32_t room = rule->burst - allowance->tokens;

  allowance->tokens += tokens < room ? tokens : room;
}

/* Whole tokens only; what is left of the time counts towards the next one. */
static void
refill (struct http2_allowance *allowance, const struct http2_allowance_rule *rule, uint64_t now)
{
  uint64_t tokens = (now - allowance->at) * rule->per_second / 1000;

  if (tokens >= rule->burst - allowance->tokens)
    {
      allowance->tokens = rule->burst;
      allowance->at = now;
      return;
    }
  allowance->tokens += (uint32_t)tokens;
  allowance->at += tokens * 1000 / rule->per_second;
}

bool
http2_allowance_take (struct http2_allowance *allowance,
                      const struct http2_allowance_rule *rule,
                      uint64_t now)
{
  if (now > allowance->at)
    refill (allowance, rule, now);
  if (allowance->tokens == 0)
    return false;
  allowance->tokens--;
  return true;
}
