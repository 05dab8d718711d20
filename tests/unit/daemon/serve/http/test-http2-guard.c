/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/http2-guard.h"

#include <glib.h>

static const struct http2_allowance_rule rule = {.burst = 10, .per_second = 4};

static guint
take_all (struct http2_allowance *allowance, guint64 now)
{
  guint n = 0;

  while (http2_allowance_take (allowance, &rule, now))
    n++;
  return n;
}

static void
test_refill (void)
{
  struct http2_allowance allowance;

  http2_allowance_init (&allowance, &rule, 5000);
  g_assert_cmpuint (take_all (&allowance, 5000), ==, 10);
  g_assert_cmpuint (take_all (&allowance, 5249), ==, 0);
  g_assert_cmpuint (take_all (&allowance, 5250), ==, 1);
  g_assert_cmpuint (take_all (&allowance, 6000), ==, 3);
  g_assert_cmpuint (take_all (&allowance, 5000), ==, 0); /* a clock that went back */
  g_assert_cmpuint (take_all (&allowance, 6000 + G_GUINT64_CONSTANT (0xffffffff)), ==, 10);
}

/* Asking all the time brings no more than asking now and then. */
static void
test_impatience (void)
{
  struct http2_allowance allowance;
  guint taken = 0;

  http2_allowance_init (&allowance, &rule, 0);
  for (guint64 now = 0; now <= 10000; now++)
    taken += take_all (&allowance, now);
  g_assert_cmpuint (taken, ==, 10 + 40);
}

static void
test_give (void)
{
  struct http2_allowance allowance;

  http2_allowance_init (&allowance, &rule, 0);
  http2_allowance_give (&allowance, &rule, 5);
  g_assert_cmpuint (take_all (&allowance, 0), ==, 10);
  http2_allowance_give (&allowance, &rule, 5);
  g_assert_cmpuint (take_all (&allowance, 0), ==, 5);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http2-guard/refill", test_refill);
  g_test_add_func ("/http2-guard/impatience", test_impatience);
  g_test_add_func ("/http2-guard/give", test_give);
  return g_test_run ();
}
