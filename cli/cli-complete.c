/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel __complete -- WORD…: what the last word, which may be empty or begun, could be. For the
 * shells' completions (data/completions), not for users: in no help. One candidate a line, a tab
 * and what it is; or one line that asks the shell for something it knows better, see kinds.
 * Never starts the daemon and never fails: who presses Tab wants no errors. */

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli-labels.h"
#include "cli/cli-session.h"
#include "lib/base/listening.h"

#define PATIENCE_S 2 /* for a daemon that is there and does not answer */

typedef enum
{
  KIND_NOTHING,
  KIND_NAMES,        /* of shares, and those the ingress assigned */
  KIND_PUBLIC_PORTS, /* of the ingress */
  KIND_WORDS,
  KIND_SHELL, /* ":files", ":folders", ":users", ":groups", ":commands" */
} Kind;

/* What follows the "=" of a flag. A flag that is not here can have any value. */
static const struct
{
  const char *flag;
  Kind kind;
  const char *words;
} values[] = {
    {"--name", KIND_NAMES, NULL},
    {"--https", KIND_PUBLIC_PORTS, NULL},
    {"--tcp", KIND_PUBLIC_PORTS, NULL},
    {"--tls-terminated-tcp", KIND_PUBLIC_PORTS, NULL},
    {"--cert-file", KIND_SHELL, ":files"},
    {"--key-file", KIND_SHELL, ":files"},
    {"--ca-file", KIND_SHELL, ":files"},
    {"--eab-key-file", KIND_SHELL, ":files"},
    {"--auth-file", KIND_SHELL, ":files"},
    {"--install", KIND_SHELL, ":folders"},
    {"--uninstall", KIND_SHELL, ":folders"},
    {"--group", KIND_SHELL, ":groups"},
    {"--allow-user", KIND_SHELL, ":users"},
    {"--deny-user", KIND_SHELL, ":users"},
    {"--host-header", KIND_WORDS, "keep target"},
    {"--proxy-protocol", KIND_WORDS, "1 2"},
    {"--set-path", KIND_WORDS, "/"},
    {"--for", KIND_WORDS, "30m 2h 1d ever"},
    {"--allow", KIND_WORDS, "any"},
    {"--deny", KIND_WORDS, "none"},
    {"--auth", KIND_WORDS, "none"},
};

/* What the argument of a command can be. */
static const struct
{
  const char *command;
  Kind kind;
  const char *words;
} arguments[] = {
    {"cert", KIND_NAMES, NULL},
    {"audit", KIND_NAMES, NULL},
    {"doctor", KIND_NAMES, NULL},
    {"import", KIND_SHELL, ":files"},
    {"tunnel", KIND_WORDS, "on auto networkmanager netns"},
    {"ca", KIND_WORDS, "default"},
};

/* --- Candidates --- */

/* @prefix is what stands before the candidate in the same word: "--name=". */
static void
offer (const char *begun, const char *prefix, const char *candidate, const char *description)
{
  if (g_str_has_prefix (candidate, begun))
    printf ("%s%s\t%s\n", prefix, candidate, description ? description : "");
}

static void
offer_clean (const char *begun, const char *prefix, const char *candidate, const char *description)
{
  g_autofree char *clean = funnel_label_clean (candidate);

  offer (begun, prefix, clean, description);
}

static void
offer_words (const char *begun, const char *prefix, const char *words)
{
  g_auto (GStrv) split = g_strsplit (words, " ", -1);

  for (char **word = split; *word; word++)
    offer (begun, prefix, *word, NULL);
}

/* The daemon's picture, if it runs; cli->client stays NULL otherwise. */
static gboolean
look (FunnelCli *cli)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_auto (FunnelCliDeadline) deadline = {0};

  funnel_cli_deadline_init (&deadline, PATIENCE_S);
  funnel_client_new_async (cli->options->system ? G_BUS_TYPE_SYSTEM : G_BUS_TYPE_SESSION,
                           cli->cancellable, funnel_cli_await_cb, &result);
  while (!result)
    {
      g_main_context_iteration (NULL, TRUE);
      if (deadline.passed)
        g_cancellable_cancel (cli->cancellable);
    }
  cli->client = funnel_client_new_finish (result, NULL);
  return cli->client && funnel_client_get_running (cli->client);
}

static void
offer_names (FunnelCli *cli, const char *begun, const char *prefix)
{
  g_autoptr (GPtrArray) shares = NULL;
  g_autoptr (GPtrArray) ingresses = NULL;
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  if (!look (cli))
    return;
  shares = funnel_client_list_shares (cli->client);
  ingresses = funnel_client_list_ingresses (cli->client);
  for (guint i = 0; i < shares->len; i++)
    {
      FunnelDBusShare *share = g_ptr_array_index (shares, i);

      if (g_hash_table_add (seen, (char *)funnel_dbus_share_get_name (share)))
        offer_clean (begun, prefix, funnel_dbus_share_get_name (share), "shared");
    }
  for (guint i = 0; i < ingresses->len; i++)
    {
      const char *const *names = funnel_dbus_ingress_get_names (g_ptr_array_index (ingresses, i));

      for (; names && *names; names++)
        if (g_hash_table_add (seen, (char *)*names))
          offer_clean (begun, prefix, *names, "assigned");
    }
}

static void
offer_public_ports (FunnelCli *cli, const char *begun, const char *prefix)
{
  g_autoptr (GPtrArray) ingresses = NULL;

  if (!look (cli))
    return;
  ingresses = funnel_client_list_ingresses (cli->client);
  for (guint i = 0; i < ingresses->len; i++)
    {
      FunnelDBusIngress *ingress = g_ptr_array_index (ingresses, i);
      GVariant *ports = funnel_dbus_ingress_get_public_ports (ingress);

      for (gsize n = 0; ports && n < g_variant_n_children (ports); n++)
        {
          g_autoptr (GVariant) port = g_variant_get_child_value (ports, n);
          g_autofree char *text = g_strdup_printf ("%u", g_variant_get_uint16 (port));

          offer (begun, prefix, text, funnel_dbus_ingress_get_endpoint (ingress));
        }
    }
}

static void
offer_kind (FunnelCli *cli, Kind kind, const char *words, const char *begun, const char *prefix)
{
  switch (kind)
    {
    case KIND_NAMES:
      offer_names (cli, begun, prefix);
      break;
    case KIND_PUBLIC_PORTS:
      offer_public_ports (cli, begun, prefix);
      break;
    case KIND_WORDS:
      offer_words (begun, prefix, words);
      break;
    case KIND_SHELL:
      puts (words);
      break;
    case KIND_NOTHING:
    default:
      break;
    }
}

/* Ports of this machine that somebody listens on, with the program where it is the user's. */
static void
offer_listening (const char *begun)
{
  g_autoptr (GPtrArray) list = funnel_listening_list (0);
  guint16 last = 0;

  for (guint i = 0; i < list->len; i++)
    {
      const FunnelListening *at = g_ptr_array_index (list, i);
      g_autofree char *port = g_strdup_printf ("%u", at->port);
      g_autofree char *program = funnel_label_clean (at->program ? at->program : "");

      if (at->port != last)
        offer (begun, "", port, *program ? program : at->address);
      last = at->port;
    }
}

/* --- Where in the line --- */

static const FunnelCliCommand *
find_command (FunnelCli *cli, const char *name)
{
  for (const FunnelCliCommand *const *at = cli->commands; *at; at++)
    if (g_strcmp0 ((*at)->name, name) == 0)
      return *at;
  return NULL;
}

/* The lines of the help are the table of flags: "  --name=NAME    description". */
static void
offer_flags (const FunnelCliCommand *command, const char *begun)
{
  g_autofree char *help = funnel_cli_options_help (command->flags);
  g_auto (GStrv) lines = g_strsplit (help, "\n", -1);

  for (char **line = lines; *line; line++)
    {
      char *flag = g_strstrip (*line);
      gsize length = strcspn (flag, " =");
      const char *description = flag + strcspn (flag, " ");
      g_autofree char *candidate = g_strndup (flag, length + (flag[length] == '='));

      if (*candidate)
        offer (begun, "", candidate, description + strspn (description, " "));
    }
  if (!command->name)
    offer (begun, "", "--version", _ ("print the version"));
}

/* @flag: "--name", without "=". FALSE if it has no value that is known. */
static gboolean
offer_value (FunnelCli *cli, const char *flag, const char *begun, const char *prefix)
{
  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    if (strcmp (values[i].flag, flag) == 0)
      {
        offer_kind (cli, values[i].kind, values[i].words, begun, prefix);
        return TRUE;
      }
  return FALSE;
}

static void
offer_first (FunnelCli *cli, const char *begun)
{
  for (const FunnelCliCommand *const *at = cli->commands; *at; at++)
    if ((*at)->name && (*at)->summary)
      offer (begun, "", (*at)->name, _ ((*at)->summary));
  offer_listening (begun);
}

static void
offer_argument (FunnelCli *cli, const FunnelCliCommand *command, const char *begun)
{
  for (gsize i = 0; i < G_N_ELEMENTS (arguments); i++)
    if (g_strcmp0 (arguments[i].command, command->name) == 0)
      offer_kind (cli, arguments[i].kind, arguments[i].words, begun, "");
  if (g_strcmp0 (command->name, "help") != 0)
    return;
  for (const FunnelCliCommand *const *at = cli->commands; *at; at++)
    if ((*at)->name && (*at)->summary)
      offer (begun, "", (*at)->name, _ ((*at)->summary));
}

/* What the words before the last one say. */
typedef struct
{
  const FunnelCliCommand *command; /* the one without name if none is named */
  guint n_arguments;               /* words that are no flags, the command's name left out */
  gboolean foreign;                /* -- was there: a command line of somebody else's */
  const char *flag;                /* the last word, if it is a flag and waits for its value */
} Before;

static Before
read_before (FunnelCli *cli, char **words, gsize n)
{
  Before before = {.command = find_command (cli, NULL)};

  for (gsize i = 0; i < n && !before.foreign; i++)
    {
      const FunnelCliCommand *named = find_command (cli, words[i]);

      if (strcmp (words[i], "--") == 0)
        before.foreign = TRUE;
      else if (g_str_has_prefix (words[i], "-"))
        before.flag = i + 1 == n && !strchr (words[i], '=') ? words[i] : NULL;
      else if (before.n_arguments == 0 && !before.command->name && named)
        before.command = named;
      else
        before.n_arguments++;
    }
  return before;
}

static void
complete (FunnelCli *cli, char **words, gsize n)
{
  const char *begun = words[n - 1];
  const char *value = strchr (begun, '=');
  Before before = read_before (cli, words, n - 1);

  if (before.foreign)
    puts (":commands");
  else if (g_str_has_prefix (begun, "--") && value)
    {
      g_autofree char *flag = g_strndup (begun, (gsize)(value - begun));
      g_autofree char *prefix = g_strconcat (flag, "=", NULL);

      offer_value (cli, flag, value + 1, prefix);
    }
  else if (before.flag && offer_value (cli, before.flag, begun, ""))
    return;
  else if (*begun == '-')
    offer_flags (before.command, begun);
  else if (*begun && strchr ("./~", *begun))
    puts (":files");
  else if (before.command->name)
    offer_argument (cli, before.command, begun);
  else if (before.n_arguments == 0)
    offer_first (cli, begun);
  else
    offer (begun, "", "off", _ ("end this share"));
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  char **words = cli->options->command;

  if (words)
    complete (cli, words, g_strv_length (words));
  return FUNNEL_EXIT_OK;
}

const FunnelCliCommand funnel_cli_complete = {
    .name = "__complete",
    .synopsis = "__complete -- WORD...",
    .details = "Prints what the last word could be, for the completion of shells.\n",
    .flags = FUNNEL_CLI_COMMAND_LINE | FUNNEL_CLI_SYSTEM,
    .run = run,
};
