/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/traffic.h"

static void
advance (FunnelTraffic *self, gint64 now)
{
  gint64 slot = now / FUNNEL_TRAFFIC_SLOT_US;

  if (slot - self->slot >= FUNNEL_TRAFFIC_SLOTS)
    self->slot = slot - FUNNEL_TRAFFIC_SLOTS;
  while (self->slot < slot)
    self->bytes[++self->slot % FUNNEL_TRAFFIC_SLOTS] = 0;
}

void
funnel_traffic_take (FunnelTraffic *self, guint64 total, gint64 now)
{
  advance (self, now);
  if (self->known && total > self->total)
    self->bytes[self->slot % FUNNEL_TRAFFIC_SLOTS] += total - self->total;
  self->known = TRUE;
  self->total = total;
}

gboolean
funnel_traffic_read (FunnelTraffic *self, gint64 now, double parts[FUNNEL_TRAFFIC_SLOTS])
{
  guint64 largest = 0;

  advance (self, now);
  for (guint i = 0; i < FUNNEL_TRAFFIC_SLOTS; i++)
    largest = MAX (largest, self->bytes[i]);
  for (guint i = 0; i < FUNNEL_TRAFFIC_SLOTS; i++)
    {
      guint64 bytes = self->bytes[(self->slot + 1 + i) % FUNNEL_TRAFFIC_SLOTS];

      parts[i] = largest > 0 ? (double)bytes / (double)largest : 0;
    }
  return largest > 0;
}
