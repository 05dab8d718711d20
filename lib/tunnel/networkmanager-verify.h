/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Proof of the isolation, from what the kernel says. Each check fails with
 * FUNNEL_ERROR_NOT_ISOLATED and says what is wrong. */

#include "lib/tunnel/networkmanager-plan.h"

G_BEGIN_DECLS

/** funnel_nm_verify_guard: packets from @peer outside the VRF are impossible ones. */
gboolean funnel_nm_verify_guard (const char *peer, GError **error);
/** funnel_nm_verify_settings: sockets outside a VRF do not hear what comes in inside. These are
 * settings of the machine: FUNNEL_ERROR_UNSUPPORTED rather. */
gboolean funnel_nm_verify_settings (GError **error);
/**
 * funnel_nm_verify: everything: settings, guard, WireGuard in the VRF, nothing but the peer in its
 * table and an unreachable default at its end, no IPv6, no foreign listener on the devices.
 * @ports: guint16, of our own listeners; NULL none
 */
gboolean
funnel_nm_verify (const FunnelNmPlan *plan, const char *peer, const GArray *ports, GError **error);

G_END_DECLS
