/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Who may come, at the edges: last flow and one more, the second
 * a share ends, tokens with every shape of clock. */

#include "daemon/serve/offer-policy.h"

#include <string.h>

static struct address
ip (const char *text)
{
  struct address address;

  g_assert_true (address_parse_ip (text, strlen (text), &address));
  return address;
}

static GArray *
ranges (const char *list)
{
  g_auto (GStrv) texts = g_strsplit (list, " ", -1);
  GArray *array = g_array_new (FALSE, TRUE, sizeof (FunnelServeRange));

  for (guint i = 0; texts[i] != NULL; i++)
    {
      g_autoptr (GError) error = NULL;
      FunnelServeRange range;

      funnel_address_range_parse (texts[i], &range, &error);
      g_assert_no_error (error);
      g_array_append_val (array, range);
    }
  return array;
}

static void
assert_judged (const FunnelServePolicy *policy, const char *source, enum offer_reason reason)
{
  struct address address = ip (source);
  struct token_bucket bucket = {0};

  g_test_message ("%s", source);
  g_assert_cmpint (offer_policy_judge (policy, &address, 0, &bucket, 0, 0), ==, reason);
  g_assert_cmpint (offer_policy_admits (policy, &address, 0), ==, reason);
}

static void
test_lists (void)
{
  g_autoptr (GArray) allow = ranges ("203.0.113.0/24 2001:db8::/32");
  g_autoptr (GArray) deny = ranges ("203.0.113.128/25 2001:db8:bad::/48");
  g_autoptr (GArray) empty = g_array_new (FALSE, TRUE, sizeof (FunnelServeRange));
  FunnelServePolicy everybody = {0};
  FunnelServePolicy nobody_listed = {.allow = empty, .deny = empty};
  FunnelServePolicy both = {.allow = allow, .deny = deny};
  FunnelServePolicy deny_only = {.deny = deny};

  assert_judged (&everybody, "192.0.2.1", OFFER_REASON_NONE);
  assert_judged (&nobody_listed, "2001:db8::1", OFFER_REASON_NONE);
  assert_judged (&both, "203.0.113.127", OFFER_REASON_NONE);
  assert_judged (&both, "203.0.113.128", OFFER_REASON_NOT_ALLOWED); /* deny wins */
  assert_judged (&both, "192.0.2.1", OFFER_REASON_NOT_ALLOWED);
  assert_judged (&both, "2001:db8::1", OFFER_REASON_NONE);
  assert_judged (&both, "2001:db8:bad::1", OFFER_REASON_NOT_ALLOWED);
  assert_judged (&deny_only, "192.0.2.1", OFFER_REASON_NONE);
  assert_judged (&deny_only, "203.0.113.200", OFFER_REASON_NOT_ALLOWED);
}

static void
test_expiry (void)
{
  struct address source = ip ("192.0.2.1");
  struct token_bucket bucket = {0};
  FunnelServePolicy policy = {.expires = 1000};

  g_assert_cmpint (offer_policy_judge (&policy, &source, 0, &bucket, 0, 999), ==,
                   OFFER_REASON_NONE);
  g_assert_cmpint (offer_policy_judge (&policy, &source, 0, &bucket, 0, 1000), ==,
                   OFFER_REASON_EXPIRED);
  g_assert_cmpint (offer_policy_admits (&policy, &source, 999), ==, OFFER_REASON_NONE);
  g_assert_cmpint (offer_policy_admits (&policy, &source, 1000), ==, OFFER_REASON_EXPIRED);
  policy.expires = 0;
  g_assert_cmpint (offer_policy_admits (&policy, &source, G_MAXINT64), ==, OFFER_REASON_NONE);
}

static void
test_flows (void)
{
  struct address source = ip ("192.0.2.1");
  struct token_bucket bucket = {0};
  FunnelServePolicy policy = {.max_flows = 3};

  g_assert_cmpint (offer_policy_judge (&policy, &source, 2, &bucket, 0, 0), ==, OFFER_REASON_NONE);
  g_assert_cmpint (offer_policy_judge (&policy, &source, 3, &bucket, 0, 0), ==, OFFER_REASON_BUSY);
  g_assert_cmpint (offer_policy_judge (&policy, &source, G_MAXUINT32, &bucket, 0, 0), ==,
                   OFFER_REASON_BUSY);
  g_assert_false (bucket.is_used);
}

/* Only who passes all else costs a token. */
static void
test_order (void)
{
  g_autoptr (GArray) deny = ranges ("192.0.2.0/24");
  struct address denied = ip ("192.0.2.1"), good = ip ("203.0.113.1");
  struct token_bucket bucket = {0};
  FunnelServePolicy policy = {.deny = deny, .max_flows = 1, .rate = 1};

  for (int i = 0; i < 10; i++)
    {
      g_assert_cmpint (offer_policy_judge (&policy, &denied, 0, &bucket, 0, 0), ==,
                       OFFER_REASON_NOT_ALLOWED);
      g_assert_cmpint (offer_policy_judge (&policy, &good, 1, &bucket, 0, 0), ==,
                       OFFER_REASON_BUSY);
    }
  g_assert_cmpint (offer_policy_judge (&policy, &good, 0, &bucket, 0, 0), ==, OFFER_REASON_NONE);
  g_assert_cmpint (offer_policy_judge (&policy, &good, 0, &bucket, 0, 0), ==, OFFER_REASON_RATE);
}

static guint
take_all (struct token_bucket *bucket, uint32_t rate, uint32_t burst, uint64_t now)
{
  guint taken = 0;

  while (taken < 100000 && token_bucket_take (bucket, rate, burst, now))
    taken++;
  return taken;
}

static void
test_bucket (void)
{
  struct token_bucket bucket = {0};
  uint64_t start = 5000;

  g_assert_cmpuint (take_all (&bucket, 10, 3, start), ==, 3); /* full at first */
  g_assert_cmpuint (take_all (&bucket, 10, 3, start + 99), ==, 0);
  g_assert_cmpuint (take_all (&bucket, 10, 3, start + 100), ==, 1); /* to the millisecond */
  g_assert_cmpuint (take_all (&bucket, 10, 3, start + 350), ==, 2);
  g_assert_cmpuint (take_all (&bucket, 10, 3, start + 399), ==, 0); /* the half token was kept */
  g_assert_cmpuint (take_all (&bucket, 10, 3, start + 400), ==, 1);
  g_assert_cmpuint (take_all (&bucket, 10, 3, start + 100000), ==, 3);  /* no more than the burst */
  g_assert_cmpuint (take_all (&bucket, 10, 0, start + 200000), ==, 10); /* burst as rate */
}

/* However often it is asked, a token comes no sooner. */
static void
test_bucket_asked_often (void)
{
  struct token_bucket bucket = {0};
  guint taken = 0;

  for (uint64_t now = 0; now <= 10000; now++)
    taken += token_bucket_take (&bucket, 7, 2, now);
  g_assert_cmpuint (taken, ==, 2 + 70);
}

static void
test_bucket_extremes (void)
{
  struct token_bucket bucket = {0};

  g_assert_true (token_bucket_take (&bucket, 1, 1, 0));
  g_assert_false (token_bucket_take (&bucket, 1, 1, 999));
  g_assert_true (token_bucket_take (&bucket, 1, 1, UINT64_MAX));
  g_assert_false (token_bucket_take (&bucket, 1, 1, UINT64_MAX));
  memset (&bucket, 0, sizeof bucket);
  g_assert_true (token_bucket_take (&bucket, UINT32_MAX, UINT32_MAX, 1));
  g_assert_true (token_bucket_take (&bucket, UINT32_MAX, 1, UINT64_MAX));
  g_assert_true (token_bucket_take (&bucket, 1, UINT32_MAX, UINT64_MAX - 5));
}

/* A smaller burst counts at once, a larger one is filled by time. */
static void
test_bucket_changed (void)
{
  struct token_bucket bucket = {0};

  g_assert_true (token_bucket_take (&bucket, 1, 100, 0));
  g_assert_cmpuint (take_all (&bucket, 1, 5, 0), ==, 5);
  g_assert_cmpuint (take_all (&bucket, 1, 100, 0), ==, 0);
  g_assert_cmpuint (take_all (&bucket, 1, 100, 2000), ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serve/offer-policy/lists", test_lists);
  g_test_add_func ("/serve/offer-policy/expiry", test_expiry);
  g_test_add_func ("/serve/offer-policy/flows", test_flows);
  g_test_add_func ("/serve/offer-policy/order", test_order);
  g_test_add_func ("/serve/offer-policy/bucket", test_bucket);
  g_test_add_func ("/serve/offer-policy/bucket-asked-often", test_bucket_asked_often);
  g_test_add_func ("/serve/offer-policy/bucket-extremes", test_bucket_extremes);
  g_test_add_func ("/serve/offer-policy/bucket-changed", test_bucket_changed);
  return g_test_run ();
}
