/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The small calls of a client: account, renewal information (RFC 9773), revocation (RFC 8555
 * section 7.6). See acme-client.h. @party must stay. */

#include "daemon/cert/acme-client.h"
#include "daemon/cert/acme-talk.h"

G_BEGIN_DECLS

void funnel_acme_account_async (const FunnelAcmeParty *party,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
char *funnel_acme_account_finish (GAsyncResult *result, GError **error);

void funnel_acme_renewal_async (const FunnelAcmeParty *party,
                                const char *certificate_id,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean
funnel_acme_renewal_finish (GAsyncResult *result, FunnelAcmeRenewal *renewal, GError **error);

void funnel_acme_revoke_async (const FunnelAcmeParty *party,
                               const char *chain,
                               FunnelAcmeReason reason,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
gboolean funnel_acme_revoke_finish (GAsyncResult *result, GError **error);

G_END_DECLS
