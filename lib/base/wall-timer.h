/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A timer on the wall clock: also right when the machine slept meanwhile or its clock was set. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct _FunnelWallTimer FunnelWallTimer;

/* The moment has come, or the clock was set (also with no moment set): look at the clock. */
typedef void (*FunnelWallTimerFunc) (gpointer user_data);

/** funnel_wall_timer_new: calls @func on the main context current now. Without timerfd (no
 * descriptor left) it looks at the clock once a minute instead. */
FunnelWallTimer *funnel_wall_timer_new (FunnelWallTimerFunc func, gpointer user_data);
void funnel_wall_timer_free (FunnelWallTimer *self);

/** funnel_wall_timer_set: fire once at @when, Unix seconds; at once if that has passed; 0 never. */
void funnel_wall_timer_set (FunnelWallTimer *self, gint64 when);

G_END_DECLS
