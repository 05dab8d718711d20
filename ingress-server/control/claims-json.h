/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Claims as the admin sees them. */

#include "ingress-server/control/ingress-app.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/** ingress_json_claims: those held and in quarantine, and those that are asked for without proof;
 * NULL and an error. */
JsonObject *ingress_json_claims (const IngressParts *parts, GError **error);

G_END_DECLS
