/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "lib/tunnel/tunnel.h"

G_BEGIN_DECLS

/* Back end "direct": no tunnel at all, plain loopback sockets of 127.64.0.0/10. For tests and
 * demonstrations on one machine; nothing is isolated, and status must say so. */
#define FUNNEL_TYPE_DIRECT_TUNNEL (funnel_direct_tunnel_get_type ())
G_DECLARE_FINAL_TYPE (FunnelDirectTunnel, funnel_direct_tunnel, FUNNEL, DIRECT_TUNNEL, FunnelTunnel)

G_END_DECLS
