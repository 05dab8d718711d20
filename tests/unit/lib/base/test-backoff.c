/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/backoff.h"

static void
test_grows_to_the_cap (void)
{
  guint longest[12] = {0};

  for (guint round = 0; round < 2000; round++)
    {
      FunnelBackoff backoff;

      funnel_backoff_init (&backoff, 100, 5000);
      for (guint i = 0; i < G_N_ELEMENTS (longest); i++)
        {
          guint ms = funnel_backoff_next (&backoff);
          guint ceiling = i < 6 ? 100u << i : 5000;

          g_assert_cmpuint (ms, >=, 1);
          g_assert_cmpuint (ms, <=, ceiling);
          longest[i] = MAX (longest[i], ms);
        }
    }
  /* Full jitter uses the whole range: with 2000 draws the upper half is surely hit. */
  g_assert_cmpuint (longest[0], >, 50);
  g_assert_cmpuint (longest[11], >, 2500);
}

static void
test_reset (void)
{
  FunnelBackoff backoff;

  funnel_backoff_init (&backoff, 10, 100000);
  for (guint i = 0; i < 100; i++)
    funnel_backoff_next (&backoff);
  funnel_backoff_reset (&backoff);
  g_assert_cmpuint (funnel_backoff_next (&backoff), <=, 10);
}

static void
test_odd_limits (void)
{
  FunnelBackoff backoff;

  funnel_backoff_init (&backoff, 0, 0);
  g_assert_cmpuint (funnel_backoff_next (&backoff), ==, 1);
  funnel_backoff_init (&backoff, G_MAXUINT, 1);
  for (guint i = 0; i < 50; i++)
    g_assert_cmpuint (funnel_backoff_next (&backoff), >=, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/backoff/grows", test_grows_to_the_cap);
  g_test_add_func ("/base/backoff/reset", test_reset);
  g_test_add_func ("/base/backoff/odd-limits", test_odd_limits);
  return g_test_run ();
}
