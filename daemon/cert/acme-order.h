/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One order from beginning to end (RFC 8555 section 7.4): newOrder, then what its status asks for:
 *
 *   pending     for each authorization: publish the challenge, tell the CA, poll until it is valid
 *   ready       finalize, once
 *   processing  poll
 *   valid       download, check, done
 *   invalid     failed, with the CA's reason
 *
 * Once the CA may have issued, a passing failure (no connection, no answer, the CA's own trouble)
 * is tried again a few times: to order anew would count against the limits of the CA.
 *
 * Polls come quickly at first, then at most every POLL_LAST_MS, or when Retry-After says. The
 * challenge is withdrawn as soon as its authorization is decided, and on every failure. */

#include "daemon/cert/acme-client.h"
#include "daemon/cert/acme-talk.h"

G_BEGIN_DECLS

/** funnel_acme_order_async: see funnel_acme_client_order_async. @party must stay. */
void funnel_acme_order_async (const FunnelAcmeParty *party,
                              const char *name,
                              const char *replaces,
                              const FunnelAcmeChallenges *challenges,
                              FunnelAcmeProgress progress,
                              gpointer user_data,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer callback_data);
FunnelAcmeIssued *funnel_acme_order_finish (GAsyncResult *result, GError **error);

G_END_DECLS
