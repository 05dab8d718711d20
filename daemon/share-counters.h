/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the data plane counts and remembers of a share, as D-Bus has it. All values are floating. */

#include "daemon/serve/serve.h"

G_BEGIN_DECLS

/** funnel_share_counters_describe_refusals: the property Refusals, by reason; only what happened.
 */
GVariant *funnel_share_counters_describe_refusals (const FunnelServeCounters *counters);

/** funnel_share_counters_describe_requests: the property Requests, by class of status; what was cut
 * short has none. */
GVariant *funnel_share_counters_describe_requests (const FunnelServeCounters *counters);

/** funnel_share_counters_list_requests: the answer of ListRequests: those of share @id numbered
 * over
 * @after, oldest first, as many as are told at once. */
GVariant *funnel_share_counters_list_requests (FunnelServe *serve, guint32 id, guint64 after);

G_END_DECLS
