/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The daemon put together: store, model, data plane, link and bus know each other only here. */

#include "daemon/cert/authority.h"
#include "daemon/local-certificates.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _FunnelApp FunnelApp;

/**
 * funnel_app_new: load the state, start the data plane, appear on the bus, and bring up the link if
 * the node has joined. The well-known name is taken last.
 * @state_dir: or NULL for the usual one
 * @authority: for this run, instead of what is set; or NULL
 */
FunnelApp *funnel_app_new (GDBusConnection *connection,
                           const char *state_dir,
                           const FunnelAuthority *authority,
                           const FunnelLocalApiOptions *local_api,
                           GError **error);
/** funnel_app_free: end everything; stored shares stay stored. */
void funnel_app_free (FunnelApp *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelApp, funnel_app_free)

G_END_DECLS
