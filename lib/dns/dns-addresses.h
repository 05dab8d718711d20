/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Addresses of a name, from a resolver of one's choice. */

#include <gio/gio.h>

G_BEGIN_DECLS

/** funnel_dns_addresses_async: A and AAAA of @name. @resolver: as funnel_dns_query_async has a
 * server; NULL: the system's. @seconds: for both. */
void funnel_dns_addresses_async (const char *name,
                                 const char *resolver,
                                 guint seconds,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
/** funnel_dns_addresses_finish: at least one; FUNNEL_ERROR_NOT_FOUND: there is none;
 * FUNNEL_ERROR_UNREACHABLE: no answer. */
GStrv funnel_dns_addresses_finish (GAsyncResult *result, GError **error);

G_END_DECLS
