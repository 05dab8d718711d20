/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"

#include <stdio.h>

gboolean
command_nodes_parse (AdminCall *call, char **words, GError **error)
{
  return admin_call_parse (call, "nodes", NULL, words, error);
}

static void
print_invites (JsonArray *invites)
{
  if (json_array_get_length (invites) == 0)
    return;
  printf ("Invited, not joined yet:\n");
  for (guint i = 0; i < json_array_get_length (invites); i++)
    {
      JsonObject *invite = json_array_get_object_element (invites, i);
      g_autofree char *left = admin_text_until (json_object_get_int_member (invite, "expires"));

      printf ("  %s  open %s%s%s\n", json_object_get_string_member (invite, "name"), left,
              json_object_get_boolean_member (invite, "grant") ? ", with a grant" : "",
              json_object_get_boolean_member (invite, "replace")
                  ? ", replaces the node of that name"
                  : "");
    }
}

static void
print_nodes (JsonObject *answer)
{
  JsonArray *nodes = json_object_get_array_member (answer, "nodes");
  JsonArray *invites = json_object_get_array_member (answer, "invites");

  if (json_array_get_length (nodes) == 0)
    printf ("No nodes yet. Invite one: funnel-ingress invite NAME --grant\n");
  for (guint i = 0; i < json_array_get_length (nodes); i++)
    admin_print_node (json_array_get_object_element (nodes, i));
  print_invites (invites);
}

int
command_nodes_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/nodes", FALSE, print_nodes);
}
