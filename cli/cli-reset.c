/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel reset: end all shares. */

#include <glib/gi18n.h>
#include <stdio.h>

#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"

/* Returns FALSE when there is nothing to end or the user says no; then @error tells which. */
static gboolean
confirm_all (FunnelCli *cli, GPtrArray *shares, GError **error)
{
  g_autoptr (GString) question = g_string_new (NULL);

  for (guint i = 0; i < shares->len; i++)
    {
      g_autofree char *url
          = funnel_label_clean (funnel_dbus_share_get_url (g_ptr_array_index (shares, i)));
      g_string_append_printf (question, "  %s\n", url);
    }
  g_string_append (question, ngettext ("End this share and forget it?",
                                       "End all these shares and forget them?", shares->len));
  return funnel_cli_confirm (cli, question->str, error);
}

static void
print_result (FunnelCli *cli, guint count)
{
  if (cli->options->json)
    funnel_cli_json_print_count (count);
  else if (count == 0)
    puts (_ ("Nothing is shared; there is nothing to reset."));
  else
    printf (ngettext ("Ended %u share.\n", "Ended %u shares.\n", count), count);
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  g_autoptr (GPtrArray) shares = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree char *etag = NULL;
  guint count = 0;

  if (!funnel_cli_connect (cli, error))
    return FUNNEL_EXIT_ERROR;
  shares = funnel_client_list_shares (cli->client);
  if (shares->len > 0)
    {
      etag = funnel_client_dup_etag (cli->client);
      if (!confirm_all (cli, shares, error))
        return FUNNEL_EXIT_ERROR;
      funnel_client_reset_async (cli->client, etag, cli->cancellable, funnel_cli_await_cb, &result);
      if (!funnel_client_reset_finish (cli->client, funnel_cli_await (&result), &count, error))
        return FUNNEL_EXIT_ERROR;
    }
  print_result (cli, count);
  return FUNNEL_EXIT_OK;
}

const FunnelCliCommand funnel_cli_reset = {
    .name = "reset",
    .synopsis = "reset [--yes]",
    .summary = N_ ("end all shares (asks)"),
    .details = N_ ("Ends and forgets all shares, in the foreground and in the background, after "
                   "asking. The ingress stays joined; `funnel leave` ends that.\n"),
    .flags = FUNNEL_CLI_YES | FUNNEL_CLI_JSON | FUNNEL_CLI_SYSTEM,
    .run = run,
};
