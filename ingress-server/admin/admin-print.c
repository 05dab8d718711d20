/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-print.h"

#include "lib/base/byte-rate.h"
#include "lib/base/duration.h"
#include "lib/base/error.h"
#include "lib/base/join-message.h"
#include "ingress-server/admin/admin-client.h"

#include <stdio.h>

void
admin_print_json (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  json_node_set_object (node, object);
  text = json_to_string (node, TRUE);
  puts (text);
}

int
admin_fail (AdminCall *call, GError *error)
{
  int status = g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT)
                   ? ADMIN_EXIT_USAGE
                   : ADMIN_EXIT_FAILED;

  fprintf (stderr, "funnel-ingress: %s\n", error->message);
  if (call && call->json)
    {
      g_autofree char *text = funnel_join_error_print (error);

      puts (text);
    }
  g_error_free (error);
  return status;
}

int
admin_run_simple (AdminCall *call,
                  const char *path,
                  gboolean post,
                  void (*print) (JsonObject *answer))
{
  GError *error = NULL;
  g_autoptr (JsonObject) answer = admin_client_send (call, path, post, &error);

  if (!answer)
    return admin_fail (call, error);
  if (call->json)
    admin_print_json (answer);
  else
    print (answer);
  return ADMIN_EXIT_OK;
}

char *
admin_text_ports (JsonArray *ports)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (guint i = 0; i < json_array_get_length (ports); i++)
    g_string_append_printf (out, "%s%" G_GINT64_FORMAT, i ? ", " : "",
                            json_array_get_int_element (ports, i));
  return g_strdup (out->str);
}

static gint64
now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

char *
admin_text_ago (gint64 when)
{
  g_autofree char *duration = NULL;

  if (when == 0)
    return g_strdup ("never");
  duration = funnel_duration_print (now () - when);
  return g_strconcat (duration, " ago", NULL);
}

char *
admin_text_until (gint64 when)
{
  g_autofree char *duration = funnel_duration_print (when - now ());

  return g_strconcat ("for ", duration, NULL);
}

char *
admin_text_bytes (gint64 bytes)
{
  return g_format_size ((guint64)MAX (bytes, 0));
}

/* "  at most 20 visitors, 5/s, 10M/s", or nothing. */
static char *
text_limits (JsonObject *object)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *joined = NULL;

  if (json_object_has_member (object, "max_flows"))
    g_ptr_array_add (parts, g_strdup_printf ("%" G_GINT64_FORMAT " visitors",
                                             json_object_get_int_member (object, "max_flows")));
  if (json_object_has_member (object, "rate"))
    g_ptr_array_add (parts, g_strdup_printf ("%" G_GINT64_FORMAT " new ones per second",
                                             json_object_get_int_member (object, "rate")));
  if (json_object_has_member (object, "bandwidth"))
    {
      g_autofree char *rate
          = funnel_byte_rate_print ((guint64)json_object_get_int_member (object, "bandwidth"));

      g_ptr_array_add (parts, g_strconcat (rate, " bytes per second", NULL));
    }
  if (parts->len == 0)
    return g_strdup ("");
  g_ptr_array_add (parts, NULL);
  joined = g_strjoinv (", ", (char **)parts->pdata);
  return g_strconcat ("  at most ", joined, NULL);
}

static const char *
grant_state (JsonObject *grant, const char *left)
{
  if (json_object_get_boolean_member (grant, "closed"))
    return "CLOSED";
  return json_object_get_boolean_member (grant, "expired") ? "EXPIRED" : left;
}

static void
print_grants (JsonArray *grants)
{
  for (guint i = 0; i < json_array_get_length (grants); i++)
    {
      JsonObject *grant = json_array_get_object_element (grants, i);
      g_autofree char *ports = admin_text_ports (json_object_get_array_member (grant, "ports"));
      gint64 expires = json_object_get_int_member (grant, "expires");
      g_autofree char *left = expires ? admin_text_until (expires) : g_strdup ("");
      g_autofree char *limits = text_limits (grant);

      printf ("    granted  %s%s  port %s  %s%s\n", json_object_get_string_member (grant, "name"),
              json_object_get_boolean_member (grant, "below") ? " and below" : "", ports,
              grant_state (grant, left), limits);
    }
}

static const char *
share_state (JsonObject *share)
{
  if (!json_object_get_boolean_member (share, "granted"))
    return "not granted";
  if (!json_object_get_boolean_member (share, "routed"))
    return "node away";
  if (!json_object_has_member (share, "probe"))
    return "not probed yet";
  return json_object_get_string_member (json_object_get_object_member (share, "probe"), "outcome");
}

static void
print_shares (JsonArray *shares)
{
  for (guint i = 0; i < json_array_get_length (shares); i++)
    {
      JsonObject *share = json_array_get_object_element (shares, i);
      JsonObject *probe = json_object_has_member (share, "probe")
                              ? json_object_get_object_member (share, "probe")
                              : NULL;

      printf ("    shares   %s:%" G_GINT64_FORMAT "  %s",
              json_object_get_string_member (share, "name"),
              json_object_get_int_member (share, "port"), share_state (share));
      if (json_object_has_member (share, "flows"))
        printf ("  %" G_GINT64_FORMAT " open, %" G_GINT64_FORMAT " in all",
                json_object_get_int_member (share, "flows"),
                json_object_get_int_member (share, "flows_total"));
      putchar ('\n');
      if (probe && json_object_has_member (probe, "detail"))
        printf ("             %s\n", json_object_get_string_member (probe, "detail"));
    }
}

void
admin_print_node (JsonObject *node)
{
  gboolean linked = json_object_get_boolean_member (node, "linked");
  g_autofree char *limits = text_limits (node);
  g_autofree char *when
      = admin_text_ago (json_object_get_int_member (node, linked ? "linked_since" : "last_seen"));

  printf ("%s  %s  %s %s  %s%s\n", json_object_get_string_member (node, "name"),
          json_object_get_string_member (node, "address"), linked ? "linked" : "away, last seen",
          when, json_object_get_string_member (node, "software"), limits);
  print_grants (json_object_get_array_member (node, "grants"));
  print_shares (json_object_get_array_member (node, "shares"));
}
