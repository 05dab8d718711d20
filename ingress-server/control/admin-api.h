/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The admin socket: HTTP with JSON over RUN/admin.sock, mode 0660. Who may write the socket may do
 * everything; each change is logged with the caller's user and process id.
 *
 *   GET  /v1/status
 *   GET  /v1/nodes
 *   POST /v1/invite {node, grant, ports, replace, lifetime}  → {token, node, name, expires, …}
 *   POST /v1/grant  {node, name, ports, lifetime}            → the node
 *   POST /v1/revoke {node, name}                             → the node
 *   POST /v1/remove {node}                                   → {node}
 * Errors are those of the join API: {"error":{code, message}}. */

#include "ingress-server/control/ingress-app.h"

G_BEGIN_DECLS

typedef struct _AdminApi AdminApi;

/** admin_api_new: @parts must outlive it. */
AdminApi *admin_api_new (const IngressParts *parts, const char *run_dir, GError **error);
void admin_api_free (AdminApi *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AdminApi, admin_api_free)

G_END_DECLS
