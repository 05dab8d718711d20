/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What visitors of one share reach: its paths, or its one port, shown and changed. */

#include <adwaita.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_MOUNTS_GROUP (funnel_mounts_group_get_type ())
G_DECLARE_FINAL_TYPE (FunnelMountsGroup,
                      funnel_mounts_group,
                      FUNNEL,
                      MOUNTS_GROUP,
                      AdwPreferencesGroup)

void funnel_mounts_group_set_connection (FunnelMountsGroup *self, FunnelConnection *connection);
/** funnel_mounts_group_set_share: @share: NULL: none. */
void funnel_mounts_group_set_share (FunnelMountsGroup *self, FunnelDBusShare *share);
/** funnel_mounts_group_update: show what the share is now. */
void funnel_mounts_group_update (FunnelMountsGroup *self);

G_END_DECLS
