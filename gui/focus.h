/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The keyboard's place, when what it is in goes away. */

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct
{
  int row;         /* -1: it is in none of them */
  gboolean inside; /* in what stands in the row, not on the row itself */
} FunnelFocusPlace;

/** funnel_focus_is_in: @widget, or something in it, has the keyboard. */
gboolean funnel_focus_is_in (GtkWidget *widget);
/** funnel_focus_enter: give the keyboard to the first thing in @widget that takes it; whether
 * there is one. */
gboolean funnel_focus_enter (GtkWidget *widget);
/** funnel_focus_find: @rows: of widgets, which are to be made anew. */
FunnelFocusPlace funnel_focus_find (GPtrArray *rows);
/** funnel_focus_restore: to the same row of the new @rows, or the nearest; whether it was in one,
 * and is again. */
gboolean funnel_focus_restore (GPtrArray *rows, FunnelFocusPlace place);

G_END_DECLS
