/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the machine tells about its sleep and its networks, through logind and NetworkManager where
 * they are; without them nothing is ever told. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _FunnelHostEvents FunnelHostEvents;

typedef void (*FunnelHostEventFunc) (gpointer user_data);

/** funnel_host_events_new: @changed is called when the machine woke up, or its connection to the
 * internet is another; @allowed when NetworkManager came, was switched on, or may let users
 * do other things than before. */
FunnelHostEvents *funnel_host_events_new (FunnelHostEventFunc changed,
                                          FunnelHostEventFunc allowed,
                                          gpointer user_data);
void funnel_host_events_free (FunnelHostEvents *self);

/** funnel_host_events_is_captive: whether the network asks for a login first. */
gboolean funnel_host_events_is_captive (FunnelHostEvents *self);

G_END_DECLS
