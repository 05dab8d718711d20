/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The last visitors of one share, newest first, as long as they can be seen: this run of the daemon
 * only. */

#include <adwaita.h>

#include "lib/dbus/funnel-dbus.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_VISITOR_LIST (funnel_visitor_list_get_type ())
G_DECLARE_FINAL_TYPE (FunnelVisitorList, funnel_visitor_list, FUNNEL, VISITOR_LIST, AdwBin)

/** funnel_visitor_list_set_share: @share: NULL: none. */
void funnel_visitor_list_set_share (FunnelVisitorList *self, FunnelDBusShare *share);

G_END_DECLS
