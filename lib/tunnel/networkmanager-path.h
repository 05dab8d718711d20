/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The way through NetworkManager: guard, VRF and WireGuard of one tunnel, brought up and taken down
 * in the order that never lets a packet of the ingress out of the VRF. Operations queue: each ends
 * before the next begins, so a tunnel going down and one coming up never mix. */

#include "lib/tunnel/endpoint.h"
#include "lib/tunnel/networkmanager-plan.h"

#include <NetworkManager.h>

G_BEGIN_DECLS

#define FUNNEL_TYPE_NM_PATH (funnel_nm_path_get_type ())
G_DECLARE_FINAL_TYPE (FunnelNmPath, funnel_nm_path, FUNNEL, NM_PATH, GObject)

/** funnel_nm_path_new: @config is copied. */
FunnelNmPath *funnel_nm_path_new (NMClient *client, const FunnelTunnelConfig *config);

/* All finish with funnel_nm_path_finish. A cancelled one ends after the step it is in. */
/** funnel_nm_path_up: guard, leftovers of an earlier run away, VRF, WireGuard without its peer,
 * proof that it is in the VRF and the VRF's table ends in nothing, then the peer. */
void funnel_nm_path_up_async (FunnelNmPath *self,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
/** funnel_nm_path_down: the reverse; whatever is there of it. FUNNEL_ERROR_FAILED when something
 * could not be taken away; the guard then stays too. */
void funnel_nm_path_down_async (FunnelNmPath *self,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
/** funnel_nm_path_refresh: resolve the endpoint, @next: use its next address; a fresh handshake. */
void funnel_nm_path_refresh_async (FunnelNmPath *self,
                                   gboolean next,
                                   GCancellable *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);
/** funnel_nm_path_adapt: give the route to the ingress the path's MTU, if that is another. */
void funnel_nm_path_adapt_async (FunnelNmPath *self,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
/** funnel_nm_path_renew_guard: a guard bound to this process beside the old one, which goes then:
 * a restarted NetworkManager has forgotten whose it was. */
void funnel_nm_path_renew_guard_async (FunnelNmPath *self,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer user_data);
gboolean funnel_nm_path_finish (FunnelNmPath *self, GAsyncResult *result, GError **error);

const FunnelTunnelConfig *funnel_nm_path_get_config (FunnelNmPath *self);
const FunnelNmPlan *funnel_nm_path_get_plan (FunnelNmPath *self);
FunnelEndpoint *funnel_nm_path_get_endpoint (FunnelNmPath *self);
/** funnel_nm_path_was_switched_off: whether the user, and not this process, deactivated WireGuard
 * or the VRF. Known for certain only after a down. */
gboolean funnel_nm_path_was_switched_off (FunnelNmPath *self);

G_END_DECLS
