/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Writing a FunnelKeptStatus. Each setter returns whether something is different now. */

#include "daemon/cert/certificate-keeper.h"
#include "daemon/cert/certificate-store.h"

G_BEGIN_DECLS

gboolean funnel_kept_status_set_problem (FunnelKeptStatus *status,
                                         const char *problem,
                                         const char *next_step);
/** funnel_kept_status_set_order: @step is NULL when there is no order under way. */
gboolean
funnel_kept_status_set_order (FunnelKeptStatus *status, gboolean ordering, const char *step);
gboolean
funnel_kept_status_set_state (FunnelKeptStatus *status, FunnelKeptState state, gint64 retry_at);
/** funnel_kept_status_set_certificate: what is served; NULLs when there is nothing. */
gboolean funnel_kept_status_set_certificate (FunnelKeptStatus *status,
                                             FunnelCertificate *certificate,
                                             const FunnelOrderRecord *record,
                                             gint64 renew_at);
void funnel_kept_status_clear (FunnelKeptStatus *status);

/** funnel_kept_time: for messages, in local time. */
char *funnel_kept_time (gint64 seconds);

G_END_DECLS
