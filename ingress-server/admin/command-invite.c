/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"
#include "lib/base/error.h"

#include <stdio.h>

#define DEFAULT_LIFETIME "1h"

gboolean
command_invite_parse (AdminCall *call, char **words, GError **error)
{
  g_autofree char *expires = NULL;
  g_auto (GStrv) ports = NULL;
  gboolean grant = FALSE, replace = FALSE;
  const GOptionEntry entries[] = {
      {"grant", 0, 0, G_OPTION_ARG_NONE, &grant, "Also grant NAME.ZONE when it joins", NULL},
      {"expires", 0, 0, G_OPTION_ARG_STRING, &expires,
       "How long the invitation is good (default " DEFAULT_LIFETIME ")", "DURATION"},
      {"port", 0, 0, G_OPTION_ARG_STRING_ARRAY, &ports,
       "Grant this public port only; repeatable (default all)", "N"},
      {"replace", 0, 0, G_OPTION_ARG_NONE, &replace,
       "Let it take over from the node of that name: a new key, the same grants", NULL},
      {NULL},
  };

  if (!admin_call_parse (call, "invite", entries, words, error)
      || !admin_call_set_node (call, error) || !admin_call_set_ports (call, "ports", ports, error)
      || !admin_call_set_lifetime (call, expires ? expires : DEFAULT_LIFETIME, error))
    return FALSE;
  if (ports && !grant)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                           "--port needs --grant");
      return FALSE;
    }
  json_object_set_boolean_member (call->request, "grant", grant);
  json_object_set_boolean_member (call->request, "replace", replace);
  return TRUE;
}

/* Only the line itself goes to stdout: it is often piped or copied. */
static void
print_invite (JsonObject *answer)
{
  const char *node = json_object_get_string_member (answer, "node");
  g_autofree char *left = admin_text_until (json_object_get_int_member (answer, "expires"));

  fprintf (stderr, "Run this on the machine that becomes %s. It works once, %s:\n", node, left);
  printf ("funnel join %s\n", json_object_get_string_member (answer, "token"));
  fflush (stdout);
  if (!json_object_get_boolean_member (answer, "grant"))
    fprintf (stderr, "Joining allows nothing yet. When it has joined: funnel-ingress grant %s\n",
             node);
}

int
command_invite_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/invite", TRUE, print_invite);
}
