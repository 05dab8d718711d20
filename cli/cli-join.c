/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel join TOKEN: join an ingress. The daemon does it; here only the token is collected. */

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"
#include "lib/base/error.h"
#include "lib/base/token.h"

#define LINK_SECONDS 10 /* for the link to come up, before saying what is missing */
#define GRANT_SECONDS 2 /* for the grants to follow it */

/* "TOKEN", "-" for standard input, or a line as the admin's tool prints it: "funnel join TOKEN". */
static char *
read_token (FunnelCli *cli, GError **error)
{
  char **words = cli->arguments;

  if (g_strv_length (words) == 3 && strcmp (words[0], "funnel") == 0
      && strcmp (words[1], "join") == 0)
    words += 2;
  if (g_strv_length (words) != 1)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   _ ("invalid number of arguments (%u); usage: funnel %s"),
                   g_strv_length (cli->arguments), funnel_cli_join.synopsis);
      return NULL;
    }
  if (strcmp (words[0], "-") != 0)
    return g_strdup (words[0]);
  return funnel_cli_ask (
      cli, isatty (STDIN_FILENO) ? _ ("Paste the join line (it is not shown): ") : NULL, TRUE,
      error);
}

static gboolean
is_linked (FunnelDBusIngress *ingress)
{
  return g_strcmp0 (funnel_dbus_ingress_get_state (ingress), "linked") == 0;
}

static gboolean
has_grants (FunnelDBusIngress *ingress)
{
  GVariant *grants = funnel_dbus_ingress_get_grants (ingress);

  return grants && g_variant_n_children (grants) > 0;
}

/* Joined it is already; this is about being able to say what comes next. */
static gboolean
wait_for (FunnelCli *cli,
          FunnelDBusIngress *ingress,
          gboolean (*done) (FunnelDBusIngress *),
          guint seconds,
          GError **error)
{
  g_auto (FunnelCliDeadline) deadline = {0};

  funnel_cli_deadline_init (&deadline, seconds);
  while (!done (ingress) && !deadline.passed)
    if (!funnel_cli_step (cli, error))
      return FALSE;
  return TRUE;
}

static void
print_next_step (FunnelDBusIngress *ingress, const char *node)
{
  g_autofree char *state = funnel_label_clean (funnel_dbus_ingress_get_state (ingress));
  g_autofree char *reason = funnel_label_say (funnel_dbus_ingress_get_reason (ingress));

  if (!is_linked (ingress))
    printf (_ ("It does not answer inside the tunnel yet (%s%s%s); `funnel status` shows when it "
               "does.\n"),
            state, *reason ? ": " : "", reason);
  else if (has_grants (ingress))
    puts (_ ("Next: `funnel 3000` puts http://127.0.0.1:3000 on the internet."));
  else
    printf (_ ("Nothing is granted to this node yet. Ask the ingress's admin for: funnel-ingress "
               "grant %s\n"),
            node);
}

static void
print_joined (FunnelDBusIngress *ingress)
{
  g_autofree char *endpoint = funnel_label_clean (funnel_dbus_ingress_get_endpoint (ingress));
  g_autofree char *node = funnel_label_clean (funnel_dbus_ingress_get_node (ingress));
  const char *const *names = funnel_dbus_ingress_get_names (ingress);
  g_autofree char *joined_names = names ? g_strjoinv (", ", (char **)names) : g_strdup ("");
  g_autofree char *clean_names = funnel_label_clean (joined_names);

  if (*clean_names)
    printf (_ ("Joined %s as %s (%s).\n"), endpoint, node, clean_names);
  else
    printf (_ ("Joined %s as %s.\n"), endpoint, node);
  print_next_step (ingress, node);
}

static gboolean
report (FunnelCli *cli, const char *path, GError **error)
{
  g_autoptr (FunnelDBusIngress) ingress = NULL;
  JsonObject *object;

  ingress = funnel_client_ref_ingress (cli->client, path);
  if (!ingress)
    {
      puts (_ ("Joined. `funnel status` shows the ingress."));
      return TRUE;
    }
  if (!wait_for (cli, ingress, is_linked, LINK_SECONDS, error)
      || (is_linked (ingress) && !wait_for (cli, ingress, has_grants, GRANT_SECONDS, error)))
    return FALSE;
  if (!cli->options->json)
    {
      print_joined (ingress);
      return TRUE;
    }
  object = funnel_cli_json_new ();
  json_object_set_object_member (object, "ingress", funnel_cli_json_ingress (ingress));
  funnel_cli_json_print (object, TRUE);
  return TRUE;
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree char *path = NULL;
  char *token = read_token (cli, error);

  if (token && !*g_strstrip (token))
    g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                         _ ("the join token is empty"));
  if (!token || *error || !funnel_cli_connect (cli, error))
    {
      funnel_secret_free (token);
      return FUNNEL_EXIT_ERROR;
    }
  funnel_client_join_async (cli->client, token, cli->cancellable, funnel_cli_await_cb, &result);
  funnel_secret_free (token);
  path = funnel_client_join_finish (cli->client, funnel_cli_await (&result), error);
  if (!path || !report (cli, path, error))
    return FUNNEL_EXIT_ERROR;
  return FUNNEL_EXIT_OK;
}

const FunnelCliCommand funnel_cli_join = {
    .name = "join",
    .synopsis = "join TOKEN|-",
    .summary = N_ ("join an ingress with a token from its admin"),
    .details
    = N_ ("TOKEN is what `funnel-ingress invite` printed; the whole line may be pasted. With - it "
          "is read from standard input, so that it is never seen in the process list.\n"),
    .flags = FUNNEL_CLI_JSON | FUNNEL_CLI_SYSTEM,
    .min_arguments = 1,
    .max_arguments = 3,
    .run = run,
};
