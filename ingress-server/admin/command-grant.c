/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"

gboolean
command_grant_parse (AdminCall *call, char **words, GError **error)
{
  g_autofree char *name = NULL, *expires = NULL;
  g_auto (GStrv) ports = NULL;
  AdminLimits limits = {0};
  gboolean below = FALSE;
  gboolean ok;
  const GOptionEntry entries[] = {
      {"name", 0, 0, G_OPTION_ARG_STRING, &name, "Public name (default NODE.ZONE)", "NAME"},
      {"below", 0, 0, G_OPTION_ARG_NONE, &below,
       "Names with one label more too, as for NODE.ZONE itself", NULL},
      {"port", 0, 0, G_OPTION_ARG_STRING_ARRAY, &ports, "Public port; repeatable (default all)",
       "N"},
      {"expires", 0, 0, G_OPTION_ARG_STRING, &expires, "For how long (default until revoked)",
       "DURATION"},
      ADMIN_LIMIT_ENTRIES (limits),
      {NULL},
  };

  ok = admin_call_parse (call, "grant", entries, words, error) && admin_call_set_node (call, error)
       && admin_call_set_name (call, name, error)
       && admin_call_set_ports (call, "ports", ports, error)
       && admin_call_set_lifetime (call, expires, error)
       && admin_call_set_limits (call, &limits, error);
  admin_limits_clear (&limits);
  if (below)
    json_object_set_boolean_member (call->request, "below", TRUE);
  return ok;
}

int
command_grant_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/grant", TRUE, admin_print_node);
}
