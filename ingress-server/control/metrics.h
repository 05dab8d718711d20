/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the ingress does, as numbers for Prometheus: text exposition format 0.0.4 over HTTP, on a
 * loopback address. No visitor's address is among them. */

#include "ingress-server/control/ingress-app.h"

G_BEGIN_DECLS

typedef struct _MetricsServer MetricsServer;

/** metrics_server_new: answer GET /metrics at the address of @parts' configuration; @parts must
 * outlive it. NULL and an error that names the key when that address cannot be had. */
MetricsServer *metrics_server_new (const IngressParts *parts, GError **error);
void metrics_server_free (MetricsServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MetricsServer, metrics_server_free)

/** metrics_print: the page, as of now. */
char *metrics_print (const IngressParts *parts);

G_END_DECLS
