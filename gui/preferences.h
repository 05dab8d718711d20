/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the user prefers about the window; kept in GSettings. The keys are those of
 * data/org.openfunnel.Funnel.gschema.xml. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_PREFERENCE_START_AT_LOGIN "start-at-login" /* b */
#define FUNNEL_PREFERENCE_SHOW_TRAY "show-tray"           /* b */
#define FUNNEL_PREFERENCE_NOTIFICATIONS "notifications"   /* b */
#define FUNNEL_PREFERENCE_VERBOSE_LOG "verbose-log"       /* b */
#define FUNNEL_PREFERENCE_WINDOW_SIZE "window-size"       /* (ii): width, height */

/** funnel_preferences_new: NULL when the program is not installed completely (no schema); a new
 * reference. */
GSettings *funnel_preferences_new (void);

G_END_DECLS
