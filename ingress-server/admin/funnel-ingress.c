/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel-ingress: what the admin of an ingress types. */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-complete.h"
#include "ingress-server/admin/admin-print.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

static void
print_help (FILE *stream)
{
  fprintf (stream, "Usage: funnel-ingress COMMAND [options]\n\nCommands:\n");
  for (const AdminCommand *command = admin_commands; command->name; command++)
    {
      g_autofree char *call = g_strjoin (" ", command->name, command->argument, NULL);

      fprintf (stream, "  %-14s %s\n", call, command->summary);
    }
  fprintf (stream, "\nEach command explains itself with --help, and prints JSON with --json.\n");
}

int
main (int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : NULL;
  const AdminCommand *command = name ? admin_command_find (name) : NULL;
  g_autoptr (AdminCall) call = admin_call_new ();
  GError *error = NULL;

  setlocale (LC_ALL, "");
  if (name
      && (strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0 || strcmp (name, "help") == 0))
    {
      print_help (stdout);
      return ADMIN_EXIT_OK;
    }
  if (name && strcmp (name, "--version") == 0)
    {
      puts ("funnel-ingress " FUNNEL_VERSION);
      return ADMIN_EXIT_OK;
    }
  if (argc > 3 && strcmp (name, "__complete") == 0)
    {
      admin_complete (argv + 3);
      return ADMIN_EXIT_OK;
    }
  if (!command)
    {
      if (name)
        fprintf (stderr, "funnel-ingress: there is no command “%s”\n", name);
      print_help (stderr);
      return ADMIN_EXIT_USAGE;
    }
  if (!command->parse (call, argv + 2, &error))
    {
      admin_fail (call, error);
      return ADMIN_EXIT_USAGE;
    }
  return command->run (call);
}
