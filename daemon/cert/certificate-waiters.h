/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Those who wait for a certificate that is valid for so long. */

#include "daemon/cert/certificate.h"

G_BEGIN_DECLS

typedef struct _FunnelCertificateWaiters FunnelCertificateWaiters;

/** funnel_certificate_waiters_new: @left is called when a cancelled one has left. */
FunnelCertificateWaiters *
funnel_certificate_waiters_new (void (*left) (gpointer user_data), gpointer user_data);
/** funnel_certificate_waiters_free: nobody may be waiting any more. */
void funnel_certificate_waiters_free (FunnelCertificateWaiters *self);

/** funnel_certificate_waiters_add: takes @task, which has no task data of its own. */
void
funnel_certificate_waiters_add (FunnelCertificateWaiters *self, GTask *task, gint64 min_validity);
guint funnel_certificate_waiters_get_count (FunnelCertificateWaiters *self);
/** funnel_certificate_waiters_want_more: whether somebody waits for more than @left seconds. */
gboolean funnel_certificate_waiters_want_more (FunnelCertificateWaiters *self, gint64 left);
/** funnel_certificate_waiters_serve: finish those to whom @certificate (NULL none) is enough.
 * @fresh: it is the best the authority has, so the others get an error. */
void funnel_certificate_waiters_serve (FunnelCertificateWaiters *self,
                                       FunnelCertificate *certificate,
                                       gint64 now,
                                       gboolean fresh);
/** funnel_certificate_waiters_fail: finish all with FUNNEL_ERROR @code. */
void
funnel_certificate_waiters_fail (FunnelCertificateWaiters *self, int code, const char *message);

G_END_DECLS
