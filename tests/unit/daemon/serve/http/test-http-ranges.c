/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/http-ranges.h"

#include <glib.h>
#include <string.h>

static enum http_ranges_result
parse (const char *value, guint64 size, struct http_range *out, uint32_t *count)
{
  gsize len = strlen (value);
  g_autofree char *exact = g_memdup2 (value, len > 0 ? len : 1);

  return http_ranges_parse ((struct http_text) {exact, (uint32_t)len}, size, out, count);
}

static void
test_good (void)
{
  static const struct
  {
    const char *value;
    guint64 size;
    const char *ranges;
  } rows[] = {
      {"bytes=0-0", 10, "0-0"},
      {"bytes=0-9", 10, "0-9"},
      {"bytes=0-", 10, "0-9"},
      {"bytes=9-", 10, "9-9"},
      {"bytes=5-100", 10, "5-9"},
      {"bytes=-1", 10, "9-9"},
      {"bytes=-10", 10, "0-9"},
      {"bytes=-100", 10, "0-9"},
      {"BYTES=1-2", 10, "1-2"},
      {"bytes=00001-00002", 10, "1-2"},
      {"bytes= 1-2 ,, 4-5\t", 10, "1-2 4-5"},
      {"bytes=4-5,1-2", 10, "4-5 1-2"},      /* in the order asked for */
      {"bytes=0-1,20-30,-2", 10, "0-1 8-9"}, /* the one out of reach is left out */
      {"bytes=0-99999999999999999999999", 10, "0-9"},
      {"bytes=-99999999999999999999999", 10, "0-9"},
      {"bytes=0-18446744073709551615", G_MAXUINT64, "0-18446744073709551614"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      struct http_range ranges[HTTP_RANGES_MAX];
      g_autoptr (GString) got = g_string_new (NULL);
      uint32_t count;

      g_test_message ("%s", rows[i].value);
      g_assert_cmpint (parse (rows[i].value, rows[i].size, ranges, &count), ==, HTTP_RANGES_OK);
      for (uint32_t r = 0; r < count; r++)
        g_string_append_printf (got, "%s%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, r > 0 ? " " : "",
                                ranges[r].first, ranges[r].last);
      g_assert_cmpstr (got->str, ==, rows[i].ranges);
    }
}

static void
test_ignored (void)
{
  static const char *const values[] = {
      "",         "bytes",      "bytes=",        "bytes=,",     "bytes=-",           "bytes=--1",
      "bytes=a-", "bytes=1",    "bytes=2-1",     "bytes=1-2-3", "bytes=1 -2",        "bytes=0x1-2",
      "items=0-", "bytes =0-1", "bytes=1-2;3",   "bytes=0-1,x", "bytes=0-1,5-4",     "bytes:0-1",
      "bytes-0-", "bytes=+1-2", "bytes=0-5,0-5", "bytes=0-,-1", "bytes=0-,0-,0-,0-",
  };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      struct http_range ranges[HTTP_RANGES_MAX];
      uint32_t count;

      g_test_message ("%s", values[i]);
      g_assert_cmpint (parse (values[i], 10, ranges, &count), ==, HTTP_RANGES_IGNORE);
    }
}

static void
test_unsatisfiable (void)
{
  static const char *const values[]
      = {"bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-", "bytes=10-,11-"};
  struct http_range ranges[HTTP_RANGES_MAX];
  uint32_t count;

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_test_message ("%s", values[i]);
      g_assert_cmpint (parse (values[i], 10, ranges, &count), ==, HTTP_RANGES_UNSATISFIABLE);
    }
  g_assert_cmpint (parse ("bytes=0-", 0, ranges, &count), ==, HTTP_RANGES_UNSATISFIABLE);
  g_assert_cmpint (parse ("bytes=-5", 0, ranges, &count), ==, HTTP_RANGES_UNSATISFIABLE);
}

static void
test_many (void)
{
  g_autoptr (GString) value = g_string_new ("bytes=0-0");
  struct http_range ranges[HTTP_RANGES_MAX];
  uint32_t count;

  for (guint i = 1; i < HTTP_RANGES_MAX; i++)
    g_string_append_printf (value, ",%u-%u", i, i);
  g_assert_cmpint (parse (value->str, 1000, ranges, &count), ==, HTTP_RANGES_OK);
  g_assert_cmpuint (count, ==, HTTP_RANGES_MAX);
  g_string_append (value, ",500-500");
  g_assert_cmpint (parse (value->str, 1000, ranges, &count), ==, HTTP_RANGES_IGNORE);
  g_string_append (value, ",2000-"); /* those out of reach count too */
  for (guint i = 0; i < 5000; i++)
    g_string_append (value, ",5000-");
  g_assert_cmpint (parse (value->str, 1000, ranges, &count), ==, HTTP_RANGES_IGNORE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serve/http/ranges/good", test_good);
  g_test_add_func ("/serve/http/ranges/ignored", test_ignored);
  g_test_add_func ("/serve/http/ranges/unsatisfiable", test_unsatisfiable);
  g_test_add_func ("/serve/http/ranges/many", test_many);
  return g_test_run ();
}
