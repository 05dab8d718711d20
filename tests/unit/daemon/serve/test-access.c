/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The policy of a share in the running data plane: refusals before any TLS, counted with their
 * reason; and flows cut when their share ends or no longer admits them. */

#include "tests/unit/daemon/serve/local-target.h"
#include "tests/unit/daemon/serve/serve-fixture.h"

#include <string.h>
#include <unistd.h>

typedef struct
{
  Fixture base;
  LocalTarget *target;
} Access;

static void
set_up (Access *a, gconstpointer data)
{
  fixture_set_up (&a->base, data);
  a->target = local_target_new (TARGET_ECHO, NULL, NULL);
}

static void
tear_down (Access *a, gconstpointer data)
{
  fixture_tear_down (&a->base, data);
  local_target_free (a->target);
}

static FunnelServeShare *
make_share (Access *a)
{
  return fixture_make_share (&a->base, FUNNEL_SERVE_PASS_THROUGH,
                             local_target_get_port (a->target));
}

static GArray *
one_range (const char *text)
{
  GArray *array = g_array_new (FALSE, TRUE, sizeof (FunnelServeRange));
  FunnelServeRange range;

  g_assert_true (funnel_address_range_parse (text, &range, NULL));
  g_array_append_val (array, range);
  return array;
}

/* Offers a visitor from @source; *@fd receives the connection of one that is taken. */
static enum offer_reason
offer_from_to (Access *a, const char *source, const char *destination, int *fd)
{
  g_autoptr (GByteArray) hello = make_hello (NAME, NULL);
  g_autoptr (GByteArray) offer = make_offer_from (NAME, hello, source, destination);
  struct offer_answer answer;
  int connection = loopback_connect (a->base.node_port, 1);

  send_all (connection, offer->data, offer->len);
  g_assert_true (read_answer (connection, &answer));
  if (answer.kind == OFFER_ANSWER_ACCEPTED && fd != NULL)
    *fd = connection;
  else
    close (connection);
  return answer.kind == OFFER_ANSWER_ACCEPTED ? OFFER_REASON_NONE : answer.reason;
}

static enum offer_reason
offer_from (Access *a, const char *source, int *fd)
{
  return offer_from_to (a, source, NULL, fd);
}

/* The ingress's own probe comes past rules about addresses, and is no visitor. */
static void
test_probe (Access *a, gconstpointer data)
{
  FunnelServeShare *share = make_share (a);

  share->policy.allow = one_range ("203.0.113.0/24");
  fixture_set_share (&a->base, share);
  g_assert_cmpint (offer_from_to (a, "192.0.2.1:1", "192.0.2.1:443", NULL), ==, OFFER_REASON_NONE);
  g_assert_cmpint (offer_from_to (a, "[2001:db8::1]:1", "[2001:db8::1]:443", NULL), ==,
                   OFFER_REASON_NONE);
  g_assert_cmpuint (fixture_counters (&a->base).flows_total, ==, 0);
  g_assert_cmpint (offer_from_to (a, "192.0.2.2:1", "192.0.2.1:443", NULL), ==,
                   OFFER_REASON_NOT_ALLOWED);
  g_assert_cmpint (offer_from_to (a, "203.0.113.2:1", "192.0.2.1:443", NULL), ==,
                   OFFER_REASON_NONE);
  g_assert_cmpint (offer_from_to (a, "127.0.0.1:1", "127.0.0.1:443", NULL), ==, OFFER_REASON_NONE);
  g_assert_cmpint (offer_from_to (a, "[::1]:1", "[::1]:443", NULL), ==, OFFER_REASON_NONE);
  g_assert_cmpuint (fixture_counters (&a->base).flows_total, ==, 3);
}

static void
test_lists (Access *a, gconstpointer data)
{
  FunnelServeShare *share = make_share (a);

  share->policy.allow = one_range ("203.0.113.0/24");
  share->policy.deny = one_range ("203.0.113.7");
  fixture_set_share (&a->base, share);
  g_assert_cmpint (offer_from (a, "203.0.113.6:1", NULL), ==, OFFER_REASON_NONE);
  g_assert_cmpint (offer_from (a, "203.0.113.7:1", NULL), ==, OFFER_REASON_NOT_ALLOWED);
  g_assert_cmpint (offer_from (a, "[2001:db8::1]:1", NULL), ==, OFFER_REASON_NOT_ALLOWED);
  g_assert_cmpuint (fixture_counters (&a->base).refusals[OFFER_REASON_NOT_ALLOWED], ==, 2);
  g_assert_cmpuint (fixture_refusals (&a->base, "not-allowed"), ==, 2);
  g_assert_cmpuint (fixture_counters (&a->base).flows_total, ==, 1);
}

static void
test_rate (Access *a, gconstpointer data)
{
  FunnelServeShare *share = make_share (a);
  guint taken = 0, refused = 0;

  share->policy.rate = 1;
  share->policy.burst = 3;
  fixture_set_share (&a->base, share);
  while (refused == 0)
    {
      enum offer_reason reason = offer_from (a, OFFER_SOURCE, NULL);

      taken += reason == OFFER_REASON_NONE;
      refused += reason == OFFER_REASON_RATE;
      g_assert_true (reason == OFFER_REASON_NONE || reason == OFFER_REASON_RATE);
    }
  g_assert_cmpuint (taken, >=, 3);
  g_assert_cmpuint (fixture_counters (&a->base).refusals[OFFER_REASON_RATE], ==, refused);
  g_assert_cmpuint (fixture_refusals (&a->base, "rate"), ==, refused);
}

/* A new list of shares is no new bucket. */
static void
test_rate_outlives_snapshot (Access *a, gconstpointer data)
{
  guint taken = 0;

  for (guint i = 0; i < 20; i++)
    {
      FunnelServeShare *share = make_share (a);

      share->policy.rate = 1;
      share->policy.burst = 2;
      share->proxy_protocol = i % 3;
      fixture_set_share (&a->base, share);
      taken += offer_from (a, OFFER_SOURCE, NULL) == OFFER_REASON_NONE;
    }
  g_assert_cmpuint (taken, >=, 2);
  g_assert_cmpuint (taken, <, 20);
}

static void
test_expired (Access *a, gconstpointer data)
{
  FunnelServeShare *share = make_share (a);

  share->policy.expires = g_get_real_time () / G_USEC_PER_SEC;
  fixture_set_share (&a->base, share);
  g_assert_cmpint (offer_from (a, OFFER_SOURCE, NULL), ==, OFFER_REASON_EXPIRED);
  g_assert_cmpuint (fixture_counters (&a->base).refusals[OFFER_REASON_EXPIRED], ==, 1);
}

static void
assert_cut (Access *a, int fd)
{
  g_autoptr (GByteArray) rest = read_to_end (fd);

  close (fd);
  WAIT_UNTIL (fixture_counters (&a->base).flows_active == 0);
  WAIT_UNTIL (local_target_get_open (a->target) == 0);
}

static void
test_expires (Access *a, gconstpointer data)
{
  gint64 end = g_get_real_time () / G_USEC_PER_SEC + 2;
  FunnelServeShare *share = make_share (a);
  int fd = -1;

  share->policy.expires = end;
  fixture_set_share (&a->base, share);
  g_assert_cmpint (offer_from (a, OFFER_SOURCE, &fd), ==, OFFER_REASON_NONE);
  WAIT_UNTIL (fixture_counters (&a->base).flows_active == 1);
  assert_cut (a, fd);
  g_assert_cmpint (g_get_real_time () / G_USEC_PER_SEC, >=, end);
  g_assert_cmpint (offer_from (a, OFFER_SOURCE, NULL), ==, OFFER_REASON_EXPIRED);
}

/* The end of a share may be moved while it runs. */
static void
test_prolonged (Access *a, gconstpointer data)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  FunnelServeShare *share = make_share (a);
  FunnelServeShare *longer = make_share (a);
  FunnelServeShare *over = make_share (a);
  int fd = -1;

  share->policy.expires = now + 1000;
  fixture_set_share (&a->base, share);
  g_assert_cmpint (offer_from (a, OFFER_SOURCE, &fd), ==, OFFER_REASON_NONE);
  longer->policy.expires = now + 2000;
  fixture_set_share (&a->base, longer);
  g_assert_cmpint (offer_from (a, OFFER_SOURCE, NULL), ==, OFFER_REASON_NONE);
  WAIT_UNTIL (fixture_counters (&a->base).flows_active == 1); /* the first one stays */
  over->policy.expires = now;
  fixture_set_share (&a->base, over);
  assert_cut (a, fd);
}

static void
test_denied_later (Access *a, gconstpointer data)
{
  FunnelServeShare *share = make_share (a);
  int unlucky = -1, lucky = -1;

  fixture_set_share (&a->base, make_share (a));
  g_assert_cmpint (offer_from (a, "203.0.113.7:1", &unlucky), ==, OFFER_REASON_NONE);
  g_assert_cmpint (offer_from (a, "203.0.113.8:1", &lucky), ==, OFFER_REASON_NONE);
  share->policy.deny = one_range ("203.0.113.7");
  fixture_set_share (&a->base, share);
  g_byte_array_unref (read_to_end (unlucky));
  close (unlucky);
  WAIT_UNTIL (fixture_counters (&a->base).flows_active == 1);
  fixture_unshare (&a->base);
  g_byte_array_unref (read_to_end (lucky));
  close (lucky);
}

#define ADD(path, function)                                                                        \
  g_test_add ("/serve/access/" path, Access, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("probe", test_probe);
  ADD ("lists", test_lists);
  ADD ("rate", test_rate);
  ADD ("rate-outlives-snapshot", test_rate_outlives_snapshot);
  ADD ("expired", test_expired);
  ADD ("expires", test_expires);
  ADD ("prolonged", test_prolonged);
  ADD ("denied-later", test_denied_later);
  return g_test_run ();
}
