/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel doctor: what stands between this machine and a visitor. */

#include <glib/gi18n.h>
#include <stdio.h>

#include "cli/cli-json.h"
#include "cli/cli-session.h"
#include "lib/base/doctor-step.h"
#include "lib/base/error.h"
#include "lib/client/phrase.h"

#define CALL_MS 30000

/* Without the daemon nothing else can be known. */
static GPtrArray *
report_no_daemon (const GError *error, const char *advice)
{
  static const char *const needs[] = {"daemon", NULL};
  const char *const *name = funnel_doctor_node_steps ();
  GPtrArray *steps = funnel_doctor_list_new ();

  funnel_doctor_add (steps, "daemon", NULL, FUNNEL_DOCTOR_FAILED, g_strdup (error->message),
                     advice);
  for (; *name; name++)
    if (!g_str_equal (*name, "daemon"))
      funnel_doctor_skip (steps, *name, NULL, needs);
  return steps;
}

static GVariant *
make_options (FunnelCli *cli)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&dict, "client-version", "s", FUNNEL_VERSION);
  if (cli->arguments[0])
    g_variant_dict_insert (&dict, "name", "s", cli->arguments[0]);
  return g_variant_dict_end (&dict);
}

static GPtrArray *
ask_daemon (FunnelCli *cli, GError **error)
{
  FunnelDBusManager *manager = funnel_client_get_manager (cli->client);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) variant = NULL;
  g_autoptr (GError) local_error = NULL;

  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (manager), CALL_MS);
  funnel_dbus_manager_call_doctor (manager, make_options (cli), cli->cancellable,
                                   funnel_cli_await_cb, &result);
  if (funnel_dbus_manager_call_doctor_finish (manager, &variant, funnel_cli_await (&result),
                                              &local_error))
    return funnel_doctor_from_variant (variant);
  if (g_error_matches (local_error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD))
    {
      g_clear_error (&local_error);
      local_error = g_error_new_literal (FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
                                         _ ("the funneld that runs is older than this command"));
      return report_no_daemon (local_error, "systemctl --user restart funneld");
    }
  g_propagate_error (error, funnel_client_map_error (g_steal_pointer (&local_error)));
  return NULL;
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  g_autoptr (GPtrArray) steps = NULL;
  g_autoptr (GError) local_error = NULL;
  g_autofree char *text = NULL;

  if (funnel_cli_connect (cli, &local_error))
    steps = ask_daemon (cli, error);
  else if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_propagate_error (error, g_steal_pointer (&local_error));
  else
    steps = report_no_daemon (local_error, NULL);
  if (!steps)
    return FUNNEL_EXIT_ERROR;
  if (cli->options->json)
    funnel_cli_json_print (funnel_doctor_to_json (steps), TRUE);
  else
    {
      text = funnel_doctor_print (steps, funnel_phrase_translate);
      fputs (text, stdout);
    }
  return funnel_doctor_has_failed (steps) ? FUNNEL_EXIT_ERROR : FUNNEL_EXIT_OK;
}

const FunnelCliCommand funnel_cli_doctor = {
    .name = "doctor",
    .synopsis = "doctor [NAME] [--json]",
    .summary = N_ ("find what is wrong, and what to type"),
    .details = N_ ("Looks, in this order, at the clock, the configuration, the daemon, the tunnel, "
                   "whether UDP gets through, the link, and for every share, or those under NAME, "
                   "at the grant, DNS, the certificate, the target, and what was seen from "
                   "outside. Exits with 1 if a step failed.\n"),
    .flags = FUNNEL_CLI_JSON | FUNNEL_CLI_SYSTEM,
    .max_arguments = 1,
    .run = run,
};
