/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel tunnel: which kind of tunnel is used, and switching it on again. */

#include <glib/gi18n.h>
#include <stdio.h>

#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"
#include "lib/base/error.h"

static void
print_tunnel (FunnelDBusIngress *ingress)
{
  g_autofree char *endpoint = funnel_label_clean (funnel_dbus_ingress_get_endpoint (ingress));
  g_autofree char *choice = funnel_label_clean (funnel_dbus_ingress_get_tunnel_choice (ingress));
  g_autofree char *kind = funnel_label_clean (funnel_dbus_ingress_get_tunnel (ingress));
  g_autofree char *state = funnel_label_clean (funnel_dbus_ingress_get_state (ingress));
  g_autofree char *reason = funnel_label_say (funnel_dbus_ingress_get_reason (ingress));

  printf (_ ("%s: %s (chosen: %s), %s%s%s\n"), endpoint, *kind ? kind : _ ("none"), choice, state,
          *reason ? ": " : "", reason);
}

static gboolean
set_tunnel (FunnelCli *cli, FunnelDBusIngress *ingress, const char *choice, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  funnel_dbus_ingress_call_set_tunnel (ingress, choice, cli->cancellable, funnel_cli_await_cb,
                                       &result);
  if (funnel_dbus_ingress_call_set_tunnel_finish (ingress, funnel_cli_await (&result), error))
    return TRUE;
  if (error != NULL && *error != NULL)
    g_dbus_error_strip_remote_error (*error);
  return FALSE;
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  g_autoptr (GPtrArray) ingresses = NULL;
  const char *choice = cli->arguments[0];

  if (!funnel_cli_connect (cli, error))
    return FUNNEL_EXIT_ERROR;
  ingresses = funnel_client_list_ingresses (cli->client);
  if (ingresses->len == 0)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_JOINED,
                           _ ("this node has not joined an ingress: funnel join TOKEN"));
      return FUNNEL_EXIT_ERROR;
    }
  for (guint i = 0; i < ingresses->len; i++)
    {
      FunnelDBusIngress *ingress = g_ptr_array_index (ingresses, i);

      if (choice != NULL && !set_tunnel (cli, ingress, choice, error))
        return FUNNEL_EXIT_ERROR;
      if (choice == NULL && !cli->options->json)
        print_tunnel (ingress);
    }
  if (cli->options->json)
    funnel_cli_json_print (funnel_cli_json_status (cli->client), TRUE);
  else if (choice != NULL)
    puts (_ ("The tunnel comes up anew; `funnel status` shows when it is there."));
  return FUNNEL_EXIT_OK;
}

const FunnelCliCommand funnel_cli_tunnel = {
    .name = "tunnel",
    .synopsis = "tunnel [on | KIND]",
    .summary = N_ ("show or choose the kind of tunnel, or switch it on again"),
    .details
    = N_ ("KIND is auto, networkmanager or netns.\n"
          "on: bring the tunnel up anew, also after it was switched off in NetworkManager.\n"
          "auto: use the first kind that works without asking anything; that is the rule.\n"
          "networkmanager, netns: use that kind only. The choice is remembered.\n"),
    .flags = FUNNEL_CLI_JSON | FUNNEL_CLI_SYSTEM,
    .max_arguments = 1,
    .run = run,
};
