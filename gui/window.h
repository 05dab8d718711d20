/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The main window. */

#include <adwaita.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_WINDOW (funnel_window_get_type ())
G_DECLARE_FINAL_TYPE (FunnelWindow, funnel_window, FUNNEL, WINDOW, AdwApplicationWindow)

FunnelWindow *funnel_window_new (GtkApplication *application, FunnelConnection *connection);
/** funnel_window_tell: show @text for a moment. */
void funnel_window_tell (FunnelWindow *self, const char *text);

G_END_DECLS
