/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The shares as a list that follows the daemon: FunnelDBusShare, by name, then port. An item is
 * gone from the list at the moment the daemon, or the share, is gone; its properties change with
 * "notify". What comes in one turn of the main loop is one change of the list, at its end. */

#include "lib/dbus/funnel-dbus.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_SHARE_MODEL (funnel_share_model_get_type ())
G_DECLARE_FINAL_TYPE (FunnelShareModel, funnel_share_model, FUNNEL, SHARE_MODEL, GObject)

/** funnel_share_model_new: an empty list. */
FunnelShareModel *funnel_share_model_new (void);

/** funnel_share_model_follow: show what @objects holds from now on. @objects: the daemon's; NULL:
 * nothing. */
void funnel_share_model_follow (FunnelShareModel *self, GDBusObjectManager *objects);

/** funnel_share_model_compare: the order of the list. */
int funnel_share_model_compare (FunnelDBusShare *a, FunnelDBusShare *b);

G_END_DECLS
