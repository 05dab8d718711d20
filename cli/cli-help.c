/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <stdio.h>

#include "cli/cli-command.h"
#include "cli/cli-wrap.h"
#include "lib/base/error.h"

static void
print_overview (const FunnelCliCommand *const *commands, const FunnelCliCommand *share)
{
  g_autofree char *flags = funnel_cli_options_help (share->flags);
  g_autoptr (GString) text = g_string_new (_ (
      "funnel puts a local port on the public internet, through an ingress you own.\n\nUsage:\n"));
  g_autofree char *wrapped = NULL;

  for (const FunnelCliCommand *const *at = commands; *at; at++)
    if ((*at)->summary)
      g_string_append_printf (text, "  funnel %-28s %s\n", (*at)->synopsis, _ ((*at)->summary));
  g_string_append_printf (text,
                          _ ("\n%s\nFlags:\n%s  --version                  print the version\n"),
                          _ (share->details), flags);
  wrapped = funnel_cli_wrap (text->str);
  fputs (wrapped, stdout);
}

static void
print_command (const FunnelCliCommand *command)
{
  g_autofree char *flags = funnel_cli_options_help (command->flags);
  g_autofree char *text = g_strdup_printf (_ ("Usage: funnel %s\n\n%s\nFlags:\n%s"),
                                           command->synopsis, _ (command->details), flags);
  g_autofree char *wrapped = funnel_cli_wrap (text);

  fputs (wrapped, stdout);
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  const char *wanted = cli->arguments[0];

  for (const FunnelCliCommand *const *at = cli->commands; *at; at++)
    {
      if (g_strcmp0 ((*at)->name, wanted) != 0)
        continue;
      if (wanted)
        print_command (*at);
      else
        print_overview (cli->commands, *at);
      return FUNNEL_EXIT_OK;
    }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, _ ("there is no command \"%s\""),
               wanted);
  return FUNNEL_EXIT_USAGE;
}

const FunnelCliCommand funnel_cli_help = {
    .name = "help",
    .synopsis = "help [COMMAND]",
    .summary = N_ ("show help"),
    .details = N_ ("Shows what a command does and which flags it takes.\n"),
    .max_arguments = 1,
    .run = run,
};
