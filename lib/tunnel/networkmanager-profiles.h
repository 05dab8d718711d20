/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The three profiles of a tunnel, from its plan. All: for the user alone, never by themselves,
 * never a default route, IPv4 only. */

#include "lib/tunnel/networkmanager-plan.h"

#include <NetworkManager.h>

G_BEGIN_DECLS

/** funnel_nm_guard_profile: a local route to the ingress's tunnel address in the main table. While
 * WireGuard's device is outside its VRF, every packet from there has a source that only this
 * machine can have, and the kernel drops it, for itself and for others, whatever rp_filter says.
 * Inside the VRF its own table is asked, and nothing changes. */
NMConnection *funnel_nm_guard_profile (const FunnelNmPlan *plan, const FunnelTunnelConfig *config);
NMConnection *funnel_nm_vrf_profile (const FunnelNmPlan *plan);
/** funnel_nm_add_peer: to a WireGuard profile, the ingress of @config. @endpoint:
 * "192.0.2.1:51820", NULL for the one that the device has. FUNNEL_ERROR_INVALID_ARGUMENT. */
gboolean funnel_nm_add_peer (NMConnection *profile,
                             const FunnelTunnelConfig *config,
                             const char *endpoint,
                             GError **error);
/** funnel_nm_wireguard_profile: a port of the VRF, with an unreachable default route, so that what
 * matches nothing in the VRF's table does not go on to the main one.
 * @endpoint: "192.0.2.1:51820"; NULL: without the peer. Contains the private key. */
NMConnection *funnel_nm_wireguard_profile (const FunnelNmPlan *plan,
                                           const FunnelTunnelConfig *config,
                                           const char *endpoint,
                                           GError **error);

G_END_DECLS
