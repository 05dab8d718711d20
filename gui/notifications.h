/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Notices (gui/notices.h) shown by the desktop, with what can be done about them as buttons. They
 * follow the connection to the daemon; the one timer there is runs only while the ingress is
 * missed.
 *
 * Signal "changed" (FunnelNotifications *self): funnel_notifications_get_lost is different. */

#include <gio/gio.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_NOTIFICATIONS (funnel_notifications_get_type ())
G_DECLARE_FINAL_TYPE (FunnelNotifications, funnel_notifications, FUNNEL, NOTIFICATIONS, GObject)

/** funnel_notifications_new: @application: borrowed, outlives it. */
FunnelNotifications *
funnel_notifications_new (GApplication *application, FunnelConnection *connection);

/** funnel_notifications_set_enabled: whether they are shown; off at first. What would have been is
 * lost. */
void funnel_notifications_set_enabled (FunnelNotifications *self, gboolean enabled);

/** funnel_notifications_get_lost: the ingress has been away for so long that it was told. */
gboolean funnel_notifications_get_lost (FunnelNotifications *self);

G_END_DECLS
