/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The main window: the list of shares, and the pages that open over it. Actions of the window:
 * publish, join, connection, preferences, about, back, start-service; of one share, by object path:
 * share-details, share-open, share-qr, share-remove; tell (s): show a text for a moment. */

#include <adwaita.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_WINDOW (funnel_window_get_type ())
G_DECLARE_FINAL_TYPE (FunnelWindow, funnel_window, FUNNEL, WINDOW, AdwApplicationWindow)

/** funnel_window_new: @preferences: NULL: nothing is remembered. */
FunnelWindow *funnel_window_new (GtkApplication *application,
                                 FunnelConnection *connection,
                                 GSettings *preferences);
/** funnel_window_tell: show @text for a moment. */
void funnel_window_tell (FunnelWindow *self, const char *text);
/** funnel_window_publish: go where something new is shared. */
void funnel_window_publish (FunnelWindow *self);
/** funnel_window_join: go where an ingress is joined. @link: filled in; may be empty. It is not
 * sent before the user says so. */
void funnel_window_join (FunnelWindow *self, const char *link);

G_END_DECLS
