/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The ingress's end of one link (docs/protocol.md, "Link").
 *
 *   OPEN   wants hello; anything else is an error
 *   READY  welcome and grants were sent; shares and pong are taken
 *   CLOSED nothing is sent or told any more
 *
 * Silence beyond the ping interval and NODE_LINK_GRACE closes it, in any state. */

#include "lib/base/link-message.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

#define NODE_LINK_GRACE 3 /* seconds */

#define INGRESS_TYPE_NODE_LINK (ingress_node_link_get_type ())
G_DECLARE_FINAL_TYPE (IngressNodeLink, ingress_node_link, INGRESS, NODE_LINK, GObject)

/* Signals: "hello" (): version, software and offer port are known; answer with welcome and grants.
 *          "shares" (GPtrArray *): FunnelLinkShare*, the complete list
 *          "claims" (GStrv): names outside the zone that it asks for, the complete list
 *          "closed" (const char *reason): once */

/** ingress_node_link_new: @connection has just been opened by node @id, called @name. */
IngressNodeLink *ingress_node_link_new (SoupWebsocketConnection *connection,
                                        gint64 id,
                                        const char *name,
                                        guint ping_interval);

gint64 ingress_node_link_get_id (IngressNodeLink *self);
guint16 ingress_node_link_get_offer_port (IngressNodeLink *self); /* 0 before hello */
const char *ingress_node_link_get_software (IngressNodeLink *self);
guint ingress_node_link_get_ping_interval (IngressNodeLink *self);
gint64 ingress_node_link_get_since (IngressNodeLink *self); /* Unix seconds */
gboolean ingress_node_link_is_ready (IngressNodeLink *self);

/** ingress_node_link_tick: to be called every second: sends a ping, or closes for silence, when it
 * is time. Thousands of timers would all be looked at whenever anything happens.
 * @now: monotonic, microseconds */
void ingress_node_link_tick (IngressNodeLink *self, gint64 now);

/** ingress_node_link_send: nothing happens when closed. */
void ingress_node_link_send (IngressNodeLink *self, const FunnelLinkMessage *message);
/** ingress_node_link_close: say why, and end; "closed" is emitted before this returns. */
void ingress_node_link_close (IngressNodeLink *self, const char *reason);

G_END_DECLS
