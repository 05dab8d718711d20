/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The CAA records that count for a name: those of the name itself, or of the nearest name above it
 * that has any (RFC 8659, section 3). */

#include <gio/gio.h>

G_BEGIN_DECLS

/** funnel_caa_lookup_async: @server: as funnel_dns_query_async has it. */
void funnel_caa_lookup_async (const char *name,
                              const char *server,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
/** funnel_caa_lookup_finish: empty when there are none up to the root. @where: (out): the name they
 * stand at, NULL none; g_free. An error: it could not be found out. */
GStrv funnel_caa_lookup_finish (GAsyncResult *result, char **where, GError **error);

G_END_DECLS
