/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Exponential backoff with full jitter. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  guint first_ms;
  guint max_ms;
  guint attempt;
} FunnelBackoff;

void funnel_backoff_init (FunnelBackoff *backoff, guint first_ms, guint max_ms);
/** funnel_backoff_next: milliseconds to wait before the next attempt. */
guint funnel_backoff_next (FunnelBackoff *backoff);
void funnel_backoff_reset (FunnelBackoff *backoff);

G_END_DECLS
