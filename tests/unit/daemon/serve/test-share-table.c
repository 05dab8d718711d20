/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/share-table.h"

#define SHARES 1000u

static void
test_find (void)
{
  struct share_table *table = share_table_new (SHARES);
  struct share_counters *counters = share_counters_new ();

  for (guint i = 0; i < SHARES; i++)
    {
      g_autofree char *name = g_strdup_printf ("n%u.example.org", i / 2);
      FunnelServeShare share = {.id = i * 64 + 1, .name = name, .port = i % 2 ? 443 : 8443};

      share_table_add (table, &share, counters);
    }
  for (guint i = 0; i < SHARES; i++)
    {
      g_autofree char *name = g_strdup_printf ("n%u.example.org", i / 2);
      struct share_entry *entry = share_table_find (table, name, i % 2 ? 443 : 8443);

      g_assert_nonnull (entry);
      g_assert_cmpuint (entry->share->id, ==, i * 64 + 1);
      g_assert_true (share_table_has_id (table, i * 64 + 1));
      g_assert_false (share_table_has_id (table, i * 64 + 2));
      g_assert_null (share_table_find (table, name, 80));
    }
  g_assert_null (share_table_find (table, "n.example.org", 443));
  share_table_free (table);
  share_counters_unref (counters);
}

static void
test_empty (void)
{
  struct share_table *table = share_table_new (0);

  g_assert_null (share_table_find (table, "a.example.org", 443));
  g_assert_false (share_table_has_id (table, 0));
  share_table_free (table);
}

/* A flow keeps the entry it began with, and what hangs on it. */
static void
test_entry_outlives_table (void)
{
  struct share_table *table = share_table_new (2);
  struct share_counters *counters = share_counters_new ();
  FunnelServeShare first = {.id = 1, .name = (char *)"a.example.org", .port = 443, .max_flows = 5};
  FunnelServeShare twin = {.id = 2, .name = (char *)"a.example.org", .port = 443};
  struct share_entry *entry;
  FunnelServeCounters out;

  share_table_add (table, &first, counters);
  share_table_add (table, &twin, counters);
  share_counters_unref (counters);
  entry = share_entry_ref (share_table_find (table, "a.example.org", 443));
  share_table_free (table);
  g_assert_cmpuint (entry->share->id, ==, 1);
  g_assert_cmpuint (entry->share->max_flows, ==, 5);
  counter_add (&entry->counters->bytes_in, 3);
  share_counters_read (entry->counters, &out);
  g_assert_cmpuint (out.bytes_in, ==, 3);
  share_entry_unref (entry);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/share-table/find", test_find);
  g_test_add_func ("/share-table/empty", test_empty);
  g_test_add_func ("/share-table/entry-outlives-table", test_entry_outlives_table);
  return g_test_run ();
}
