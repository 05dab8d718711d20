/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/audit/ct-entry.h"

#include <string.h>

#define NAME "laptop.example.org"

static GPtrArray *
new_list (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_ct_entry_free);
}

static void
test_monitor (void)
{
  const char text[]
      = "[{\"id\":5,\"serial_number\":\"00AB\",\"issuer_name\":\"CN=X\",\"name_value\":\"a."
        "b\\n" NAME
        "\",\"not_before\":\"2026-01-02T03:04:05\",\"not_after\":\"2026-04-02T03:04:05\"},"
        "{\"id\":6,\"serial_number\":\"01\",\"issuer_name\":\"CN=X\",\"name_value\":\"*.example."
        "org\","
        "\"not_before\":\"2026-01-02T03:04:05\",\"not_after\":\"2026-04-02T03:04:05\"},"
        "{\"id\":7,\"serial_number\":\"02\",\"issuer_name\":\"CN=X\",\"name_value\":\"x." NAME
        "\\n*.a.example.org\\nexample.org\",\"not_before\":\"2026-01-02T03:04:05\","
        "\"not_after\":\"2026-04-02T03:04:05\"},"
        "{\"id\":8,\"serial_number\":\"zz\",\"name_value\":\"" NAME "\"},7]";
  g_autoptr (GPtrArray) found = new_list ();
  g_autoptr (GError) error = NULL;
  const FunnelCtEntry *first = NULL;
  guint count = 0, unreadable = 0;

  g_assert_true (
      funnel_ct_parse_monitor (text, strlen (text), NAME, found, &count, &unreadable, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count, ==, 5);
  g_assert_cmpuint (unreadable, ==, 2);
  g_assert_cmpuint (found->len, ==, 2);
  first = g_ptr_array_index (found, 0);
  g_assert_cmpstr (first->serial, ==, "ab");
  g_assert_cmpstr (first->reference, ==, "id 5");
  g_assert_cmpint (first->begin, ==, 1767323045);
}

static void
test_bad_answers (void)
{
  static const char *const texts[] = {"", "<html>", "{", "{\"entries\":7}", "[", "null", "{}"};

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GPtrArray) found = new_list ();
      g_autoptr (GError) error = NULL;
      guint count = 0, unreadable = 0;

      g_assert_false (funnel_ct_parse_entries (texts[i], strlen (texts[i]), 0, NAME, found, &count,
                                               &unreadable, &error));
      g_assert_nonnull (error);
    }
}

/* Entries that lie about their lengths, or hold no certificate. */
static void
test_bad_entries (void)
{
  static const guint8 leaves[][24] = {
      {0},
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 1},
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x30, 0x07, 1, 2, 3, 4, 5, 6, 7},
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 9},
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0, 0, 1, 0},
      {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (leaves); i++)
    for (gsize len = 1; len <= sizeof leaves[i]; len++)
      {
        g_autofree char *leaf = g_base64_encode (leaves[i], len);
        g_autofree char *text = g_strdup_printf (
            "{\"entries\":[{\"leaf_input\":\"%s\",\"extra_data\":\"%s\"},{},7]}", leaf, leaf);
        g_autoptr (GPtrArray) found = new_list ();
        g_autoptr (GError) error = NULL;
        guint count = 0, unreadable = 0;

        g_assert_true (funnel_ct_parse_entries (text, strlen (text), 0, NAME, found, &count,
                                                &unreadable, &error));
        g_assert_cmpuint (count, ==, 3);
        g_assert_cmpuint (unreadable, ==, 3);
        g_assert_cmpuint (found->len, ==, 0);
      }
}

static void
test_tree_size (void)
{
  g_autoptr (GError) error = NULL;
  guint64 size = 0;

  g_assert_true (funnel_ct_parse_tree_size ("{\"tree_size\":12}", 16, &size, &error));
  g_assert_cmpuint (size, ==, 12);
  g_assert_false (funnel_ct_parse_tree_size ("{\"tree_size\":-1}", 16, &size, &error));
}

static void
test_serials (void)
{
  static const char *const rows[][2]
      = {{"00ab", "ab"}, {"AB", "ab"}, {"0", "0"}, {"000", "0"}, {"", ""}};

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *normal = funnel_ct_serial_normalize (rows[i][0]);

      g_assert_cmpstr (normal, ==, rows[i][1]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ct-entry/monitor", test_monitor);
  g_test_add_func ("/ct-entry/bad-answers", test_bad_answers);
  g_test_add_func ("/ct-entry/bad-entries", test_bad_entries);
  g_test_add_func ("/ct-entry/tree-size", test_tree_size);
  g_test_add_func ("/ct-entry/serials", test_serials);
  return g_test_run ();
}
