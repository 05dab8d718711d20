/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"
#include "lib/base/error.h"

gboolean
command_limit_parse (AdminCall *call, char **words, GError **error)
{
  AdminLimits limits = {0};
  const GOptionEntry entries[] = {ADMIN_LIMIT_ENTRIES (limits), {NULL}};
  gboolean ok = admin_call_parse (call, "limit", entries, words, error)
                && admin_call_set_node (call, error)
                && admin_call_set_limits (call, &limits, error);

  admin_limits_clear (&limits);
  if (!ok || json_object_get_size (call->request) > 1)
    return ok;
  g_set_error_literal (
      error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
      "say what to limit: --max-flows, --rate or --bandwidth; 0 takes a limit away");
  return FALSE;
}

int
command_limit_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/limit", TRUE, admin_print_node);
}
