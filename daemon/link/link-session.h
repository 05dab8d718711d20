/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One control connection to the ingress, from connecting to its end (docs/protocol.md, "Link"). */

#include "lib/base/link-message.h"
#include "lib/tunnel/tunnel.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_LINK_SESSION (funnel_link_session_get_type ())
G_DECLARE_FINAL_TYPE (FunnelLinkSession, funnel_link_session, FUNNEL, LINK_SESSION, GObject)

/* Signals, after open has succeeded:
 * "message" (FunnelLinkMessage *): welcome, grants, probe, routed, claimed or ping; pings
 * are answered here.
 * "quiet" (): a ping is overdue; there is still time to do something about it.
 * "closed" (const char *reason): it is over; nothing follows. */

FunnelLinkSession *funnel_link_session_new (void);

/**
 * funnel_link_session_open_async: connect, shake hands, say hello. Fails within some seconds.
 * @host: the ingress's tunnel address
 * @port: its link port
 * @offer_port: what to announce
 */
void funnel_link_session_open_async (FunnelLinkSession *self,
                                     FunnelTunnel *tunnel,
                                     const char *host,
                                     guint16 port,
                                     guint16 offer_port,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);
gboolean
funnel_link_session_open_finish (FunnelLinkSession *self, GAsyncResult *result, GError **error);

void funnel_link_session_send (FunnelLinkSession *self, const FunnelLinkMessage *message);
/** funnel_link_session_get_round_trip: microseconds to the ingress and back, smoothed, as TCP
 * measures it; 0 not known. */
guint funnel_link_session_get_round_trip (FunnelLinkSession *self);
/** funnel_link_session_close: end it; emits nothing. */
void funnel_link_session_close (FunnelLinkSession *self);

G_END_DECLS
