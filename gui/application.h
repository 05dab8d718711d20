/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The program: one process in a session, activated over D-Bus too. It owns the connection to the
 * daemon and at most one window. Actions, exported on the bus:
 *   app.show               bring the window up
 *   app.new-share          the window, where something new is shared
 *   app.join (s)           the window, where an ingress is joined; a join line or a funnel: link
 *   app.share-stop (s)     end the share at this object path
 *   app.share-copy (s)     its address to the clipboard
 *   app.share-toggle (s)   it on or off
 *   app.share-open (s)     it in a browser
 *   app.pause-all          state b: all shares are paused
 *   app.quit
 * A file opened is a funnel: link. */

#include <adwaita.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_APPLICATION_ID "org.openfunnel.Funnel"

#define FUNNEL_TYPE_APPLICATION (funnel_application_get_type ())
G_DECLARE_FINAL_TYPE (FunnelApplication, funnel_application, FUNNEL, APPLICATION, AdwApplication)

FunnelApplication *funnel_application_new (void);

/** funnel_application_get_connection: borrowed; NULL before startup. */
FunnelConnection *funnel_application_get_connection (FunnelApplication *self);
/** funnel_application_get_preferences: borrowed; see gui/preferences.h; NULL before startup, and
 * when there is no schema. */
GSettings *funnel_application_get_preferences (FunnelApplication *self);
/** funnel_application_get_tray_there: a panel shows the program's icon. */
gboolean funnel_application_get_tray_there (FunnelApplication *self);
/** funnel_application_tell: what came of an action; shown in the window if there is one. */
void funnel_application_tell (FunnelApplication *self, const char *text);

G_END_DECLS
