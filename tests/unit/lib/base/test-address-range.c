/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/base/address-range.h"

#include "lib/base/error.h"

#include <string.h>

typedef struct
{
  const char *text;
  gboolean ok;
  guint8 family, bits;
} RangeCase;

static const RangeCase range_cases[] = {
    {"203.0.113.0/24", TRUE, 4, 24},
    {"203.0.113.9", TRUE, 4, 32},
    {"0.0.0.0/0", TRUE, 4, 0},
    {"203.0.112.0/20", TRUE, 4, 20},
    {"2001:db8::/32", TRUE, 6, 32},
    {"::1", TRUE, 6, 128},
    {"203.0.113.9/24", FALSE, 0, 0},
    {"203.0.113.0/33", FALSE, 0, 0},
    {"2001:db8::1/64", FALSE, 0, 0},
    {"2001:db8::/129", FALSE, 0, 0},
    {"203.0.113.0/", FALSE, 0, 0},
    {"203.0.113.0/-1", FALSE, 0, 0},
    {"203.0.113.0/ 24", FALSE, 0, 0},
    {"203.0.113", FALSE, 0, 0},
    {"example.org", FALSE, 0, 0},
    {"", FALSE, 0, 0},
    {"/24", FALSE, 0, 0},
    {"203.0.113.0/24/1", FALSE, 0, 0},
};

static void
test_ranges (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (range_cases); i++)
    {
      const RangeCase *c = &range_cases[i];
      g_autoptr (GError) error = NULL;
      FunnelAddressRange range = {0};

      g_test_message ("%s", c->text);
      g_assert_cmpint (funnel_address_range_parse (c->text, &range, &error), ==, c->ok);
      g_assert_cmpuint (range.family, ==, c->family);
      g_assert_cmpuint (range.bits, ==, c->bits);
      if (c->ok)
        {
          g_autofree char *printed = funnel_address_range_print (&range);

          g_assert_cmpstr (printed, ==, c->text);
        }
      else
        g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_contains (void)
{
  static const struct
  {
    const char *range, *ip;
    gboolean contains;
  } cases[] = {
      {"203.0.113.0/24", "203.0.113.255", TRUE},
      {"203.0.113.0/24", "203.0.114.0", FALSE},
      {"203.0.112.0/20", "203.0.127.1", TRUE},
      {"203.0.112.0/20", "203.0.128.1", FALSE},
      {"203.0.113.8/31", "203.0.113.9", TRUE},
      {"203.0.113.8/31", "203.0.113.10", FALSE},
      {"2001:db8::/127", "2001:db8::1", TRUE},
      {"2001:db8::/127", "2001:db8::2", FALSE},
      {"203.0.113.9", "203.0.113.9", TRUE},
      {"203.0.113.9", "203.0.113.8", FALSE},
      {"0.0.0.0/0", "255.1.2.3", TRUE},
      {"0.0.0.0/0", "::1", FALSE},
      {"2001:db8::/33", "2001:db8:7fff::", TRUE},
      {"2001:db8::/33", "2001:db8:8000::", FALSE},
      {"::/0", "1.2.3.4", FALSE},
      {"::1", "::1", TRUE},
      {"128.0.0.0/1", "127.0.0.1", FALSE},
      {"128.0.0.0/1", "200.0.0.1", TRUE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      FunnelAddressRange range;
      struct address address;

      g_test_message ("%s %s", cases[i].range, cases[i].ip);
      g_assert_true (funnel_address_range_parse (cases[i].range, &range, NULL));
      g_assert_true (address_parse_ip (cases[i].ip, strlen (cases[i].ip), &address));
      g_assert_cmpint (funnel_address_range_contains (&range, &address), ==, cases[i].contains);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/address-range/parse", test_ranges);
  g_test_add_func ("/address-range/contains", test_contains);
  return g_test_run ();
}
