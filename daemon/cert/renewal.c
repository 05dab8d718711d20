/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/renewal.h"

#include <glib/gi18n.h>

#define MINUTE 60
#define HOUR (60 * MINUTE)

/* First delay, factor and cap. An authority counts failed checks of a name (Let's Encrypt allows
 * five an hour), so those grow quickly: 1, 4, 16, 64 minutes. Nothing is counted by an authority
 * that could not be reached. */
static const struct
{
  gint64 first;
  gint64 factor;
  gint64 cap;
} delays[] = {
    [FUNNEL_BLAME_WAIT] = {5, 2, 5 * MINUTE},
    [FUNNEL_BLAME_AUTHORITY] = {10, 2, HOUR},
    [FUNNEL_BLAME_NAME] = {MINUTE, 4, 6 * HOUR},
    [FUNNEL_BLAME_HERE] = {MINUTE, 2, HOUR},
};
G_STATIC_ASSERT (G_N_ELEMENTS (delays) == FUNNEL_BLAME_HERE + 1);

gint64
funnel_renewal_at (gint64 begin, gint64 expiry, double dice)
{
  gint64 lifetime = MAX (expiry - begin, 0);

  return expiry - lifetime / 3 - (gint64)(dice * (double)(lifetime / 20));
}

gint64
funnel_renewal_in_window (gint64 window_begin,
                          gint64 window_end,
                          gint64 begin,
                          gint64 expiry,
                          double dice)
{
  gint64 chosen = window_begin + (gint64)(dice * (double)MAX (window_end - window_begin, 0));

  return MIN (chosen, expiry - MAX (expiry - begin, 0) / 10);
}

FunnelBlame
funnel_blame_of (const GError *error)
{
  if (error->domain != FUNNEL_ACME_ERROR)
    return FUNNEL_BLAME_HERE;
  switch ((FunnelAcmeError)error->code)
    {
    case FUNNEL_ACME_ERROR_UNREACHABLE:
    case FUNNEL_ACME_ERROR_UNTRUSTED:
    case FUNNEL_ACME_ERROR_TIMED_OUT:
    case FUNNEL_ACME_ERROR_RATE_LIMITED:
    case FUNNEL_ACME_ERROR_SERVER:
    case FUNNEL_ACME_ERROR_PROTOCOL:
    case FUNNEL_ACME_ERROR_ACCOUNT:
    case FUNNEL_ACME_ERROR_PROFILE:
    case FUNNEL_ACME_ERROR_NAME_REFUSED:
    case FUNNEL_ACME_ERROR_CERTIFICATE:
    case FUNNEL_ACME_ERROR_REFUSED:
      return FUNNEL_BLAME_AUTHORITY;
    case FUNNEL_ACME_ERROR_VALIDATION:
    case FUNNEL_ACME_ERROR_ORDER_INVALID:
      return FUNNEL_BLAME_NAME;
    case FUNNEL_ACME_ERROR_CHALLENGE:
      return FUNNEL_BLAME_WAIT;
    case FUNNEL_ACME_ERROR_CONFIGURATION:
    case FUNNEL_ACME_ERROR_CLOCK:
    default:
      return FUNNEL_BLAME_HERE;
    }
}

gint64
funnel_retry_delay (FunnelBlame blame, guint failures, gint64 left, double dice)
{
  gint64 delay = delays[blame].first, cap = delays[blame].cap;

  if (left > 0)
    cap = CLAMP (left / 8, MIN (cap, 10), cap);
  for (guint i = 1; i < failures && delay < cap; i++)
    delay *= delays[blame].factor;
  delay = MIN (delay, cap);
  /* A fifth less or more, so that nodes that failed together do not come back together. */
  return MAX ((gint64)((double)delay * (0.8 + 0.4 * dice)), 1);
}

const char *
funnel_next_step_of (const GError *error)
{
  if (error->domain != FUNNEL_ACME_ERROR)
    return NULL;
  switch ((FunnelAcmeError)error->code)
    {
    case FUNNEL_ACME_ERROR_UNREACHABLE:
    case FUNNEL_ACME_ERROR_TIMED_OUT:
      return N_ (
          "Check this machine's network; the certificate authority is asked again by itself.");
    case FUNNEL_ACME_ERROR_UNTRUSTED:
    case FUNNEL_ACME_ERROR_PROTOCOL:
      return N_ ("Check that no portal or proxy stands between this machine and the certificate "
                 "authority; for an authority of your own: funnel ca URL --ca-file FILE");
    case FUNNEL_ACME_ERROR_CLOCK:
      return N_ ("Set this machine's clock: timedatectl set-ntp true");
    case FUNNEL_ACME_ERROR_CONFIGURATION:
    case FUNNEL_ACME_ERROR_ACCOUNT:
    case FUNNEL_ACME_ERROR_PROFILE:
      return N_ ("Change how certificates are ordered: funnel ca --help");
    case FUNNEL_ACME_ERROR_RATE_LIMITED:
      return N_ ("Wait, or order from another certificate authority: funnel ca --help");
    case FUNNEL_ACME_ERROR_NAME_REFUSED:
      return N_ ("Use another name, or another certificate authority: funnel ca --help");
    case FUNNEL_ACME_ERROR_VALIDATION:
      return N_ (
          "Check that the name leads to the ingress, and that port 443 there is reachable from "
          "the internet.");
    case FUNNEL_ACME_ERROR_SERVER:
    case FUNNEL_ACME_ERROR_CHALLENGE:
    case FUNNEL_ACME_ERROR_ORDER_INVALID:
    case FUNNEL_ACME_ERROR_CERTIFICATE:
    case FUNNEL_ACME_ERROR_REFUSED:
    default:
      return NULL;
    }
}
