/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* How much went through a share lately: bytes in slots of two seconds, from counters that only say
 * how much it was in all. Needs no timer: time passes when somebody looks. */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_TRAFFIC_SLOTS 30
#define FUNNEL_TRAFFIC_SLOT_US (2 * G_USEC_PER_SEC)

typedef struct
{
  gint64 slot;   /* number of the newest slot */
  guint64 total; /* at the last look */
  gboolean known;
  guint64 bytes[FUNNEL_TRAFFIC_SLOTS]; /* by number of slot, modulo */
} FunnelTraffic;

/** funnel_traffic_take: @total bytes have gone through by @now (monotonic microseconds). The first
 * look only notes the total; a total that shrinks is a new beginning. */
void funnel_traffic_take (FunnelTraffic *self, guint64 total, gint64 now);
/** funnel_traffic_read: the slots, oldest first, as parts of the largest (0 to 1). FALSE: nothing
 * went through lately. */
gboolean funnel_traffic_read (FunnelTraffic *self, gint64 now, double parts[FUNNEL_TRAFFIC_SLOTS]);

G_END_DECLS
