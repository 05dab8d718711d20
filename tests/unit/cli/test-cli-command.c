/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-command.h"

#include "lib/base/error.h"

static const FunnelCliCommand *const commands[] = {
    &funnel_cli_share, &funnel_cli_off,   &funnel_cli_status, &funnel_cli_reset,
    &funnel_cli_join,  &funnel_cli_leave, &funnel_cli_help,   NULL,
};

static void
test_resolve (void)
{
  static const struct
  {
    const char *line;
    const FunnelCliCommand *command;
    guint n_arguments;
    const char *first;
  } rows[] = {
      {"3000", &funnel_cli_share, 1, "3000"},
      {"--bg --tcp=22 tcp://localhost:22", &funnel_cli_share, 1, "tcp://localhost:22"},
      {"3000 off", &funnel_cli_off, 1, "3000"},
      {"off", &funnel_cli_off, 0, NULL},
      {"--https=443 off", &funnel_cli_off, 0, NULL},
      {"--json status", &funnel_cli_status, 0, NULL},
      {"reset --yes", &funnel_cli_reset, 0, NULL},
      {"join -", &funnel_cli_join, 1, "-"},
      {"join funnel join funnel1-x", &funnel_cli_join, 3, "funnel"},
      {"leave", &funnel_cli_leave, 0, NULL},
      {"help off", &funnel_cli_help, 1, "off"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_auto (GStrv) words = g_strsplit (rows[i].line, " ", -1);
      g_autoptr (FunnelCliOptions) options = funnel_cli_options_parse (words, NULL);
      g_autoptr (GError) error = NULL;
      char **arguments = NULL;
      const FunnelCliCommand *command = funnel_cli_resolve (commands, options, &arguments, &error);

      g_assert_no_error (error);
      g_assert_true (command == rows[i].command);
      g_assert_cmpuint (g_strv_length (arguments), ==, rows[i].n_arguments);
      g_assert_cmpstr (arguments[0], ==, rows[i].first);
    }
}

static void
test_refused (void)
{
  static const struct
  {
    const char *line;
    const char *message;
  } rows[] = {
      {"--bg", "say what to share, as in: funnel 3000"},
      {"1 2 3", "invalid number of arguments (3); usage: funnel [FLAGS] TARGET | -- COMMAND"},
      {"3000 on", "invalid argument format: after a target only \"off\" can follow, not \"on\""},
      {"status now", "invalid number of arguments (1); usage: funnel status [--json]"},
      {"statsu", "there is no command \"statsu\"; what can be shared is a port, HOST:PORT, a URL, "
                 "or a path as in ./statsu"},
      {"status --bg", "the bg flag means nothing to `status [--json]`"},
      {"join", "invalid number of arguments (0); usage: funnel join TOKEN|-"},
      {"3000 off --bg", "the bg flag means nothing to `[TARGET] [FLAGS] off`"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_auto (GStrv) words = g_strsplit (rows[i].line, " ", -1);
      g_autoptr (FunnelCliOptions) options = funnel_cli_options_parse (words, NULL);
      g_autoptr (GError) error = NULL;
      char **arguments = NULL;

      g_assert_null (funnel_cli_resolve (commands, options, &arguments, &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
      g_assert_cmpstr (error->message, ==, rows[i].message);
    }
}

/* Help must be had for a command even when the rest of the line is wrong. */
static void
test_help_wins (void)
{
  g_auto (GStrv) words = g_strsplit ("status a b c --bg --help", " ", -1);
  g_autoptr (FunnelCliOptions) options = funnel_cli_options_parse (words, NULL);
  char **arguments = NULL;

  g_assert_true (funnel_cli_resolve (commands, options, &arguments, NULL) == &funnel_cli_status);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/command/resolve", test_resolve);
  g_test_add_func ("/cli/command/refused", test_refused);
  g_test_add_func ("/cli/command/help-wins", test_help_wins);
  return g_test_run ();
}
