/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/backoff.h"

void
funnel_backoff_init (FunnelBackoff *backoff, guint first_ms, guint max_ms)
{
  backoff->first_ms = MAX (first_ms, 1);
  backoff->max_ms = MAX (max_ms, backoff->first_ms);
  backoff->attempt = 0;
}

guint
funnel_backoff_next (FunnelBackoff *backoff)
{
  guint64 ceiling = (guint64)backoff->first_ms << MIN (backoff->attempt, 31);

  if (ceiling >= backoff->max_ms)
    ceiling = backoff->max_ms;
  else
    backoff->attempt++;
  /* Full jitter, so that nodes cut off together do not come back together; never 0, so that a
   * failing loop cannot spin. */
  return (guint)(1 + g_random_double () * (double)(ceiling - 1));
}

void
funnel_backoff_reset (FunnelBackoff *backoff)
{
  backoff->attempt = 0;
}
