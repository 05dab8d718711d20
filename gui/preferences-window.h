/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The window in which preferences are changed. */

#include <adwaita.h>

G_BEGIN_DECLS

/** funnel_preferences_window_show: above @parent. */
void funnel_preferences_window_show (GtkWindow *parent, GSettings *preferences);

G_END_DECLS
