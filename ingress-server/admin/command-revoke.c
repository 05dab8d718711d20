/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"

gboolean
command_revoke_parse (AdminCall *call, char **words, GError **error)
{
  g_autofree char *name = NULL;
  const GOptionEntry entries[] = {
      {"name", 0, 0, G_OPTION_ARG_STRING, &name,
       "Only the grant of this name (default all of the node)", "NAME"},
      {NULL},
  };

  return admin_call_parse (call, "revoke", entries, words, error)
         && admin_call_set_node (call, error) && admin_call_set_name (call, name, error);
}

int
command_revoke_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/revoke", TRUE, admin_print_node);
}
