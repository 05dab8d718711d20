/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/share-table.h"

#define SHARES 1000u

static void
add (struct share_table *table,
     guint32 id,
     const char *name,
     guint16 port,
     guint max_flows,
     struct share_counters *counters)
{
  FunnelServeShare *share = funnel_serve_share_new ();

  share->id = id;
  share->name = g_strdup (name);
  share->port = port;
  share->policy.max_flows = max_flows;
  share_table_add (table, share, counters);
  funnel_serve_share_unref (share);
}

static void
test_find (void)
{
  struct share_table *table = share_table_new (SHARES);
  struct share_counters *counters = share_counters_new ();

  for (guint i = 0; i < SHARES; i++)
    {
      g_autofree char *name = g_strdup_printf ("n%u.example.org", i / 2);

      add (table, i * 64 + 1, name, i % 2 ? 443 : 8443, 0, counters);
    }
  for (guint i = 0; i < SHARES; i++)
    {
      g_autofree char *name = g_strdup_printf ("n%u.example.org", i / 2);
      struct share_entry *entry = share_table_find (table, name, i % 2 ? 443 : 8443);

      g_assert_nonnull (entry);
      g_assert_cmpuint (entry->share->id, ==, i * 64 + 1);
      g_assert_nonnull (share_table_find_id (table, i * 64 + 1));
      g_assert_null (share_table_find_id (table, i * 64 + 2));
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
  g_assert_null (share_table_find_id (table, 0));
  share_table_free (table);
}

/* A flow keeps the entry it began with, and what hangs on it. */
static void
test_entry_outlives_table (void)
{
  struct share_table *table = share_table_new (2);
  struct share_counters *counters = share_counters_new ();
  struct share_entry *entry;
  FunnelServeCounters out;

  add (table, 1, "a.example.org", 443, 5, counters);
  add (table, 2, "a.example.org", 443, 0, counters);
  share_counters_unref (counters);
  entry = share_entry_ref (share_table_find (table, "a.example.org", 443));
  share_table_free (table);
  g_assert_cmpuint (entry->share->id, ==, 1);
  g_assert_cmpuint (entry->share->policy.max_flows, ==, 5);
  counter_add (&entry->counters->bytes_in, 3);
  share_counters_read (entry->counters, &out);
  g_assert_cmpuint (out.bytes_in, ==, 3);
  share_entry_unref (entry);
}

static void
test_next_expiry (void)
{
  static const gint64 ends[] = {3000, 0, 1000, 2000};
  struct share_table *table = share_table_new (G_N_ELEMENTS (ends));
  struct share_counters *counters = share_counters_new ();

  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      FunnelServeShare *share = funnel_serve_share_new ();

      share->id = i + 1;
      share->name = g_strdup_printf ("n%u.example.org", i);
      share->policy.expires = ends[i];
      share_table_add (table, share, counters);
      funnel_serve_share_unref (share);
    }
  share_counters_unref (counters);
  g_assert_cmpint (share_table_next_expiry (table, 0), ==, 1000);
  g_assert_cmpint (share_table_next_expiry (table, 999), ==, 1000);
  g_assert_cmpint (share_table_next_expiry (table, 1000), ==, 2000);
  g_assert_cmpint (share_table_next_expiry (table, 3000), ==, 0);
  share_table_free (table);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/share-table/find", test_find);
  g_test_add_func ("/share-table/empty", test_empty);
  g_test_add_func ("/share-table/next-expiry", test_next_expiry);
  g_test_add_func ("/share-table/entry-outlives-table", test_entry_outlives_table);
  return g_test_run ();
}
