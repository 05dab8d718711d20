/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What commands need around their calls: the daemon, waiting, questions. */

#include "cli/cli-command.h"

G_BEGIN_DECLS

/** funnel_cli_connect: reach the daemon, starting it if the bus can; the error says how to start it
 * by hand. */
gboolean funnel_cli_connect (FunnelCli *cli, GError **error);

/**
 * funnel_cli_await: run the main loop until funnel_cli_await_cb has put a result into @result. A
 * command reads top down this way; interruption comes as a cancelled call.
 */
void funnel_cli_await_cb (GObject *source, GAsyncResult *result, gpointer data);
GAsyncResult *funnel_cli_await (GAsyncResult **result);

/** FunnelCliDeadline: a time after which a wait ends, on the stack of who waits. */
typedef struct
{
  guint source;
  gboolean passed;
} FunnelCliDeadline;

void funnel_cli_deadline_init (FunnelCliDeadline *deadline, guint seconds);
void funnel_cli_deadline_clear (FunnelCliDeadline *deadline);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FunnelCliDeadline, funnel_cli_deadline_clear)

/**
 * funnel_cli_step: wait for the next event.
 * Returns FALSE with an error when there is nothing left to wait for: interrupted, or the bus is
 * gone.
 */
gboolean funnel_cli_step (FunnelCli *cli, GError **error);

/** funnel_cli_ask: one line of standard input without its end; "" at the end of input.
 * @question: said before, on standard error; NULL nothing
 * @secret: no echo; what was typed before the question is thrown away */
char *funnel_cli_ask (FunnelCli *cli, const char *question, gboolean secret, GError **error);

/**
 * funnel_cli_confirm: ask @question on standard error; TRUE with --yes.
 * Returns FALSE with FUNNEL_ERROR_FAILED unless the answer is yes.
 */
gboolean funnel_cli_confirm (FunnelCli *cli, const char *question, GError **error);

G_END_DECLS
