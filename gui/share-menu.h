/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What can be done with one share, as a menu of the actions of window and program. */

#include "lib/dbus/funnel-dbus.h"

G_BEGIN_DECLS

/** funnel_share_menu_get: made once for each share, and kept with it; borrowed. */
GMenuModel *funnel_share_menu_get (FunnelDBusShare *share);

G_END_DECLS
