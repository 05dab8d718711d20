/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Who may come to one share, how many, and how long: shown and changed. */

#include <adwaita.h>

#include "lib/dbus/funnel-dbus.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_ACCESS_GROUP (funnel_access_group_get_type ())
G_DECLARE_FINAL_TYPE (FunnelAccessGroup,
                      funnel_access_group,
                      FUNNEL,
                      ACCESS_GROUP,
                      AdwPreferencesGroup)

/** funnel_access_group_set_share: what was typed and not applied is forgotten. @share: NULL: none.
 */
void funnel_access_group_set_share (FunnelAccessGroup *self, FunnelDBusShare *share);
/** funnel_access_group_update: show what the share is now. */
void funnel_access_group_update (FunnelAccessGroup *self);

G_END_DECLS
