/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel leave: forget an ingress. */

#include <glib/gi18n.h>
#include <stdio.h>

#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"
#include "lib/base/error.h"

static FunnelDBusIngress *
choose_ingress (FunnelCli *cli, const char *wanted, GError **error)
{
  g_autoptr (GPtrArray) ingresses = funnel_client_list_ingresses (cli->client);
  g_autoptr (GString) list = g_string_new (NULL);

  if (ingresses->len == 0)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND,
                           _ ("not joined to any ingress"));
      return NULL;
    }
  if (!wanted && ingresses->len == 1)
    return g_object_ref (g_ptr_array_index (ingresses, 0));
  for (guint i = 0; i < ingresses->len; i++)
    {
      FunnelDBusIngress *ingress = g_ptr_array_index (ingresses, i);
      g_autofree char *endpoint = funnel_label_clean (funnel_dbus_ingress_get_endpoint (ingress));

      if (wanted && g_ascii_strcasecmp (wanted, endpoint) == 0)
        return g_object_ref (ingress);
      g_string_append_printf (list, _ ("\n  funnel leave %s"), endpoint);
    }
  g_set_error (
      error, FUNNEL_ERROR, wanted ? FUNNEL_ERROR_NOT_FOUND : FUNNEL_ERROR_INVALID_ARGUMENT, "%s%s",
      wanted ? _ ("no such ingress; there is:") : _ ("several ingresses are joined; say which:"),
      list->str);
  return NULL;
}

/* After leaving, so that nothing is ordered anew. */
static gboolean
revoke_certificates (FunnelCli *cli, guint *count, GError **error)
{
  FunnelDBusManager *manager = funnel_client_get_manager (cli->client);
  g_autoptr (GAsyncResult) result = NULL;
  GError *local_error = NULL;

  /* Each revocation has a deadline of its own, in the daemon. */
  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (manager), G_MAXINT);
  funnel_dbus_manager_call_revoke_certificates (manager, cli->cancellable, funnel_cli_await_cb,
                                                &result);
  if (funnel_dbus_manager_call_revoke_certificates_finish (
          manager, count, funnel_cli_await (&result), &local_error))
    return TRUE;
  g_propagate_error (error, funnel_client_map_error (local_error));
  return FALSE;
}

static gboolean
leave (FunnelCli *cli, FunnelDBusIngress *ingress, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  funnel_client_leave_async (cli->client, ingress, cli->cancellable, funnel_cli_await_cb, &result);
  return funnel_client_leave_finish (cli->client, funnel_cli_await (&result), error);
}

static FunnelExit
finish (FunnelCli *cli, const char *endpoint, GError **error)
{
  guint revoked = 0;

  if (!cli->options->json && endpoint)
    printf (_ ("Left the ingress %s.\n"), endpoint);
  if (cli->options->revoke && !revoke_certificates (cli, &revoked, error))
    return FUNNEL_EXIT_ERROR;
  if (cli->options->json)
    funnel_cli_json_print_count (endpoint ? 1 : 0);
  else if (cli->options->revoke)
    printf (ngettext ("Revoked %u certificate.\n", "Revoked %u certificates.\n", revoked), revoked);
  return FUNNEL_EXIT_OK;
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  g_autoptr (FunnelDBusIngress) ingress = NULL;
  g_autoptr (GError) none = NULL;
  g_autofree char *endpoint = NULL;
  g_autofree char *question = NULL;

  if (!funnel_cli_connect (cli, error))
    return FUNNEL_EXIT_ERROR;
  ingress = choose_ingress (cli, cli->arguments[0], &none);
  /* A revocation that failed can be tried again after the ingress was left. */
  if (!ingress && cli->options->revoke && !cli->arguments[0])
    return finish (cli, NULL, error);
  if (!ingress)
    {
      g_propagate_error (error, g_steal_pointer (&none));
      return FUNNEL_EXIT_ERROR;
    }
  endpoint = funnel_label_clean (funnel_dbus_ingress_get_endpoint (ingress));
  question = g_strdup_printf (_ ("Leave the ingress %s? Its names stop working here, and only a "
                                 "new join token leads back."),
                              endpoint);
  if (!funnel_cli_confirm (cli, question, error))
    return FUNNEL_EXIT_ERROR;

  return leave (cli, ingress, error) ? finish (cli, endpoint, error) : FUNNEL_EXIT_ERROR;
}

const FunnelCliCommand funnel_cli_leave = {
    .name = "leave",
    .synopsis = "leave [--revoke] [ENDPOINT]",
    .summary = N_ ("leave an ingress (asks)"),
    .details = N_ ("Forgets the ingress and this node's key for it, after asking. ENDPOINT, as "
                   "`funnel status` shows it, is needed only when several ingresses are joined. "
                   "With --revoke the certificates this node has ordered are revoked.\n"),
    .flags = FUNNEL_CLI_REVOKE | FUNNEL_CLI_YES | FUNNEL_CLI_JSON | FUNNEL_CLI_SYSTEM,
    .max_arguments = 1,
    .run = run,
};
