/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/ingress-doctor.h"

#define HANDSHAKE_MAX_S 180 /* WireGuard's sessions end after that */

static const char *const node_needs[] = {"daemon", NULL};

static char *
describe (const IngressDoctorFacts *facts, JsonObject *node)
{
  gint64 handshake = json_object_get_int_member (node, "handshake");
  guint grants = json_array_get_length (json_object_get_array_member (node, "grants"));
  guint shares = json_array_get_length (json_object_get_array_member (node, "shares"));
  g_autofree char *shaken = NULL;

  if (facts->config->tunnel == INGRESS_TUNNEL_DIRECT)
    shaken = g_strdup ("");
  else if (handshake == 0)
    shaken = g_strdup (", no handshake yet");
  else
    shaken = g_strdup_printf (", handshake %" G_GINT64_FORMAT " s ago",
                              MAX (facts->now - handshake, 0));
  return g_strdup_printf ("%s%s, %u granted, %u shared",
                          json_object_get_boolean_member (node, "linked") ? "linked" : "away",
                          shaken, grants, shares);
}

/* NULL: nothing is wrong with it. */
static char *
advise (const IngressDoctorFacts *facts, JsonObject *node)
{
  const char *name = json_object_get_string_member (node, "name");
  gint64 handshake = json_object_get_int_member (node, "handshake");
  gboolean linked = json_object_get_boolean_member (node, "linked");

  if (!linked && handshake != 0 && facts->now - handshake < HANDSHAKE_MAX_S)
    return g_strdup ("its tunnel works and its link does not; on the node: funnel doctor");
  if (!linked)
    return g_strdup ("on the node: funnel doctor");
  if (json_array_get_length (json_object_get_array_member (node, "grants")) == 0)
    return g_strdup_printf ("funnel-ingress grant %s", name);
  return NULL;
}

static void
check_probe (const IngressDoctorFacts *facts,
             const char *subject,
             JsonObject *probe,
             GPtrArray *steps)
{
  const char *outcome = json_object_get_string_member (probe, "outcome");
  const char *detail = json_object_has_member (probe, "detail")
                           ? json_object_get_string_member (probe, "detail")
                           : "";
  gint64 age = MAX (facts->now - json_object_get_int_member (probe, "time"), 0);

  if (g_str_equal (outcome, "ok"))
    funnel_doctor_add (steps, "share", subject, FUNNEL_DOCTOR_OK,
                       g_strdup_printf ("seen from outside %" G_GINT64_FORMAT " s ago", age), NULL);
  else
    funnel_doctor_add (steps, "share", subject, FUNNEL_DOCTOR_FAILED,
                       g_strdup_printf ("tried %" G_GINT64_FORMAT " s ago: %s%s%s", age, outcome,
                                        detail[0] != '\0' ? ": " : "", detail),
                       g_str_equal (outcome, "dns") ? "publish the record; see the steps dns"
                                                    : "on the node: funnel doctor");
}

static void
check_share (const IngressDoctorFacts *facts, JsonObject *node, JsonObject *share, GPtrArray *steps)
{
  const char *name = json_object_get_string_member (share, "name");
  gint64 port = json_object_get_int_member (share, "port");
  g_autofree char *subject = g_strdup_printf ("%s:%" G_GINT64_FORMAT, name, port);
  g_autofree char *grant
      = g_strdup_printf ("funnel-ingress grant %s --name %s --port %" G_GINT64_FORMAT,
                         json_object_get_string_member (node, "name"), name, port);

  if (!json_object_get_boolean_member (share, "granted"))
    funnel_doctor_add (steps, "share", subject, FUNNEL_DOCTOR_WARNING,
                       g_strdup ("the node shares it, and it is not granted"), grant);
  else if (!json_object_get_boolean_member (share, "routed"))
    funnel_doctor_add (steps, "share", subject, FUNNEL_DOCTOR_WARNING,
                       g_strdup ("its node is away; visitors are told so at once"),
                       "on the node: funnel doctor");
  else if (!json_object_has_member (share, "probe"))
    funnel_doctor_add (steps, "share", subject, FUNNEL_DOCTOR_WARNING,
                       g_strdup ("not tried from outside yet"),
                       "wait some seconds, then: funnel-ingress doctor");
  else
    check_probe (facts, subject, json_object_get_object_member (share, "probe"), steps);
}

static void
examine_node (const IngressDoctorFacts *facts, JsonObject *node, gboolean brief, GPtrArray *steps)
{
  JsonArray *shares = json_object_get_array_member (node, "shares");
  g_autofree char *advice = advise (facts, node);

  if (advice != NULL || !brief)
    funnel_doctor_add (steps, "node", json_object_get_string_member (node, "name"),
                       advice != NULL ? FUNNEL_DOCTOR_WARNING : FUNNEL_DOCTOR_OK,
                       describe (facts, node), advice);
  for (guint i = 0; i < json_array_get_length (shares); i++)
    check_share (facts, node, json_array_get_object_element (shares, i), steps);
}

/* With many nodes only what is wrong is worth a line. */
static void
drop_well_shares (GPtrArray *steps, guint first)
{
  for (guint i = steps->len; i-- > first;)
    if (((const FunnelDoctorStep *)g_ptr_array_index (steps, i))->result == FUNNEL_DOCTOR_OK)
      g_ptr_array_remove_index (steps, i);
}

void
ingress_doctor_examine_nodes (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  JsonArray *nodes
      = facts->nodes != NULL ? json_object_get_array_member (facts->nodes, "nodes") : NULL;
  guint n = nodes != NULL ? json_array_get_length (nodes) : 0, first = 0;
  gboolean brief = n > INGRESS_DOCTOR_NODES_MAX;

  if (funnel_doctor_skip (steps, "nodes", NULL, node_needs) || nodes == NULL
      || facts->config == NULL)
    return;
  funnel_doctor_add (
      steps, "nodes", NULL, FUNNEL_DOCTOR_OK,
      g_strdup_printf ("%u joined%s", n, brief ? "; only those with a finding follow" : ""),
      n == 0 ? "funnel-ingress invite NAME --grant" : NULL);
  first = steps->len;
  for (guint i = 0; i < n; i++)
    examine_node (facts, json_array_get_object_element (nodes, i), brief, steps);
  if (brief)
    drop_well_shares (steps, first);
}
