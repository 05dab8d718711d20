/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* How large the packets to an endpoint may be, followed for as long as a tunnel is up: what the
 * kernel knows is looked at every few seconds; after another network, where it may know nothing of
 * a narrow place further on, the path is probed. For one thread. */

#include "lib/tunnel/endpoint.h"

G_BEGIN_DECLS

typedef struct _FunnelPathWatch FunnelPathWatch;

/** FunnelPathWatchFunc: funnel_endpoint_get_path_mtu tells another size than when last called. */
typedef void (*FunnelPathWatchFunc) (gpointer user_data);

/** funnel_path_watch_new: @changed is called for the first time when the path has been probed. */
FunnelPathWatch *
funnel_path_watch_new (FunnelEndpoint *endpoint, FunnelPathWatchFunc changed, gpointer user_data);
/** funnel_path_watch_free: @changed is not called again. NULL is fine. */
void funnel_path_watch_free (FunnelPathWatch *self);

/** funnel_path_watch_start_over: the endpoint may be another, or what was told could not be used:
 * probe, and tell whatever is found. */
void funnel_path_watch_start_over (FunnelPathWatch *self);

G_END_DECLS
