/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Asking an ingress over TCP, outside the tunnel, whether it knows this node (docs/protocol.md,
 * "Known"): the only way to tell a blocked UDP port from a forgotten key. */

#include "lib/base/known-message.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * funnel_ingress_question_async:
 * @key_hash: of the join API's key, hex; NULL not known: only whether TCP works can be learned
 * @public_key: the node's WireGuard key, base64
 */
void funnel_ingress_question_async (const char *host,
                                    guint16 port,
                                    const char *key_hash,
                                    const char *public_key,
                                    guint milliseconds,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);
/** funnel_ingress_question_finish: NULL and FUNNEL_ERROR_UNREACHABLE; UNTRUSTED (another key than
 * @key_hash); PROTOCOL when there was an answer, but none to this question. */
FunnelKnownAnswer *funnel_ingress_question_finish (GAsyncResult *result, GError **error);

G_END_DECLS
