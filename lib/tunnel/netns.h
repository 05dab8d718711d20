/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "lib/tunnel/tunnel.h"

G_BEGIN_DECLS

/* Back end "netns": WireGuard in a network namespace of its own, owned by a private funnel-netns.
 */
#define FUNNEL_TYPE_NETNS_TUNNEL (funnel_netns_tunnel_get_type ())
G_DECLARE_FINAL_TYPE (FunnelNetnsTunnel, funnel_netns_tunnel, FUNNEL, NETNS_TUNNEL, FunnelTunnel)

G_END_DECLS
