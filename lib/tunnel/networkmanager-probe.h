/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Whether NetworkManager will make a tunnel for this user without asking anybody. */

#include "lib/tunnel/networkmanager-plan.h"

#include <NetworkManager.h>

G_BEGIN_DECLS

/** funnel_nm_probe: look, and change nothing. @client: one from before, or NULL.
 * FUNNEL_ERROR_UNSUPPORTED says what is missing and what would help. */
void funnel_nm_probe_async (NMClient *client,
                            const FunnelTunnelConfig *config,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
/** funnel_nm_probe_finish: a client to work with. */
NMClient *funnel_nm_probe_finish (GAsyncResult *result, GError **error);

/** funnel_nm_judge_permissions: what polkit says (a{ss} of NetworkManager's GetPermissions).
 * FALSE unless it allows everything a tunnel needs without a question. */
gboolean funnel_nm_judge_permissions (GVariant *permissions, GError **error);
/** funnel_nm_judge_address: FALSE when this machine uses the ingress's address @peer for something
 * that a guard would take away. */
gboolean funnel_nm_judge_address (const char *peer, GError **error);
/** funnel_nm_judge_version: "1.42.4" and later do. */
gboolean funnel_nm_judge_version (const char *version, GError **error);

G_END_DECLS
