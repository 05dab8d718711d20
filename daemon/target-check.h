/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Does a target answer, and, where it speaks TLS itself, with which certificate? */

#include "daemon/model/target.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * funnel_target_check_async: connect, and hang up again.
 * @target: its addresses are copied
 * @server_name: shake hands in TLS for this name; NULL: do not
 */
void funnel_target_check_async (const FunnelTarget *target,
                                const char *server_name,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
/** funnel_target_check_finish: FALSE and one line why. @leaf: lower-case hex SHA-256 of the
 * certificate the target showed, NULL without TLS; caller frees. */
gboolean funnel_target_check_finish (GAsyncResult *result, char **leaf, GError **error);

G_END_DECLS
