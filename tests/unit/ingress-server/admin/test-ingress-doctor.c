/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/ingress-doctor.h"

#include <string.h>

#define NOW 1800000000
#define PORT "TCP 192.0.2.7:443"
#define SHARE "laptop.example.org:443"
#define STATUS(tunnel_up, relay_up)                                                                \
  "{\"version\":\"" FUNNEL_VERSION "\",\"tunnel\":\"wireguard\",\"tunnel_up\":" tunnel_up          \
  ",\"engine\":\"kernel\",\"relay\":{\"up\":" relay_up ",\"starts\":2}}"
#define NODE(linked, handshake, grants, share)                                                     \
  "{\"nodes\":[{\"name\":\"laptop\",\"linked\":" linked ",\"handshake\":" handshake                \
  ",\"grants\":[" grants "],\"shares\":[{\"name\":\"laptop.example.org\",\"port\":443," share      \
  "}]}]}"
#define PROBE(outcome)                                                                             \
  "\"granted\":true,\"routed\":true,\"probe\":{" outcome ",\"time\":1799999990}"

typedef struct
{
  IngressDoctorFacts facts;
  IngressConfig config;
  IngressDoctorPort port;
  FunnelDnsView view;
  const char *status;
  const char *nodes;
} Fixture;

static const char *const addresses[] = {"192.0.2.7", "2001:db8::7", NULL};
static char *both[] = {(char *)"192.0.2.7", (char *)"2001:db8::7", NULL};
static char *one[] = {(char *)"192.0.2.7", NULL};
static char *none[] = {NULL};

/* Everything is well. */
static void
fill (Fixture *f)
{
  *f = (Fixture) {
      .facts = {.now = NOW,
                .state_dir = "/state",
                .disk_free = G_MAXUINT64 / 2,
                .udp_bound = TRUE,
                .addresses = addresses},
      .config = {.zone = (char *)"example.org",
                 .endpoint_host = (char *)"vps.example.org",
                 .endpoint_port = 51820,
                 .tunnel = INGRESS_TUNNEL_WIREGUARD},
      .port
      = {.port = 443, .what = (char *)"visitors", .address = (char *)"192.0.2.7", .taken = TRUE},
      .view = {.name = (char *)"funnel-doctor.example.org", .system = both, .own = none},
      .status = STATUS ("true", "true"),
      .nodes = NODE ("true", "1799999990", "{}", PROBE ("\"outcome\":\"ok\"")),
  };
  f->facts.config = &f->config;
}

typedef void (*Change) (Fixture *f);

static void
keep (Fixture *f)
{
}
static void
old_clock (Fixture *f)
{
  f->facts.now = 1000;
}
static void
loose_clock (Fixture *f)
{
  f->facts.clock_unsynchronized = TRUE;
}
static void
no_config (Fixture *f)
{
  f->facts.config = NULL;
  f->facts.config_problem = "zone: is missing";
}
static void
bad_database (Fixture *f)
{
  f->facts.database_problem = "page 3 is torn";
}
static void
low_disk (Fixture *f)
{
  f->facts.disk_free = INGRESS_DOCTOR_DISK_LOW - 1;
}
static void
full_disk (Fixture *f)
{
  f->facts.disk_free = INGRESS_DOCTOR_DISK_FULL - 1;
}
static void
unknown_disk (Fixture *f)
{
  f->facts.disk_free = G_MAXUINT64;
}
static void
no_certificate (Fixture *f)
{
  f->facts.certificate_problem = "join-key.pem: no such file";
}
static void
no_daemon (Fixture *f)
{
  f->status = f->nodes = NULL;
  f->facts.daemon_problem = "is not running";
}
static void
no_daemon_port_free (Fixture *f)
{
  no_daemon (f);
  f->port.taken = FALSE;
}
static void
no_daemon_port_taken (Fixture *f)
{
  no_daemon (f);
  f->port.holder = (char *)"nginx, process 7";
}
static void
other_daemon (Fixture *f)
{
  f->status = "{\"version\":\"0.0.1\",\"tunnel\":\"wireguard\",\"tunnel_up\":true,\"engine\":"
              "\"kernel\",\"relay\":{\"up\":true}}";
}
static void
tunnel_down (Fixture *f)
{
  f->status = STATUS ("false", "true");
}
static void
relay_down (Fixture *f)
{
  f->status = STATUS ("true", "false");
}
static void
direct (Fixture *f)
{
  f->config.tunnel = INGRESS_TUNNEL_DIRECT;
  f->status = "{\"version\":\"" FUNNEL_VERSION "\",\"tunnel\":\"direct\",\"tunnel_up\":true,"
              "\"engine\":\"none\",\"relay\":{\"up\":true}}";
}
static void
port_filtered (Fixture *f)
{
  f->port.problem = (char *)"timed out";
}
static void
port_closed (Fixture *f)
{
  f->port.problem = (char *)"Connection refused";
  f->port.taken = FALSE;
}
static void
udp_not_bound (Fixture *f)
{
  f->facts.udp_bound = FALSE;
}
static void
no_handshake (Fixture *f)
{
  f->nodes = NODE ("false", "0", "{}", PROBE ("\"outcome\":\"ok\""));
}
static void
no_nodes (Fixture *f)
{
  f->nodes = "{\"nodes\":[]}";
}
static void
firewall_missing (Fixture *f)
{
  f->facts.firewall = "ufw is active";
  f->facts.firewall_advice = "ufw allow 443/tcp";
}
static void
firewall_fine (Fixture *f)
{
  f->facts.firewall = "ufw is active";
}
static void
half_published (Fixture *f)
{
  f->view.system = one;
}
static void
not_published (Fixture *f)
{
  f->view.system = none;
}
static void
resolvers_silent (Fixture *f)
{
  f->view.system = none;
  f->view.system_problem = (char *)"no answer in time";
}
static void
no_addresses (Fixture *f)
{
  f->facts.addresses = NULL;
}
static void
localhost (Fixture *f)
{
  f->config.zone = (char *)"example.localhost";
}
static void
updates (Fixture *f)
{
  f->status = "{\"version\":\"" FUNNEL_VERSION "\",\"tunnel\":\"wireguard\",\"tunnel_up\":true,"
              "\"engine\":\"kernel\",\"relay\":{\"up\":true},\"dns\":{\"published\":4}}";
}
static void
failed_updates (Fixture *f)
{
  f->status = "{\"version\":\"" FUNNEL_VERSION "\",\"tunnel\":\"wireguard\",\"tunnel_up\":true,"
              "\"engine\":\"kernel\",\"relay\":{\"up\":true},\"dns\":{\"published\":0,\"error\":"
              "\"NOTAUTH\"}}";
}
static void
not_granted (Fixture *f)
{
  f->nodes = NODE ("true", "1799999990", "", "\"granted\":false,\"routed\":false");
}
static void
away (Fixture *f)
{
  f->nodes = NODE ("false", "1799990000", "{}", "\"granted\":true,\"routed\":false");
}
static void
tunnel_without_link (Fixture *f)
{
  f->nodes = NODE ("false", "1799999990", "{}", "\"granted\":true,\"routed\":false");
}
static void
not_probed (Fixture *f)
{
  f->nodes = NODE ("true", "1799999990", "{}", "\"granted\":true,\"routed\":true");
}
static void
probe_failed (Fixture *f)
{
  f->nodes
      = NODE ("true", "1799999990", "{}", PROBE ("\"outcome\":\"dns\",\"detail\":\"NXDOMAIN\""));
}

static const struct
{
  const char *label;
  Change change;
  const char *step;
  const char *subject;
  FunnelDoctorResult result;
  const char *text;
  const char *advice; /* NULL: there is none */
} rows[] = {
    {"well/clock", keep, "clock", NULL, FUNNEL_DOCTOR_OK, "kept right", NULL},
    {"well/configuration", keep, "configuration", NULL, FUNNEL_DOCTOR_OK, "/state", NULL},
    {"well/state", keep, "state", NULL, FUNNEL_DOCTOR_OK, "sound", NULL},
    {"well/daemon", keep, "daemon", NULL, FUNNEL_DOCTOR_OK, FUNNEL_VERSION, NULL},
    {"well/tunnel", keep, "tunnel", NULL, FUNNEL_DOCTOR_OK, "WireGuard by kernel", NULL},
    {"well/relay", keep, "relay", NULL, FUNNEL_DOCTOR_OK, "2 times", NULL},
    {"well/port", keep, "port", PORT, FUNNEL_DOCTOR_OK, "for visitors", NULL},
    {"well/udp", keep, "udp", NULL, FUNNEL_DOCTOR_OK, "10 s ago", NULL},
    {"well/dns", keep, "dns", "*.example.org", FUNNEL_DOCTOR_OK,
     "*.example.org. 300 IN AAAA 2001:db8::7  (there)", NULL},
    {"well/node", keep, "node", "laptop", FUNNEL_DOCTOR_OK,
     "linked, handshake 10 s ago, 1 granted, 1 shared", NULL},
    {"well/share", keep, "share", SHARE, FUNNEL_DOCTOR_OK, "seen from outside 10 s ago", NULL},
    {"clock/old", old_clock, "clock", NULL, FUNNEL_DOCTOR_FAILED, "years", "timedatectl"},
    {"clock/loose", loose_clock, "clock", NULL, FUNNEL_DOCTOR_WARNING, "keeps it", "timedatectl"},
    {"config/none", no_config, "configuration", NULL, FUNNEL_DOCTOR_FAILED, "zone: is missing",
     "check-config"},
    {"config/daemon", no_config, "daemon", NULL, FUNNEL_DOCTOR_SKIPPED, "because configuration",
     NULL},
    {"config/dns", no_config, "dns", NULL, FUNNEL_DOCTOR_SKIPPED, "because configuration", NULL},
    {"state/database", bad_database, "state", NULL, FUNNEL_DOCTOR_FAILED, "page 3", "restore"},
    {"state/low", low_disk, "state", NULL, FUNNEL_DOCTOR_WARNING, "nearly full", "room"},
    {"state/full", full_disk, "state", NULL, FUNNEL_DOCTOR_FAILED, "is full", "room"},
    {"state/unknown", unknown_disk, "state", NULL, FUNNEL_DOCTOR_OK, "unknown", NULL},
    {"certificate/none", no_certificate, "certificate", NULL, FUNNEL_DOCTOR_FAILED, "join-key.pem",
     "backup"},
    {"daemon/none", no_daemon, "daemon", NULL, FUNNEL_DOCTOR_FAILED, "not running", "systemctl"},
    {"daemon/tunnel", no_daemon, "tunnel", NULL, FUNNEL_DOCTOR_SKIPPED, "because daemon", NULL},
    {"daemon/udp", no_daemon, "udp", NULL, FUNNEL_DOCTOR_SKIPPED, "because daemon", NULL},
    {"daemon/nodes", no_daemon, "nodes", NULL, FUNNEL_DOCTOR_SKIPPED, "because daemon", NULL},
    {"daemon/free", no_daemon_port_free, "port", PORT, FUNNEL_DOCTOR_SKIPPED, "nobody else", NULL},
    {"daemon/taken", no_daemon_port_taken, "port", PORT, FUNNEL_DOCTOR_FAILED, "nginx, process 7",
     "public-ports"},
    {"daemon/other", other_daemon, "daemon", NULL, FUNNEL_DOCTOR_WARNING, "0.0.1", "restart"},
    {"tunnel/down", tunnel_down, "tunnel", NULL, FUNNEL_DOCTOR_FAILED, "down", "journalctl"},
    {"tunnel/relay", tunnel_down, "relay", NULL, FUNNEL_DOCTOR_SKIPPED, "because tunnel", NULL},
    {"tunnel/direct", direct, "tunnel", NULL, FUNNEL_DOCTOR_WARNING, "without WireGuard", NULL},
    {"tunnel/direct-udp", direct, "udp", NULL, FUNNEL_DOCTOR_SKIPPED, "no WireGuard", NULL},
    {"tunnel/direct-node", direct, "node", "laptop", FUNNEL_DOCTOR_OK, "linked, 1 granted", NULL},
    {"relay/down", relay_down, "relay", NULL, FUNNEL_DOCTOR_FAILED, "does not run", "journalctl"},
    {"port/filtered", port_filtered, "port", PORT, FUNNEL_DOCTOR_WARNING, "timed out", "firewall"},
    {"port/closed", port_closed, "port", PORT, FUNNEL_DOCTOR_FAILED, "nobody listens", "reload"},
    {"udp/unbound", udp_not_bound, "udp", NULL, FUNNEL_DOCTOR_FAILED, "nobody has", "restart"},
    {"udp/silent", no_handshake, "udp", NULL, FUNNEL_DOCTOR_WARNING, "no node", "UDP 51820"},
    {"udp/no-nodes", no_nodes, "udp", NULL, FUNNEL_DOCTOR_OK, "when a node has joined", NULL},
    {"nodes/none", no_nodes, "nodes", NULL, FUNNEL_DOCTOR_OK, "0 joined", "invite"},
    {"firewall/missing", firewall_missing, "firewall", NULL, FUNNEL_DOCTOR_WARNING, "ufw",
     "ufw allow 443/tcp"},
    {"firewall/fine", firewall_fine, "firewall", NULL, FUNNEL_DOCTOR_OK, "ufw", NULL},
    {"dns/half", half_published, "dns", "*.example.org", FUNNEL_DOCTOR_WARNING,
     "AAAA 2001:db8::7  (MISSING)", "publish:\n*.example.org. 300 IN AAAA 2001:db8::7"},
    {"dns/none", not_published, "dns", "*.example.org", FUNNEL_DOCTOR_FAILED, "no address",
     "*.example.org. 300 IN A 192.0.2.7\n*.example.org. 300 IN AAAA 2001:db8::7"},
    {"dns/silent", resolvers_silent, "dns", "*.example.org", FUNNEL_DOCTOR_FAILED, "in time",
     "resolv.conf"},
    {"dns/unknown", no_addresses, "dns", "*.example.org", FUNNEL_DOCTOR_FAILED, "not known",
     "public-addresses"},
    {"dns/localhost", localhost, "dns", "example.localhost", FUNNEL_DOCTOR_SKIPPED,
     "without records", NULL},
    {"dns/updates", updates, "dns", "updates", FUNNEL_DOCTOR_OK, "4 names", NULL},
    {"dns/failed", failed_updates, "dns", "updates", FUNNEL_DOCTOR_FAILED, "NOTAUTH",
     "dns-key-file"},
    {"node/not-granted", not_granted, "node", "laptop", FUNNEL_DOCTOR_WARNING, "0 granted",
     "funnel-ingress grant laptop"},
    {"node/share", not_granted, "share", SHARE, FUNNEL_DOCTOR_WARNING, "not granted",
     "grant laptop --name laptop.example.org --port 443"},
    {"node/away", away, "node", "laptop", FUNNEL_DOCTOR_WARNING, "away",
     "on the node: funnel doctor"},
    {"node/away-share", away, "share", SHARE, FUNNEL_DOCTOR_WARNING, "away", "funnel doctor"},
    {"node/no-link", tunnel_without_link, "node", "laptop", FUNNEL_DOCTOR_WARNING, "10 s ago",
     "its tunnel works"},
    {"share/not-probed", not_probed, "share", SHARE, FUNNEL_DOCTOR_WARNING, "not tried", "wait"},
    {"share/failed", probe_failed, "share", SHARE, FUNNEL_DOCTOR_FAILED,
     "tried 10 s ago: dns: NXDOMAIN", "publish"},
};

static JsonObject *
parse (const char *text)
{
  g_autoptr (JsonNode) node = text != NULL ? json_from_string (text, NULL) : NULL;

  g_assert_true (text == NULL || node != NULL);
  return node != NULL ? json_node_dup_object (node) : NULL;
}

static GPtrArray *
evaluate (Fixture *f)
{
  g_autoptr (GPtrArray) ports = g_ptr_array_new (), views = g_ptr_array_new ();
  g_autoptr (JsonObject) status = parse (f->status), nodes = parse (f->nodes);

  g_ptr_array_add (ports, &f->port);
  if (f->facts.config != NULL)
    g_ptr_array_add (views, &f->view);
  f->facts.ports = ports;
  f->facts.views = views;
  f->facts.status = status;
  f->facts.nodes = nodes;
  return ingress_doctor_evaluate (&f->facts);
}

static void
test_row (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  Fixture f;
  g_autoptr (GPtrArray) steps = NULL;
  const FunnelDoctorStep *step = NULL;

  fill (&f);
  rows[i].change (&f);
  steps = evaluate (&f);
  step = funnel_doctor_find (steps, rows[i].step, rows[i].subject);
  g_assert_nonnull (step);
  g_assert_cmpstr (step->subject, ==, rows[i].subject != NULL ? rows[i].subject : "");
  g_test_message ("%s: %s -> %s", step->step, step->text, step->advice);
  g_assert_cmpint (step->result, ==, rows[i].result);
  g_assert_nonnull (strstr (step->text, rows[i].text));
  if (rows[i].advice == NULL)
    g_assert_cmpstr (step->advice, ==, "");
  else
    g_assert_nonnull (strstr (step->advice, rows[i].advice));
  for (guint k = 0; k < steps->len; k++)
    if (((FunnelDoctorStep *)g_ptr_array_index (steps, k))->result == FUNNEL_DOCTOR_FAILED)
      g_assert_cmpstr (((FunnelDoctorStep *)g_ptr_array_index (steps, k))->advice, !=, "");
}

/* Of many nodes only those with a finding have a line. */
static void
test_many (void)
{
  Fixture f;
  GString *text = g_string_new ("{\"nodes\":[");
  g_autoptr (GPtrArray) steps = NULL;
  g_autofree char *all = NULL;

  for (guint i = 0; i < 60; i++)
    g_string_append_printf (text,
                            "%s{\"name\":\"n%u\",\"linked\":%s,\"handshake\":%d,\"grants\":[{}],"
                            "\"shares\":[]}",
                            i != 0 ? "," : "", i, i == 7 ? "false" : "true", NOW - 10);
  g_string_append (text, "]}");
  fill (&f);
  all = g_string_free (text, FALSE);
  f.nodes = all;
  steps = evaluate (&f);
  g_assert_nonnull (strstr (funnel_doctor_find (steps, "nodes", NULL)->text, "60 joined"));
  g_assert_nonnull (funnel_doctor_find (steps, "node", "n7"));
  g_assert_null (funnel_doctor_find (steps, "node", "n8"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strdup_printf ("/ingress-doctor/%s", rows[i].label);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_row);
    }
  g_test_add_func ("/ingress-doctor/many", test_many);
  return g_test_run ();
}
