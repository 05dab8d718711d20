/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Question after question on a thread that may wait, with one deadline for all of them. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct
{
  const char *resolver;      /* as funnel_dns_query_async has a server; NULL: the system's */
  gint64 deadline;           /* monotonic, microseconds */
  GCancellable *cancellable; /* may be NULL; looked at between questions */
} FunnelDnsAsker;

/** funnel_dns_ask: @server: one that is to answer from what it has itself; NULL: the resolver.
 * Errors are those of funnel_dns_query_finish. */
GStrv funnel_dns_ask (const FunnelDnsAsker *asker,
                      const char *name,
                      const char *type,
                      const char *server,
                      GError **error);

/** funnel_dns_ask_addresses: A, then AAAA; never NULL. @problem: set when there was no answer to
 * one of them and no address either. */
GStrv funnel_dns_ask_addresses (const FunnelDnsAsker *asker,
                                const char *name,
                                const char *server,
                                char **problem);

/** funnel_dns_ask_servers: names of the servers of the zone @name is in, but for those of a top
 * level domain; NULL when they cannot be found. */
GStrv funnel_dns_ask_servers (const FunnelDnsAsker *asker, const char *name);

G_END_DECLS
