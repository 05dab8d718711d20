/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One path of a share and what visitors reach there, or what a TCP share leads to: typed anew, or
 * changed. */

#include <adwaita.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_MOUNT_WINDOW (funnel_mount_window_get_type ())
G_DECLARE_FINAL_TYPE (FunnelMountWindow, funnel_mount_window, FUNNEL, MOUNT_WINDOW, AdwWindow)

/**
 * funnel_mount_window_show: above the window of @widget, until the share has what was typed or the
 * user gives up.
 * @mount: one of the share's Mounts (a{sv}), to be changed; NULL: a new path
 */
void funnel_mount_window_show (GtkWidget *widget,
                               FunnelConnection *connection,
                               FunnelDBusShare *share,
                               GVariant *mount);

G_END_DECLS
