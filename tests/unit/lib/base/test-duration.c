/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/duration.h"

#include "lib/base/error.h"

static void
test_parse (void)
{
  static const struct
  {
    const char *text;
    gint64 seconds;
  } good[] = {
      {"1s", 1},      {"90s", 90},     {"30m", 1800},   {"1h30m", 5400},
      {"7d", 604800}, {"2w", 1209600}, {"1d1s", 86401},
  };
  static const char *const bad[]
      = {"",    "0s",           "1",          "h",   "1x", "-1h", "1h1h", "30m1h",
         "1 h", "99999999999s", "900000000w", "1.5h"};

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_cmpint (funnel_duration_parse (good[i].text, NULL), ==, good[i].seconds);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_cmpint (funnel_duration_parse (bad[i], &error), ==, 0);
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_print (void)
{
  static const struct
  {
    gint64 seconds;
    const char *text;
  } cases[] = {
      {-5, "0s"},       {0, "0s"},     {59, "59s"},       {3600, "1h"},
      {5400, "1h 30m"}, {86403, "1d"}, {694861, "1w 1d"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = funnel_duration_print (cases[i].seconds);

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/duration/parse", test_parse);
  g_test_add_func ("/base/duration/print", test_print);
  return g_test_run ();
}
