/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the three NetworkManager profiles of one tunnel are to be called and numbered. Identities
 * follow from the user and the ingress, so that a later run finds what an earlier one left behind;
 * names and numbers are whatever is free. */

#include "lib/tunnel/tunnel.h"

#include <net/if.h>

G_BEGIN_DECLS

#define FUNNEL_NM_GUARD_PREFIX "funnel-guard" /* of every guard's interface name */

typedef enum
{
  FUNNEL_NM_GUARD,       /* dummy device: packets of the ingress outside the VRF are impossible */
  FUNNEL_NM_GUARD_OTHER, /* its other identity, for a fresh guard beside an old one */
  FUNNEL_NM_VRF,         /* a routing table of its own */
  FUNNEL_NM_WIREGUARD,   /* a port of the VRF */
  FUNNEL_NM_PLACEHOLDER, /* makes a device for the guard to be activated on */
  FUNNEL_NM_N_ROLES
} FunnelNmRole;

typedef struct
{
  char *uuid[FUNNEL_NM_N_ROLES];
  char *title;        /* what the user sees in network menus */
  char *user;         /* who may see and use the profiles; NULL = everybody (root) */
  FunnelNmRole guard; /* which identity the present guard has */
  char guard_interface[IFNAMSIZ];
  char vrf_interface[IFNAMSIZ];
  char wireguard_interface[IFNAMSIZ];
  char guard_address[16]; /* link-local, on the guard's device */
  guint32 guard_metric;
  guint32 table;       /* of the VRF */
  guint16 listen_port; /* UDP; stays over changes of the peer */
  guint device_mtu;    /* of the WireGuard device, for as long as it is there */
  guint mtu;           /* of the route to the ingress, which follows the path; 0 = not known */
  guint32 peer_metric; /* of that route; less with each change */
} FunnelNmPlan;

/** funnel_nm_plan_new: identities and title; everything else is to be chosen. */
FunnelNmPlan *funnel_nm_plan_new (const FunnelTunnelConfig *config);
void funnel_nm_plan_free (FunnelNmPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelNmPlan, funnel_nm_plan_free)

/* Whether something of that name or number exists. */
typedef gboolean (*FunnelNmIsTakenFunc) (const char *name, gpointer user_data);
typedef gboolean (*FunnelNmTableIsTakenFunc) (guint32 table);

/** funnel_nm_plan_choose_guard: a name and address for a fresh guard.
 * FUNNEL_ERROR_UNSUPPORTED when none is free. */
gboolean funnel_nm_plan_choose_guard (FunnelNmPlan *plan,
                                      FunnelNmRole role,
                                      FunnelNmIsTakenFunc name_is_taken,
                                      FunnelNmIsTakenFunc address_is_taken,
                                      gpointer user_data,
                                      GError **error);
/** funnel_nm_plan_choose_path: names of VRF and WireGuard, table and UDP port. */
gboolean funnel_nm_plan_choose_path (FunnelNmPlan *plan,
                                     FunnelNmIsTakenFunc name_is_taken,
                                     FunnelNmTableIsTakenFunc table_is_taken,
                                     gpointer user_data,
                                     GError **error);
/** funnel_nm_plan_set_device_mtu: of a device that is to be made. NetworkManager cannot change it
 * later, so it is no less than any usual path's; what is sent goes by the route's. */
void funnel_nm_plan_set_device_mtu (FunnelNmPlan *plan, guint path_mtu, gboolean v6);
/** funnel_nm_plan_set_path_mtu: the route's, from the path's MTU (0 not known, then it stays), and
 * no more than the device's; @v6: the outer packets'. NetworkManager adds the new route and leaves
 * the old one where it is, because it does not look after a VRF's table when it reapplies a
 * profile; so each goes before the last. After a thousand changes it stays as it is. */
void funnel_nm_plan_set_path_mtu (FunnelNmPlan *plan, guint path_mtu, gboolean v6);
/** funnel_nm_plan_has_path_mtu: whether that would change nothing. */
gboolean funnel_nm_plan_has_path_mtu (const FunnelNmPlan *plan, guint path_mtu, gboolean v6);

/** funnel_nm_find_udp_port: a UDP port nobody uses now; 0 when there is none. */
guint16 funnel_nm_find_udp_port (void);

G_END_DECLS
