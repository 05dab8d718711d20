/* SPDX-License-Identifier: GPL-3.0-or-later */

/* backup, restore and check-config: what needs the state directory and no daemon. */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"
#include "ingress-server/store/ingress-backup.h"
#include "ingress-server/store/ingress-config.h"

#include <stdio.h>

gboolean
command_backup_parse (AdminCall *call, char **words, GError **error)
{
  return admin_call_parse (call, "backup", NULL, words, error);
}

int
command_backup_run (AdminCall *call)
{
  g_autofree char *state_dir = ingress_state_dir (call->state_dir);
  GError *error = NULL;

  if (!ingress_backup_write (state_dir, call->argument, &error))
    return admin_fail (call, error);
  if (!call->json)
    printf ("%s holds the keys, nodes and grants of this ingress. Whoever has it can be this "
            "ingress: keep it as safe as the host.\n",
            call->argument);
  else
    admin_print_json (call->request);
  return ADMIN_EXIT_OK;
}

gboolean
command_restore_parse (AdminCall *call, char **words, GError **error)
{
  return admin_call_parse (call, "restore", NULL, words, error);
}

int
command_restore_run (AdminCall *call)
{
  g_autofree char *state_dir = ingress_state_dir (call->state_dir);
  g_autoptr (IngressConfig) config = NULL;
  GError *error = NULL;

  if (!ingress_backup_restore (call->argument, state_dir, &error))
    return admin_fail (call, error);
  config = ingress_config_load (state_dir, &error);
  if (!config)
    return admin_fail (call, error);
  if (call->json)
    {
      admin_print_json (call->request);
      return ADMIN_EXIT_OK;
    }
  printf ("The ingress for *.%s is restored in %s.\n\nNext:\n"
          "  - if the daemon has a user of its own: chown -R funnel-ingress:funnel-ingress %s\n"
          "  - start it: systemctl start funnel-ingressd\n"
          "  - if this is another host, let %s lead here: nodes come back by themselves\n",
          config->zone, state_dir, state_dir, config->endpoint_host);
  return ADMIN_EXIT_OK;
}

gboolean
command_check_config_parse (AdminCall *call, char **words, GError **error)
{
  return admin_call_parse (call, "check-config", NULL, words, error);
}

int
command_check_config_run (AdminCall *call)
{
  g_autofree char *state_dir = ingress_state_dir (call->state_dir);
  GError *error = NULL;
  g_autoptr (IngressConfig) config = ingress_config_load (state_dir, &error);

  if (!config)
    return admin_fail (call, error);
  if (call->json)
    admin_print_json (call->request);
  else
    printf ("%s/" INGRESS_CONFIG_FILE " is fine; `funnel-ingress reload` puts it to use.\n",
            state_dir);
  return ADMIN_EXIT_OK;
}
