/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Taken visitors: bytes, ends, breaks and back-pressure, for both kinds of share, with TLS visitors
 * that come through a small ingress. */

#include "tests/unit/daemon/serve/local-target.h"
#include "tests/unit/daemon/serve/serve-fixture.h"
#include "tests/unit/daemon/serve/tls-visitor.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BULK (50u * 1000 * 1000)
#define PARALLEL 200u
#define STILL_TURNS 25 /* turns without a new byte after which a stream counts as stuck */

static const char tls12[] = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
static const char tls13[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3";

/* A share of both kinds that leads to the same target: the visitor sees no difference. */
typedef struct
{
  FunnelServeKind kind;
  const char *priority;
} Variant;

static const Variant pass_through = {FUNNEL_SERVE_PASS_THROUGH, tls13};
static const Variant terminate13 = {FUNNEL_SERVE_TERMINATE, tls13};
static const Variant terminate12 = {FUNNEL_SERVE_TERMINATE, tls12};

static LocalTarget *
start_target (Fixture *f, const Variant *v, TargetKind kind)
{
  gboolean plain = v->kind == FUNNEL_SERVE_TERMINATE;
  LocalTarget *target
      = local_target_new (kind, plain ? NULL : f->made.chain_file, plain ? NULL : f->made.key_file);

  fixture_share (f, v->kind, local_target_get_port (target), 0);
  return target;
}

static Visitor *
visit (Fixture *f, const Variant *v)
{
  Visitor *visitor = visitor_connect (ingress_player_get_port (f->ingress), NAME,
                                      f->made.chain_file, v->priority, NULL);

  if (visitor->error < 0)
    g_error ("handshake: %s", gnutls_strerror (visitor->error));
  return visitor;
}

typedef struct
{
  Visitor *visitor;
  guint64 len;
} Sending;

static gpointer
send_test_bytes (gpointer data)
{
  Sending *sending = data;
  guint8 buffer[30000];

  for (guint64 sent = 0; sent < sending->len;)
    {
      gsize len = MIN (sizeof buffer, sending->len - sent);

      fill_test_bytes (buffer, len, sent);
      g_assert_true (visitor_send (sending->visitor, buffer, len));
      sent += len;
    }
  visitor_end (sending->visitor);
  return NULL;
}

static void
read_test_bytes (Visitor *visitor, guint64 len)
{
  guint8 got[20000], want[20000];

  for (guint64 seen = 0; seen < len;)
    {
      gssize n = visitor_recv (visitor, got, MIN (sizeof got, len - seen));

      if (n <= 0)
        g_error ("after %" G_GUINT64_FORMAT " bytes: %s", seen,
                 n == 0 ? "end" : gnutls_strerror ((int)n));
      fill_test_bytes (want, (gsize)n, seen);
      g_assert_cmpmem (got, n, want, n);
      seen += (guint64)n;
    }
}

/* "bye" and a proper end. */
static void
read_bye (Visitor *visitor)
{
  char bye[16];
  gsize len = 0;
  gssize n;

  while ((n = visitor_recv (visitor, bye + len, sizeof bye - len)) > 0)
    len += (gsize)n;
  g_assert_cmpint (n, ==, 0);
  g_assert_cmpmem (bye, len, "bye", 3);
}

static void
assert_echoes (Visitor *visitor, const char *text)
{
  char got[64];
  gsize len = 0;

  g_assert_true (visitor_send (visitor, text, strlen (text)));
  while (len < strlen (text))
    {
      gssize n = visitor_recv (visitor, got + len, sizeof got - len);

      g_assert_cmpint (n, >, 0);
      len += (gsize)n;
    }
  g_assert_cmpmem (got, len, text, strlen (text));
}

/* Both ways at once; the visitor's end arrives, and what the target says after it too. */
static void
test_bulk (Fixture *f, gconstpointer data)
{
  const Variant *v = data;
  LocalTarget *target = start_target (f, v, TARGET_ECHO);
  g_autoptr (Visitor) visitor = visit (f, v);
  Sending sending = {visitor, BULK};
  GThread *thread = g_thread_new ("send", send_test_bytes, &sending);

  read_test_bytes (visitor, BULK);
  g_thread_join (thread);
  read_bye (visitor);
  shutdown (visitor->fd, SHUT_WR);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  g_assert_cmpuint (fixture_counters (f).bytes_in, >=, BULK);
  g_assert_cmpuint (fixture_counters (f).bytes_out, >=, BULK);
  if (v->kind == FUNNEL_SERVE_TERMINATE)
    {
      g_assert_cmpuint (fixture_counters (f).bytes_in, ==, BULK);
      g_assert_cmpuint (fixture_counters (f).bytes_out, ==, BULK + 3);
    }
  local_target_free (target);
}

static guint64
bytes_moved (Fixture *f)
{
  FunnelServeCounters counters = fixture_counters (f);

  return counters.bytes_in + counters.bytes_out;
}

/* Returns how many bytes had moved when none did any more. */
static guint64
wait_until_stuck (Fixture *f)
{
  guint64 moved = 0;
  int still = 0;

  WAIT_UNTIL (bytes_moved (f) > 0);
  while (still < STILL_TURNS)
    {
      fixture_turn ();
      still = bytes_moved (f) == moved ? still + 1 : 0;
      moved = bytes_moved (f);
    }
  return moved;
}

/* A target that does not read holds the visitor back; no byte is lost. */
static void
test_pressure_up (Fixture *f, gconstpointer data)
{
  const Variant *v = data;
  LocalTarget *target = start_target (f, v, TARGET_STALL);
  g_autoptr (Visitor) visitor = visit (f, v);
  Sending sending = {visitor, BULK};
  GThread *thread = g_thread_new ("send", send_test_bytes, &sending);

  g_assert_cmpuint (wait_until_stuck (f), <, BULK);
  local_target_go (target);
  read_test_bytes (visitor, BULK);
  g_thread_join (thread);
  read_bye (visitor);
  local_target_free (target);
}

/* The same the other way; and the target's end comes through while the visitor goes on. */
static void
test_pressure_down (Fixture *f, gconstpointer data)
{
  const Variant *v = data;
  LocalTarget *target = start_target (f, v, TARGET_FLOOD);
  g_autoptr (Visitor) visitor = visit (f, v);
  char byte;

  g_assert_cmpuint (wait_until_stuck (f), <, TARGET_FLOOD_BYTES);
  read_test_bytes (visitor, TARGET_FLOOD_BYTES);
  g_assert_cmpint (visitor_recv (visitor, &byte, 1), ==, 0);
  g_assert_cmpuint (local_target_get_open (target), ==, 1);
  g_assert_cmpuint (fixture_counters (f).flows_active, ==, 1);
  g_assert_true (visitor_send (visitor, "still here", 10));
  visitor_end (visitor);
  shutdown (visitor->fd, SHUT_WR);
  WAIT_UNTIL (local_target_get_open (target) == 0);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  local_target_free (target);
}

/* A server that refuses an upload answers and closes with input unread, which resets. */
static void
test_reject (Fixture *f, gconstpointer data)
{
  const Variant *v = data;
  LocalTarget *target = start_target (f, v, TARGET_REJECT);
  g_autoptr (Visitor) visitor = visit (f, v);
  g_autofree guint8 *upload = g_malloc0 (100000);
  char no[2];

  visitor_send (visitor, upload, 100000);
  g_assert_cmpint (visitor_recv (visitor, no, 2), ==, 2);
  g_assert_cmpmem (no, 2, "no", 2);
  g_assert_cmpint (visitor_recv (visitor, no, 2), <=, 0);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  local_target_free (target);
}

static void
test_visitor_resets (Fixture *f, gconstpointer data)
{
  const Variant *v = data;
  LocalTarget *target = start_target (f, v, TARGET_ECHO);
  Visitor *visitor = visit (f, v);
  struct linger linger = {.l_onoff = 1};

  assert_echoes (visitor, "hello");
  setsockopt (visitor->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  visitor_free (visitor);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  WAIT_UNTIL (local_target_get_open (target) == 0);
  local_target_free (target);
}

typedef struct
{
  Fixture *f;
  const Variant *variant;
} Crowd;

static gpointer
visit_in_crowd (gpointer data)
{
  Crowd *crowd = data;
  g_autoptr (Visitor) visitor = visit (crowd->f, crowd->variant);
  Sending sending = {visitor, 20000};

  send_test_bytes (&sending);
  read_test_bytes (visitor, 20000);
  read_bye (visitor);
  return NULL;
}

static void
test_parallel (Fixture *f, gconstpointer data)
{
  Crowd crowd = {f, data};
  LocalTarget *target = start_target (f, data, TARGET_ECHO);
  GThread *threads[PARALLEL];

  for (guint i = 0; i < PARALLEL; i++)
    threads[i] = g_thread_new ("visitor", visit_in_crowd, &crowd);
  for (guint i = 0; i < PARALLEL; i++)
    g_thread_join (threads[i]);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  g_assert_cmpuint (fixture_counters (f).flows_total, ==, PARALLEL);
  local_target_free (target);
}

/* Cut while bytes are on their way. */
static void
test_cut (Fixture *f, gconstpointer data)
{
  const Variant *v = data;
  LocalTarget *target = start_target (f, v, TARGET_FLOOD);
  g_autoptr (Visitor) visitor = visit (f, v);
  g_autofree guint8 *buffer = g_malloc (65536);

  g_assert_cmpint (visitor_recv (visitor, buffer, 65536), >, 0);
  fixture_unshare (f);
  while (visitor_recv (visitor, buffer, 65536) > 0)
    ;
  WAIT_UNTIL (local_target_get_open (target) == 0);
  local_target_free (target);
}

static void
test_idle (Fixture *f, gconstpointer data)
{
  const Variant *v = data;
  struct serve_limits limits = serve_limits_default;
  LocalTarget *target;
  Visitor *visitor;
  char byte;

  limits.idle_ms = 300;
  fixture_set_up_with (f, &limits);
  target = start_target (f, v, TARGET_ECHO);
  visitor = visit (f, v);
  for (int i = 0; i < 5; i++)
    assert_echoes (visitor, "hello");
  g_assert_cmpint (visitor_recv (visitor, &byte, 1), <=, 0);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  visitor_free (visitor);
  local_target_free (target);
}

static void
test_certificate_swap (Fixture *f, gconstpointer data)
{
  g_auto (MadeCertificate) made = make_certificate (f->dir, "b", NAME, -60, 3600);
  g_autoptr (FunnelCertificate) next
      = funnel_certificate_load (made.chain_file, made.key_file, NAME, NULL);
  LocalTarget *target = start_target (f, &terminate13, TARGET_ECHO);
  guint16 port = ingress_player_get_port (f->ingress);
  g_autoptr (Visitor) before = visit (f, &terminate13);
  g_autoptr (Visitor) after = NULL;
  g_autofree char *leaf = visitor_leaf (before);
  g_autofree char *next_leaf = NULL;

  g_assert_cmpstr (leaf, ==, funnel_certificate_get_leaf (f->certificate));
  fixture_share_more (f, FUNNEL_SERVE_TERMINATE, local_target_get_port (target), next, 0);
  g_clear_pointer (&f->certificate, funnel_certificate_unref);
  after = visitor_connect (port, NAME, made.chain_file, NULL, NULL);
  g_assert_cmpint (after->error, ==, 0);
  next_leaf = visitor_leaf (after);
  g_assert_cmpstr (next_leaf, ==, funnel_certificate_get_leaf (next));
  assert_echoes (after, "new");
  assert_echoes (before, "old");
  local_target_free (target);
}

static void
test_resume (Fixture *f, gconstpointer data)
{
  const Variant *v = data;
  LocalTarget *target = start_target (f, v, TARGET_ECHO);
  guint16 port = ingress_player_get_port (f->ingress);
  g_autoptr (Visitor) first = visit (f, v);
  g_autoptr (Visitor) second = NULL;
  gnutls_datum_t session;

  assert_echoes (first, "hello"); /* the ticket comes before the first bytes */
  g_assert_false (gnutls_session_is_resumed (first->session));
  g_assert_cmpint (gnutls_session_get_data2 (first->session, &session), ==, 0);
  second = visitor_connect (port, NAME, f->made.chain_file, v->priority, &session);
  g_assert_cmpint (second->error, ==, 0);
  g_assert_true (gnutls_session_is_resumed (second->session));
  assert_echoes (second, "again");
  gnutls_free (session.data);
  local_target_free (target);
}

static void
test_key_update (Fixture *f, gconstpointer data)
{
  LocalTarget *target = start_target (f, &terminate13, TARGET_ECHO);
  g_autoptr (Visitor) visitor = visit (f, &terminate13);

  for (int i = 0; i < 4; i++)
    {
      g_assert_cmpint (gnutls_session_key_update (visitor->session, GNUTLS_KU_PEER), ==, 0);
      assert_echoes (visitor, "new keys");
    }
  /* One that nothing follows must not be taken for the end of what is to be read. */
  g_assert_cmpint (gnutls_session_key_update (visitor->session, 0), ==, 0);
  assert_echoes (visitor, "once more");
  visitor_end (visitor);
  read_bye (visitor);
  local_target_free (target);
}

static void
test_renegotiation (Fixture *f, gconstpointer data)
{
  LocalTarget *target = start_target (f, &terminate12, TARGET_ECHO);
  g_autoptr (Visitor) visitor = visit (f, &terminate12);
  int result;

  assert_echoes (visitor, "hello");
  do
    result = gnutls_handshake (visitor->session);
  while (result < 0 && !gnutls_error_is_fatal (result)
         && result != GNUTLS_E_WARNING_ALERT_RECEIVED);
  g_assert_cmpint (result, <, 0);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  local_target_free (target);
}

/* The visitor hears why. */
static void
test_handshake_failure (Fixture *f, gconstpointer data)
{
  LocalTarget *target = start_target (f, &terminate13, TARGET_ECHO);
  guint16 port = ingress_player_get_port (f->ingress);
  g_autoptr (Visitor) old
      = visitor_connect (port, NAME, NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT", NULL);

  g_assert_cmpint (old->error, ==, GNUTLS_E_FATAL_ALERT_RECEIVED);
  g_assert_cmpint (gnutls_alert_get (old->session), ==, GNUTLS_A_PROTOCOL_VERSION);
  WAIT_UNTIL (fixture_refusals (f, "handshake-failed") == 1);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  WAIT_UNTIL (local_target_get_open (target) == 0);
  local_target_free (target);
}

/* After its hello the visitor says nothing more, or nonsense. */
static void
test_handshake_stuck (Fixture *f, gconstpointer data)
{
  struct serve_limits limits = serve_limits_default;
  LocalTarget *target;
  g_autoptr (GByteArray) rest = NULL;
  int silent, wild;

  limits.handshake_ms = 100;
  fixture_set_up_with (f, &limits);
  target = start_target (f, &terminate13, TARGET_ECHO);
  silent = fixture_offer (f);
  wild = fixture_offer (f);
  send_all (wild, "nonsense", 8);
  rest = read_to_end (silent);
  g_assert_cmpuint (fixture_refusals (f, "handshake-timeout"), ==, 1);
  WAIT_UNTIL (fixture_refusals (f, "handshake-failed") == 1);
  WAIT_UNTIL (local_target_get_open (target) == 0);
  close (silent);
  close (wild);
  local_target_free (target);
}

/* TCP ended without close_notify: bytes so far are delivered, the flow is over. */
static void
test_truncated (Fixture *f, gconstpointer data)
{
  LocalTarget *target = start_target (f, &terminate13, TARGET_ECHO);
  g_autoptr (Visitor) visitor = visit (f, &terminate13);

  assert_echoes (visitor, "hello");
  shutdown (visitor->fd, SHUT_WR);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  g_assert_cmpuint (fixture_counters (f).bytes_in, ==, 5);
  WAIT_UNTIL (local_target_get_open (target) == 0);
  local_target_free (target);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, variant, function)                                                               \
  g_test_add ("/flows/" path, Fixture, &variant, fixture_set_up, function, fixture_tear_down)
#define ADD_BARE(path, variant, function)                                                          \
  g_test_add ("/flows/" path, Fixture, &variant, NULL, function, fixture_tear_down)
#define ADD_BOTH(path, function)                                                                   \
  ADD ("pass-through/" path, pass_through, function);                                              \
  ADD ("terminate-1.3/" path, terminate13, function);                                              \
  ADD ("terminate-1.2/" path, terminate12, function)
  ADD_BOTH ("bulk", test_bulk);
  ADD_BOTH ("pressure-up", test_pressure_up);
  ADD_BOTH ("pressure-down", test_pressure_down);
  ADD_BOTH ("reject", test_reject);
  ADD_BOTH ("visitor-resets", test_visitor_resets);
  ADD_BOTH ("parallel", test_parallel);
  ADD_BOTH ("cut", test_cut);
  ADD_BARE ("pass-through/idle", pass_through, test_idle);
  ADD_BARE ("terminate-1.3/idle", terminate13, test_idle);
  ADD ("terminate-1.3/resume", terminate13, test_resume);
  ADD ("terminate-1.2/resume", terminate12, test_resume);
  ADD ("terminate-1.3/certificate-swap", terminate13, test_certificate_swap);
  ADD ("terminate-1.3/key-update", terminate13, test_key_update);
  ADD ("terminate-1.2/renegotiation", terminate12, test_renegotiation);
  ADD ("terminate-1.3/handshake-failure", terminate13, test_handshake_failure);
  ADD_BARE ("terminate-1.3/handshake-stuck", terminate13, test_handshake_stuck);
  ADD ("terminate-1.3/truncated", terminate13, test_truncated);
  return g_test_run ();
}
