/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The control process's state as JSON, for the admin socket. */

#include "ingress-server/control/ingress-app.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/** ingress_json_nodes: {"zone", "nodes":[…], "invites":[…]}, or NULL and an error. */
JsonObject *ingress_json_nodes (const IngressParts *parts, GError **error);
/** ingress_json_node: one element of "nodes". */
JsonObject *ingress_json_node (const IngressParts *parts, const IngressNode *node);
/** ingress_json_status: engine, relay, counters, links. */
JsonObject *ingress_json_status (const IngressParts *parts);

/** ingress_json_audit: @entries (AuditEntry*) as {"entries": […]}. */
JsonObject *ingress_json_audit (GPtrArray *entries);

G_END_DECLS
