/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One POST to an ingress's join API, which is trusted by the hash of its key alone. */

#include "lib/base/token.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct
{
  guint status; /* of HTTP */
  char *body;   /* NUL-terminated */
  gsize len;
} FunnelPinnedAnswer;

void funnel_pinned_answer_free (FunnelPinnedAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelPinnedAnswer, funnel_pinned_answer_free)

/**
 * funnel_pinned_call_async: send @body, JSON.
 * @host: name or IP literal
 * @path: absolute
 * @key_hash: SHA-256 of the SubjectPublicKeyInfo; copied
 * @milliseconds: deadline for everything
 */
void funnel_pinned_call_async (const char *host,
                               guint16 port,
                               const char *path,
                               const guint8 key_hash[FUNNEL_KEY_HASH_LEN],
                               GBytes *body,
                               guint milliseconds,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
/** funnel_pinned_call_finish: NULL and FUNNEL_ERROR_UNTRUSTED (another key), UNREACHABLE, or
 * INVALID_ARGUMENT (@host). */
FunnelPinnedAnswer *funnel_pinned_call_finish (GAsyncResult *result, GError **error);

G_END_DECLS
