/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"
#include "lib/base/error.h"
#include "lib/base/host.h"

#include <stdio.h>

#define COUNT_MAX 10000

gboolean
command_audit_parse (AdminCall *call, char **words, GError **error)
{
  g_autofree char *node = NULL, *label = NULL;
  int count = 0;
  const GOptionEntry entries[] = {
      {"node", 0, 0, G_OPTION_ARG_STRING, &node, "Only what concerns this node", "NODE"},
      {"count", 0, 0, G_OPTION_ARG_INT, &count, "How many entries, the latest (default 100)", "N"},
      {NULL},
  };

  if (!admin_call_parse (call, "audit", entries, words, error))
    return FALSE;
  if (count < 0 || count > COUNT_MAX)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "--count: write a number from 1 to %d", COUNT_MAX);
      return FALSE;
    }
  if (count > 0)
    json_object_set_int_member (call->request, "count", count);
  label = node ? funnel_label_normalize (node, error) : NULL;
  if (label)
    json_object_set_string_member (call->request, "node", label);
  return label != NULL || node == NULL;
}

static void
print_entry (JsonObject *entry)
{
  g_autoptr (GDateTime) time
      = g_date_time_new_from_unix_utc (json_object_get_int_member (entry, "time"));
  g_autofree char *when = g_date_time_format (time, "%Y-%m-%d %H:%M:%S");
  gint64 uid = json_object_get_int_member (entry, "uid");
  const char *error = json_object_get_string_member (entry, "error");
  g_autofree char *who = uid >= 0 ? g_strdup_printf ("uid %" G_GINT64_FORMAT, uid) : g_strdup ("-");

  printf ("%s  %-9s %-7s %s  %s%s%s\n", when, who, json_object_get_string_member (entry, "action"),
          json_object_get_string_member (entry, "node"),
          json_object_get_string_member (entry, "detail"), *error ? "  REFUSED: " : "", error);
}

static void
print_entries (JsonObject *answer)
{
  JsonArray *entries = json_object_get_array_member (answer, "entries");

  for (guint i = 0; i < json_array_get_length (entries); i++)
    print_entry (json_array_get_object_element (entries, i));
}

int
command_audit_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/audit", TRUE, print_entries);
}
