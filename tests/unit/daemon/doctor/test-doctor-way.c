/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/doctor/node-doctor.h"

#include <string.h>

#define NOW 1800000000
#define KEY "mine"

static const char *const no_problems[] = {NULL};
static const char *const one_problem[] = {"/state/shares.json cannot be used: member name", NULL};
static const char *const passed_over[] = {"networkmanager: not installed", NULL};
static GPtrArray *nothing;

/* Everything is well, over WireGuard. */
static FunnelDoctorFacts
make_facts (void)
{
  return (FunnelDoctorFacts) {
      .now = NOW,
      .state_dir = "/state",
      .store_problems = no_problems,
      .daemon_version = "1.0",
      .client_version = "1.0",
      .joined = TRUE,
      .node = "laptop",
      .endpoint_host = "vps.example.org",
      .endpoint_port = 51820,
      .ingress_public_key = KEY,
      .tunnel = "netns",
      .engine = "kernel",
      .tunnel_up = TRUE,
      .handshake = NOW - 12,
      .mtu = 1420,
      .path_mtu = 1500,
      .linked = TRUE,
      .asked = FUNNEL_DOCTOR_ASKED_KNOWN,
      .ingress_clock = NOW + 3,
      .ingress_handshake = NOW - 12,
      .ingress_told_key = KEY,
      .shares = nothing,
      .names = nothing,
  };
}

typedef void (*Change) (FunnelDoctorFacts *facts);

static void
keep (FunnelDoctorFacts *f)
{
}
static void
old_clock (FunnelDoctorFacts *f)
{
  f->now = 1000000;
}
static void
clock_off (FunnelDoctorFacts *f)
{
  f->ingress_clock = NOW - 60;
}
static void
clock_wrong (FunnelDoctorFacts *f)
{
  f->ingress_clock = NOW + 3600;
}
static void
no_ingress_clock (FunnelDoctorFacts *f)
{
  f->ingress_clock = 0;
}
static void
bad_store (FunnelDoctorFacts *f)
{
  f->store_problems = one_problem;
  f->joined = FALSE;
}
static void
other_version (FunnelDoctorFacts *f)
{
  f->client_version = "2.0";
}
static void
no_client (FunnelDoctorFacts *f)
{
  f->client_version = NULL;
}
static void
not_joined (FunnelDoctorFacts *f)
{
  f->joined = FALSE;
}
static void
down (FunnelDoctorFacts *f)
{
  f->tunnel_up = f->linked = FALSE;
  f->tunnel_reason = "no engine works";
  f->passed_over = passed_over;
}
static void
switched_off (FunnelDoctorFacts *f)
{
  down (f);
  f->tunnel_next_step = "funnel tunnel on now";
}
static void
chosen (FunnelDoctorFacts *f)
{
  f->passed_over = passed_over;
}
static void
direct (FunnelDoctorFacts *f)
{
  f->tunnel = "direct";
  f->handshake = 0;
}
static void
no_handshake (FunnelDoctorFacts *f)
{
  f->handshake = 0;
  f->ingress_handshake = 0;
  f->linked = FALSE;
}
static void
old_handshake (FunnelDoctorFacts *f)
{
  no_handshake (f);
  f->handshake = NOW - 181;
}
static void
unknown_key (FunnelDoctorFacts *f)
{
  no_handshake (f);
  f->asked = FUNNEL_DOCTOR_ASKED_UNKNOWN;
}
static void
other_ingress_key (FunnelDoctorFacts *f)
{
  no_handshake (f);
  f->ingress_told_key = "another";
}
static void
one_way (FunnelDoctorFacts *f)
{
  no_handshake (f);
  f->ingress_handshake = NOW - 5;
  f->tunnel_age = 60;
}
static void
heard_by_the_tunnel_before (FunnelDoctorFacts *f)
{
  no_handshake (f);
  f->ingress_handshake = NOW - 5;
  f->tunnel_age = 4;
}
static void
untrusted (FunnelDoctorFacts *f)
{
  no_handshake (f);
  f->asked = FUNNEL_DOCTOR_ASKED_UNTRUSTED;
}
static void
silent (FunnelDoctorFacts *f)
{
  no_handshake (f);
  f->asked = FUNNEL_DOCTOR_ASKED_SILENT;
  f->asked_problem = "Connection refused";
}
static void
connected (FunnelDoctorFacts *f)
{
  no_handshake (f);
  f->asked = FUNNEL_DOCTOR_ASKED_CONNECTED;
}
static void
not_asked (FunnelDoctorFacts *f)
{
  no_handshake (f);
  f->asked = FUNNEL_DOCTOR_ASKED_NOT;
}
static void
small_path (FunnelDoctorFacts *f)
{
  f->path_mtu = 1279;
}
static void
tight_path (FunnelDoctorFacts *f)
{
  f->path_mtu = 1479;
}
static void
fitting_path (FunnelDoctorFacts *f)
{
  f->path_mtu = 1480;
}
static void
unknown_path (FunnelDoctorFacts *f)
{
  f->path_mtu = 0;
}
static void
not_linked (FunnelDoctorFacts *f)
{
  f->linked = FALSE;
  f->link_reason = "refused";
}

static const struct
{
  const char *label;
  Change change;
  const char *step;
  FunnelDoctorResult result;
  const char *text;   /* part of it */
  const char *advice; /* part of it; NULL: there is none */
} rows[] = {
    {"well/clock", keep, "clock", FUNNEL_DOCTOR_OK, "agrees", NULL},
    {"well/configuration", keep, "configuration", FUNNEL_DOCTOR_OK, "/state", NULL},
    {"well/daemon", keep, "daemon", FUNNEL_DOCTOR_OK, "1.0", NULL},
    {"well/join", keep, "join", FUNNEL_DOCTOR_OK, "laptop at vps", NULL},
    {"well/tunnel", keep, "tunnel", FUNNEL_DOCTOR_OK, "netns, engine kernel", NULL},
    {"well/udp", keep, "udp", FUNNEL_DOCTOR_OK, "UDP port 51820", NULL},
    {"well/handshake", keep, "handshake", FUNNEL_DOCTOR_OK, "12 s ago", NULL},
    {"well/mtu", keep, "mtu", FUNNEL_DOCTOR_OK, "1500 outside, 1420", NULL},
    {"well/link", keep, "link", FUNNEL_DOCTOR_OK, "linked", NULL},
    {"clock/old", old_clock, "clock", FUNNEL_DOCTOR_FAILED, "years", "timedatectl"},
    {"clock/off", clock_off, "clock", FUNNEL_DOCTOR_WARNING, "60 s ahead of", "timedatectl"},
    {"clock/wrong", clock_wrong, "clock", FUNNEL_DOCTOR_FAILED, "3600 s behind", "timedatectl"},
    {"clock/alone", no_ingress_clock, "clock", FUNNEL_DOCTOR_OK, "not compared", NULL},
    {"store/bad", bad_store, "configuration", FUNNEL_DOCTOR_FAILED, "member name", "funnel reset"},
    {"store/join", bad_store, "join", FUNNEL_DOCTOR_SKIPPED, "because configuration failed", NULL},
    {"version/other", other_version, "daemon", FUNNEL_DOCTOR_WARNING, "2.0", "restart funneld"},
    {"version/none", no_client, "daemon", FUNNEL_DOCTOR_OK, "1.0", NULL},
    {"join/not", not_joined, "join", FUNNEL_DOCTOR_FAILED, "not joined", "funnel join TOKEN"},
    {"join/tunnel", not_joined, "tunnel", FUNNEL_DOCTOR_SKIPPED, "because join failed", NULL},
    {"join/link", not_joined, "link", FUNNEL_DOCTOR_SKIPPED, "because join failed", NULL},
    {"tunnel/down", down, "tunnel", FUNNEL_DOCTOR_FAILED, "no engine works", "funnel tunnel on"},
    {"tunnel/why", down, "tunnel", FUNNEL_DOCTOR_FAILED, "networkmanager: not installed",
     "funnel tunnel on"},
    {"tunnel/next", switched_off, "tunnel", FUNNEL_DOCTOR_FAILED, "", "funnel tunnel on now"},
    {"tunnel/udp", down, "udp", FUNNEL_DOCTOR_SKIPPED, "because tunnel failed", NULL},
    {"tunnel/mtu", down, "mtu", FUNNEL_DOCTOR_SKIPPED, "because tunnel failed", NULL},
    {"tunnel/passed", chosen, "tunnel", FUNNEL_DOCTOR_OK, "passed over networkmanager", NULL},
    {"direct/tunnel", direct, "tunnel", FUNNEL_DOCTOR_WARNING, "without WireGuard", NULL},
    {"direct/udp", direct, "udp", FUNNEL_DOCTOR_SKIPPED, "no WireGuard", NULL},
    {"direct/link", direct, "link", FUNNEL_DOCTOR_OK, "linked", NULL},
    {"udp/blocked", no_handshake, "udp", FUNNEL_DOCTOR_FAILED, "is blocked", "UDP port 51820"},
    {"udp/old", old_handshake, "udp", FUNNEL_DOCTOR_FAILED, "is blocked", "UDP port 51820"},
    {"udp/key", unknown_key, "udp", FUNNEL_DOCTOR_FAILED, "wrong key", "invite laptop --replace"},
    {"udp/ingress-key", other_ingress_key, "udp", FUNNEL_DOCTOR_FAILED, "another WireGuard key",
     "funnel leave"},
    {"udp/one-way", one_way, "udp", FUNNEL_DOCTOR_FAILED, "nothing comes back", "firewall"},
    {"udp/heard-before", heard_by_the_tunnel_before, "udp", FUNNEL_DOCTOR_FAILED, "is blocked",
     "UDP port 51820"},
    {"udp/untrusted", untrusted, "udp", FUNNEL_DOCTOR_FAILED, "shows another key",
     "invite laptop --replace"},
    {"udp/silent", silent, "udp", FUNNEL_DOCTOR_FAILED, "neither over UDP nor over TCP: Connection",
     "funnel-ingress doctor"},
    {"udp/connected", connected, "udp", FUNNEL_DOCTOR_FAILED, "TCP to it works",
     "funnel-ingress doctor"},
    {"udp/not-asked", not_asked, "udp", FUNNEL_DOCTOR_FAILED, "look the same",
     "funnel-ingress doctor"},
    {"udp/handshake", silent, "handshake", FUNNEL_DOCTOR_SKIPPED, "because udp failed", NULL},
    {"udp/link", silent, "link", FUNNEL_DOCTOR_SKIPPED, "because udp failed", NULL},
    {"mtu/small", small_path, "mtu", FUNNEL_DOCTOR_WARNING, "1279", "mtu 1500"},
    {"mtu/tight", tight_path, "mtu", FUNNEL_DOCTOR_WARNING, "cut into pieces", "mtu 1500"},
    {"mtu/fits", fitting_path, "mtu", FUNNEL_DOCTOR_OK, "1480", NULL},
    {"mtu/unknown", unknown_path, "mtu", FUNNEL_DOCTOR_SKIPPED, "not known", NULL},
    {"link/none", not_linked, "link", FUNNEL_DOCTOR_FAILED, "refused", "funnel-ingress doctor"},
};

static void
test_row (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  FunnelDoctorFacts facts = make_facts ();
  g_autoptr (GPtrArray) steps = NULL;
  const FunnelDoctorStep *step = NULL;

  rows[i].change (&facts);
  steps = funnel_node_doctor_evaluate (&facts);
  step = funnel_doctor_find (steps, rows[i].step, NULL);
  g_assert_nonnull (step);
  g_test_message ("%s: %s -> %s", step->step, step->text, step->advice);
  g_assert_cmpint (step->result, ==, rows[i].result);
  g_assert_nonnull (strstr (step->text, rows[i].text));
  if (rows[i].advice == NULL)
    g_assert_cmpstr (step->advice, ==, "");
  else
    g_assert_nonnull (strstr (step->advice, rows[i].advice));
}

/* Whatever is wrong, each failure says what to do, and the whole says that there is one. */
static void
test_advice (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      FunnelDoctorFacts facts = make_facts ();
      g_autoptr (GPtrArray) steps = NULL;
      gboolean failed = FALSE;

      rows[i].change (&facts);
      steps = funnel_node_doctor_evaluate (&facts);
      for (guint k = 0; k < steps->len; k++)
        {
          const FunnelDoctorStep *step = g_ptr_array_index (steps, k);

          g_assert_true (g_strv_contains (funnel_doctor_node_steps (), step->step));
          g_assert_cmpstr (step->text, !=, "");
          if (step->result == FUNNEL_DOCTOR_FAILED)
            g_assert_cmpstr (step->advice, !=, "");
          failed = failed || step->result == FUNNEL_DOCTOR_FAILED;
        }
      g_assert_cmpint (funnel_doctor_has_failed (steps), ==, failed);
    }
}

int
main (int argc, char **argv)
{
  int status = 0;

  g_test_init (&argc, &argv, NULL);
  nothing = g_ptr_array_new ();
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strdup_printf ("/doctor-way/%s", rows[i].label);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_row);
    }
  g_test_add_func ("/doctor-way/advice", test_advice);
  status = g_test_run ();
  g_ptr_array_unref (nothing);
  return status;
}
