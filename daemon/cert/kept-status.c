/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/kept-status.h"

static const char *const state_texts[] = {
    [FUNNEL_KEPT_NONE] = "none",
    [FUNNEL_KEPT_PENDING] = "pending",
    [FUNNEL_KEPT_FAILED] = "failed",
    [FUNNEL_KEPT_READY] = "ready",
};
G_STATIC_ASSERT (G_N_ELEMENTS (state_texts) == FUNNEL_KEPT_READY + 1);

const char *
funnel_kept_state_text (FunnelKeptState state)
{
  g_return_val_if_fail ((guint)state < G_N_ELEMENTS (state_texts), "none");
  return state_texts[state];
}

static gboolean
set_text (char **member, const char *text)
{
  if (g_strcmp0 (*member, text) == 0)
    return FALSE;
  g_free (*member);
  *member = g_strdup (text);
  return TRUE;
}

static gboolean
set_number (gint64 *member, gint64 value)
{
  gboolean different = *member != value;

  *member = value;
  return different;
}

gboolean
funnel_kept_status_set_problem (FunnelKeptStatus *status,
                                const char *problem,
                                const char *next_step)
{
  gboolean different = set_text (&status->problem, problem);

  return set_text (&status->next_step, next_step) || different;
}

gboolean
funnel_kept_status_set_order (FunnelKeptStatus *status, gboolean ordering, const char *step)
{
  gboolean different = status->ordering != ordering;

  status->ordering = ordering;
  return set_text (&status->step, step) || different;
}

gboolean
funnel_kept_status_set_state (FunnelKeptStatus *status, FunnelKeptState state, gint64 retry_at)
{
  gboolean different = status->state != state;

  status->state = state;
  return set_number (&status->retry_at, retry_at) || different;
}

gboolean
funnel_kept_status_set_certificate (FunnelKeptStatus *status,
                                    FunnelCertificate *certificate,
                                    const FunnelOrderRecord *record,
                                    gint64 renew_at)
{
  FunnelKeptStatus fresh = {0};
  gboolean different = FALSE;

  if (certificate != NULL)
    {
      fresh.issuer = (char *)funnel_certificate_get_issuer (certificate);
      fresh.serial = (char *)funnel_certificate_get_serial (certificate);
      fresh.sha256 = (char *)funnel_certificate_get_leaf (certificate);
      fresh.not_before = funnel_certificate_get_begin (certificate);
      fresh.not_after = funnel_certificate_get_expiry (certificate);
      fresh.ca = record->ca;
      fresh.account = record->account_url;
      fresh.renew_at = renew_at;
    }
  different |= set_text (&status->issuer, fresh.issuer);
  different |= set_text (&status->serial, fresh.serial);
  different |= set_text (&status->sha256, fresh.sha256);
  different |= set_text (&status->ca, fresh.ca);
  different |= set_text (&status->account, fresh.account);
  different |= set_number (&status->not_before, fresh.not_before);
  different |= set_number (&status->not_after, fresh.not_after);
  different |= set_number (&status->renew_at, fresh.renew_at);
  return different;
}

void
funnel_kept_status_clear (FunnelKeptStatus *status)
{
  funnel_kept_status_set_problem (status, NULL, NULL);
  funnel_kept_status_set_order (status, FALSE, NULL);
  funnel_kept_status_set_certificate (status, NULL, NULL, 0);
}

char *
funnel_kept_time (gint64 seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (seconds);

  return time != NULL ? g_date_time_format (time, "%Y-%m-%d %H:%M %Z") : g_strdup ("?");
}
