/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One question to the kernel over netlink, and its answers. Synchronous: the kernel answers from
 * memory, and no privilege is needed for what is asked here. Safe from any thread. */

#include <glib.h>
#include <linux/netlink.h>

G_BEGIN_DECLS

/* Called for each message of the answer; @message is valid only meanwhile. */
typedef void (*FunnelNetlinkFunc) (const struct nlmsghdr *message, gpointer user_data);

/**
 * funnel_netlink_ask: send @request and hand every answer to @func.
 * @protocol: NETLINK_ROUTE or NETLINK_SOCK_DIAG
 * @request: a whole message; its length is in the header. Flags are set here.
 * @dump: whether a list is asked for
 *
 * Returns 0 or a negative errno: the kernel's own, or -ETIMEDOUT.
 */
int funnel_netlink_ask (int protocol,
                        struct nlmsghdr *request,
                        gboolean dump,
                        FunnelNetlinkFunc func,
                        gpointer user_data);

/** funnel_netlink_attribute: the attribute @type of a message whose fixed part has @fixed bytes and
 * whose attributes are at least @size bytes, or NULL. */
const void *
funnel_netlink_attribute (const struct nlmsghdr *message, gsize fixed, guint16 type, gsize size);

G_END_DECLS
