/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel [TARGET] [FLAGS] off: end the shares that match. */

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"
#include "lib/base/error.h"

static GVariant *
build_filter (const FunnelCliOptions *options,
              const char *target,
              const char *etag,
              gboolean dry_run)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (target)
    g_variant_dict_insert (&dict, "target", "s", target);
  if (options->kind)
    g_variant_dict_insert (&dict, "kind", "s", options->kind);
  if (options->port)
    g_variant_dict_insert (&dict, "port", "q", options->port);
  if (options->name)
    g_variant_dict_insert (&dict, "name", "s", options->name);
  if (options->share.path)
    g_variant_dict_insert (&dict, "path", "s", options->share.path);
  if (etag)
    g_variant_dict_insert (&dict, "if-match", "s", etag);
  if (dry_run)
    g_variant_dict_insert (&dict, "dry-run", "b", TRUE);
  return g_variant_dict_end (&dict);
}

static gboolean
matches (FunnelDBusShare *share, const FunnelCliOptions *options)
{
  const char *name = funnel_dbus_share_get_name (share);

  return (!options->kind || g_strcmp0 (options->kind, funnel_dbus_share_get_kind (share)) == 0)
         && (!options->port || options->port == funnel_dbus_share_get_port (share))
         && (!options->name || (name && g_ascii_strcasecmp (options->name, name) == 0));
}

/* One line per share that matches @options, all of them for NULL; @count: how many. */
static char *
list_shares (FunnelClient *client, const FunnelCliOptions *options, guint *count)
{
  g_autoptr (GPtrArray) shares = funnel_client_list_shares (client);
  GString *text = g_string_new (NULL);

  *count = 0;
  for (guint i = 0; i < shares->len; i++)
    {
      FunnelDBusShare *share = g_ptr_array_index (shares, i);
      g_autofree char *url = funnel_label_clean (funnel_dbus_share_get_url (share));
      g_autofree char *target = funnel_label_target (funnel_dbus_share_get_kind (share),
                                                     funnel_dbus_share_get_target (share));

      if (options && !matches (share, options))
        continue;
      ++*count;
      g_string_append_printf (text, "  %s  %s\n", url, target);
    }
  return g_string_free (text, FALSE);
}

static gboolean
call_unshare (FunnelCli *cli, const char *etag, gboolean dry_run, guint *count, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  funnel_client_unshare_async (cli->client,
                               build_filter (cli->options, cli->arguments[0], etag, dry_run),
                               cli->cancellable, funnel_cli_await_cb, &result);
  return funnel_client_unshare_finish (cli->client, funnel_cli_await (&result), count, error);
}

/* More than one is worth a question. The ETag makes sure that what ends is what was asked about. */
static gboolean
confirm_several (FunnelCli *cli, char **etag, GError **error)
{
  g_autofree char *now = funnel_client_dup_etag (cli->client);
  g_autofree char *question = NULL;
  g_autofree char *list = NULL;
  guint count = 0, shares = 0;

  if (!call_unshare (cli, now, TRUE, &count, error))
    return FALSE;
  if (count <= 1)
    return TRUE;
  list = list_shares (cli->client, cli->options, &shares);
  /* Which ones a target or a path means is the daemon's to say. */
  if (cli->arguments[0] || cli->options->share.path || count != shares)
    question = g_strdup_printf (ngettext ("Are you sure you want to end %u target?",
                                          "Are you sure you want to end %u targets?", count),
                                count);
  else
    question = g_strdup_printf (ngettext ("%sAre you sure you want to end this %u share?",
                                          "%sAre you sure you want to end these %u shares?", count),
                                list, count);
  if (!funnel_cli_confirm (cli, question, error))
    return FALSE;
  *etag = g_steal_pointer (&now);
  return TRUE;
}

static void
explain_not_found (FunnelCli *cli, GError **error)
{
  guint count = 0;
  g_autofree char *list = list_shares (cli->client, NULL, &count);

  g_clear_error (error);
  if (count == 0)
    g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND, _ ("nothing is shared"));
  else
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND,
                 _ ("no share matches; these are there:\n%.*s"), (int)strlen (list) - 1, list);
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  const char *target = cli->arguments[0];
  g_autofree char *etag = NULL;
  guint count = 0;

  if (target && !*target)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, _ ("empty target"));
      return FUNNEL_EXIT_USAGE;
    }
  if (!funnel_cli_connect (cli, error))
    return FUNNEL_EXIT_ERROR;
  if (!confirm_several (cli, &etag, error) || !call_unshare (cli, etag, FALSE, &count, error))
    {
      if (g_error_matches (*error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND))
        explain_not_found (cli, error);
      return FUNNEL_EXIT_ERROR;
    }
  if (cli->options->json)
    funnel_cli_json_print_count (count);
  else
    printf (ngettext ("Ended %u share.\n", "Ended %u shares.\n", count), count);
  return FUNNEL_EXIT_OK;
}

const FunnelCliCommand funnel_cli_off = {
    .name = "off",
    .synopsis = "[TARGET] [FLAGS] off",
    .summary = N_ ("end the shares that match (asks when several)"),
    .details = N_ ("Ends the shares that match the target and the flags given, for example:\n"
                   "  funnel 3000 off\n"
                   "  funnel --https=443 off\n"
                   "  funnel --set-path=/api off\n"
                   "Without any, it ends everything. It asks when several would end.\n"),
    .flags = FUNNEL_CLI_KIND | FUNNEL_CLI_NAME | FUNNEL_CLI_PATH | FUNNEL_CLI_YES | FUNNEL_CLI_JSON
             | FUNNEL_CLI_SYSTEM,
    .min_arguments = 0,
    .max_arguments = 1,
    .run = run,
};
