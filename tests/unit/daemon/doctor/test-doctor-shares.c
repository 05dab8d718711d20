/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/doctor/node-doctor.h"

#include <string.h>

#define NOW 1800000000
#define NAME "laptop.example.org"
#define DAY (24 * 3600)

typedef struct
{
  FunnelDoctorFacts facts;
  FunnelDoctorShare share;
  FunnelDnsView view;
} Fixture;

static const char *const endpoint[] = {"192.0.2.7", "2001:db8::7", NULL};
static char *ours[] = {(char *)"192.0.2.7", NULL};
static char *foreign[] = {(char *)"203.0.113.1", NULL};
static char *none[] = {NULL};

/* Everything is well. */
static void
fill (Fixture *f)
{
  *f = (Fixture) {
      .facts = {.now = NOW,
                .store_problems = NULL,
                .daemon_version = "1.0",
                .joined = TRUE,
                .node = "laptop",
                .endpoint_host = "vps.example.org",
                .endpoint_port = 51820,
                .endpoint_addresses = endpoint,
                .tunnel = "netns",
                .engine = "kernel",
                .tunnel_up = TRUE,
                .handshake = NOW - 1,
                .mtu = 1420,
                .path_mtu = 1500,
                .linked = TRUE},
      .share = {.facts = {.name = NAME,
                          .port = 443,
                          .kind = FUNNEL_SHARE_HTTPS,
                          .target = "http://localhost:3000",
                          .grant = FUNNEL_GRANT_VALID,
                          .certificate = FUNNEL_CERTIFICATE_READY,
                          .leaf = "aa",
                          .epoch = 7,
                          .probed = TRUE,
                          .probe_epoch = 7,
                          .probe_outcome = FUNNEL_PROBE_OK,
                          .probe_leaf = "AA"},
                .target_checked = TRUE,
                .probed_at = NOW - 40,
                .certificate_begin = NOW - DAY,
                .certificate_end = NOW + 60 * DAY},
      .view
      = {.name = (char *)NAME, .system = ours, .server = (char *)"ns1.example.org", .own = ours},
  };
}

typedef void (*Change) (Fixture *f);

static void
keep (Fixture *f)
{
}
static void
no_link (Fixture *f)
{
  f->facts.linked = FALSE;
  f->facts.link_reason = "refused";
}
static void
no_grant (Fixture *f)
{
  f->share.facts.grant = FUNNEL_GRANT_NONE;
}
static void
no_port (Fixture *f)
{
  f->share.facts.grant = FUNNEL_GRANT_PORT;
}
static void
expired_grant (Fixture *f)
{
  f->share.facts.grant = FUNNEL_GRANT_EXPIRED;
}
static void
expired (Fixture *f)
{
  f->share.facts.expired = TRUE;
}
static void
no_dns (Fixture *f)
{
  f->view.system = f->view.own = none;
  f->share.facts.probe_outcome = FUNNEL_PROBE_DNS;
  f->share.facts.probe_detail = "NXDOMAIN";
}
static void
no_dns_no_addresses (Fixture *f)
{
  no_dns (f);
  f->facts.endpoint_addresses = NULL;
}
static void
remembered (Fixture *f)
{
  no_dns (f);
  f->view.own = ours;
}
static void
seen_elsewhere (Fixture *f)
{
  f->view.system = foreign;
}
static void
foreign_dns (Fixture *f)
{
  f->view.system = f->view.own = foreign;
  f->share.facts.probed = FALSE;
}
static void
own_differs (Fixture *f)
{
  f->view.own = foreign;
}
static void
own_silent (Fixture *f)
{
  f->view.own = none;
  f->view.own_problem = (char *)"no answer";
}
static void
resolvers_silent (Fixture *f)
{
  f->view.system = f->view.own = none;
  f->view.server = NULL;
  f->view.system_problem = (char *)"no answer in time";
  f->share.facts.probed = FALSE;
}
static void
not_looked_up (Fixture *f)
{
  f->view.name = (char *)"other.example.org";
}
static void
pending (Fixture *f)
{
  f->share.facts.certificate = FUNNEL_CERTIFICATE_PENDING;
  f->share.facts.certificate_reason = "The authority checks the name.";
  f->share.facts.certificate_next_step = "Wait.";
  f->share.certificate_begin = f->share.certificate_end = 0;
}
static void
passed_through (Fixture *f)
{
  f->share.facts.certificate = FUNNEL_CERTIFICATE_NOT_NEEDED;
  f->share.certificate_begin = f->share.certificate_end = 0;
}
static void
ended (Fixture *f)
{
  f->share.certificate_end = NOW - 1;
}
static void
ends_soon (Fixture *f)
{
  f->share.certificate_end = NOW + DAY;
}
static void
not_yet (Fixture *f)
{
  f->share.certificate_begin = NOW + 1;
}
static void
not_renewed (Fixture *f)
{
  f->share.certificate_problem = "the authority is away";
}
static void
target_down (Fixture *f)
{
  f->share.facts.target_failed = TRUE;
  f->share.facts.target_reason = "Connection refused";
}
static void
target_slow (Fixture *f)
{
  f->share.target_checked = FALSE;
}
static void
not_probed (Fixture *f)
{
  f->share.facts.probed = FALSE;
}
static void
old_probe (Fixture *f)
{
  f->share.facts.probe_epoch = 6;
}
static void
port_closed (Fixture *f)
{
  f->share.facts.probe_outcome = FUNNEL_PROBE_CONNECT;
  f->share.facts.probe_detail = "timed out";
}
static void
bad_tls (Fixture *f)
{
  f->share.facts.probe_outcome = FUNNEL_PROBE_TLS;
}
static void
foreign_leaf (Fixture *f)
{
  f->share.facts.probe_leaf = "bb";
}

static const struct
{
  const char *label;
  Change change;
  const char *step;
  FunnelDoctorResult result;
  const char *text;
  const char *advice;
} rows[] = {
    {"well/grant", keep, "grant", FUNNEL_DOCTOR_OK, "granted", NULL},
    {"well/dns", keep, "dns", FUNNEL_DOCTOR_OK,
     "192.0.2.7; ns1.example.org, a server of the zone, says so too", NULL},
    {"well/certificate", keep, "certificate", FUNNEL_DOCTOR_OK, "valid until 2027-", NULL},
    {"well/target", keep, "target", FUNNEL_DOCTOR_OK, "http://localhost:3000 works", NULL},
    {"well/round-trip", keep, "round-trip", FUNNEL_DOCTOR_OK, "40 s ago", NULL},
    {"link/grant", no_link, "grant", FUNNEL_DOCTOR_SKIPPED, "because link failed", NULL},
    {"link/target", no_link, "target", FUNNEL_DOCTOR_OK, "works", NULL},
    {"link/round-trip", no_link, "round-trip", FUNNEL_DOCTOR_SKIPPED, "because link failed", NULL},
    {"grant/none", no_grant, "grant", FUNNEL_DOCTOR_FAILED, "has not granted",
     "funnel-ingress grant laptop --name " NAME " --port 443"},
    {"grant/port", no_port, "grant", FUNNEL_DOCTOR_FAILED, "not on this port", "--port 443"},
    {"grant/expired", expired_grant, "grant", FUNNEL_DOCTOR_FAILED, "expired", "--port 443"},
    {"grant/round-trip", no_grant, "round-trip", FUNNEL_DOCTOR_SKIPPED, "because grant failed",
     NULL},
    {"share/expired", expired, "share", FUNNEL_DOCTOR_FAILED, "time is over", "funnel TARGET"},
    {"share/round-trip", expired, "round-trip", FUNNEL_DOCTOR_SKIPPED, "because share failed",
     NULL},
    {"dns/none", no_dns, "dns", FUNNEL_DOCTOR_FAILED, "has no address",
     NAME ". 300 IN A 192.0.2.7\n" NAME ". 300 IN AAAA 2001:db8::7"},
    {"dns/cname", no_dns_no_addresses, "dns", FUNNEL_DOCTOR_FAILED, "has no address",
     NAME ". CNAME vps.example.org."},
    {"dns/remembered", remembered, "dns", FUNNEL_DOCTOR_WARNING, "still remember", "wait"},
    {"dns/seen", seen_elsewhere, "dns", FUNNEL_DOCTOR_WARNING, "203.0.113.1", "publish"},
    {"dns/foreign", foreign_dns, "dns", FUNNEL_DOCTOR_FAILED, "203.0.113.1", "publish"},
    {"dns/own", own_differs, "dns", FUNNEL_DOCTOR_OK, "a server of the zone, says: 203.0.113.1",
     NULL},
    {"dns/own-silent", own_silent, "dns", FUNNEL_DOCTOR_OK, "does not answer: no answer", NULL},
    {"dns/silent", resolvers_silent, "dns", FUNNEL_DOCTOR_FAILED, "resolvers", "resolv.conf"},
    {"dns/many", not_looked_up, "dns", FUNNEL_DOCTOR_SKIPPED, "funnel doctor " NAME, NULL},
    {"dns/round-trip", no_dns, "round-trip", FUNNEL_DOCTOR_FAILED, "NXDOMAIN", "step dns"},
    {"certificate/pending", pending, "certificate", FUNNEL_DOCTOR_FAILED, "checks the name",
     "Wait."},
    {"certificate/round-trip", pending, "round-trip", FUNNEL_DOCTOR_SKIPPED,
     "because certificate failed", NULL},
    {"certificate/passed", passed_through, "certificate", FUNNEL_DOCTOR_SKIPPED, "target has it",
     NULL},
    {"certificate/passed-trip", passed_through, "round-trip", FUNNEL_DOCTOR_OK, "seen", NULL},
    {"certificate/ended", ended, "certificate", FUNNEL_DOCTOR_FAILED, "it ended 2027-",
     "funnel status"},
    {"certificate/soon", ends_soon, "certificate", FUNNEL_DOCTOR_WARNING, "valid until", NULL},
    {"certificate/not-yet", not_yet, "certificate", FUNNEL_DOCTOR_FAILED, "not valid yet",
     "timedatectl"},
    {"certificate/renewal", not_renewed, "certificate", FUNNEL_DOCTOR_WARNING,
     "the authority is away", NULL},
    {"target/down", target_down, "target", FUNNEL_DOCTOR_FAILED, "Connection refused", "start"},
    {"target/slow", target_slow, "target", FUNNEL_DOCTOR_WARNING, "in time", NULL},
    {"target/round-trip", target_down, "round-trip", FUNNEL_DOCTOR_SKIPPED, "because target failed",
     NULL},
    {"probe/none", not_probed, "round-trip", FUNNEL_DOCTOR_WARNING, "not tried", "wait"},
    {"probe/old", old_probe, "round-trip", FUNNEL_DOCTOR_WARNING, "not tried", "wait"},
    {"probe/connect", port_closed, "round-trip", FUNNEL_DOCTOR_FAILED, "public port: timed out",
     "public port"},
    {"probe/tls", bad_tls, "round-trip", FUNNEL_DOCTOR_FAILED, "TLS", "funnel status"},
    {"probe/leaf", foreign_leaf, "round-trip", FUNNEL_DOCTOR_FAILED, "bb", "where the name points"},
};

static GPtrArray *
evaluate (Fixture *f)
{
  g_autoptr (GPtrArray) shares = g_ptr_array_new (), names = g_ptr_array_new ();

  g_ptr_array_add (shares, &f->share);
  g_ptr_array_add (names, &f->view);
  f->facts.shares = shares;
  f->facts.names = names;
  return funnel_node_doctor_evaluate (&f->facts);
}

/* A name below localhost needs no record, and is not looked up. */
static void
test_localhost (void)
{
  Fixture f;
  g_autoptr (GPtrArray) steps = NULL;
  const FunnelDoctorStep *dns, *round_trip;

  fill (&f);
  f.share.facts.name = "laptop.funnel.localhost";
  f.view.name = (char *)"laptop.funnel.localhost";
  f.view.system = f.view.own = none;
  steps = evaluate (&f);
  dns = funnel_doctor_find (steps, "dns", "laptop.funnel.localhost");
  g_assert_nonnull (dns);
  g_assert_cmpint (dns->result, ==, FUNNEL_DOCTOR_SKIPPED);
  g_assert_cmpstr (dns->advice, ==, "");
  round_trip = funnel_doctor_find (steps, "round-trip", "laptop.funnel.localhost:443");
  g_assert_nonnull (round_trip);
  g_assert_cmpint (round_trip->result, ==, FUNNEL_DOCTOR_OK);
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
  step = funnel_doctor_find (steps, rows[i].step,
                             g_str_equal (rows[i].step, "dns") ? NAME : NAME ":443");
  g_assert_nonnull (step);
  g_test_message ("%s: %s -> %s", step->step, step->text, step->advice);
  g_assert_cmpint (step->result, ==, rows[i].result);
  g_assert_nonnull (strstr (step->text, rows[i].text));
  if (rows[i].advice == NULL)
    g_assert_cmpstr (step->advice, ==, "");
  else
    g_assert_nonnull (strstr (step->advice, rows[i].advice));
}

static void
test_nothing_shared (void)
{
  Fixture f;
  g_autoptr (GPtrArray) empty = g_ptr_array_new (), names = g_ptr_array_new (), all = NULL,
                        one = NULL;

  fill (&f);
  g_ptr_array_add (names, &f.view);
  f.facts.shares = empty;
  f.facts.names = names;
  all = funnel_node_doctor_evaluate (&f.facts);
  g_assert_false (funnel_doctor_has_failed (all));
  g_assert_cmpint (funnel_doctor_find (all, "dns", NAME)->result, ==, FUNNEL_DOCTOR_OK);
  f.facts.wanted_name = NAME;
  one = funnel_node_doctor_evaluate (&f.facts);
  g_assert_cmpint (funnel_doctor_find (one, "share", NULL)->result, ==, FUNNEL_DOCTOR_FAILED);
  g_assert_nonnull (strstr (funnel_doctor_find (one, "share", NULL)->advice, "--name=" NAME));
}

/* Two shares of a name: it is looked up once, and each has steps of its own. */
static void
test_two_shares (void)
{
  Fixture f;
  FunnelDoctorShare second;
  g_autoptr (GPtrArray) shares = g_ptr_array_new (), names = g_ptr_array_new (), steps = NULL;
  guint lookups = 0;

  fill (&f);
  second = f.share;
  second.facts.port = 8443;
  second.facts.grant = FUNNEL_GRANT_PORT;
  g_ptr_array_add (shares, &f.share);
  g_ptr_array_add (shares, &second);
  g_ptr_array_add (names, &f.view);
  f.facts.shares = shares;
  f.facts.names = names;
  steps = funnel_node_doctor_evaluate (&f.facts);
  for (guint i = 0; i < steps->len; i++)
    lookups += g_str_equal (((const FunnelDoctorStep *)g_ptr_array_index (steps, i))->step, "dns");
  g_assert_cmpuint (lookups, ==, 1);
  g_assert_cmpint (funnel_doctor_find (steps, "round-trip", NAME ":443")->result, ==,
                   FUNNEL_DOCTOR_OK);
  g_assert_cmpint (funnel_doctor_find (steps, "round-trip", NAME ":8443")->result, ==,
                   FUNNEL_DOCTOR_SKIPPED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strdup_printf ("/doctor-shares/%s", rows[i].label);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_row);
    }
  g_test_add_func ("/doctor-shares/nothing-shared", test_nothing_shared);
  g_test_add_func ("/doctor-shares/two-shares", test_two_shares);
  g_test_add_func ("/doctor-shares/localhost", test_localhost);
  return g_test_run ();
}
