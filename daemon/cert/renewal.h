/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* When to renew a certificate and when to try again after a failure: arithmetic, no clock and no
 * dice of its own. Times are Unix seconds, @dice is 0 ≤ dice < 1. */

#include "daemon/cert/acme-error.h"

G_BEGIN_DECLS

/** funnel_renewal_at: when a third of the lifetime is left, up to a twentieth of it earlier, so
 * that names ordered together do not stay together. Right for six days as for ninety. */
gint64 funnel_renewal_at (gint64 begin, gint64 expiry, double dice);
/** funnel_renewal_in_window: a moment of the window an authority asks for (RFC 9773), but never so
 * late that less than a tenth of the lifetime is left. */
gint64 funnel_renewal_in_window (gint64 window_begin,
                                 gint64 window_end,
                                 gint64 begin,
                                 gint64 expiry,
                                 double dice);

/* Whose doing a failure is, and what another attempt costs. */
typedef enum
{
  FUNNEL_BLAME_WAIT, /* nobody's: what is missing comes by itself or by the user, who is told */
  FUNNEL_BLAME_AUTHORITY, /* another authority may do better */
  FUNNEL_BLAME_NAME,      /* the name could not be checked: attempts are counted against us */
  FUNNEL_BLAME_HERE,      /* a setting or this machine: no authority can help */
} FunnelBlame;

/** funnel_blame_of: for errors of an order. */
FunnelBlame funnel_blame_of (const GError *error);

/** funnel_retry_delay: seconds to wait after failure number @failures (from 1) in a row.
 * @left: seconds the certificate in use is still valid, or 0 without one: the nearer its end, the
 * more often it is worth trying */
gint64 funnel_retry_delay (FunnelBlame blame, guint failures, gint64 left, double dice);

/** funnel_next_step_of: what the user can do about @error, or NULL. */
const char *funnel_next_step_of (const GError *error);

G_END_DECLS
