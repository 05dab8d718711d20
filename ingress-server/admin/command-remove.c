/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"
#include "lib/base/error.h"

#include <stdio.h>
#include <unistd.h>

gboolean
command_remove_parse (AdminCall *call, char **words, GError **error)
{
  const GOptionEntry entries[] = {
      {"yes", 'y', 0, G_OPTION_ARG_NONE, &call->yes, "Do not ask", NULL},
      {NULL},
  };

  return admin_call_parse (call, "remove", entries, words, error)
         && admin_call_set_node (call, error);
}

static gboolean
is_confirmed (AdminCall *call, GError **error)
{
  char answer[16] = "";

  if (call->yes)
    return TRUE;
  if (!isatty (STDIN_FILENO))
    {
      g_set_error_literal (
          error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
          "Removing a node asks first, and there is nobody to ask here; add --yes");
      return FALSE;
    }
  fprintf (stderr, "Remove node %s with all its grants? It would have to be invited again. [y/N] ",
           json_object_get_string_member (call->request, "node"));
  if (fgets (answer, sizeof answer, stdin) && g_ascii_tolower (answer[0]) == 'y')
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "Nothing was removed");
  return FALSE;
}

static void
print_removed (JsonObject *answer)
{
  printf ("Removed node %s.\n", json_object_get_string_member (answer, "node"));
}

int
command_remove_run (AdminCall *call)
{
  GError *error = NULL;

  if (!is_confirmed (call, &error))
    return admin_fail (call, error);
  return admin_run_simple (call, "/v1/remove", TRUE, print_removed);
}
