/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What people read. */

#include "ingress-server/admin/admin-call.h"

G_BEGIN_DECLS

/** admin_print_json: @object (not taken), indented, to stdout. */
void admin_print_json (JsonObject *object);
/** admin_fail: say @error on stderr (and as JSON on stdout if the call asked for it); an exit
 * status. Frees
 * @error. */
int admin_fail (AdminCall *call, GError *error);
/** admin_run_simple: send and, when it worked, print JSON or call @print; an exit status. */
int admin_run_simple (AdminCall *call,
                      const char *path,
                      gboolean post,
                      void (*print) (JsonObject *answer));

/** admin_text_ports: "443, 8443" of a list of numbers. */
char *admin_text_ports (JsonArray *ports);
/** admin_text_ago, admin_text_until: relative to now: "3m ago", "for 2h"; @when in Unix seconds. */
char *admin_text_ago (gint64 when);
char *admin_text_until (gint64 when);
/** admin_text_bytes: "1.2 MB". */
char *admin_text_bytes (gint64 bytes);

/** admin_print_node: a node with its grants and shares, several lines. */
void admin_print_node (JsonObject *node);

G_END_DECLS
