/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel-ingress __complete -- WORD…: for the shells' completions (data/completions), not for
 * admins: in no help. */

#include "ingress-server/admin/admin-complete.h"

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-client.h"

#include <stdio.h>
#include <string.h>

/* What is begun on the command line; the describing of flags cannot be told otherwise. */
static const char *begun;

static void
offer (const char *prefix, const char *candidate, const char *description)
{
  g_autofree char *whole = g_strconcat (prefix, candidate, NULL);

  if (g_str_has_prefix (whole, begun))
    printf ("%s\t%s\n", whole, description);
}

static void
offer_flags (const GOptionEntry *entries)
{
  for (; entries && entries->long_name; entries++)
    {
      g_autofree char *flag
          = g_strconcat ("--", entries->long_name, entries->arg_description ? "=" : "", NULL);

      offer ("", flag, entries->description);
    }
}

static void
offer_commands (void)
{
  for (const AdminCommand *command = admin_commands; command->name; command++)
    offer ("", command->name, command->summary);
  offer ("", "--help", "Show help");
  offer ("", "--version", "Print the version");
}

/* The names of nodes, or of what they are granted. */
static void
offer_known (const char *prefix, gboolean names)
{
  g_autoptr (AdminCall) call = admin_call_new ();
  g_autoptr (JsonObject) answer = admin_client_send (call, "/v1/nodes", FALSE, NULL);
  JsonArray *nodes = answer ? json_object_get_array_member (answer, "nodes") : NULL;

  for (guint i = 0; nodes && i < json_array_get_length (nodes); i++)
    {
      JsonObject *node = json_array_get_object_element (nodes, i);
      const char *name = json_object_get_string_member (node, "name");
      JsonArray *grants = json_object_get_array_member (node, "grants");

      if (!names)
        offer (prefix, name, "node");
      for (guint j = 0; names && j < json_array_get_length (grants); j++)
        offer (prefix,
               json_object_get_string_member (json_array_get_object_element (grants, j), "name"),
               name);
    }
}

static void
offer_value (const char *equals)
{
  g_autofree char *flag = g_strndup (begun, (gsize)(equals + 1 - begun));

  if (g_str_equal (flag, "--run-dir=") || g_str_equal (flag, "--state-dir="))
    puts (":folders");
  else if (g_str_equal (flag, "--name="))
    offer_known (flag, TRUE);
}

static void
offer_argument (const AdminCommand *command)
{
  if (g_strcmp0 (command->argument, "FILE") == 0)
    puts (":files");
  else if (g_strcmp0 (command->argument, "NODE") == 0)
    offer_known ("", FALSE);
  else if (g_strcmp0 (command->argument, "NAME") == 0 && !g_str_equal (command->name, "invite"))
    offer_known ("", TRUE);
}

void
admin_complete (char **words)
{
  guint n = g_strv_length (words);
  const AdminCommand *command = n > 1 ? admin_command_find (words[0]) : NULL;
  g_autoptr (AdminCall) call = admin_call_new ();
  char *none[] = {NULL};

  begun = n > 0 ? words[n - 1] : "";
  if (n <= 1)
    offer_commands ();
  else if (command && *begun != '-')
    offer_argument (command);
  else if (command && strchr (begun, '='))
    offer_value (strchr (begun, '='));
  else if (command)
    {
      call->describe = offer_flags;
      command->parse (call, none, NULL);
      offer ("", "--help", "Show help");
    }
}
