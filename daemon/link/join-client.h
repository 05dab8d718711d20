/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Joining: one POST to the ingress that a join token names (docs/protocol.md, "Join"). */

#include "lib/base/join-message.h"
#include "lib/base/token.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * funnel_join_async: hand in the token. The ingress is trusted by the key hash in the token alone.
 * @public_key: the node's WireGuard key, base64
 */
void funnel_join_async (const FunnelToken *token,
                        const char *public_key,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data);
/** funnel_join_finish: NULL and UNREACHABLE, UNTRUSTED, PROTOCOL, or what the ingress said
 * (TOKEN_USED, …). Free with funnel_join_answer_free. */
FunnelJoinAnswer *funnel_join_finish (GAsyncResult *result, GError **error);

G_END_DECLS
