/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Every string that more than one room must agree on, once. */

#define FUNNEL_BUS_NAME "org.openfunnel.Funnel.Daemon"
#define FUNNEL_OBJECT_ROOT "/org/openfunnel/Funnel"
#define FUNNEL_OBJECT_MANAGER FUNNEL_OBJECT_ROOT "/manager"
#define FUNNEL_OBJECT_SHARES FUNNEL_OBJECT_ROOT "/share"      /* + "/" id */
#define FUNNEL_OBJECT_INGRESSES FUNNEL_OBJECT_ROOT "/ingress" /* + "/" id */

#define FUNNEL_JOIN_PATH "/v1/join"
#define FUNNEL_KNOWN_PATH "/v1/known"
#define FUNNEL_LINK_PATH "/v1/link"
#define FUNNEL_LINK_SUBPROTOCOL "funnel-link-1"
#define FUNNEL_LINK_PORT 7780 /* on the ingress's tunnel address */

/* Environment: node */
#define FUNNEL_ENV_STATE_DIR "FUNNEL_STATE_DIR" /* instead of XDG_STATE_HOME/funnel */
#define FUNNEL_ENV_TUNNEL "FUNNEL_TUNNEL" /* force a back end: networkmanager, netns, direct */
#define FUNNEL_ENV_ENGINE "FUNNEL_WIREGUARD_ENGINE"     /* force an engine: kernel, wireguard-go */
#define FUNNEL_ENV_NETNS_PROGRAM "FUNNEL_NETNS_PROGRAM" /* instead of LIBEXECDIR/funnel-netns */
#define FUNNEL_ENV_LOCALE_DIR "FUNNEL_LOCALE_DIR"       /* instead of LOCALEDIR: translations */
/* Environment: ingress */
#define FUNNEL_ENV_INGRESS_STATE "FUNNEL_INGRESS_STATE" /* instead of /var/lib/funnel-ingress */
#define FUNNEL_ENV_INGRESS_RUN "FUNNEL_INGRESS_RUN"     /* instead of /run/funnel-ingress */
#define FUNNEL_ENV_RELAY_PROGRAM "FUNNEL_RELAY_PROGRAM"
