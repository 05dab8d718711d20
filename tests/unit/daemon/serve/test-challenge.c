/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The challenge of a certificate authority: answered when it was asked for, and only then. */

#include "tests/unit/daemon/serve/local-target.h"
#include "tests/unit/daemon/serve/serve-fixture.h"
#include "tests/unit/daemon/serve/tls-visitor.h"

#include <unistd.h>

#define DAY (24 * 3600)
#define ALPN "acme-tls/1"

static FunnelCertificate *
make_challenge (Fixture *f)
{
  g_auto (MadeCertificate) made = make_certificate (f->dir, "challenge", NAME, -DAY, DAY);
  g_autoptr (GError) error = NULL;
  FunnelCertificate *challenge
      = funnel_certificate_load (made.chain_file, made.key_file, NAME, &error);

  g_assert_no_error (error);
  return challenge;
}

/* A share with a challenge pending, and a certificate of its own or none. */
static void
share (Fixture *f, FunnelServeKind kind, guint16 port, FunnelCertificate *certificate)
{
  FunnelServeShare *made = fixture_make_share (f, kind, port);

  g_clear_pointer (&made->certificate, funnel_certificate_unref);
  if (certificate != NULL)
    made->certificate = funnel_certificate_ref (certificate);
  made->challenge = make_challenge (f);
  fixture_set_share (f, made);
}

static Visitor *
connect_with (Fixture *f, const char *alpn)
{
  return visitor_connect_alpn (ingress_player_get_port (f->ingress), NAME, NULL, alpn);
}

static void
assert_answered (Fixture *f, const char *priority)
{
  g_autofree char *chain = g_build_filename (f->dir, "challenge.pem", NULL);
  g_autoptr (FunnelCertificate) challenge = NULL;
  g_autoptr (Visitor) visitor
      = visitor_connect_alpn (ingress_player_get_port (f->ingress), NAME, priority, ALPN);
  g_autofree char *key = g_build_filename (f->dir, "challenge.key", NULL);
  g_autofree char *leaf = NULL;
  gnutls_datum_t chosen;
  char byte;

  g_assert_cmpint (visitor->error, ==, 0);
  g_assert_cmpint (gnutls_alpn_get_selected_protocol (visitor->session, &chosen), ==, 0);
  g_assert_cmpmem (chosen.data, chosen.size, ALPN, sizeof ALPN - 1);
  challenge = funnel_certificate_load (chain, key, NAME, NULL);
  leaf = visitor_leaf (visitor);
  g_assert_cmpstr (leaf, ==, funnel_certificate_get_leaf (challenge));
  /* Nothing more is said. */
  g_assert_cmpint (visitor_recv (visitor, &byte, 1), ==, 0);
}

static void
test_answered (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);

  share (f, FUNNEL_SERVE_TERMINATE, local_target_get_port (target), NULL);
  assert_answered (f, NULL);
  assert_answered (f, "NORMAL:-VERS-ALL:+VERS-TLS1.2");
  share (f, FUNNEL_SERVE_TERMINATE, local_target_get_port (target), f->certificate);
  assert_answered (f, NULL);
  g_assert_cmpuint (local_target_get_open (target), ==, 0);
  g_assert_cmpuint (fixture_counters (f).flows_total, ==, 0);
  local_target_free (target);
}

/* While the certificate is being ordered visitors are refused; once it is there they come in, also
 * during a challenge of its renewal. */
static void
test_visitors (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  g_autoptr (Visitor) early = NULL;
  g_autoptr (Visitor) late = NULL;

  share (f, FUNNEL_SERVE_TERMINATE, local_target_get_port (target), NULL);
  early = connect_with (f, NULL);
  g_assert_cmpint (early->error, !=, 0);
  g_assert_cmpuint (fixture_refusals (f, "not-allowed"), ==, 1);
  share (f, FUNNEL_SERVE_TERMINATE, local_target_get_port (target), f->certificate);
  late = connect_with (f, NULL);
  g_assert_cmpint (late->error, ==, 0);
  g_assert_true (visitor_send (late, "x", 1));
  local_target_free (target);
}

static void
test_nothing_pending (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  g_autoptr (Visitor) visitor = NULL;

  fixture_share_more (f, FUNNEL_SERVE_TERMINATE, local_target_get_port (target), f->certificate, 0);
  visitor = connect_with (f, ALPN);
  g_assert_cmpint (visitor->error, !=, 0);
  g_assert_cmpuint (fixture_refusals (f, "not-allowed"), ==, 1);
  local_target_free (target);
}

/* The local server may be in the middle of an order of its own. */
static void
test_pass_through (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, f->made.chain_file, f->made.key_file);
  g_autoptr (Visitor) visitor = NULL;
  g_autofree char *leaf = NULL;

  share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), NULL);
  visitor = connect_with (f, ALPN);
  g_assert_cmpint (visitor->error, ==, 0);
  leaf = visitor_leaf (visitor);
  g_assert_cmpstr (leaf, ==, funnel_certificate_get_leaf (f->certificate));
  local_target_free (target);
}

/* An authority that stops talking is given up like any visitor. */
static void
test_silent (Fixture *f, gconstpointer data)
{
  struct serve_limits limits = serve_limits_default;
  g_autoptr (GByteArray) hello = make_hello (NAME, ALPN);
  g_autoptr (GByteArray) offer = make_offer (NAME, hello);
  g_autoptr (GByteArray) rest = NULL;
  struct offer_answer answer;
  int fd;

  limits.handshake_ms = 50;
  fixture_set_up_with (f, &limits);
  share (f, FUNNEL_SERVE_TERMINATE, 1, NULL);
  fd = loopback_connect (f->node_port, 1);
  send_all (fd, offer->data, offer->len);
  g_assert_true (read_answer (fd, &answer));
  rest = read_to_end (fd);
  g_assert_cmpuint (rest->len, >, 0);
  close (fd);
  WAIT_UNTIL (fixture_refusals (f, "handshake-timeout") == 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
  g_test_add (path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
  ADD ("/challenge/answered", test_answered);
  ADD ("/challenge/visitors", test_visitors);
  ADD ("/challenge/nothing-pending", test_nothing_pending);
  ADD ("/challenge/pass-through", test_pass_through);
  g_test_add ("/challenge/silent", Fixture, NULL, NULL, test_silent, fixture_tear_down);
  return g_test_run ();
}
