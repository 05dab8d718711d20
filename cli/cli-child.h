/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* `funnel -- COMMAND`: the program a share is made for. It has this terminal, and gets the signals
 * this process gets; it takes the share with it when it ends. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_TYPE_CLI_CHILD (funnel_cli_child_get_type ())
G_DECLARE_FINAL_TYPE (FunnelCliChild, funnel_cli_child, FUNNEL, CLI_CHILD, GObject)

/**
 * funnel_cli_child_new: start @command.
 * @port: for its PORT variable; 0: leave that as it is
 *
 * NULL and FUNNEL_ERROR_INVALID_ARGUMENT when there is no such program. This process becomes the
 * parent of what the program leaves behind, so that it is found too.
 */
FunnelCliChild *funnel_cli_child_new (GStrv command, guint16 port, GError **error);

/** funnel_cli_child_get_name: what to call it: the command as one line. */
const char *funnel_cli_child_get_name (FunnelCliChild *self);
gboolean funnel_cli_child_has_ended (FunnelCliChild *self);
/** funnel_cli_child_get_status: its exit status, or 128 and the signal that killed it. */
int funnel_cli_child_get_status (FunnelCliChild *self);
/**
 * funnel_cli_child_find_target: what it or one of its descendants listens on, as a target, or NULL
 * when there is nothing yet; caller frees. Of several ports the lowest counts.
 * @others: (out): a line naming the other ports, NULL none; caller frees
 */
char *funnel_cli_child_find_target (FunnelCliChild *self, char **others);
/** funnel_cli_child_forward: pass a signal on, unless the terminal has sent it to both. */
void funnel_cli_child_forward (FunnelCliChild *self, int number);

G_END_DECLS
