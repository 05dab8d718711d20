/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/route/route-table.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct route_node nodes[] = {
    {.id = 7, .address = {100, 64, 0, 2}, .offer_port = 4001, .linked = 1},
    {.id = 9, .address = {100, 64, 0, 3}, .offer_port = 4002, .limits.max_flows = 5},
};

static const struct route_spec specs[] = {
    {.name = "laptop.example.org", .port = 443, .id = 11, .slot = 0, .node = 0},
    {.name = "laptop.example.org",
     .port = 8443,
     .id = 12,
     .slot = 5,
     .node = 0,
     .limits.max_flows = 2},
    {.name = "desk.example.org", .port = 443, .id = 13, .slot = 2, .node = 1},
};

static struct route_table *
build_and_map (const struct route_spec *routes, size_t count)
{
  int fd = route_table_build (nodes, G_N_ELEMENTS (nodes), routes, count, 42);
  struct route_table *table;

  g_assert_cmpint (fd, >=, 0);
  table = route_table_map (fd);
  close (fd);
  g_assert_nonnull (table);
  return table;
}

static void
test_find (void)
{
  struct route_table *table = build_and_map (specs, G_N_ELEMENTS (specs));
  const struct route *route = route_table_find (table, "laptop.example.org", 18, 8443);

  g_assert_nonnull (route);
  g_assert_cmpuint (route->id, ==, 12);
  g_assert_cmpuint (route->limits.max_flows, ==, 2);
  g_assert_cmpuint (route_table_node (table, route)->id, ==, 7);
  g_assert_true (route_table_find_slot (table, 5) == route);
  route = route_table_find (table, "desk.example.org", 16, 443);
  g_assert_cmpuint (route_table_node (table, route)->offer_port, ==, 4002);
  g_assert_cmpmem (route_table_name (table, route), route->name_len, "desk.example.org", 16);
  g_assert_null (route_table_find (table, "desk.example.org", 16, 8443));
  g_assert_null (route_table_find (table, "desk.example.or", 15, 443));
  g_assert_null (route_table_find (table, "", 0, 443));
  g_assert_null (route_table_find_slot (table, 1));
  g_assert_null (route_table_find_slot (table, ROUTE_SLOTS));
  g_assert_cmpuint (route_table_generation (table), ==, 42);
  g_assert_cmpuint (route_table_count (table), ==, 3);
  route_table_free (table);
}

static void
test_empty (void)
{
  struct route_table *table = build_and_map (NULL, 0);

  g_assert_null (route_table_find (table, "a", 1, 443));
  g_assert_null (route_table_at (table, 0));
  route_table_free (table);
}

static void
test_many (void)
{
  g_autofree struct route_spec *many = g_new0 (struct route_spec, ROUTE_SLOTS);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  struct route_table *table;

  for (guint i = 0; i < ROUTE_SLOTS; i++)
    {
      g_ptr_array_add (names, g_strdup_printf ("n%u.example.org", i));
      many[i] = (struct route_spec) {.name = names->pdata[i],
                                     .port = 443,
                                     .id = i + 1,
                                     .slot = ROUTE_SLOTS - 1 - i,
                                     .node = i % 2};
    }
  table = build_and_map (many, ROUTE_SLOTS);
  for (guint i = 0; i < ROUTE_SLOTS; i++)
    {
      const struct route *route
          = route_table_find (table, many[i].name, strlen (many[i].name), 443);

      g_assert_nonnull (route);
      g_assert_cmpuint (route->id, ==, i + 1);
      g_assert_true (route_table_find_slot (table, many[i].slot) == route);
    }
  route_table_free (table);
}

static void
test_bad_specs (void)
{
  const struct route_spec bad[] = {
      {.name = "UPPER.example.org", .port = 443, .slot = 0, .node = 0},
      {.name = "a..b", .port = 443, .slot = 0, .node = 0},
      {.name = NULL, .port = 443, .slot = 0, .node = 0},
      {.name = "a.example", .port = 0, .slot = 0, .node = 0},
      {.name = "a.example", .port = 443, .slot = ROUTE_SLOTS, .node = 0},
      {.name = "a.example", .port = 443, .slot = 0, .node = 2},
  };
  struct route_spec twice[2] = {specs[0], specs[0]};

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_cmpint (route_table_build (nodes, 2, &bad[i], 1, 1), ==, -EINVAL);
  g_assert_cmpint (route_table_build (nodes, 2, twice, 2, 1), ==, -EINVAL);
  twice[1].slot = 1;
  g_assert_cmpint (route_table_build (nodes, 2, twice, 2, 1), ==, -EINVAL);
  twice[1].port = 444;
  twice[1].slot = 0;
  g_assert_cmpint (route_table_build (nodes, 2, twice, 2, 1), ==, -EINVAL);
}

static void
test_map_refuses (void)
{
  int fd = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  g_assert_null (route_table_map (-1));
  g_assert_cmpint (ftruncate (fd, 4096), ==, 0);
  g_assert_null (route_table_map (fd)); /* not sealed */
  g_assert_cmpint (fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), ==, 0);
  g_assert_null (route_table_map (fd)); /* sealed zeros */
  close (fd);
}

/* Every single changed byte either leaves a table that can be used safely or is refused. Run under
 * AddressSanitizer this finds any unchecked offset. */
static void
test_corruption (void)
{
  int fd = route_table_build (nodes, 2, specs, G_N_ELEMENTS (specs), 1);
  struct stat status;
  g_autofree guint8 *copy = NULL;
  guint sound = 0, refused = 0;

  g_assert_cmpint (fstat (fd, &status), ==, 0);
  copy = g_malloc ((gsize)status.st_size);
  for (off_t i = 0; i < status.st_size; i++)
    for (guint bit = 0; bit < 8; bit++)
      {
        struct route_table *table;

        g_assert_cmpint (pread (fd, copy, (gsize)status.st_size, 0), ==, status.st_size);
        copy[i] ^= (guint8)(1u << bit);
        table = route_table_check (copy, (gsize)status.st_size);
        if (table == NULL)
          {
            refused++;
            continue;
          }
        sound++;
        route_table_find (table, "laptop.example.org", 18, 443);
        for (size_t r = 0; r < route_table_count (table); r++)
          route_table_node (table, route_table_at (table, r));
        for (guint32 s = 0; s < 8; s++)
          route_table_find_slot (table, s);
        route_table_free (table);
      }
  g_assert_cmpuint (sound, >, 0);
  g_assert_cmpuint (refused, >, 0);
  g_assert_null (route_table_check (copy, 8));
  close (fd);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/route-table/find", test_find);
  g_test_add_func ("/route-table/empty", test_empty);
  g_test_add_func ("/route-table/many", test_many);
  g_test_add_func ("/route-table/bad-specs", test_bad_specs);
  g_test_add_func ("/route-table/map-refuses", test_map_refuses);
  g_test_add_func ("/route-table/corruption", test_corruption);
  return g_test_run ();
}
