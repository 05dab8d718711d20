/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/http-date.h"

#include <glib.h>
#include <string.h>

#define NOW 1792713600 /* 2026-10-22 */

static struct http_text
text (const char *string)
{
  return (struct http_text) {string, (uint32_t)strlen (string)};
}

static void
test_forms (void)
{
  static const struct
  {
    const char *text;
    gint64 seconds;
  } rows[] = {
      {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
      {"Sun Nov  6 08:49:37 1994", 784111777},
      {"Wed Nov 16 08:49:37 1994", 784975777},
      {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
      {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
      {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
      {"Sat, 01 Mar 2036 00:00:00 GMT", 2087942400},
      {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
      {"Sat, 30 Jun 2012 23:59:60 GMT", 1341100800},   /* a leap second */
      {"Friday, 01-Jan-27 00:00:00 GMT", 1798761600},  /* two digits: ahead by less than 50 years */
      {"Saturday, 01-Jan-77 00:00:00 GMT", 220924800}, /* by more than that: in the past */
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      int64_t seconds = 1;

      g_test_message ("%s", rows[i].text);
      g_assert_true (http_date_parse (text (rows[i].text), NOW, &seconds));
      g_assert_cmpint (seconds, ==, rows[i].seconds);
    }
}

static void
test_malformed (void)
{
  static const char *const texts[] = {
      "",
      "0",
      "Sun",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 GMT ",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "sun, 06 Nov 1994 08:49:37 GMT",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 94 08:49:37 GMT",
      "Sun, 06 nov 1994 08:49:37 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 31 Nov 1994 08:49:37 GMT",
      "Mon, 29 Feb 1900 00:00:00 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      "Sun, 06 Nov -994 08:49:37 GMT",
      "Xyz, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-1994 08:49:37 GMT",
      "Sun Nov 6 08:49:37 1994",
      "Sun Nov  6 08:49:37 94",
      "1994-11-06T08:49:37Z",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *exact = g_memdup2 (texts[i], strlen (texts[i]) + 1);
      int64_t seconds = 1;

      g_test_message ("%s", texts[i]);
      g_assert_false (http_date_parse (text (exact), NOW, &seconds));
      g_assert_cmpint (seconds, ==, 1);
    }
}

/* Against GLib's calendar, over all years and odd seconds. */
static void
test_round_trip (void)
{
  for (gint64 seconds = -60000000000; seconds < 253402300799; seconds += 86400 * 17 + 3671)
    {
      g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (seconds);
      char out[HTTP_DATE_SIZE];
      struct http_text printed = http_date_print (seconds, out);
      int year, month, day;
      int64_t again = 0;

      g_assert_true (http_date_parse (printed, NOW, &again));
      g_assert_cmpint (again, ==, seconds);
      g_date_time_get_ymd (time, &year, &month, &day);
      g_assert_cmpint (g_ascii_strtoll (out + 5, NULL, 10), ==, day);
      g_assert_cmpint (g_ascii_strtoll (out + 12, NULL, 10), ==, year);
      g_assert_cmpint (g_ascii_strtoll (out + 17, NULL, 10), ==, g_date_time_get_hour (time));
      g_assert_cmpmem (out, 3,
                       &"MonTueWedThuFriSatSun"[(g_date_time_get_day_of_week (time) - 1) * 3], 3);
    }
}

static void
test_clamped (void)
{
  char out[HTTP_DATE_SIZE];

  http_date_print (G_MAXINT64, out);
  g_assert_cmpstr (out, ==, "Fri, 31 Dec 9999 23:59:59 GMT");
  http_date_print (G_MININT64, out);
  g_assert_cmpstr (out, ==, "Sat, 01 Jan 0000 00:00:00 GMT");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serve/http/date/forms", test_forms);
  g_test_add_func ("/serve/http/date/malformed", test_malformed);
  g_test_add_func ("/serve/http/date/round-trip", test_round_trip);
  g_test_add_func ("/serve/http/date/clamped", test_clamped);
  return g_test_run ();
}
