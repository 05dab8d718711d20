/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Keeps the addresses of names in a zone as they are wanted: a record appears when its name is
 * wanted and vanishes when it is not.
 *
 * What may be in the zone is written down before it is asked for and crossed out after it is gone,
 * so after any crash the difference between wanted and published is known, and nothing else in the
 * zone is ever touched. After a start nodes have some seconds to come back before what an earlier
 * process published is removed. Updates go out one at a time, each a transaction of the server with
 * at most DNS_CHANGES_MAX names; a failed one is tried again with growing pauses. One thread. */

#include "ingress-server/store/ingress-config.h"
#include "ingress-server/store/ingress-store.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define DNS_CHANGES_MAX 100
#define DNS_SETTLE_SECONDS                                                                         \
  20 /* after the start, before what an earlier process left is removed                            \
      */

typedef struct _DnsPublisher DnsPublisher;

/** dns_publisher_new: for the server of @config, which must have one. @changed is called when a
 * name was published or could not be. NULL and an error when the key cannot be used or the store
 * cannot be read. */
DnsPublisher *dns_publisher_new (const IngressConfig *config,
                                 IngressStore *store,
                                 void (*changed) (gpointer user_data),
                                 gpointer user_data,
                                 GError **error);
void dns_publisher_free (DnsPublisher *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DnsPublisher, dns_publisher_free)

/** dns_publisher_set_wanted: the complete list of names (const char*); those outside the zone are
 * their owners' business. */
void dns_publisher_set_wanted (DnsPublisher *self, GPtrArray *names);

/** dns_publisher_why_not: why @name has no record yet, one sentence; NULL when it has, or when it
 * is not in the zone. */
char *dns_publisher_why_not (DnsPublisher *self, const char *name);

/** dns_publisher_get_error: what the server said to the last update; NULL when it was done. */
const char *dns_publisher_get_error (DnsPublisher *self);
/** dns_publisher_count: names with a record. */
guint dns_publisher_count (DnsPublisher *self);

G_END_DECLS
