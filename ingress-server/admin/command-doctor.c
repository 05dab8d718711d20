/* SPDX-License-Identifier: GPL-3.0-or-later */

/* doctor: what is wrong with this ingress, and what to type. */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"
#include "ingress-server/admin/doctor-collect.h"

#include <stdio.h>

gboolean
command_doctor_parse (AdminCall *call, char **words, GError **error)
{
  return admin_call_parse (call, "doctor", NULL, words, error);
}

int
command_doctor_run (AdminCall *call)
{
  g_autoptr (GPtrArray) steps = ingress_doctor_examine (call);
  g_autoptr (JsonObject) object = NULL;
  g_autofree char *text = NULL;

  if (call->json)
    {
      object = funnel_doctor_to_json (steps);
      admin_print_json (object);
    }
  else
    {
      text = funnel_doctor_print (steps, NULL);
      fputs (text, stdout);
    }
  return funnel_doctor_has_failed (steps) ? ADMIN_EXIT_FAILED : ADMIN_EXIT_OK;
}
