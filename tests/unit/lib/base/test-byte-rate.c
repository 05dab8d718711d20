/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/byte-rate.h"
#include "lib/base/error.h"

static const struct
{
  const char *text;
  guint64 rate; /* 0: refused */
  const char *printed;
} cases[] = {
    {"500k", 500000, "500k"},
    {"10M", 10000000, "10M"},
    {"1.5m", 1500000, "1500k"},
    {"1G", 1000000000, "1G"},
    {"0.125M", 125000, "125k"},
    {"64k", 65536, "65536"},
    {"123457", 123457, "123457"},
    {"1000G", 1000000000000, "1000G"},
    {"1001G", 0, NULL},
    {"63k", 0, NULL},
    {"0", 0, NULL},
    {"", 0, NULL},
    {"M", 0, NULL},
    {"-1M", 0, NULL},
    {"1 M", 0, NULL},
    {"1MB", 0, NULL},
    {"1.M", 0, NULL},
    {"1.2345M", 0, NULL},
    {"9999999999999G", 0, NULL},
    {"100000.5", 0, NULL},
};

static void
test_cases (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *printed = NULL;

      g_test_message ("%s", cases[i].text);
      g_assert_cmpuint (funnel_byte_rate_parse (cases[i].text, &error), ==, cases[i].rate);
      if (cases[i].rate == 0)
        {
          g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
          continue;
        }
      g_assert_no_error (error);
      printed = funnel_byte_rate_print (cases[i].rate);
      g_assert_cmpstr (printed, ==, cases[i].printed);
      g_assert_cmpuint (funnel_byte_rate_parse (printed, NULL), ==, cases[i].rate);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/byte-rate/cases", test_cases);
  return g_test_run ();
}
