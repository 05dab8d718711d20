/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* DNS questions that getaddrinfo cannot ask: any type of record, and a server of one's choice.
 * Each runs on a thread of its own with a deadline; cancelling returns at once and lets the thread
 * end by itself. What a server answers is hostile text: bounded, printable ASCII only, and only
 * taken when it carries the number and the words of the question. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_DNS_RECORDS_MAX 64 /* of an answer; more are left out */
#define FUNNEL_DNS_TEXT_MAX 1024  /* bytes of one record as text; longer ones are left out */

/**
 * funnel_dns_query_async: ask for the records of @name and @type.
 * @type: "A", "AAAA", "CNAME", "TXT", "CAA", "NS", "SOA", …
 * @server: IP literal, with or without port ("192.0.2.1", "[2001:db8::1]:5353"); NULL: the
 *          system's resolvers
 * @seconds: deadline for all attempts together
 */
void funnel_dns_query_async (const char *name,
                             const char *type,
                             const char *server,
                             guint seconds,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);

/**
 * funnel_dns_query_finish: the data of the records of that very type, as in zone files but for TXT,
 * whose strings are joined and unquoted; names end with a dot. Records a CNAME leads to are among
 * them. FUNNEL_ERROR_NOT_FOUND: there is no such name, or no such record (an answer that was
 * given); FUNNEL_ERROR_UNREACHABLE: no answer; FUNNEL_ERROR_FAILED: the server refused or failed,
 * with its words; FUNNEL_ERROR_INVALID_ARGUMENT: @name, @type or @server.
 */
GStrv funnel_dns_query_finish (GAsyncResult *result, GError **error);

/** funnel_dns_query: the same, for threads that may wait. @recurse: ask @server to look further, as
 * one asks a resolver; of the system's that is always asked. */
GStrv funnel_dns_query (const char *name,
                        const char *type,
                        const char *server,
                        gboolean recurse,
                        guint seconds,
                        GError **error);

G_END_DECLS
