/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: what to change in a good route table, three bytes a time: offset (big endian) and value.
 * An odd first byte makes the rest a table of its own. Whatever passes the check must be safe to
 * look up in. */
#include "tests/fuzz/fuzz.h"

#include "ingress-server/route/route-table.h"

#include <string.h>
#include <unistd.h>

#define TABLE_SPACE 8192

static const struct route_node nodes[] = {
    {.id = 1, .address = {100, 64, 0, 2}, .offer_port = 40000, .linked = 1},
    {.id = 2, .address = {100, 64, 0, 3}, .limits.max_flows = 5},
};

static const struct route_spec specs[] = {
    {.name = "laptop.example.org", .port = 443, .id = 1, .slot = 0, .node = 0},
    {.name = "laptop.example.org", .port = 8443, .id = 2, .slot = 1, .node = 0},
    {.name = "a.example", .port = 443, .id = 3, .slot = 2, .node = 1, .limits.max_flows = 9},
    {.name = "b", .port = 1, .id = 4, .slot = 7, .node = 1},
};

#define SPEC_COUNT (sizeof specs / sizeof specs[0])

/* A good table, copied once from the descriptor the builder gives. */
static size_t
copy_good_table (uint8_t *out)
{
  static uint8_t good[TABLE_SPACE];
  static size_t len;

  if (len == 0)
    {
      int fd = route_table_build (nodes, sizeof nodes / sizeof nodes[0], specs, SPEC_COUNT, 1);
      ssize_t got;

      REQUIRE (fd >= 0);
      got = pread (fd, good, sizeof good, 0);
      REQUIRE (got > 0 && got < TABLE_SPACE);
      len = (size_t)got;
      close (fd);
    }
  memcpy (out, good, len);
  return len;
}

static void
check_route (const struct route_table *table, const struct route *route)
{
  const char *name = route_table_name (table, route);
  const struct route_node *node = route_table_node (table, route);
  char *copy = malloc ((size_t)route->name_len + 1);
  const struct route *found;
  volatile uint32_t id = node->id;

  (void)id;
  REQUIRE (copy != NULL);
  memcpy (copy, name, route->name_len);
  found = route_table_find (table, copy, route->name_len, route->port);
  REQUIRE (found == NULL
           || (found->port == route->port && found->name_len == route->name_len
               && memcmp (route_table_name (table, found), copy, route->name_len) == 0));
  free (copy);
}

static void
walk (const struct route_table *table)
{
  for (size_t i = 0; i < route_table_count (table); i++)
    check_route (table, route_table_at (table, i));
  REQUIRE (route_table_at (table, route_table_count (table)) == NULL);
  for (uint32_t slot = 0; slot < 64; slot++)
    {
      const struct route *route = route_table_find_slot (table, slot);

      if (route != NULL)
        check_route (table, route);
    }
  REQUIRE (route_table_find_slot (table, UINT32_MAX) == NULL);
  for (size_t i = 0; i < SPEC_COUNT; i++)
    {
      const struct route *route
          = route_table_find (table, specs[i].name, strlen (specs[i].name), specs[i].port);

      if (route != NULL)
        check_route (table, route);
    }
  for (size_t i = 0; i < route_table_node_count (table); i++)
    REQUIRE (route_table_node_at (table, i) != NULL);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  uint8_t space[TABLE_SPACE];
  uint8_t *exact;
  struct route_table *table;
  size_t len;

  if (size < 1 || size > TABLE_SPACE)
    return -1;
  if (data[0] % 2 == 1)
    {
      len = size - 1;
      memcpy (space, data + 1, len);
    }
  else
    {
      len = copy_good_table (space);
      for (size_t i = 1; i + 2 < size; i += 3)
        space[(size_t)(data[i] << 8 | data[i + 1]) % len] = data[i + 2];
      len -= data[0] / 2; /* and cut off at the end */
    }
  exact = malloc (len > 0 ? len : 1);
  REQUIRE (exact != NULL);
  memcpy (exact, space, len);
  table = route_table_check (exact, len);
  if (table != NULL)
    walk (table);
  if (size == 1 && data[0] == 0)
    {
      REQUIRE (table != NULL);
      REQUIRE (route_table_count (table) == SPEC_COUNT);
    }
  route_table_free (table);
  free (exact);
  return 0;
}
