/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The program while it has no window: the icon in the panel, notifications, starting at login. It
 * stays as long as a panel shows the icon (and a minute more, for panels that start again), as long
 * as it shall be there from login on, and as long as something is public of which notifications may
 * have to tell. Otherwise it ends with its window. Where no panel shows the icon, a notification
 * says what stays public when the window is closed.
 *
 * Adds to the application: app.share-toggle (s): the share at this object path on or off;
 * app.share-open (s): it in a browser.
 *
 * Property "tray-there" (gboolean, read only): a panel shows the icon. */

#include <gtk/gtk.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_BACKGROUND (funnel_background_get_type ())
G_DECLARE_FINAL_TYPE (FunnelBackground, funnel_background, FUNNEL, BACKGROUND, GObject)

/** funnel_background_new: @application: borrowed, outlives it; its actions "show", "new-share",
 * "pause-all", "share-copy", "share-stop" and "quit" are used. @preferences: NULL: all at its
 * default. */
FunnelBackground *funnel_background_new (GtkApplication *application,
                                         FunnelConnection *connection,
                                         GSettings *preferences);

gboolean funnel_background_get_tray_there (FunnelBackground *self);

G_END_DECLS
