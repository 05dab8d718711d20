/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/authority-choice.h"

#define FAILURES_MAX 3  /* in a row, before the next authority is tried */
#define PATIENCE_S 3600 /* one that wants us to wait longer is passed over at once */

/* The one that may be asked first; of several, the next in the list. */
static void
choose_next (FunnelAuthorityChoice *self, guint n)
{
  guint best = (self->directory + 1) % n;

  for (guint i = 2; i <= n; i++)
    {
      guint other = (self->directory + i) % n;

      if (self->blocked[other] < self->blocked[best])
        best = other;
    }
  if (best != self->directory)
    self->failures = 0;
  self->directory = best;
}

static gboolean
is_final (const GError *error, gint64 now)
{
  return g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_NAME_REFUSED)
         || g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_ACCOUNT)
         || g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROFILE)
         || funnel_acme_error_get_retry_at (error) > now + PATIENCE_S;
}

gint64
funnel_authority_choice_fail (FunnelAuthorityChoice *self,
                              const GError *error,
                              FunnelBlame blame,
                              guint n,
                              gint64 now,
                              gint64 left,
                              double dice)
{
  gint64 own;

  self->directory %= n;
  self->failures++;
  own = now + funnel_retry_delay (blame, self->failures, left, dice);
  self->blocked[self->directory] = MAX (own, funnel_acme_error_get_retry_at (error));
  if (blame == FUNNEL_BLAME_AUTHORITY && (self->failures >= FAILURES_MAX || is_final (error, now)))
    choose_next (self, n);
  return MAX (self->blocked[self->directory], now + 1);
}

void
funnel_authority_choice_reset (FunnelAuthorityChoice *self)
{
  *self = (FunnelAuthorityChoice) {0};
}
