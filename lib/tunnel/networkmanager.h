/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "lib/tunnel/tunnel.h"

G_BEGIN_DECLS

/* Back end "networkmanager": the kernel's WireGuard in a VRF, made by NetworkManager for a user
 * without privileges, who sees it among the other networks and can switch it off there. */
#define FUNNEL_TYPE_NM_TUNNEL (funnel_nm_tunnel_get_type ())
G_DECLARE_FINAL_TYPE (FunnelNmTunnel, funnel_nm_tunnel, FUNNEL, NM_TUNNEL, FunnelTunnel)

G_END_DECLS
