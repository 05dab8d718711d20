/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"

#include <stdio.h>

gboolean
command_reload_parse (AdminCall *call, char **words, GError **error)
{
  return admin_call_parse (call, "reload", NULL, words, error);
}

static void
print (JsonObject *answer)
{
  puts ("The configuration is read again; visitors stay connected.");
}

int
command_reload_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/reload", TRUE, print);
}
