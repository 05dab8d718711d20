/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Calls to funnel-ingressd over its admin socket; blocking. */

#include "ingress-server/admin/admin-call.h"

G_BEGIN_DECLS

/**
 * admin_client_send: ask the daemon.
 * @path: "/v1/nodes", …
 * @post: send call->request; else a plain GET
 * Returns the answer, or NULL and an error: what the daemon said, or FUNNEL_ERROR_UNREACHABLE with
 * how to start it.
 */
JsonObject *admin_client_send (AdminCall *call, const char *path, gboolean post, GError **error);

G_END_DECLS
