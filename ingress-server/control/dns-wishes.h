/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Which names are to have DNS records: those a node has armed and is granted, while it is linked
 * and for DNS_LINGER_SECONDS after. */

#include "ingress-server/control/ingress-routes.h"
#include "ingress-server/dns/dns-publisher.h"

G_BEGIN_DECLS

#define DNS_LINGER_SECONDS 600 /* a node that comes back sooner finds its names */

typedef struct _DnsWishes DnsWishes;

/** dns_wishes_new: follow @routes and tell @publisher; both must outlive it. */
DnsWishes *dns_wishes_new (IngressRoutes *routes, DnsPublisher *publisher);
void dns_wishes_free (DnsWishes *self);

/** dns_wishes_update: something about the routes is different. */
void dns_wishes_update (DnsWishes *self);

G_END_DECLS
