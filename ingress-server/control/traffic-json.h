/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The numbers `funnel-ingress top` makes rates of. */

#include "ingress-server/control/ingress-app.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/** ingress_json_traffic: {"time", "clock", "flows", …, "names":[{name, port, node, …}]}: "time" in
 * microseconds since some moment, "clock" in Unix seconds; counters count from the relay's first
 * start. Only names that are granted. */
JsonObject *ingress_json_traffic (const IngressParts *parts);

G_END_DECLS
