/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-exposure.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli-labels.h"
#include "cli/cli-session.h"

static const char *
describe_visitors (const FunnelCliOptions *options)
{
  if (options->share.auth_user != NULL || options->share.auth_file != NULL)
    return _ ("everybody on the internet who has the password");
  if (options->share.allow != NULL && options->share.allow[0] != NULL)
    return _ ("the addresses you allow");
  return _ ("everybody on the internet");
}

gboolean
funnel_cli_exposure_confirm (FunnelCli *cli, const char *target, GError **error)
{
  FunnelDBusManager *manager = funnel_client_get_manager (cli->client);
  g_autoptr (GPtrArray) ingresses = funnel_client_list_ingresses (cli->client);
  g_autofree char *clean = funnel_label_clean (target);
  g_autofree char *question = NULL;

  if (cli->options->yes || funnel_dbus_manager_get_exposed (manager) || ingresses->len == 0
      || !isatty (STDIN_FILENO) || !isatty (STDERR_FILENO))
    return TRUE;
  question
      = g_strdup_printf (_ ("This is the first time something of this machine becomes public.\n"
                            "  what: %s%s\n"
                            "  who:  %s, until you end it\n"
                            "The public name can be found by strangers within minutes. Go ahead?"),
                         target != NULL ? clean : _ ("what the command listens on"),
                         cli->options->share.path != NULL ? _ (" at a path of its own") : "",
                         describe_visitors (cli->options));
  return funnel_cli_confirm (cli, question, error);
}

void
funnel_cli_exposure_warn (FunnelDBusShare *share)
{
  const char *const *warnings = funnel_dbus_share_get_warnings (share);

  for (; warnings != NULL && *warnings != NULL; warnings++)
    {
      g_autofree char *clean = funnel_label_say (*warnings);

      fprintf (stderr, _ ("Warning: %s\n"), clean);
    }
}
