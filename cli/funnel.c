/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel: the command line, a thin client of funneld. */

#include "cli/cli-command.h"

/* In the order of the help. */
static const FunnelCliCommand *const commands[] = {
    &funnel_cli_share,  &funnel_cli_off,    &funnel_cli_status,   &funnel_cli_doctor,
    &funnel_cli_reset,  &funnel_cli_export, &funnel_cli_import,   &funnel_cli_join,
    &funnel_cli_leave,  &funnel_cli_cert,   &funnel_cli_audit,    &funnel_cli_ca,
    &funnel_cli_tunnel, &funnel_cli_help,   &funnel_cli_complete, NULL,
};

int
main (int argc, char **argv)
{
  return funnel_cli_main (commands, argv);
}
