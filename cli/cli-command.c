/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-command.h"

#include <glib/gi18n.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli-json.h"
#include "cli/cli-session.h"
#include "lib/base/error.h"
#include "lib/client/language.h"
#include "lib/client/phrase.h"

/* --- Which command --- */

static const FunnelCliCommand *
find_command (const FunnelCliCommand *const *commands, const char *name)
{
  for (; *commands; commands++)
    if (g_strcmp0 ((*commands)->name, name) == 0)
      return *commands;
  return NULL;
}

static gboolean
check_arguments (const FunnelCliCommand *command,
                 const FunnelCliOptions *options,
                 char **arguments,
                 GError **error)
{
  guint n = g_strv_length (arguments);
  /* What a command line after -- listens on is found out. */
  guint min = options->command ? 0 : command->min_arguments;

  if (n >= min && n <= command->max_arguments)
    return TRUE;
  if (!command->name && n == 2)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 _ ("invalid argument format: after a target only \"off\" can follow, not \"%s\""),
                 arguments[1]);
  else if (!command->name && n == 0)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 _ ("say what to share, as in: funnel 3000"));
  else
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 _ ("invalid number of arguments (%u); usage: funnel %s"), n, command->synopsis);
  return FALSE;
}

/* A mistyped command would be taken for a target, and a port be missed in it: no target is a mere
 * word, but "localhost" lacks nothing else. */
static gboolean
check_word (const char *word, GError **error)
{
  if (!*word || word[strspn (word, "abcdefghijklmnopqrstuvwxyz-")] || !strcmp (word, "localhost"))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               _ ("there is no command \"%s\"; what can be shared is a port, HOST:PORT, a URL, or "
                  "a path as in ./%s"),
               word, word);
  return FALSE;
}

const FunnelCliCommand *
funnel_cli_resolve (const FunnelCliCommand *const *commands,
                    const FunnelCliOptions *options,
                    char ***arguments,
                    GError **error)
{
  char **words = options->arguments;
  const FunnelCliCommand *command = words[0] ? find_command (commands, words[0]) : NULL;

  if (command)
    words++;
  else if (g_strv_length (words) == 2 && strcmp (words[1], "off") == 0)
    {
      g_clear_pointer (&words[1],
                       g_free); /* "TARGET off" is "off" with the target as its argument */
      command = find_command (commands, "off");
    }
  else
    command = find_command (commands, NULL);

  *arguments = words;
  if (options->help)
    return command;
  if (!command->name && words[0] && !check_word (words[0], error))
    return NULL;
  if (!check_arguments (command, options, words, error)
      || !funnel_cli_options_check (options, command->flags, command->synopsis, error))
    return NULL;
  return command;
}

/* --- Running it --- */

/* A second signal kills in the usual way. */
static gboolean
take_signal (FunnelCli *cli, int number)
{
  cli->signal_number = number;
  g_cancellable_cancel (cli->cancellable);
  return G_SOURCE_REMOVE;
}

static gboolean
sigint_cb (gpointer data)
{
  return take_signal (data, SIGINT);
}

static gboolean
sigterm_cb (gpointer data)
{
  return take_signal (data, SIGTERM);
}

static gboolean
sighup_cb (gpointer data)
{
  return take_signal (data, SIGHUP);
}

static FunnelExit
print_error (const GError *error, gboolean json)
{
  g_autofree char *message = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      fputs (_ ("Interrupted.\n"), stderr);
      return FUNNEL_EXIT_INTERRUPTED;
    }
  if (json)
    funnel_cli_json_print_error (error);
  message = funnel_phrase_translate (error->message);
  fprintf (stderr, _ ("Error: %s\n"), message);
  if (g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT))
    {
      fputs (_ ("try `funnel --help` for usage info\n"), stderr);
      return FUNNEL_EXIT_USAGE;
    }
  if (g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_JOINED)
      && !strstr (error->message, "funnel join"))
    fputs (
        _ ("Ask the admin of an ingress for a join line, and paste it here: funnel join TOKEN\n"),
        stderr);
  return FUNNEL_EXIT_ERROR;
}

static FunnelExit
run_command (const FunnelCliCommand *const *commands,
             const FunnelCliOptions *options,
             GError **error)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  FunnelCli cli = {.commands = commands, .options = options, .cancellable = cancellable};
  const FunnelCliCommand *command = funnel_cli_resolve (commands, options, &cli.arguments, error);
  char *help_arguments[] = {NULL, NULL};
  FunnelExit code;

  if (!command)
    return FUNNEL_EXIT_USAGE;
  if (options->help)
    {
      help_arguments[0] = (char *)command->name;
      cli.arguments = help_arguments;
      command = &funnel_cli_help;
    }
  g_unix_signal_add (SIGINT, sigint_cb, &cli);
  g_unix_signal_add (SIGTERM, sigterm_cb, &cli);
  g_unix_signal_add (SIGHUP, sighup_cb, &cli);
  code = command->run (&cli, error);
  if (cli.client)
    g_signal_handlers_disconnect_by_data (cli.client, &cli);
  g_clear_object (&cli.client);
  return code;
}

/* Before anything is understood: what JSON says does not depend on the user's language. */
static gboolean
asks_for_json (char **argv)
{
  for (guint i = 1; argv[0] && argv[i] && strcmp (argv[i], "--") != 0; i++)
    if (strcmp (argv[i], "--json") == 0)
      return TRUE;
  return FALSE;
}

int
funnel_cli_main (const FunnelCliCommand *const *commands, char **argv)
{
  g_autoptr (FunnelCliOptions) options = NULL;
  g_autoptr (GError) error = NULL;
  FunnelExit code;

  funnel_language_init (!asks_for_json (argv));
  options = funnel_cli_options_parse (argv[0] ? argv + 1 : argv, &error);
  funnel_cli_scrub_tokens (argv);
  funnel_cli_scrub_passwords (argv);
  if (!options)
    return print_error (error, FALSE);
  if (options->version)
    {
      puts ("funnel " FUNNEL_VERSION);
      return FUNNEL_EXIT_OK;
    }
  code = run_command (commands, options, &error);
  return error ? print_error (error, options->json) : code;
}
