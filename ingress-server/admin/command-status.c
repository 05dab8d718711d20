/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"

#include <stdio.h>

gboolean
command_status_parse (AdminCall *call, char **words, GError **error)
{
  return admin_call_parse (call, "status", NULL, words, error);
}

static void
print_refusals (JsonObject *refusals)
{
  g_autoptr (GList) names = json_object_get_members (refusals);
  gboolean any = FALSE;

  for (GList *l = names; l; l = l->next)
    {
      gint64 count = json_object_get_int_member (refusals, l->data);

      if (count == 0)
        continue;
      if (!any)
        printf ("refused    ");
      printf ("%s%s %" G_GINT64_FORMAT, any ? ", " : "", (const char *)l->data, count);
      any = TRUE;
    }
  if (any)
    putchar ('\n');
}

static void
print_relay (JsonObject *relay)
{
  g_autofree char *in = NULL, *out = NULL;

  if (!json_object_has_member (relay, "flows"))
    {
      printf ("relay      not started\n");
      return;
    }
  in = admin_text_bytes (json_object_get_int_member (relay, "bytes_in"));
  out = admin_text_bytes (json_object_get_int_member (relay, "bytes_out"));
  printf ("relay      %s, started %" G_GINT64_FORMAT " times\n",
          json_object_get_boolean_member (relay, "up") ? "up" : "DOWN",
          json_object_get_int_member (relay, "starts"));
  printf ("visitors   %" G_GINT64_FORMAT " open, %" G_GINT64_FORMAT " accepted, %" G_GINT64_FORMAT
          " taken by nodes\n",
          json_object_get_int_member (relay, "flows"),
          json_object_get_int_member (relay, "accepted"),
          json_object_get_int_member (relay, "taken"));
  printf ("traffic    %s from visitors, %s to visitors\n", in, out);
  print_refusals (json_object_get_object_member (relay, "refusals"));
}

static void
print_dns (JsonObject *dns)
{
  printf ("records    %" G_GINT64_FORMAT " published",
          json_object_get_int_member (dns, "published"));
  if (json_object_has_member (dns, "error"))
    printf ("; ERROR: %s", json_object_get_string_member (dns, "error"));
  putchar ('\n');
}

static void
print_status (JsonObject *answer)
{
  g_autofree char *ports = admin_text_ports (json_object_get_array_member (answer, "public_ports"));
  gboolean direct = g_str_equal (json_object_get_string_member (answer, "tunnel"), "direct");

  printf ("zone       %s  (%s)\n", json_object_get_string_member (answer, "zone"),
          json_object_get_string_member (answer, "dns_record"));
  if (json_object_has_member (answer, "dns"))
    print_dns (json_object_get_object_member (answer, "dns"));
  printf ("visitors   TCP %s\n", ports);
  printf ("endpoint   %s\n", json_object_get_string_member (answer, "endpoint"));
  if (direct)
    printf ("tunnel     DIRECT: loopback, no WireGuard; for tests on one machine only\n");
  else
    printf ("tunnel     %s, WireGuard by %s\n",
            json_object_get_boolean_member (answer, "tunnel_up") ? "up" : "DOWN",
            json_object_get_string_member (answer, "engine"));
  printf (
      "nodes      %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT " linked, %" G_GINT64_FORMAT " routes\n",
      json_object_get_int_member (answer, "nodes"), json_object_get_int_member (answer, "links"),
      json_object_get_int_member (answer, "routes"));
  if (json_object_has_member (answer, "database_problem"))
    printf ("database   DAMAGED: %s; see: funnel-ingress doctor\n",
            json_object_get_string_member (answer, "database_problem"));
  print_relay (json_object_get_object_member (answer, "relay"));
}

int
command_status_run (AdminCall *call)
{
  return admin_run_simple (call, "/v1/status", FALSE, print_status);
}
