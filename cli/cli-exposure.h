/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a user is asked and told about something becoming public. */

#include "cli/cli-command.h"

G_BEGIN_DECLS

/**
 * funnel_cli_exposure_confirm: the first time anything is shared from this node, ask at the
 * terminal. Not with --yes, and not without a terminal: whoever writes a script has made up his
 * mind.
 * @target: as typed; NULL: not known yet
 */
gboolean funnel_cli_exposure_confirm (FunnelCli *cli, const char *target, GError **error);
/** funnel_cli_exposure_warn: say on standard error what the daemon warns of. */
void funnel_cli_exposure_warn (FunnelDBusShare *share);

G_END_DECLS
