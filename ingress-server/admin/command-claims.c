/* SPDX-License-Identifier: GPL-3.0-or-later */

/* claims and release: names outside the zone that nodes have proved. */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"

#include <stdio.h>

gboolean
command_claims_parse (AdminCall *call, char **words, GError **error)
{
  return admin_call_parse (call, "claims", NULL, words, error);
}

static void
print_claim (JsonObject *claim)
{
  const char *state = json_object_get_string_member (claim, "state");
  g_autofree char *since = admin_text_ago (json_object_get_int_member (claim, "since"));
  g_autofree char *checked = admin_text_ago (json_object_get_int_member (claim, "checked"));
  g_autofree char *when = NULL;

  if (json_object_has_member (claim, "until"))
    when = admin_text_until (json_object_get_int_member (claim, "until"));
  else if (json_object_has_member (claim, "lost"))
    when = admin_text_ago (json_object_get_int_member (claim, "lost"));
  printf ("%s  %s%s%s  node %s, by %s, since %s, proof last seen %s\n",
          json_object_get_string_member (claim, "name"), state, when ? " " : "", when ? when : "",
          json_object_get_string_member (claim, "node"),
          json_object_get_string_member (claim, "proof"), since, checked);
}

static void
print_asked (JsonArray *asked)
{
  if (json_array_get_length (asked) > 0)
    printf ("Asked for, not proved:\n");
  for (guint i = 0; i < json_array_get_length (asked); i++)
    {
      JsonObject *claim = json_array_get_object_element (asked, i);
      gboolean why = json_object_has_member (claim, "reason");

      printf ("  %s  node %s  %s\n", json_object_get_string_member (claim, "name"),
              json_object_get_string_member (claim, "node"),
              why ? json_object_get_string_member (claim, "reason")
                  : json_object_get_string_member (claim, "state"));
    }
}

static void
print_claims (JsonObject *answer)
{
  JsonArray *claims = json_object_get_array_member (answer, "claims");

  if (!json_object_get_boolean_member (answer, "prove"))
    printf ("Nodes cannot prove names of their own (custom-domains=off in ingress.conf).\n");
  else if (json_array_get_length (claims) == 0)
    printf ("No claims.\n");
  for (guint i = 0; i < json_array_get_length (claims); i++)
    print_claim (json_array_get_object_element (claims, i));
  print_asked (json_object_get_array_member (answer, "asked"));
}

int
command_claims_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/claims", FALSE, print_claims);
}

gboolean
command_release_parse (AdminCall *call, char **words, GError **error)
{
  return admin_call_parse (call, "release", NULL, words, error)
         && admin_call_set_name (call, call->argument, error);
}

static void
print_released (JsonObject *answer)
{
  printf ("%s is free: whoever proves it gets it.\n",
          json_object_get_string_member (answer, "name"));
}

int
command_release_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/release", TRUE, print_released);
}
