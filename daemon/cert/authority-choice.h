/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Which of several authorities to order from next, and when, after what each of them said. No clock
 * and no dice of its own. */

#include "daemon/cert/authority.h"
#include "daemon/cert/renewal.h"

G_BEGIN_DECLS

typedef struct
{
  guint directory;                        /* index of the one to order from */
  guint failures;                         /* in a row, with it */
  gint64 blocked[FUNNEL_DIRECTORIES_MAX]; /* not to be asked before; Unix seconds */
} FunnelAuthorityChoice;

/** funnel_authority_choice_fail: an order from self->directory ended in @error.
 * @blame: whose doing it was
 * @n: authorities there are
 * @left: as for funnel_retry_delay
 * Returns when to order again, from self->directory, which may be another one now. */
gint64 funnel_authority_choice_fail (FunnelAuthorityChoice *self,
                                     const GError *error,
                                     FunnelBlame blame,
                                     guint n,
                                     gint64 now,
                                     gint64 left,
                                     double dice);
/** funnel_authority_choice_reset: back to the first, with nothing held against any. */
void funnel_authority_choice_reset (FunnelAuthorityChoice *self);

G_END_DECLS
