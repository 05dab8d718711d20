/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Offers made by hand: what is taken, what is refused, with which answer and counted as what. A
 * plain echo behind a pass-through share shows the very bytes that reached it. */

#include "tests/unit/daemon/serve/local-target.h"
#include "tests/unit/daemon/serve/serve-fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define UPLOAD (20u * 1000 * 1000)

#define ADD(path, function)                                                                        \
  g_test_add ("/offers/" path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
#define ADD_BARE(path, function)                                                                   \
  g_test_add ("/offers/" path, Fixture, NULL, NULL, function, fixture_tear_down)

/* A port on which nothing listens. */
static guint16
closed_port (void)
{
  guint16 port;

  close (loopback_listen (&port));
  return port;
}

static void
assert_accepted (int fd)
{
  struct offer_answer answer;

  g_assert_true (read_answer (fd, &answer));
  g_assert_cmpint (answer.kind, ==, OFFER_ANSWER_ACCEPTED);
}

/* The answer is 403 with @reason, and then the end. Closes @fd. */
static void
assert_refused (int fd, enum offer_reason reason)
{
  struct offer_answer answer;
  char byte;

  g_assert_true (read_answer (fd, &answer));
  g_assert_cmpint (answer.status, ==, 403);
  g_assert_cmpstr (offer_reason_text (answer.reason), ==, offer_reason_text (reason));
  g_assert_cmpint (recv (fd, &byte, 1, 0), ==, 0);
  close (fd);
}

/* The echo on @fd answers with @bytes and ends. Closes @fd. */
static void
assert_echo (int fd, GByteArray *bytes)
{
  g_autoptr (GByteArray) got = NULL;

  shutdown (fd, SHUT_WR);
  got = read_to_end (fd);
  g_assert_cmpuint (got->len, ==, bytes->len + 3);
  g_assert_cmpmem (got->data, bytes->len, bytes->data, bytes->len);
  g_assert_cmpmem (got->data + bytes->len, 3, "bye", 3);
  close (fd);
}

static void
assert_ended (int fd)
{
  g_autoptr (GByteArray) rest = read_to_end (fd);

  g_assert_cmpuint (rest->len, ==, 0);
  close (fd);
}

static int
offer_named (Fixture *f, const char *name, const char *sni, const char *alpn)
{
  g_autoptr (GByteArray) hello = make_hello (sni, alpn);
  g_autoptr (GByteArray) offer = make_offer (name, hello);
  int fd = loopback_connect (f->node_port, 1);

  send_all (fd, offer->data, offer->len);
  return fd;
}

static void
test_good (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  g_autoptr (GByteArray) hello = make_hello (NAME, NULL);
  g_autoptr (GByteArray) offer = make_offer (NAME, hello);
  int fd = loopback_connect (f->node_port, 1);

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  send_all (fd, offer->data, offer->len);
  assert_accepted (fd);
  g_assert_cmpuint (fixture_counters (f).flows_active, ==, 1);
  assert_echo (fd, hello);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  g_assert_cmpuint (fixture_counters (f).flows_total, ==, 1);
  g_assert_cmpuint (fixture_counters (f).bytes_in, ==, hello->len);
  g_assert_cmpuint (fixture_counters (f).bytes_out, ==, hello->len + 3);
  WAIT_UNTIL (f->changed > 0);
  local_target_free (target);
}

static void
test_byte_by_byte (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  g_autoptr (GByteArray) hello = make_hello (NAME, NULL);
  g_autoptr (GByteArray) offer = make_offer (NAME, hello);
  int fd = loopback_connect (f->node_port, 1);

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  for (guint i = 0; i < offer->len; i++)
    send_all (fd, offer->data + i, 1);
  assert_accepted (fd);
  assert_echo (fd, hello);
  local_target_free (target);
}

/* The hello is cut in every thirteenth place, and the rest comes when the first part was read. */
static void
test_split_hello (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  g_autoptr (GByteArray) hello = make_hello (NAME, NULL);
  g_autoptr (GByteArray) head = make_offer (NAME, NULL);

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  for (guint cut = 0; cut < hello->len; cut += 13)
    {
      int fd = loopback_connect (f->node_port, 1);

      send_all (fd, head->data, head->len);
      fixture_turn ();
      send_all (fd, hello->data, cut);
      fixture_turn ();
      send_all (fd, hello->data + cut, hello->len - cut);
      assert_accepted (fd);
      assert_echo (fd, hello);
    }
  local_target_free (target);
}

typedef struct
{
  const char *head;
  guint status;
  const char *reason;
} Malformed;

#define REST "Host: 100.64.0.2\r\nConnection: Upgrade\r\nUpgrade: funnel\r\n"
#define FIELDS                                                                                     \
  "Funnel-Source: 203.0.113.9:51514\r\nFunnel-Target: " NAME ":443\r\nFunnel-Flow: f1\r\n"

static const Malformed malformed[] = {
    {"GET /v1/offer HTTP/1.1\r\n" REST FIELDS "\r\n", 405, "bad-method"},
    {"POST /other HTTP/1.1\r\n" REST FIELDS "\r\n", 404, "bad-path"},
    {"POST /v1/offer HTTP/1.1\r\n" REST FIELDS "Origin: http://evil.example\r\n\r\n", 400,
     "bad-header"},
    {"POST /v1/offer HTTP/1.1\r\n" REST FIELDS FIELDS "\r\n", 400, "bad-header"},
    {"POST /v1/offer HTTP/1.1\r\n" REST "Funnel-Flow: f1\r\n\r\n", 400, "bad-header"},
};

static void
test_malformed (Fixture *f, gconstpointer data)
{
  g_autofree char *padding = g_strnfill (2 * OFFER_HEAD_MAX, 'x');
  g_autofree char *large = g_strconcat ("POST /v1/offer HTTP/1.1\r\nX: ", padding, NULL);

  for (guint i = 0; i <= G_N_ELEMENTS (malformed); i++)
    {
      Malformed last = {large, 400, "too-large"};
      const Malformed *m = i < G_N_ELEMENTS (malformed) ? &malformed[i] : &last;
      guint64 before = fixture_refusals (f, m->reason);
      struct offer_answer answer;
      int fd = loopback_connect (f->node_port, 1);

      send_all (fd, m->head, strlen (m->head));
      g_assert_true (read_answer (fd, &answer));
      g_assert_cmpuint (answer.status, ==, m->status);
      g_assert_cmpuint (fixture_refusals (f, m->reason), ==, before + 1);
      g_autoptr (GByteArray) rest = read_to_end (fd);
      close (fd);
    }
}

static void
test_timeout (Fixture *f, gconstpointer data)
{
  struct serve_limits limits = serve_limits_default;
  g_autoptr (GByteArray) hello = make_hello (NAME, NULL);
  g_autoptr (GByteArray) offer = make_offer (NAME, hello);
  int in_head, in_hello, warm;

  limits.head_ms = 50;
  fixture_set_up_with (f, &limits);
  warm = loopback_connect (f->node_port, 1);
  in_head = loopback_connect (f->node_port, 1);
  in_hello = loopback_connect (f->node_port, 1);
  send_all (in_head, offer->data, 10);
  send_all (in_hello, offer->data, offer->len - 1);
  assert_ended (in_head);
  assert_ended (in_hello);
  g_assert_cmpuint (fixture_refusals (f, "timeout"), ==, 2);
  /* The warm one has been there longer, and still is. */
  send_all (warm, offer->data, offer->len);
  assert_refused (warm, OFFER_REASON_NO_SHARE);
}

static void
test_cut_short (Fixture *f, gconstpointer data)
{
  int fd = loopback_connect (f->node_port, 1);
  int warm = loopback_connect (f->node_port, 1);

  send_all (fd, "POST", 4);
  shutdown (fd, SHUT_WR);
  assert_ended (fd);
  shutdown (warm, SHUT_WR);
  assert_ended (warm);
  g_assert_cmpuint (fixture_refusals (f, "cut-short"), ==, 1);
}

static void
test_warm (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  g_autoptr (GByteArray) hello = make_hello (NAME, NULL);
  g_autoptr (GByteArray) offer = make_offer (NAME, hello);
  int warm[200];

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  for (guint i = 0; i < G_N_ELEMENTS (warm); i++)
    warm[i] = loopback_connect (f->node_port, 1);
  for (guint i = 0; i < G_N_ELEMENTS (warm); i += 2)
    {
      send_all (warm[i], offer->data, offer->len);
      assert_accepted (warm[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (warm); i++)
    if (i % 2 == 0)
      assert_echo (warm[i], hello);
    else
      close (warm[i]);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  g_assert_cmpuint (fixture_counters (f).flows_total, ==, G_N_ELEMENTS (warm) / 2);
  g_assert_cmpuint (funnel_serve_get_offer_connections (f->serve, f->listener), ==,
                    G_N_ELEMENTS (warm));
  g_assert_cmpuint (funnel_serve_get_offer_connections (f->serve, f->listener + 1), ==, 0);
  g_autoptr (GHashTable) refusals = funnel_serve_get_offer_refusals (f->serve, f->listener);
  g_assert_cmpuint (g_hash_table_size (refusals), ==, 0);
  local_target_free (target);
}

static void
test_too_many (Fixture *f, gconstpointer data)
{
  struct serve_limits limits = serve_limits_default;
  g_autoptr (GByteArray) offer = NULL;
  int warm[4];

  limits.waiting_max = G_N_ELEMENTS (warm);
  fixture_set_up_with (f, &limits);
  for (guint i = 0; i < G_N_ELEMENTS (warm); i++)
    warm[i] = loopback_connect (f->node_port, 1);
  assert_ended (loopback_connect (f->node_port, 1));
  g_assert_cmpuint (fixture_refusals (f, "too-many"), ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (warm); i++)
    close (warm[i]);
  /* There is room again as soon as the node has seen the ends. */
  for (gboolean served = FALSE; !served; fixture_turn ())
    {
      struct offer_answer answer;
      int fd = fixture_offer (f);

      served = read_answer (fd, &answer);
      close (fd);
    }
}

static void
test_not_peer (Fixture *f, gconstpointer data)
{
  assert_ended (loopback_connect (f->node_port, 2));
  g_assert_cmpuint (fixture_refusals (f, "not-peer"), ==, 1);
}

static void
test_name_mismatch (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  assert_refused (offer_named (f, NAME, "other.example.org", NULL), OFFER_REASON_NAME_MISMATCH);
  assert_refused (offer_named (f, NAME, NULL, NULL), OFFER_REASON_NAME_MISMATCH);
  assert_refused (offer_named (f, "other.example.org", NAME, NULL), OFFER_REASON_NAME_MISMATCH);
  g_assert_cmpuint (fixture_refusals (f, "name-mismatch"), ==, 3);
  g_assert_cmpuint (fixture_counters (f).refusals[OFFER_REASON_NAME_MISMATCH], ==, 2);
  g_assert_cmpuint (local_target_get_open (target), ==, 0);
  local_target_free (target);
}

static void
test_not_tls (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) head = make_offer (NAME, NULL);
  int fd = loopback_connect (f->node_port, 1);

  g_byte_array_append (head, (const guint8 *)"GET / HTTP/1.1\r\n\r\n", 18);
  send_all (fd, head->data, head->len);
  assert_refused (fd, OFFER_REASON_NOT_TLS);
  g_assert_cmpuint (fixture_refusals (f, "not-tls"), ==, 1);
}

static void
test_no_share (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);

  assert_refused (fixture_offer (f), OFFER_REASON_NO_SHARE);
  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  assert_refused (offer_named (f, "other.example.org", "other.example.org", NULL),
                  OFFER_REASON_NO_SHARE);
  fixture_unshare (f);
  assert_refused (fixture_offer (f), OFFER_REASON_NO_SHARE);
  g_assert_cmpuint (fixture_refusals (f, "no-share"), ==, 3);
  local_target_free (target);
}

static void
test_terminate_refusals (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  guint16 port = local_target_get_port (target);

  fixture_share_more (f, FUNNEL_SERVE_TERMINATE, port, NULL, 0);
  assert_refused (fixture_offer (f), OFFER_REASON_NOT_ALLOWED);
  fixture_share_more (f, FUNNEL_SERVE_TERMINATE, port, f->certificate, 0);
  assert_refused (offer_named (f, NAME, NAME, "acme-tls/1"), OFFER_REASON_NOT_ALLOWED);
  local_target_free (target);
}

static void
test_target_down (Fixture *f, gconstpointer data)
{
  guint16 down = closed_port ();
  LocalTarget *target;
  int fd;

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, down, 0);
  assert_refused (fixture_offer (f), OFFER_REASON_TARGET_DOWN);
  g_assert_cmpint (fixture_counters (f).target_error, ==, ECONNREFUSED);
  g_assert_cmpuint (fixture_counters (f).refusals[OFFER_REASON_TARGET_DOWN], ==, 1);
  WAIT_UNTIL (f->changed > 0);

  target = local_target_new (TARGET_ECHO, NULL, NULL);
  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  fd = fixture_offer (f);
  assert_accepted (fd);
  g_assert_cmpint (fixture_counters (f).target_error, ==, 0);
  g_assert_cmpuint (fixture_counters (f).refusals[OFFER_REASON_TARGET_DOWN], ==, 1);
  close (fd);
  local_target_free (target);
}

static void
test_second_candidate (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  int fd;

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, closed_port (), closed_port (),
                 local_target_get_port (target), 0);
  fd = fixture_offer (f);
  assert_accepted (fd);
  g_assert_cmpint (fixture_counters (f).target_error, ==, 0);
  close (fd);
  local_target_free (target);
}

/* A listener whose queue is full lets connections hang. */
static void
test_target_hangs (Fixture *f, gconstpointer data)
{
  struct serve_limits limits = serve_limits_default;
  guint16 port;
  int listener = loopback_listen (&port);
  int filler;

  limits.connect_ms = 50;
  fixture_set_up_with (f, &limits);
  g_assert_cmpint (listen (listener, 0), ==, 0);
  filler = loopback_connect (port, 1);
  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, port, 0);
  assert_refused (fixture_offer (f), OFFER_REASON_TARGET_DOWN);
  g_assert_cmpint (fixture_counters (f).target_error, ==, ETIMEDOUT);
  close (filler);
  close (listener);
}

static void
test_unix_target (Fixture *f, gconstpointer data)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  FunnelServeShare *share = funnel_serve_share_new ();
  g_autoptr (GPtrArray) shares
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_serve_share_unref);
  g_autoptr (GByteArray) hello = make_hello (NAME, NULL);
  g_autofree guint8 *got = g_malloc (hello->len);
  int listener = socket (AF_UNIX, SOCK_STREAM, 0);
  int fd, end;

  g_snprintf (address.sun_path, sizeof address.sun_path, "%s/socket", f->dir);
  share->id = SHARE_ID;
  share->name = g_strdup (NAME);
  share->port = 443;
  share->kind = FUNNEL_SERVE_PASS_THROUGH;
  memcpy (&share->target.addresses[0], &address, sizeof address);
  share->target.lens[0] = sizeof address;
  share->target.n = 1;
  g_ptr_array_add (shares, share);
  funnel_serve_set_shares (f->serve, shares);
  assert_refused (fixture_offer (f), OFFER_REASON_TARGET_DOWN);
  g_assert_cmpint (fixture_counters (f).target_error, ==, ENOENT);

  g_assert_cmpint (bind (listener, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint (listen (listener, 5), ==, 0);
  fd = fixture_offer (f);
  assert_accepted (fd);
  end = accept (listener, NULL, NULL);
  g_assert_cmpint (recv (end, got, hello->len, MSG_WAITALL), ==, hello->len);
  close (end);
  assert_ended (fd);
  close (listener);
}

static void
test_busy_share (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  int fd;

  fixture_share_more (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), NULL, 1);
  fd = fixture_offer (f);
  assert_accepted (fd);
  assert_refused (fixture_offer (f), OFFER_REASON_BUSY);
  close (fd);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  fd = fixture_offer (f);
  assert_accepted (fd);
  close (fd);
  local_target_free (target);
}

static void
test_busy_node (Fixture *f, gconstpointer data)
{
  struct serve_limits limits = serve_limits_default;
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  int fd;

  limits.flows_max = 1;
  fixture_set_up_with (f, &limits);
  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  fd = fixture_offer (f);
  assert_accepted (fd);
  assert_refused (fixture_offer (f), OFFER_REASON_BUSY);
  close (fd);
  local_target_free (target);
}

static void
test_listener_removed (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  g_autoptr (GByteArray) rest = NULL;
  int warm = loopback_connect (f->node_port, 1);
  int fd;

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  fd = fixture_offer (f);
  assert_accepted (fd);
  funnel_serve_remove_listener (f->serve, f->listener);
  assert_ended (warm);
  rest = read_to_end (fd);
  close (fd);
  g_assert_cmpuint (fixture_counters (f).flows_active, ==, 0);
  WAIT_UNTIL (local_target_get_open (target) == 0);
  local_target_free (target);
}

static void
test_share_removed (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  g_autoptr (GByteArray) hello = make_hello (NAME, NULL);
  FunnelServeCounters counters;
  g_autoptr (GByteArray) offer = make_offer (NAME, hello);
  int kept = loopback_connect (f->node_port, 1);
  int cut;

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  send_all (kept, offer->data, offer->len);
  assert_accepted (kept);
  /* The same id in a new list: flows go on, counters too. */
  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, closed_port (), 0);
  assert_refused (fixture_offer (f), OFFER_REASON_TARGET_DOWN);
  assert_echo (kept, hello);
  g_assert_cmpuint (fixture_counters (f).flows_total, ==, 1);

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  cut = fixture_offer (f);
  assert_accepted (cut);
  fixture_unshare (f);
  g_autoptr (GByteArray) rest = read_to_end (cut);
  close (cut);
  g_assert_false (funnel_serve_get_counters (f->serve, SHARE_ID, &counters));
  WAIT_UNTIL (local_target_get_open (target) == 0);
  local_target_free (target);
}

/* The target answers and resets while the visitor still sends: the ingress gets the answer and a
 * proper end, not a reset that could overtake it. */
static void
test_target_resets (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_REJECT, NULL, NULL);
  g_autofree guint8 *upload = g_malloc0 (UPLOAD);
  char got[16];
  gsize len = 0;
  gssize n;
  int fd;

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  fd = fixture_offer (f);
  assert_accepted (fd);
  send_all (fd, upload, UPLOAD);
  while ((n = recv (fd, got + len, sizeof got - len, 0)) > 0)
    len += (gsize)n;
  g_assert_cmpint (n, ==, 0);
  g_assert_cmpmem (got, len, "no", 2);
  close (fd);
  WAIT_UNTIL (fixture_counters (f).flows_active == 0);
  local_target_free (target);
}

static void
test_freed_busy (Fixture *f, gconstpointer data)
{
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  int warm = loopback_connect (f->node_port, 1);
  int fd;

  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, local_target_get_port (target), 0);
  fd = fixture_offer (f);
  assert_accepted (fd);
  g_clear_pointer (&f->serve, funnel_serve_free);
  assert_ended (warm);
  close (fd);
  local_target_free (target);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("good", test_good);
  ADD ("byte-by-byte", test_byte_by_byte);
  ADD ("split-hello", test_split_hello);
  ADD ("malformed", test_malformed);
  ADD_BARE ("timeout", test_timeout);
  ADD ("cut-short", test_cut_short);
  ADD ("warm", test_warm);
  ADD_BARE ("too-many", test_too_many);
  ADD ("not-peer", test_not_peer);
  ADD ("name-mismatch", test_name_mismatch);
  ADD ("not-tls", test_not_tls);
  ADD ("no-share", test_no_share);
  ADD ("terminate-refusals", test_terminate_refusals);
  ADD ("target-down", test_target_down);
  ADD ("second-candidate", test_second_candidate);
  ADD_BARE ("target-hangs", test_target_hangs);
  ADD ("unix-target", test_unix_target);
  ADD ("busy-share", test_busy_share);
  ADD_BARE ("busy-node", test_busy_node);
  ADD ("listener-removed", test_listener_removed);
  ADD ("share-removed", test_share_removed);
  ADD ("target-resets", test_target_resets);
  ADD ("freed-busy", test_freed_busy);
  return g_test_run ();
}
