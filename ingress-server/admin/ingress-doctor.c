/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/ingress-doctor.h"

#include "lib/base/host.h"

#define CLOCK_MIN 1735689600 /* 2025: this program is younger */
#define CHECK_LABEL "funnel-doctor"

static const char *const daemon_needs[] = {"configuration", "state", "certificate", NULL};
static const char *const tunnel_needs[] = {"daemon", NULL};
static const char *const port_needs[] = {"configuration", NULL};
static const char *const udp_needs[] = {"tunnel", NULL};
static const char *const dns_needs[] = {"configuration", NULL};

void
ingress_doctor_port_free (IngressDoctorPort *port)
{
  if (port == NULL)
    return;
  g_free (port->what);
  g_free (port->address);
  g_free (port->problem);
  g_free (port->holder);
  g_free (port);
}

char *
ingress_doctor_check_name (const char *zone)
{
  return g_strdup_printf (CHECK_LABEL ".%s", zone);
}

static const char *
text_of (const char *text)
{
  return text != NULL ? text : "";
}

static void
check_clock (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  if (facts->now < CLOCK_MIN)
    funnel_doctor_add (steps, "clock", NULL, FUNNEL_DOCTOR_FAILED,
                       g_strdup ("this host's clock is years behind: grants, invitations and "
                                 "WireGuard go wrong"),
                       "timedatectl set-ntp true");
  else if (facts->clock_unsynchronized)
    funnel_doctor_add (steps, "clock", NULL, FUNNEL_DOCTOR_WARNING,
                       g_strdup ("plausible, but the kernel says that nothing keeps it right"),
                       "timedatectl set-ntp true");
  else
    funnel_doctor_add (steps, "clock", NULL, FUNNEL_DOCTOR_OK, g_strdup ("kept right"), NULL);
}

static void
check_configuration (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  if (facts->config == NULL)
    funnel_doctor_add (steps, "configuration", NULL, FUNNEL_DOCTOR_FAILED,
                       g_strdup (text_of (facts->config_problem)),
                       "mend it, then: funnel-ingress check-config");
  else
    funnel_doctor_add (
        steps, "configuration", NULL, FUNNEL_DOCTOR_OK,
        g_strdup_printf ("%s/" INGRESS_CONFIG_FILE " is fine", text_of (facts->state_dir)), NULL);
}

static void
check_state (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  g_autofree char *room = facts->disk_free != G_MAXUINT64 ? g_format_size (facts->disk_free)
                                                          : g_strdup ("unknown space");

  if (funnel_doctor_skip (steps, "state", NULL, port_needs))
    return;
  if (facts->database_problem != NULL)
    funnel_doctor_add (steps, "state", NULL, FUNNEL_DOCTOR_FAILED,
                       g_strdup_printf ("the database is not sound: %s", facts->database_problem),
                       "stop funnel-ingressd, move the state directory away, then: funnel-ingress "
                       "restore BACKUP");
  else if (facts->disk_free < INGRESS_DOCTOR_DISK_FULL)
    funnel_doctor_add (
        steps, "state", NULL, FUNNEL_DOCTOR_FAILED,
        g_strdup_printf ("the disk of %s is full: %s left", text_of (facts->state_dir), room),
        "make room on that disk");
  else if (facts->disk_free < INGRESS_DOCTOR_DISK_LOW)
    funnel_doctor_add (steps, "state", NULL, FUNNEL_DOCTOR_WARNING,
                       g_strdup_printf ("the disk of %s is nearly full: %s left",
                                        text_of (facts->state_dir), room),
                       "make room on that disk");
  else
    funnel_doctor_add (steps, "state", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup_printf ("the database is sound, %s left on its disk", room), NULL);
}

static void
check_certificate (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  if (funnel_doctor_skip (steps, "certificate", NULL, port_needs))
    return;
  if (facts->certificate_problem != NULL)
    funnel_doctor_add (steps, "certificate", NULL, FUNNEL_DOCTOR_FAILED,
                       g_strdup (facts->certificate_problem),
                       "restore it from a backup: with another key no token works, and nodes do "
                       "not trust this ingress");
  else
    funnel_doctor_add (steps, "certificate", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup ("the join API's key and certificate are usable; nodes trust the "
                                 "key alone, so no date can pass"),
                       NULL);
}

static void
check_daemon (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  const char *version
      = facts->status != NULL ? json_object_get_string_member (facts->status, "version") : NULL;

  if (funnel_doctor_skip (steps, "daemon", NULL, daemon_needs))
    return;
  if (facts->status == NULL)
    funnel_doctor_add (steps, "daemon", NULL, FUNNEL_DOCTOR_FAILED,
                       g_strdup (text_of (facts->daemon_problem)),
                       "systemctl start funnel-ingressd; journalctl -u funnel-ingressd says why it "
                       "ended");
  else if (g_strcmp0 (version, FUNNEL_VERSION) != 0)
    funnel_doctor_add (
        steps, "daemon", NULL, FUNNEL_DOCTOR_WARNING,
        g_strdup_printf ("funnel-ingressd is version %s, and this command " FUNNEL_VERSION,
                         text_of (version)),
        "systemctl restart funnel-ingressd (visitors stay connected)");
  else
    funnel_doctor_add (steps, "daemon", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup ("funnel-ingressd " FUNNEL_VERSION " runs"), NULL);
}

static void
check_tunnel (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  static const char logs[] = "journalctl -u funnel-ingressd -u funnel-netns-ingress";

  if (funnel_doctor_skip (steps, "tunnel", NULL, tunnel_needs))
    return;
  if (!json_object_get_boolean_member (facts->status, "tunnel_up"))
    funnel_doctor_add (steps, "tunnel", NULL, FUNNEL_DOCTOR_FAILED,
                       g_strdup ("it is down; it is tried again by itself"), logs);
  else if (g_str_equal (json_object_get_string_member (facts->status, "tunnel"), "direct"))
    funnel_doctor_add (steps, "tunnel", NULL, FUNNEL_DOCTOR_WARNING,
                       g_strdup ("direct: loopback without WireGuard, for tests on one machine "
                                 "only"),
                       NULL);
  else
    funnel_doctor_add (steps, "tunnel", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup_printf ("up, WireGuard by %s",
                                        json_object_get_string_member (facts->status, "engine")),
                       NULL);
}

static void
check_relay (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  JsonObject *relay
      = facts->status != NULL ? json_object_get_object_member (facts->status, "relay") : NULL;

  if (funnel_doctor_skip (steps, "relay", NULL, udp_needs))
    return;
  if (!json_object_get_boolean_member (relay, "up"))
    funnel_doctor_add (steps, "relay", NULL, FUNNEL_DOCTOR_FAILED,
                       g_strdup ("it does not run; it is started again by itself"),
                       "journalctl -u funnel-ingressd -u funnel-netns-ingress");
  else
    funnel_doctor_add (steps, "relay", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup_printf ("runs, started %" G_GINT64_FORMAT " times",
                                        json_object_has_member (relay, "starts")
                                            ? json_object_get_int_member (relay, "starts")
                                            : 0),
                       NULL);
}

static void
check_port (const IngressDoctorFacts *facts, const IngressDoctorPort *port, GPtrArray *steps)
{
  g_autofree char *endpoint = funnel_endpoint_join (port->address, port->port);
  g_autofree char *subject = g_strdup_printf ("TCP %s", endpoint);
  g_autofree char *held
      = port->holder != NULL ? g_strdup_printf (" (%s)", port->holder) : g_strdup ("");
  gboolean up = facts->status != NULL;

  if (funnel_doctor_skip (steps, "port", subject, port_needs))
    return;
  if (!up && port->taken)
    funnel_doctor_add (steps, "port", subject, FUNNEL_DOCTOR_FAILED,
                       g_strdup_printf ("for %s; another program%s has it", port->what, held),
                       "end that program, or take another port: public-ports in ingress.conf");
  else if (!up)
    funnel_doctor_add (steps, "port", subject, FUNNEL_DOCTOR_SKIPPED,
                       g_strdup ("because daemon failed; nobody else has the port"), NULL);
  else if (port->problem == NULL)
    funnel_doctor_add (steps, "port", subject, FUNNEL_DOCTOR_OK,
                       g_strdup_printf ("for %s; answers this host. A firewall of the hoster "
                                        "cannot be seen from here",
                                        port->what),
                       NULL);
  else if (port->taken)
    funnel_doctor_add (steps, "port", subject, FUNNEL_DOCTOR_WARNING,
                       g_strdup_printf ("for %s; listened at%s, but from this host not reached at "
                                        "the public address: %s",
                                        port->what, held, port->problem),
                       "let it in on this host's firewall; behind address translation that a host "
                       "cannot reach itself is common, then try it from another network");
  else
    funnel_doctor_add (steps, "port", subject, FUNNEL_DOCTOR_FAILED,
                       g_strdup_printf ("for %s; nobody listens: %s", port->what, port->problem),
                       "funnel-ingress reload; journalctl -u funnel-ingressd says why");
}

static gint64
newest_handshake (const IngressDoctorFacts *facts, guint *nodes)
{
  JsonArray *array
      = facts->nodes != NULL ? json_object_get_array_member (facts->nodes, "nodes") : NULL;
  gint64 newest = 0;

  *nodes = array != NULL ? json_array_get_length (array) : 0;
  for (guint i = 0; i < *nodes; i++)
    newest = MAX (
        newest, json_object_get_int_member (json_array_get_object_element (array, i), "handshake"));
  return newest;
}

static void
check_udp (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  guint nodes = 0;
  gint64 newest = newest_handshake (facts, &nodes);
  g_autofree char *open = NULL;

  if (funnel_doctor_skip (steps, "udp", NULL, udp_needs))
    return;
  open = g_strdup_printf ("let UDP %u in: on this host's firewall, and on that of the hoster",
                          facts->config->endpoint_port);
  if (facts->config->tunnel == INGRESS_TUNNEL_DIRECT)
    funnel_doctor_add (steps, "udp", NULL, FUNNEL_DOCTOR_SKIPPED,
                       g_strdup ("there is no WireGuard"), NULL);
  else if (!facts->udp_bound)
    funnel_doctor_add (steps, "udp", NULL, FUNNEL_DOCTOR_FAILED,
                       g_strdup_printf ("nobody has UDP port %u", facts->config->endpoint_port),
                       "systemctl restart funnel-netns-ingress funnel-ingressd");
  else if (newest != 0)
    funnel_doctor_add (steps, "udp", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup_printf ("port %u; a node shook hands %" G_GINT64_FORMAT
                                        " s ago, so UDP gets in",
                                        facts->config->endpoint_port, MAX (facts->now - newest, 0)),
                       NULL);
  else if (nodes != 0)
    funnel_doctor_add (steps, "udp", NULL, FUNNEL_DOCTOR_WARNING,
                       g_strdup_printf ("port %u is open here, but no node has shaken hands since "
                                        "the tunnel is up: UDP may be blocked on the way",
                                        facts->config->endpoint_port),
                       open);
  else
    funnel_doctor_add (steps, "udp", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup_printf ("port %u is open here; whether UDP gets in is seen when a "
                                        "node has joined",
                                        facts->config->endpoint_port),
                       NULL);
}

static void
check_firewall (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  if (facts->firewall == NULL)
    return;
  funnel_doctor_add (steps, "firewall", NULL,
                     facts->firewall_advice != NULL ? FUNNEL_DOCTOR_WARNING : FUNNEL_DOCTOR_OK,
                     g_strdup (facts->firewall), facts->firewall_advice);
}

/* --- DNS --- */

/* The records of @name that are right, and those that are missing. */
static void
judge_records (const IngressDoctorFacts *facts,
               const FunnelDnsView *view,
               const char *name,
               GPtrArray *steps)
{
  g_autofree char *addresses = funnel_dns_view_list (view->system);
  g_autofree char *own = funnel_dns_view_describe_own (view);
  GString *text = g_string_new (NULL), *missing = g_string_new ("publish:");
  guint absent = 0, n = 0;

  g_string_append_printf (text, "%s%s", addresses, own);
  for (; facts->addresses[n] != NULL; n++)
    {
      g_autofree char *record = funnel_dns_view_record (name, facts->addresses[n]);
      gboolean there = funnel_dns_view_has ((const char *const *)view->system, facts->addresses[n]);

      g_string_append_printf (text, "\n%s  %s", record, there ? "(there)" : "(MISSING)");
      if (there)
        continue;
      g_string_append_printf (missing, "\n%s", record);
      absent++;
    }
  funnel_doctor_add (steps, "dns", name,
                     absent == 0  ? FUNNEL_DOCTOR_OK
                     : absent < n ? FUNNEL_DOCTOR_WARNING
                                  : FUNNEL_DOCTOR_FAILED,
                     g_string_free (text, FALSE), absent != 0 ? missing->str : NULL);
  g_string_free (missing, TRUE);
}

static void
check_view (const IngressDoctorFacts *facts, const FunnelDnsView *view, GPtrArray *steps)
{
  g_autofree char *check = ingress_doctor_check_name (facts->config->zone);
  g_autofree char *wildcard = g_strdup_printf ("*.%s", facts->config->zone);
  const char *name = g_str_equal (view->name, check) ? wildcard : view->name;

  if (funnel_doctor_skip (steps, "dns", name, dns_needs))
    return;
  if (view->system_problem != NULL)
    funnel_doctor_add (
        steps, "dns", name, FUNNEL_DOCTOR_FAILED,
        g_strdup_printf ("the resolvers of this host do not answer: %s", view->system_problem),
        "check this host's network and /etc/resolv.conf");
  else if (facts->addresses == NULL || facts->addresses[0] == NULL)
    funnel_doctor_add (steps, "dns", name, FUNNEL_DOCTOR_FAILED,
                       g_strdup ("this host's public addresses are not known"),
                       "set public-addresses in ingress.conf, or publish the endpoint's name");
  else
    judge_records (facts, view, name, steps);
}

static void
check_publisher (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  JsonObject *dns = facts->status != NULL && json_object_has_member (facts->status, "dns")
                        ? json_object_get_object_member (facts->status, "dns")
                        : NULL;

  if (dns == NULL)
    return;
  if (json_object_has_member (dns, "error"))
    funnel_doctor_add (steps, "dns", "updates", FUNNEL_DOCTOR_FAILED,
                       g_strdup (json_object_get_string_member (dns, "error")),
                       "check dns-server, dns-zone and dns-key-file in ingress.conf");
  else
    funnel_doctor_add (steps, "dns", "updates", FUNNEL_DOCTOR_OK,
                       g_strdup_printf ("%" G_GINT64_FORMAT " names published",
                                        json_object_get_int_member (dns, "published")),
                       NULL);
}

static void
check_dns (const IngressDoctorFacts *facts, GPtrArray *steps)
{
  if (facts->config == NULL)
    {
      funnel_doctor_skip (steps, "dns", NULL, dns_needs);
      return;
    }
  check_publisher (facts, steps);
  if (g_str_equal (facts->config->zone, "localhost")
      || g_str_has_suffix (facts->config->zone, ".localhost"))
    funnel_doctor_add (steps, "dns", facts->config->zone, FUNNEL_DOCTOR_SKIPPED,
                       g_strdup ("names below localhost lead to this machine without records"),
                       NULL);
  for (guint i = 0; i < facts->views->len; i++)
    check_view (facts, g_ptr_array_index (facts->views, i), steps);
}

GPtrArray *
ingress_doctor_evaluate (const IngressDoctorFacts *facts)
{
  GPtrArray *steps = funnel_doctor_list_new ();

  check_clock (facts, steps);
  check_configuration (facts, steps);
  check_state (facts, steps);
  check_certificate (facts, steps);
  check_daemon (facts, steps);
  check_tunnel (facts, steps);
  check_relay (facts, steps);
  for (guint i = 0; i < facts->ports->len; i++)
    check_port (facts, g_ptr_array_index (facts->ports, i), steps);
  check_udp (facts, steps);
  check_firewall (facts, steps);
  check_dns (facts, steps);
  ingress_doctor_examine_nodes (facts, steps);
  return steps;
}
