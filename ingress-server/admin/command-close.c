/* SPDX-License-Identifier: GPL-3.0-or-later */

/* close and open: the switch per name. */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"

static gboolean
parse (AdminCall *call, const char *command, char **words, GError **error)
{
  return admin_call_parse (call, command, NULL, words, error)
         && admin_call_set_name (call, call->argument, error);
}

gboolean
command_close_parse (AdminCall *call, char **words, GError **error)
{
  return parse (call, "close", words, error);
}

int
command_close_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/close", TRUE, admin_print_node);
}

gboolean
command_open_parse (AdminCall *call, char **words, GError **error)
{
  return parse (call, "open", words, error);
}

int
command_open_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/open", TRUE, admin_print_node);
}
