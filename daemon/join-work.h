/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Joining an ingress as a whole: token, key on disk, request, answer checked and stored. */

#include "daemon/store/joined-store.h"

G_BEGIN_DECLS

/** funnel_join_work_async: @store must stay. */
void funnel_join_work_async (FunnelJoinedStore *store,
                             const char *token,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
/** funnel_join_work_finish: TRUE when the store has the new ingress. */
gboolean funnel_join_work_finish (GAsyncResult *result, GError **error);

G_END_DECLS
