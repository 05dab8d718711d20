/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/ingress-server/relay/relay-harness.h"

#include "ingress-server/relay/arrival-rate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "laptop.example.org" /* in the fixtures */

static const char accept_head[]
    = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: funnel\r\n\r\n";

static void
send_fixture (int fd, const char *name)
{
  g_autoptr (GBytes) bytes = relay_fixture (name);

  relay_send (fd, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* Reads the offer on @node and checks that it carries the hello of @fixture. */
static void
expect_offer (int node, const char *fixture)
{
  g_autoptr (GBytes) hello = relay_fixture (fixture);
  g_autoptr (GByteArray) rest = g_byte_array_new ();
  struct offer offer;

  relay_read_offer (node, &offer, rest);
  g_assert_cmpstr (offer.name, ==, NAME);
  g_assert_cmpuint (offer.port, ==, 443);
  g_assert_cmpuint (offer.source.family, ==, 4);
  g_assert_true (address_equal_ip (&offer.destination, &offer.source)); /* both 127.0.0.1 */
  g_assert_cmpuint (offer.destination.port, ==, 443);
  while (rest->len < g_bytes_get_size (hello))
    {
      guint8 block[4096];
      ssize_t n = recv (node, block, sizeof block, 0);

      g_assert_cmpint (n, >, 0);
      g_byte_array_append (rest, block, (guint)n);
    }
  g_assert_cmpmem (rest->data, rest->len, g_bytes_get_data (hello, NULL), g_bytes_get_size (hello));
}

static guint64
refusals (Relay *relay, enum relay_refusal refusal)
{
  return __atomic_load_n (&relay->counters->refusals[refusal], __ATOMIC_ACQUIRE);
}

/* One visitor, from hello to open. */
static void
open_flow (Relay *relay, int *visitor, int *node)
{
  *visitor = relay_connect (relay);
  send_fixture (*visitor, "curl.bin");
  *node = relay_accept (relay);
  expect_offer (*node, "curl.bin");
  relay_send (*node, accept_head, strlen (accept_head));
}

/* --- the way through ----------------------------------------------------------------------------
 */

static void
test_through (void)
{
  Relay *relay = relay_new (NULL);
  guint64 measured = 0;
  int visitor, node;

  relay_route (relay, NAME, 1, TRUE, 0);
  open_flow (relay, &visitor, &node);
  relay_send (node, "from node", 9);
  relay_expect (visitor, "from node", 9);
  relay_send (visitor, "from visitor", 12);
  relay_expect (node, "from visitor", 12);

  /* Half-close, each way on its own. */
  shutdown (visitor, SHUT_WR);
  relay_expect_end (node);
  relay_send (node, "still here", 10);
  relay_expect (visitor, "still here", 10);
  close (node);
  relay_expect_end (visitor);
  close (visitor);
  relay_wait_gauge (&relay->counters->active, 0);
  g_assert_cmpuint (relay->counters->taken, ==, 1);
  g_assert_cmpuint (relay->counters->slots[3].total, ==, 1);
  g_assert_cmpuint (relay->counters->slots[3].active, ==, 0);
  g_assert_cmpuint (relay->counters->bytes_out, ==, 19);
  for (guint i = 0; i < RELAY_LATENCY_BUCKETS; i++)
    measured += relay->counters->latency.buckets[i];
  g_assert_cmpuint (measured, ==, 1);
  g_assert_cmpuint (relay->counters->latency.sum, >, 0);
  relay_free (relay);
}

static void
test_node_closes_first (void)
{
  Relay *relay = relay_new (NULL);
  int visitor, node;

  relay_route (relay, NAME, 1, TRUE, 0);
  visitor = relay_connect (relay);
  send_fixture (visitor, "chromium.bin");
  node = relay_accept (relay);
  expect_offer (node, "chromium.bin");
  /* Answer, bytes and end in one go. */
  relay_send (node, accept_head, strlen (accept_head));
  relay_send (node, "bye", 3);
  shutdown (node, SHUT_WR);
  relay_expect (visitor, "bye", 3);
  relay_expect_end (visitor);
  relay_send (visitor, "late", 4);
  relay_expect (node, "late", 4);
  close (visitor);
  relay_expect_end (node);
  close (node);
  relay_wait_gauge (&relay->counters->active, 0);
  relay_free (relay);
}

static void
test_answer_in_pieces (void)
{
  Relay *relay = relay_new (NULL);
  int visitor, node;

  relay_route (relay, NAME, 1, TRUE, 0);
  visitor = relay_connect (relay);
  send_fixture (visitor, "curl.bin");
  node = relay_accept (relay);
  expect_offer (node, "curl.bin");
  for (gsize i = 0; i < strlen (accept_head); i++)
    relay_send (node, accept_head + i, 1);
  relay_send (node, "x", 1);
  relay_expect (visitor, "x", 1);
  close (visitor);
  close (node);
  relay_free (relay);
}

static void
test_hello_byte_by_byte (void)
{
  Relay *relay = relay_new (NULL);
  g_autoptr (GBytes) hello = relay_fixture ("openssl-tls13.bin");
  int visitor, node;

  relay_route (relay, NAME, 1, TRUE, 0);
  visitor = relay_connect (relay);
  for (gsize i = 0; i < g_bytes_get_size (hello); i++)
    relay_send (visitor, (const char *)g_bytes_get_data (hello, NULL) + i, 1);
  node = relay_accept (relay);
  expect_offer (node, "openssl-tls13.bin");
  close (visitor);
  close (node);
  relay_free (relay);
}

#define BULK (64u << 20)

static gpointer
send_bulk (gpointer data)
{
  g_autofree guint32 *block = g_new (guint32, 16384);

  for (guint offset = 0; offset < BULK; offset += 65536)
    {
      for (guint i = 0; i < 16384; i++)
        block[i] = (offset / 4 + i) * 2654435761u;
      for (gsize sent = 0; sent < 65536;)
        {
          ssize_t n
              = send (GPOINTER_TO_INT (data), (guint8 *)block + sent, 65536 - sent, MSG_NOSIGNAL);

          g_assert_cmpint (n, >, 0);
          sent += (gsize)n;
        }
    }
  shutdown (GPOINTER_TO_INT (data), SHUT_WR);
  return NULL;
}

static void
receive_bulk (int fd)
{
  g_autofree guint32 *block = g_new (guint32, 16384);

  for (guint offset = 0; offset < BULK; offset += 65536)
    {
      for (gsize got = 0; got < 65536;)
        {
          ssize_t n = recv (fd, (guint8 *)block + got, 65536 - got, 0);

          g_assert_cmpint (n, >, 0);
          got += (gsize)n;
        }
      for (guint i = 0; i < 16384; i++)
        g_assert_cmpuint (block[i], ==, (offset / 4 + i) * 2654435761u);
    }
  relay_expect_end (fd);
}

static gpointer
receive_bulk_thread (gpointer data)
{
  receive_bulk (GPOINTER_TO_INT (data));
  return NULL;
}

static void
test_bulk (void)
{
  Relay *relay = relay_new (NULL);
  GThread *threads[3];
  int visitor, node;

  relay_route (relay, NAME, 1, TRUE, 0);
  open_flow (relay, &visitor, &node);
  threads[0] = g_thread_new ("up", send_bulk, GINT_TO_POINTER (visitor));
  threads[1] = g_thread_new ("down", send_bulk, GINT_TO_POINTER (node));
  threads[2] = g_thread_new ("node", receive_bulk_thread, GINT_TO_POINTER (node));
  receive_bulk (visitor);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  close (visitor);
  close (node);
  relay_wait_gauge (&relay->counters->active, 0);
  g_assert_cmpuint (relay->counters->bytes_out, ==, BULK);
  g_assert_cmpuint (relay->counters->bytes_in, >, BULK);
  relay_free (relay);
}

#define CROWD 300

static void
test_crowd (void)
{
  Relay *relay = relay_new (NULL);
  int visitors[CROWD], nodes[CROWD];

  relay_route (relay, NAME, 1, TRUE, 0);
  for (guint i = 0; i < CROWD; i++)
    {
      visitors[i] = relay_connect (relay);
      send_fixture (visitors[i], "go.bin");
    }
  for (guint i = 0; i < CROWD; i++)
    {
      nodes[i] = relay_accept (relay);
      expect_offer (nodes[i], "go.bin");
      relay_send (nodes[i], accept_head, strlen (accept_head));
      relay_send (nodes[i], "ok", 2);
    }
  for (guint i = 0; i < CROWD; i++)
    {
      relay_expect (visitors[i], "ok", 2);
      close (visitors[i]);
    }
  for (guint i = 0; i < CROWD; i++)
    {
      relay_expect_end (nodes[i]);
      close (nodes[i]);
    }
  relay_wait_gauge (&relay->counters->active, 0);
  g_assert_cmpuint (relay->counters->taken, ==, CROWD);
  relay_free (relay);
}

/* --- refusals -----------------------------------------------------------------------------------
 */

static void
test_bad_hellos (void)
{
  static const struct
  {
    const char *fixture;
    guint8 alert; /* 0: closed without a word */
    enum relay_refusal refusal;
  } cases[] = {
      {"openssl-no-sni.bin", 112, RELAY_REFUSAL_NO_SNI},
      {"openssl-underscore.bin", 112, RELAY_REFUSAL_BAD_HELLO},
      {"openssl-ip.bin", 112, RELAY_REFUSAL_NO_SNI},
      {"curl-plain-http.bin", 0, RELAY_REFUSAL_PLAIN_HTTP},
      {"curl.bin", 112, RELAY_REFUSAL_UNKNOWN_NAME},
  };
  Relay *relay = relay_new (NULL);

  relay_route (relay, "other.example.org", 1, TRUE, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint64 before = refusals (relay, cases[i].refusal);
      int visitor = relay_connect (relay);

      send_fixture (visitor, cases[i].fixture);
      if (cases[i].alert != 0)
        relay_expect_alert (visitor, cases[i].alert);
      else
        {
          char byte;

          g_assert_cmpint (recv (visitor, &byte, 1, 0), <=, 0);
          g_assert_cmpint (errno, !=, EAGAIN);
        }
      close (visitor);
      relay_wait (&relay->counters->refusals[cases[i].refusal], before + 1);
    }
  relay_wait_gauge (&relay->counters->active, 0);
  relay_free (relay);
}

/* Who comes before the first table waits for it: a relay that was just started refuses nobody for
 * want of it. */
static void
test_no_table_yet (void)
{
  Relay *relay = relay_new (NULL);
  int visitor = relay_connect (relay);

  send_fixture (visitor, "curl.bin");
  relay_route (relay, NAME, 1, FALSE, 0);
  relay_expect_alert (visitor, 80);
  close (visitor);
  relay_free (relay);
}

static void
test_node_away (void)
{
  Relay *relay = relay_new (NULL);
  int visitor;

  relay_route (relay, NAME, 1, FALSE, 0);
  visitor = relay_connect (relay);
  send_fixture (visitor, "curl.bin");
  relay_expect_alert (visitor, 80);
  close (visitor);
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_NODE_AWAY), ==, 1);

  /* Linked, but nothing listens there any more. */
  close (relay->node);
  relay_route (relay, NAME, 1, TRUE, 0);
  visitor = relay_connect (relay);
  send_fixture (visitor, "curl.bin");
  relay_expect_alert (visitor, 80);
  close (visitor);
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_NODE_UNREACHABLE), ==, 1);
  relay->node = -1;
  relay_free (relay);
}

static void
test_node_refuses (void)
{
  static const struct
  {
    const char *answer;
    guint8 alert;
  } cases[] = {
      {"HTTP/1.1 403 Forbidden\r\nFunnel-Reason: no-share\r\nContent-Length: 0\r\n\r\n", 112},
      {"HTTP/1.1 403 Forbidden\r\nFunnel-Reason: not-allowed\r\nContent-Length: 0\r\n\r\n", 49},
      {"HTTP/1.1 403 Forbidden\r\nFunnel-Reason: target-down\r\nContent-Length: 0\r\n\r\n", 80},
      {"HTTP/1.1 403 Forbidden\r\nFunnel-Reason: something-new\r\nContent-Length: 0\r\n\r\n", 80},
      {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 80},
      {"SSH-2.0-OpenSSH_9.2\r\n", 80},
  };
  Relay *relay = relay_new (NULL);

  relay_route (relay, NAME, 1, TRUE, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      int visitor = relay_connect (relay), node;

      send_fixture (visitor, "curl.bin");
      node = relay_accept (relay);
      expect_offer (node, "curl.bin");
      relay_send (node, cases[i].answer, strlen (cases[i].answer));
      relay_expect_alert (visitor, cases[i].alert);
      close (visitor);
      close (node);
    }
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_NODE_REFUSED), ==, 4);
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_NODE_PROTOCOL), ==, 2);
  relay_free (relay);
}

/* --- connections to the node --------------------------------------------------------------------
 */

static void
test_stale_warm (void)
{
  const char *const options[] = {"--workers=1", NULL};
  Relay *relay = relay_new (options);
  int warm, visitor, node;

  relay_route (relay, NAME, 1, TRUE, 0);
  relay_wait_gauge (&relay->counters->warm, 1);
  warm = relay_accept_warm (relay);
  visitor = relay_connect (relay);
  send_fixture (visitor, "curl.bin");
  expect_offer (warm, "curl.bin");
  /* The node dies instead of answering: the visitor is offered again, on another connection. */
  close (warm);
  node = relay_accept (relay);
  expect_offer (node, "curl.bin");
  relay_send (node, accept_head, strlen (accept_head));
  relay_send (node, "second", 6);
  relay_expect (visitor, "second", 6);
  close (visitor);
  close (node);
  relay_free (relay);
}

static void
test_warm_pool (void)
{
  const char *const options[] = {"--workers=1", NULL};
  Relay *relay = relay_new (options);
  int warm[2];

  relay_route (relay, NAME, 1, TRUE, 0);
  relay_wait_gauge (&relay->counters->warm, 1);
  warm[0] = relay_accept_warm (relay);
  /* The node is unlinked: its warm connections go. */
  relay_route (relay, NAME, 1, FALSE, 0);
  relay_expect_end (warm[0]);
  g_assert_cmpuint (relay->counters->warm, ==, 0);
  /* Linked again, then its last route goes with it. */
  relay_route (relay, NAME, 1, TRUE, 0);
  warm[1] = relay_accept_warm (relay);
  g_assert_cmpint (warm[1], >=, 0);
  close (warm[0]);
  close (warm[1]);
  relay_free (relay);
}

/* --- control ------------------------------------------------------------------------------------
 */

static void
test_revoke (void)
{
  Relay *relay = relay_new (NULL);
  int visitor, node;

  relay_route (relay, NAME, 1, TRUE, 0);
  open_flow (relay, &visitor, &node);
  relay_send (node, "x", 1);
  relay_expect (visitor, "x", 1);
  /* The same route in a new table changes nothing; nor does the node losing its link. */
  relay_route (relay, NAME, 1, TRUE, 0);
  relay_route (relay, NAME, 1, FALSE, 0);
  relay_send (node, "y", 1);
  relay_expect (visitor, "y", 1);
  /* Another grant under the same name cuts it. */
  relay_route (relay, NAME, 2, TRUE, 0);
  relay_expect_end (visitor);
  relay_expect_end (node);
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_REVOKED), ==, 1);
  close (visitor);
  close (node);
  relay_free (relay);
}

/* A visitor whose offer is not answered yet is told. */
static void
test_revoke_offered (void)
{
  Relay *relay = relay_new (NULL);
  int visitor, node;

  relay_route (relay, NAME, 1, TRUE, 0);
  visitor = relay_connect (relay);
  send_fixture (visitor, "curl.bin");
  node = relay_accept (relay);
  expect_offer (node, "curl.bin");
  relay_route (relay, NULL, 0, TRUE, 0);
  relay_expect_alert (visitor, 112);
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_REVOKED), ==, 1);
  close (visitor);
  close (node);
  relay_free (relay);
}

static void
test_source (void)
{
  const char *const options[] = {"--source=127.64.0.1", NULL};
  Relay *relay = relay_new (options);
  struct sockaddr_in peer;
  socklen_t len = sizeof peer;
  int visitor, node;

  relay_route (relay, NAME, 1, TRUE, 0);
  open_flow (relay, &visitor, &node);
  g_assert_cmpint (getpeername (node, (struct sockaddr *)&peer, &len), ==, 0);
  g_assert_cmpuint (ntohl (peer.sin_addr.s_addr), ==, 0x7f400001);
  close (visitor);
  close (node);
  relay_free (relay);
}

static void
test_control_goes (void)
{
  Relay *relay = relay_new (NULL);
  int visitor, node;

  relay_route (relay, NAME, 1, TRUE, 0);
  shutdown (relay->control, SHUT_RDWR);
  close (relay->control);
  relay->control = -1;
  open_flow (relay, &visitor, &node);
  relay_send (node, "alone", 5);
  relay_expect (visitor, "alone", 5);
  close (visitor);
  close (node);
  relay_free (relay);
}

static void
test_bad_tables (void)
{
  Relay *relay = relay_new (NULL);
  g_autofree char *unsealed = NULL, *zeros = NULL;
  int visitor, node;
  int fd = memfd_create ("bad", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  relay_route (relay, NAME, 1, TRUE, 0);
  g_assert_cmpint (ftruncate (fd, 4096), ==, 0);
  unsealed = relay_send_table (relay, dup (fd));
  g_assert_cmpstr (unsealed, ==, "error not a route table\n");
  g_assert_cmpint (fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), ==, 0);
  zeros = relay_send_table (relay, fd);
  g_assert_cmpstr (zeros, ==, "error not a route table\n");
  open_flow (relay, &visitor, &node);
  close (visitor);
  close (node);
  relay_free (relay);
}

/* --- limits -------------------------------------------------------------------------------------
 */

static void
test_deadlines (void)
{
  const char *const options[]
      = {"--hello-timeout=50", "--offer-timeout=50", "--idle-timeout=50", NULL};
  Relay *relay = relay_new (options);
  int visitor, node;

  relay_route (relay, NAME, 1, TRUE, 0);
  visitor = relay_connect (relay); /* says nothing */
  relay_expect_end (visitor);
  close (visitor);
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_HELLO_TIMEOUT), ==, 1);

  visitor = relay_connect (relay);
  send_fixture (visitor, "curl.bin"); /* the node says nothing */
  relay_expect_alert (visitor, 80);
  close (visitor);
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_OFFER_TIMEOUT), ==, 1);

  node = relay_accept (relay);
  close (node);
  relay_free (relay);

  relay = relay_new (options + 2);
  relay_route (relay, NAME, 1, TRUE, 0);
  open_flow (relay, &visitor, &node); /* both say nothing */
  relay_expect_end (visitor);
  relay_expect_end (node);
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_IDLE), ==, 1);
  close (visitor);
  close (node);
  relay_free (relay);
}

static void
test_caps (void)
{
  const char *const options[] = {"--max-per-source=3", NULL};
  Relay *relay = relay_new (options);
  int visitors[4], node;
  char byte;

  relay_route (relay, NAME, 1, TRUE, 1);
  open_flow (relay, &visitors[0], &node);
  visitors[1] = relay_connect (relay);
  send_fixture (visitors[1], "curl.bin");
  relay_expect_alert (visitors[1], 80);
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_ROUTE_CAP), ==, 1);
  close (visitors[1]);
  relay_wait_gauge (&relay->counters->active, 1);

  for (guint i = 1; i < 4; i++)
    visitors[i] = relay_connect (relay);
  relay_wait (&relay->counters->refusals[RELAY_REFUSAL_SOURCE_CAP], 1);
  g_assert_cmpint (recv (visitors[3], &byte, 1, 0), <=, 0);
  for (guint i = 0; i < 4; i++)
    close (visitors[i]);
  close (node);
  relay_wait_gauge (&relay->counters->active, 0);
  relay_free (relay);
}

/* Visitors whose hello had its answer: an offer, or a refusal for coming too fast. */
static guint64
decided (Relay *relay)
{
  return __atomic_load_n (&relay->counters->offered, __ATOMIC_ACQUIRE)
         + refusals (relay, RELAY_REFUSAL_ROUTE_RATE) + refusals (relay, RELAY_REFUSAL_NODE_RATE);
}

/* After the burst, refusals must come; how many get through meanwhile depends on the clock. */
static void
test_rates (void)
{
  const struct route_limits none = {0}, slow = {.rate = 1};
  const enum relay_refusal expected[] = {RELAY_REFUSAL_ROUTE_RATE, RELAY_REFUSAL_NODE_RATE};
  Relay *relay = relay_new (NULL);
  guint64 visitors = 0;

  for (guint which = 0; which < 2; which++)
    {
      relay_route_limited (relay, NAME, which == 0 ? &slow : &none, which == 0 ? &none : &slow);
      while (refusals (relay, expected[which]) == 0)
        {
          int visitor = relay_connect (relay);

          send_fixture (visitor, "curl.bin");
          visitors++;
          while (decided (relay) < visitors)
            g_usleep (1000);
          close (visitor);
        }
      g_assert_cmpuint (relay->counters->offered, >=, ARRIVAL_BURST_SECONDS * (which + 1));
    }
  relay_free (relay);
}

/* Every byte arrives, though the flow had to wait for its allowance, whichever limit it is. */
static void
test_bandwidth (void)
{
  const char *const total[] = {"--bandwidth=1000000", NULL};
  const struct route_limits none = {0}, narrow = {.bandwidth = 1000000};
  const gsize len = 300000;
  g_autofree guint8 *data = g_malloc (len);

  for (gsize i = 0; i < len; i++)
    data[i] = (guint8)(i * 7 + i / 251);
  for (guint which = 0; which < 3; which++)
    {
      Relay *relay = relay_new (which == 2 ? total : NULL);
      int visitor, node;

      relay_route_limited (relay, NAME, which == 0 ? &narrow : &none, which == 1 ? &narrow : &none);
      open_flow (relay, &visitor, &node);
      relay_send (node, data, len);
      relay_expect (visitor, data, len);
      relay_send (visitor, data, len);
      relay_expect (node, data, len);
      g_assert_cmpuint (relay->counters->throttled, >, 0);
      g_assert_cmpuint (relay->counters->bytes_out, >=, len);
      /* Cut in the middle of waiting. */
      relay_send (node, data, len);
      relay_route (relay, NULL, 0, FALSE, 0);
      close (visitor);
      close (node);
      relay_wait_gauge (&relay->counters->active, 0);
      relay_free (relay);
    }
}

/* The next connection to the node that carries an offer; those that were warm have ended. */
static int
accept_fresh (Relay *relay)
{
  char byte;
  int node;

  while (recv (node = relay_accept (relay), &byte, 1, MSG_PEEK) == 0)
    close (node);
  return node;
}

/* Visitors who are there stay, also one in the middle of a hello; new ones find nobody. What is
 * revoked meanwhile is cut. The last one's end is the relay's. */
static void
test_drain (void)
{
  Relay *relay = relay_new (NULL);
  g_autoptr (GBytes) hello = relay_fixture ("curl.bin");
  const guint8 *data = g_bytes_get_data (hello, NULL);
  int visitor, node, late, late_node;

  relay_route (relay, NAME, 1, TRUE, 0);
  open_flow (relay, &visitor, &node);
  late = relay_connect (relay);
  relay_send (late, data, 10);
  relay_wait_gauge (&relay->counters->active, 2);
  relay_drain (relay);
  while (relay_can_connect (relay))
    g_usleep (1000);
  relay_send (late, data + 10, g_bytes_get_size (hello) - 10);
  late_node = accept_fresh (relay);
  expect_offer (late_node, "curl.bin");
  relay_send (late_node, accept_head, strlen (accept_head));
  relay_send (late_node, "late", 4);
  relay_expect (late, "late", 4);
  relay_send (node, "still", 5);
  relay_expect (visitor, "still", 5);
  close (visitor);
  close (node);
  relay_wait_gauge (&relay->counters->active, 1);
  relay_revoke_all (relay);
  relay_expect_end (late);
  close (late);
  close (late_node);
  relay_wait_end (relay);

  relay = relay_new (NULL);
  relay_drain (relay); /* nobody is there */
  relay_wait_end (relay);
}

static void
test_redirect (void)
{
  static const char request[] = "GET /a?b HTTP/1.1\r\nHost: " NAME "\r\n\r\n";
  static const char answer[] = "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://" NAME
                               "/a?b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  static const char stranger[] = "GET / HTTP/1.1\r\nHost: other.example.org\r\n\r\n";
  Relay *relay = relay_new (NULL);
  int visitor = relay_connect_plain (relay);
  char byte;

  relay_route (relay, "nothing.example.org", 1, TRUE, 0);
  relay_send (visitor, request, strlen (request));
  g_assert_cmpint (recv (visitor, &byte, 1, 0), <=, 0);
  close (visitor);
  relay_route (relay, NAME, 1, TRUE, 0);
  visitor = relay_connect_plain (relay);
  for (gsize i = 0; i < strlen (request); i++)
    relay_send (visitor, request + i, 1);
  relay_expect (visitor, answer, strlen (answer));
  relay_expect_end (visitor);
  close (visitor);
  g_assert_cmpuint (relay->counters->redirected, ==, 1);

  visitor = relay_connect_plain (relay);
  relay_send (visitor, stranger, strlen (stranger));
  g_assert_cmpint (recv (visitor, &byte, 1, 0), <=, 0);
  close (visitor);
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_UNKNOWN_NAME), ==, 2);
  visitor = relay_connect_plain (relay);
  send_fixture (visitor, "curl.bin"); /* TLS has no business here */
  g_assert_cmpint (recv (visitor, &byte, 1, 0), <=, 0);
  close (visitor);
  g_assert_cmpuint (refusals (relay, RELAY_REFUSAL_BAD_REQUEST), ==, 1);
  relay_free (relay);
}

static void
test_resets (void)
{
  Relay *relay = relay_new (NULL);
  struct linger now = {.l_onoff = 1};
  int visitor, node;
  char byte;

  relay_route (relay, NAME, 1, TRUE, 0);
  open_flow (relay, &visitor, &node);
  setsockopt (visitor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close (visitor);
  g_assert_cmpint (recv (node, &byte, 1, 0), <=, 0);
  close (node);
  open_flow (relay, &visitor, &node);
  relay_send (node, "last words", 10);
  relay_expect (visitor, "last words", 10);
  setsockopt (node, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close (node);
  g_assert_cmpint (recv (visitor, &byte, 1, 0), <=, 0);
  close (visitor);
  relay_wait_gauge (&relay->counters->active, 0);
  relay_free (relay);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/relay/through", test_through);
  g_test_add_func ("/relay/node-closes-first", test_node_closes_first);
  g_test_add_func ("/relay/answer-in-pieces", test_answer_in_pieces);
  g_test_add_func ("/relay/hello-byte-by-byte", test_hello_byte_by_byte);
  g_test_add_func ("/relay/bulk", test_bulk);
  g_test_add_func ("/relay/crowd", test_crowd);
  g_test_add_func ("/relay/bad-hellos", test_bad_hellos);
  g_test_add_func ("/relay/no-table-yet", test_no_table_yet);
  g_test_add_func ("/relay/node-away", test_node_away);
  g_test_add_func ("/relay/node-refuses", test_node_refuses);
  g_test_add_func ("/relay/stale-warm", test_stale_warm);
  g_test_add_func ("/relay/warm-pool", test_warm_pool);
  g_test_add_func ("/relay/revoke", test_revoke);
  g_test_add_func ("/relay/revoke-offered", test_revoke_offered);
  g_test_add_func ("/relay/source", test_source);
  g_test_add_func ("/relay/control-goes", test_control_goes);
  g_test_add_func ("/relay/bad-tables", test_bad_tables);
  g_test_add_func ("/relay/deadlines", test_deadlines);
  g_test_add_func ("/relay/caps", test_caps);
  g_test_add_func ("/relay/rates", test_rates);
  g_test_add_func ("/relay/bandwidth", test_bandwidth);
  g_test_add_func ("/relay/redirect", test_redirect);
  g_test_add_func ("/relay/drain", test_drain);
  g_test_add_func ("/relay/resets", test_resets);
  return g_test_run ();
}
