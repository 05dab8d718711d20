/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The JSON that --json prints; its schema is documented in funnel(1). Members are only ever added.
 */

#include <json-glib/json-glib.h>

#include "cli/cli-labels.h"
#include "lib/client/client.h"

G_BEGIN_DECLS

#define FUNNEL_CLI_JSON_VERSION 1

/** funnel_cli_json_new: an object with "version" in it. */
JsonObject *funnel_cli_json_new (void);
JsonObject *funnel_cli_json_share (FunnelDBusShare *share);
JsonObject *funnel_cli_json_ingress (FunnelDBusIngress *ingress);
/** funnel_cli_json_status: daemon, ingresses and shares. */
JsonObject *funnel_cli_json_status (FunnelClient *client);

/** funnel_cli_json_print: write to standard output: pretty, or as one line; takes @object. */
void funnel_cli_json_print (JsonObject *object, gboolean pretty);
void funnel_cli_json_print_error (const GError *error);
/** funnel_cli_json_print_count: {"version":1,"count":N} */
void funnel_cli_json_print_count (guint count);

/** funnel_cli_json_request: one request of the log as a line; caller frees. */
char *funnel_cli_json_request (const FunnelCliRequest *request);

G_END_DECLS
