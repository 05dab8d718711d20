/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/ingress-routes.h"

#include "lib/base/error.h"
#include "lib/base/link-message.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define DAY (24 * 3600)

typedef struct
{
  char *folder, *path;
  IngressConfig config;
  guint16 ports[2];
  IngressRegistry *registry;
  IngressRoutes *routes;
  guint changes;
} Fixture;

static void
on_changed (IngressRoutes *routes, Fixture *f)
{
  f->changes++;
}

static void
open_parts (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  IngressStore *store = ingress_store_open (f->path, &error);

  g_assert_no_error (error);
  f->registry = ingress_registry_new (&f->config, store, &error);
  g_assert_no_error (error);
  f->routes = ingress_routes_new (f->registry);
  g_signal_connect (f->routes, "changed", G_CALLBACK (on_changed), f);
}

static void
close_parts (Fixture *f)
{
  g_clear_object (&f->routes);
  g_clear_object (&f->registry);
}

static const char *const none[] = {NULL};

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = g_dir_make_tmp ("funnel-routes-XXXXXX", NULL);
  f->path = g_build_filename (f->folder, "ingress.db", NULL);
  f->ports[0] = 443;
  f->ports[1] = 8443;
  f->config = (IngressConfig) {.zone = (char *)"example.org",
                               .public_ports = f->ports,
                               .n_public_ports = 2,
                               .reserved_names = (char **)none};
  open_parts (f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  static const char *const suffixes[] = {"", "-wal", "-shm"};

  close_parts (f);
  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *path = g_strconcat (f->path, suffixes[i], NULL);

      g_unlink (path);
    }
  g_rmdir (f->folder);
  g_free (f->folder);
  g_free (f->path);
}

static gint64
join (Fixture *f, const char *name, const char *key, gboolean replace)
{
  guint8 secret[FUNNEL_TOKEN_SECRET_LEN];
  g_autoptr (GError) error = NULL;
  const IngressNode *node;

  g_assert_true (
      ingress_registry_invite (f->registry, name, TRUE, NULL, replace, DAY, secret, &error));
  g_assert_no_error (error);
  node = ingress_registry_join (f->registry, secret, key, "test", &error);
  g_assert_no_error (error);
  return node->id;
}

static void
arm (Fixture *f, gint64 node, const char *name, guint16 port)
{
  g_autoptr (GPtrArray) shares
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_share_free);

  g_ptr_array_add (shares, funnel_link_share_new (name, port, 1));
  ingress_routes_set_shares (f->routes, node, shares);
}

static struct route_table *
build (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  guint64 generation = 0;
  int fd = ingress_routes_build (f->routes, &generation, &error);
  struct route_table *table;

  g_assert_no_error (error);
  table = route_table_map (fd);
  g_assert_nonnull (table);
  g_assert_cmpuint (route_table_generation (table), ==, generation);
  close (fd);
  return table;
}

/* The one route of a fresh table; its node too. */
static struct route
only_route (Fixture *f, struct route_node *node)
{
  struct route_table *table = build (f);
  struct route route;

  g_assert_cmpuint (route_table_count (table), ==, 1);
  route = *route_table_at (table, 0);
  *node = *route_table_node (table, &route);
  route_table_free (table);
  return route;
}

static gsize
count_routes (Fixture *f)
{
  struct route_table *table = build (f);
  gsize count = route_table_count (table);

  route_table_free (table);
  return count;
}

static void
test_granted_and_armed (Fixture *f, gconstpointer data)
{
  gint64 node = join (f, "laptop", "key-1", FALSE);
  struct route_node entry;
  struct route_table *table;
  const char *name = "laptop.example.org";

  g_assert_cmpuint (count_routes (f), ==, 0);
  ingress_routes_set_link (f->routes, node, 4000);
  arm (f, node, "other.example.org", 443);
  g_assert_cmpuint (count_routes (f), ==, 0);
  arm (f, node, name, 80); /* not granted at this port */
  g_assert_cmpuint (count_routes (f), ==, 0);
  arm (f, node, name, 8443);
  only_route (f, &entry);
  g_assert_cmpuint (entry.offer_port, ==, 4000);
  g_assert_cmpuint (entry.linked, ==, 1);
  g_assert_cmpmem (entry.address, 4, "\x64\x40\x00\x02", 4);
  table = build (f);
  g_assert_nonnull (route_table_find (table, name, strlen (name), 8443));
  g_assert_null (route_table_find (table, name, strlen (name), 443));
  route_table_free (table);
}

static void
test_away_keeps_routes (Fixture *f, gconstpointer data)
{
  gint64 node = join (f, "laptop", "key-1", FALSE);
  struct route_node entry;
  struct route before, away, back;

  ingress_routes_set_link (f->routes, node, 4000);
  arm (f, node, "laptop.example.org", 443);
  before = only_route (f, &entry);
  ingress_routes_set_link (f->routes, node, 0);
  away = only_route (f, &entry);
  g_assert_cmpuint (entry.linked, ==, 0);
  /* Until the node says otherwise, what it had armed is armed. */
  ingress_routes_set_link (f->routes, node, 4001);
  back = only_route (f, &entry);
  g_assert_cmpuint (entry.linked, ==, 1);
  g_assert_cmpuint (entry.offer_port, ==, 4001);
  g_assert_cmpuint (before.id, ==, away.id);
  g_assert_cmpuint (before.id, ==, back.id);
  g_assert_cmpuint (before.slot, ==, back.slot);
}

/* Open flows of a route are cut when its id changes. */
static void
test_identity (Fixture *f, gconstpointer data)
{
  gint64 node = join (f, "laptop", "key-1", FALSE);
  struct route_node entry;
  struct route first, longer, again, rekeyed;
  g_autoptr (GError) error = NULL;

  ingress_routes_set_link (f->routes, node, 4000);
  arm (f, node, "laptop.example.org", 443);
  first = only_route (f, &entry);
  g_assert_true (
      ingress_registry_grant (f->registry, "laptop", NULL, FALSE, NULL, DAY, NULL, &error));
  longer = only_route (f, &entry);
  g_assert_cmpuint (longer.id, ==, first.id);

  g_assert_cmpuint (ingress_registry_revoke (f->registry, "laptop", NULL, &error), ==, 1);
  g_assert_cmpuint (count_routes (f), ==, 0);
  g_assert_true (
      ingress_registry_grant (f->registry, "laptop", NULL, FALSE, NULL, 0, NULL, &error));
  again = only_route (f, &entry);
  g_assert_cmpuint (again.id, !=, first.id);
  g_assert_cmpuint (again.slot, ==, first.slot);

  join (f, "laptop", "key-2", TRUE);
  g_assert_cmpuint (count_routes (f), ==, 0); /* the new key has armed nothing */
  ingress_routes_set_link (f->routes, node, 4000);
  arm (f, node, "laptop.example.org", 443);
  rekeyed = only_route (f, &entry);
  g_assert_cmpuint (rekeyed.id, !=, again.id);

  g_assert_true (ingress_registry_remove (f->registry, "laptop", &error));
  g_assert_cmpuint (count_routes (f), ==, 0);
}

static void
test_slots_differ (Fixture *f, gconstpointer data)
{
  gboolean used[64] = {FALSE};
  struct route_table *table;

  for (guint i = 0; i < 50; i++)
    {
      g_autofree char *name = g_strdup_printf ("node%u", i), *key = g_strdup_printf ("key-%u", i);
      g_autofree char *host = g_strconcat (name, ".example.org", NULL);
      gint64 node = join (f, name, key, FALSE);

      ingress_routes_set_link (f->routes, node, 4000);
      arm (f, node, host, 443);
    }
  table = build (f);
  g_assert_cmpuint (route_table_count (table), ==, 50);
  for (gsize i = 0; i < 50; i++)
    {
      guint32 slot = route_table_at (table, i)->slot;

      g_assert_cmpuint (slot, <, 50);
      g_assert_false (used[slot]);
      used[slot] = TRUE;
    }
  route_table_free (table);
}

/* Many changes, one table. */
static void
test_coalesced (Fixture *f, gconstpointer data)
{
  gint64 node = join (f, "laptop", "key-1", FALSE);

  ingress_routes_set_link (f->routes, node, 4000);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (f->changes, ==, 0); /* not started */
  ingress_routes_start (f->routes);
  for (guint i = 0; i < 100; i++)
    arm (f, node, i % 2 ? "laptop.example.org" : "other.example.org", 443);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (f->changes, ==, 1);
}

static void
test_presumed (Fixture *f, gconstpointer data)
{
  gint64 node = join (f, "laptop", "key-1", FALSE);
  gint64 gone = join (f, "gone", "key-2", FALSE);
  struct route_node entry;
  struct route before, after;
  struct route_table *last;

  ingress_routes_set_link (f->routes, node, 4000);
  arm (f, node, "laptop.example.org", 443);
  before = only_route (f, &entry);
  ingress_routes_set_link (f->routes, gone, 4002);
  arm (f, gone, "gone.example.org", 443);
  last = build (f);

  /* Another process; one node was removed meanwhile. */
  g_assert_true (ingress_registry_remove (f->registry, "gone", NULL));
  close_parts (f);
  open_parts (f);
  ingress_routes_presume (f->routes, last, 1);
  after = only_route (f, &entry);
  g_assert_cmpuint (entry.linked, ==, 1);
  g_assert_cmpuint (entry.offer_port, ==, 4000);
  g_assert_cmpuint (after.id, ==, before.id);
  g_assert_cmpuint (after.slot, ==, before.slot);

  /* Nobody came back within the grace. */
  ingress_routes_start (f->routes);
  do
    {
      g_main_context_iteration (NULL, TRUE);
      only_route (f, &entry);
    }
  while (entry.linked);
  route_table_free (last);
}

typedef struct
{
  guint calls;
  guint shares;
  guint32 epoch;
} Told;

static void
take_routed (gint64 node, GPtrArray *shares, gpointer user_data)
{
  Told *told = user_data;

  told->calls++;
  told->shares = shares->len;
  if (shares->len > 0)
    told->epoch = ((FunnelLinkShare *)g_ptr_array_index (shares, 0))->epoch;
}

/* A node hears what the relay has, not what it will have: a list that came after the table was
 * built is not told. */
static void
test_routed (Fixture *f, gconstpointer data)
{
  gint64 node = join (f, "laptop", "key-1", FALSE);
  g_autoptr (GPtrArray) later
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_share_free);
  Told told = {0};

  ingress_routes_set_link (f->routes, node, 4000);
  arm (f, node, "laptop.example.org", 443);
  route_table_free (build (f));
  g_ptr_array_add (later, funnel_link_share_new ("laptop.example.org", 443, 2));
  ingress_routes_set_shares (f->routes, node, later);
  ingress_routes_applied (f->routes, take_routed, &told);
  g_assert_cmpuint (told.calls, ==, 1);
  g_assert_cmpuint (told.epoch, ==, 1);
  ingress_routes_applied (f->routes, take_routed, &told);
  g_assert_cmpuint (told.calls, ==, 1);
  route_table_free (build (f));
  ingress_routes_applied (f->routes, take_routed, &told);
  g_assert_cmpuint (told.calls, ==, 2);
  g_assert_cmpuint (told.epoch, ==, 2);

  /* A new link knows nothing of what the old one was told. */
  ingress_routes_set_link (f->routes, node, 4001);
  route_table_free (build (f));
  ingress_routes_applied (f->routes, take_routed, &told);
  g_assert_cmpuint (told.calls, ==, 3);
  ingress_routes_set_link (f->routes, node, 0);
  ingress_routes_applied (f->routes, take_routed, &told);
  g_assert_cmpuint (told.calls, ==, 3);

  ingress_routes_set_link (f->routes, node, 4001);
  arm (f, node, "other.example.net", 443);
  route_table_free (build (f));
  ingress_routes_applied (f->routes, take_routed, &told);
  g_assert_cmpuint (told.calls, ==, 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
  g_test_add ("/ingress-routes/" path, Fixture, NULL, set_up, function, tear_down)
  ADD ("granted-and-armed", test_granted_and_armed);
  ADD ("away-keeps-routes", test_away_keeps_routes);
  ADD ("identity", test_identity);
  ADD ("slots-differ", test_slots_differ);
  ADD ("coalesced", test_coalesced);
  ADD ("presumed", test_presumed);
  ADD ("routed", test_routed);
  return g_test_run ();
}
