/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where a name leads, as a resolver says and as one of the zone's own servers says: the second
 * knows what is published now, the first what most of the world still believes. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct
{
  char *name;
  GStrv system;         /* addresses, A before AAAA; empty: none */
  char *system_problem; /* why there was no answer; NULL: there was one */
  char *server;         /* of the zone, that was asked ("ns1.example.org"); NULL none could be */
  GStrv own;            /* addresses it has */
  char *own_problem;    /* why it gave no answer; NULL: it did */
} FunnelDnsView;

void funnel_dns_view_free (FunnelDnsView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelDnsView, funnel_dns_view_free)

/** funnel_dns_view_async: look. @resolver: an address as of a server of funnel_dns_query_async;
 * NULL: the system's. @seconds: for all questions together; what is not known by then is a problem
 * in the result, not an error. */
void funnel_dns_view_async (const char *name,
                            const char *resolver,
                            guint seconds,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
/** funnel_dns_view_finish: NULL only when cancelled. */
FunnelDnsView *funnel_dns_view_finish (GAsyncResult *result, GError **error);

/** funnel_dns_view_has: whether @list (may be NULL) has the address @text, however written. */
gboolean funnel_dns_view_has (const char *const *list, const char *text);

/** funnel_dns_view_list: "192.0.2.1, 2001:db8::1", "no address". Caller frees, as of those below.
 */
char *funnel_dns_view_list (GStrv addresses);
/** funnel_dns_view_record: "www.example.org. 300 IN A 192.0.2.1", for zone files. */
char *funnel_dns_view_record (const char *name, const char *address);
/** funnel_dns_view_agrees: whether the zone's server has just the addresses the resolver has. */
gboolean funnel_dns_view_agrees (const FunnelDnsView *view);
/** funnel_dns_view_describe_own: how the answer of the zone's server stands to that of the system,
 * to be put behind the latter: "; ns1.example.org, a server of the zone, says so too"; "" when none
 * was asked. */
char *funnel_dns_view_describe_own (const FunnelDnsView *view);

G_END_DECLS
