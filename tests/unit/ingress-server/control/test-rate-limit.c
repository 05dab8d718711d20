/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/rate-limit.h"

#define SECOND G_USEC_PER_SEC

static gboolean
take (RateLimit *limit, const char *address, gint64 now)
{
  g_autoptr (GInetAddress) source = g_inet_address_new_from_string (address);

  return rate_limit_take (limit, source, now);
}

static void
test_bucket (void)
{
  RateBucket bucket = {0};

  for (guint i = 0; i < 3; i++)
    g_assert_true (rate_bucket_take (&bucket, 1, 3, SECOND));
  g_assert_false (rate_bucket_take (&bucket, 1, 3, SECOND));
  g_assert_true (rate_bucket_take (&bucket, 1, 3, 2 * SECOND));
  g_assert_false (rate_bucket_take (&bucket, 1, 3, 2 * SECOND));
  /* A long rest fills it to the brim, not more. */
  for (guint i = 0; i < 3; i++)
    g_assert_true (rate_bucket_take (&bucket, 1, 3, 1000 * SECOND));
  g_assert_false (rate_bucket_take (&bucket, 1, 3, 1000 * SECOND));
}

static void
test_sources (void)
{
  g_autoptr (RateLimit) limit = rate_limit_new (1, 2);

  g_assert_true (take (limit, "192.0.2.1", SECOND));
  g_assert_true (take (limit, "192.0.2.1", SECOND));
  g_assert_false (take (limit, "192.0.2.1", SECOND));
  g_assert_true (take (limit, "192.0.2.2", SECOND));
  /* One subscriber has a whole /64. */
  g_assert_true (take (limit, "2001:db8::1", SECOND));
  g_assert_true (take (limit, "2001:db8::2", SECOND));
  g_assert_false (take (limit, "2001:db8::3", SECOND));
  g_assert_true (take (limit, "2001:db8:0:1::1", SECOND));
  /* IPv4 seen through a dual-stack socket. */
  g_assert_true (take (limit, "::ffff:192.0.2.7", SECOND));
  g_assert_true (take (limit, "::ffff:192.0.2.8", SECOND));
}

static void
test_bounded (void)
{
  g_autoptr (RateLimit) limit = rate_limit_new (1, 2);

  for (guint i = 0; i < RATE_LIMIT_SOURCES_MAX; i++)
    {
      g_autofree char *address = g_strdup_printf ("10.%u.%u.1", i / 256, i % 256);

      g_assert_true (take (limit, address, SECOND));
    }
  g_assert_false (take (limit, "192.0.2.1", SECOND));
  g_assert_true (take (limit, "10.0.0.1", SECOND));
  /* When the others have been quiet, there is room again. */
  g_assert_true (take (limit, "192.0.2.1", 100 * SECOND));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rate-limit/bucket", test_bucket);
  g_test_add_func ("/rate-limit/sources", test_sources);
  g_test_add_func ("/rate-limit/bounded", test_bounded);
  return g_test_run ();
}
