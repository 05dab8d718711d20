/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where the ingress's UDP port is: the addresses its name has, and the one in use. IPv4 addresses
 * come first; moving on when nothing was heard from one ends at an address that works, be it IPv6.
 * For one thread. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _FunnelEndpoint FunnelEndpoint;

/** funnel_endpoint_new: @host is a name or an IP literal. */
FunnelEndpoint *funnel_endpoint_new (const char *host, guint16 port);
FunnelEndpoint *funnel_endpoint_ref (FunnelEndpoint *self);
void funnel_endpoint_unref (FunnelEndpoint *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelEndpoint, funnel_endpoint_unref)

/** funnel_endpoint_resolve_async: look the name up (again). After a failure the addresses known
 * from before stay; FUNNEL_ERROR_UNREACHABLE. Takes no more than 5 s, 1.5 s where addresses are
 * known. */
void funnel_endpoint_resolve_async (FunnelEndpoint *self,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);
gboolean funnel_endpoint_resolve_finish (GAsyncResult *result, GError **error);

guint funnel_endpoint_get_count (FunnelEndpoint *self);
/** funnel_endpoint_next: the address in use did not answer: use the next one. */
void funnel_endpoint_next (FunnelEndpoint *self);
/** funnel_endpoint_dup_text: "192.0.2.1:51820", "[2001:db8::1]:51820"; NULL when none is known. */
char *funnel_endpoint_dup_text (FunnelEndpoint *self);
/** funnel_endpoint_get_address: the one in use, owned by @self, or NULL. */
GInetAddress *funnel_endpoint_get_address (FunnelEndpoint *self);
/** funnel_endpoint_is_v6: whether the address in use is of IPv6. */
gboolean funnel_endpoint_is_v6 (FunnelEndpoint *self);

/** funnel_endpoint_get_path_mtu: bytes an IP packet to the endpoint may have now, 0 not known. What
 * the kernel knows of the path: the interface's, the route's, and what routers have told. */
guint funnel_endpoint_get_path_mtu (FunnelEndpoint *self);
/** funnel_endpoint_inner_mtu: bytes a packet inside WireGuard may have for packets of @path_mtu
 * bytes outside, in IPv4 or IPv6; 0 when @path_mtu is 0. */
guint funnel_endpoint_inner_mtu (guint path_mtu, gboolean v6);
/** funnel_endpoint_probe_path: let the routers tell, by packets as large as the path seems to carry
 * (WireGuard ignores what they hold). Succeeds, within two seconds, whatever they say. */
void funnel_endpoint_probe_path_async (FunnelEndpoint *self,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer user_data);
gboolean funnel_endpoint_probe_path_finish (GAsyncResult *result, GError **error);

G_END_DECLS
