/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Layout of a table, all offsets from its start, all areas 8-byte aligned, native byte order
 * (writer and reader are processes of one host):
 *
 *   struct table_header | nodes | routes | buckets (uint32_t) | slots (uint32_t) | names
 *
 * Lookup: FNV-1a of name and port picks a bucket, whose chain runs through route.next. The slot
 * area is a second, dense index: slot number to route. The reader trusts nothing: table_is_sound()
 * proves every index and that every chain ends, after which lookups follow them unchecked. Names
 * come from an administrator's grants, so an unkeyed hash is enough. */

#include "ingress-server/route/route-table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_MAGIC 0x32656c6261746672ull /* "rftable2" */
#define TABLE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define NO_ROUTE UINT32_MAX

struct table_header
{
  uint64_t magic;
  uint64_t generation;
  uint32_t size; /* of the whole table */
  uint32_t node_count;
  uint32_t route_count;
  uint32_t bucket_count; /* a power of two */
  uint32_t slot_count;   /* highest slot in use plus one */
  uint32_t nodes_offset;
  uint32_t routes_offset;
  uint32_t buckets_offset;
  uint32_t slots_offset;
  uint32_t names_offset;
};

struct route_table
{
  const uint8_t *data;
  size_t mapped; /* bytes to unmap; 0 when the caller keeps the memory */
  const struct table_header *header;
  const struct route_node *nodes;
  const struct route *routes;
  const uint32_t *buckets;
  const uint32_t *slots;
  const char *names;
};

static uint32_t
hash_route (const char *name, size_t len, uint16_t port)
{
  uint32_t hash = 2166136261u;

  for (size_t i = 0; i < len; i++)
    hash = (hash ^ (uint8_t)name[i]) * 16777619u;
  hash = (hash ^ (port & 0xff)) * 16777619u;
  hash = (hash ^ (port >> 8)) * 16777619u;
  return hash ^ (hash >> 15);
}

static uint64_t
align8 (uint64_t offset)
{
  return (offset + 7) & ~UINT64_C (7);
}

/* --- building -----------------------------------------------------------------------------------
 */

/* Fills in counts and offsets; false when the table would not fit its limits. */
static bool
plan_layout (struct table_header *header,
             size_t node_count,
             const struct route_spec *routes,
             size_t route_count)
{
  uint64_t offset = align8 (sizeof *header);
  uint64_t names = 0;
  uint32_t buckets = 16;

  if (node_count > ROUTE_SLOTS || route_count > ROUTE_SLOTS)
    return false;
  while (buckets < route_count * 2)
    buckets *= 2;
  for (size_t i = 0; i < route_count; i++)
    {
      names += strlen (routes[i].name);
      if (routes[i].slot >= header->slot_count)
        header->slot_count = routes[i].slot + 1;
    }

  header->node_count = (uint32_t)node_count;
  header->route_count = (uint32_t)route_count;
  header->bucket_count = buckets;
  header->nodes_offset = (uint32_t)offset;
  offset = align8 (offset + node_count * sizeof (struct route_node));
  header->routes_offset = (uint32_t)offset;
  offset = align8 (offset + route_count * sizeof (struct route));
  header->buckets_offset = (uint32_t)offset;
  offset = align8 (offset + buckets * sizeof (uint32_t));
  header->slots_offset = (uint32_t)offset;
  offset = align8 (offset + header->slot_count * sizeof (uint32_t));
  header->names_offset = (uint32_t)offset;
  offset = align8 (offset + names);
  if (offset > ROUTE_TABLE_MAX)
    return false;
  header->size = (uint32_t)offset;
  return true;
}

static bool
spec_is_valid (const struct route_spec *spec, size_t node_count)
{
  char canonical[HOST_NAME_MAX + 1];
  size_t len;

  if (spec->name == NULL || spec->node >= node_count || spec->slot >= ROUTE_SLOTS
      || spec->port == 0)
    return false;
  len = strlen (spec->name);
  return host_name_normalize (spec->name, len, canonical) == HOST_NAME_OK
         && strcmp (canonical, spec->name) == 0;
}

/* Writes route @index and hooks it into its bucket and slot; false when name and port, or the slot,
 * are there already. */
static bool
put_route (uint8_t *data, const struct route_spec *spec, uint32_t index, uint32_t *names_used)
{
  const struct table_header *header = (const struct table_header *)data;
  struct route *routes = (struct route *)(data + header->routes_offset);
  uint32_t *buckets = (uint32_t *)(data + header->buckets_offset);
  uint32_t *slots = (uint32_t *)(data + header->slots_offset);
  char *names = (char *)(data + header->names_offset);
  size_t len = strlen (spec->name);
  uint32_t *head = &buckets[hash_route (spec->name, len, spec->port) & (header->bucket_count - 1)];

  if (slots[spec->slot] != NO_ROUTE)
    return false;
  for (uint32_t i = *head; i != NO_ROUTE; i = routes[i].next)
    if (routes[i].port == spec->port && routes[i].name_len == len
        && memcmp (names + routes[i].name_offset, spec->name, len) == 0)
      return false;

  routes[index] = (struct route) {
      .id = spec->id,
      .slot = spec->slot,
      .node = spec->node,
      .limits = spec->limits,
      .name_offset = *names_used,
      .next = *head,
      .port = spec->port,
      .name_len = (uint8_t)len,
  };
  memcpy (names + *names_used, spec->name, len);
  *names_used += (uint32_t)len;
  *head = index;
  slots[spec->slot] = index;
  return true;
}

static int
fill_table (uint8_t *data,
            const struct table_header *header,
            const struct route_node *nodes,
            const struct route_spec *routes)
{
  uint32_t names_used = 0;

  memcpy (data, header, sizeof *header);
  if (header->node_count > 0)
    memcpy (data + header->nodes_offset, nodes, header->node_count * sizeof *nodes);
  memset (data + header->buckets_offset, 0xff, header->bucket_count * sizeof (uint32_t));
  memset (data + header->slots_offset, 0xff, header->slot_count * sizeof (uint32_t));
  for (uint32_t i = 0; i < header->route_count; i++)
    if (!put_route (data, &routes[i], i, &names_used))
      return -EINVAL;
  return 0;
}

int
route_table_build (const struct route_node *nodes,
                   size_t node_count,
                   const struct route_spec *routes,
                   size_t route_count,
                   uint64_t generation)
{
  struct table_header header = {.magic = TABLE_MAGIC, .generation = generation};
  uint8_t *data;
  int fd, result;

  for (size_t i = 0; i < route_count; i++)
    if (!spec_is_valid (&routes[i], node_count))
      return -EINVAL;
  if (!plan_layout (&header, node_count, routes, route_count))
    return -EINVAL;

  fd = memfd_create ("funnel-routes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0)
    return -errno;
  if (ftruncate (fd, header.size) < 0
      || (data = mmap (NULL, header.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED)
    {
      result = -errno;
      close (fd);
      return result;
    }
  result = fill_table (data, &header, nodes, routes);
  munmap (data, header.size);
  if (result == 0 && fcntl (fd, F_ADD_SEALS, TABLE_SEALS) < 0)
    result = -errno;
  if (result < 0)
    {
      close (fd);
      return result;
    }
  return fd;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static bool
area_is_inside (uint64_t offset, uint64_t count, uint64_t unit, uint64_t size)
{
  return offset % 8 == 0 && offset >= sizeof (struct table_header) && offset <= size
         && count * unit <= size - offset;
}

static bool
header_is_sound (const struct table_header *header, size_t len)
{
  uint64_t size = header->size;

  return header->magic == TABLE_MAGIC && size <= len && size <= ROUTE_TABLE_MAX
         && header->node_count <= ROUTE_SLOTS && header->route_count <= ROUTE_SLOTS
         && header->slot_count <= ROUTE_SLOTS && header->bucket_count > 0
         && (header->bucket_count & (header->bucket_count - 1)) == 0
         && area_is_inside (header->nodes_offset, header->node_count, sizeof (struct route_node),
                            size)
         && area_is_inside (header->routes_offset, header->route_count, sizeof (struct route), size)
         && area_is_inside (header->buckets_offset, header->bucket_count, sizeof (uint32_t), size)
         && area_is_inside (header->slots_offset, header->slot_count, sizeof (uint32_t), size)
         && area_is_inside (header->names_offset, 0, 1, size);
}

static bool
route_is_sound (const struct route_table *table, uint32_t index)
{
  const struct route *route = &table->routes[index];
  const struct table_header *header = table->header;
  uint64_t names_size = header->size - header->names_offset;

  /* A chain may only lead to lower indices, so it always ends. */
  return route->node < header->node_count && route->slot < header->slot_count
         && (route->next == NO_ROUTE || route->next < index)
         && (uint64_t)route->name_offset + route->name_len <= names_size;
}

static bool
table_is_sound (const struct route_table *table)
{
  const struct table_header *header = table->header;

  for (uint32_t i = 0; i < header->route_count; i++)
    if (!route_is_sound (table, i))
      return false;
  for (uint32_t i = 0; i < header->bucket_count; i++)
    if (table->buckets[i] != NO_ROUTE && table->buckets[i] >= header->route_count)
      return false;
  for (uint32_t i = 0; i < header->slot_count; i++)
    if (table->slots[i] != NO_ROUTE && table->slots[i] >= header->route_count)
      return false;
  return true;
}

struct route_table *
route_table_check (const uint8_t *data, size_t len)
{
  const struct table_header *header = (const struct table_header *)data;
  struct route_table *table;

  if (len < sizeof *header || (uintptr_t)data % 8 != 0 || !header_is_sound (header, len))
    {
      errno = EINVAL;
      return NULL;
    }
  table = calloc (1, sizeof *table);
  if (table == NULL)
    return NULL;
  table->data = data;
  table->header = header;
  table->nodes = (const struct route_node *)(data + header->nodes_offset);
  table->routes = (const struct route *)(data + header->routes_offset);
  table->buckets = (const uint32_t *)(data + header->buckets_offset);
  table->slots = (const uint32_t *)(data + header->slots_offset);
  table->names = (const char *)(data + header->names_offset);
  if (!table_is_sound (table))
    {
      free (table);
      errno = EINVAL;
      return NULL;
    }
  return table;
}

struct route_table *
route_table_map (int fd)
{
  struct route_table *table;
  struct stat status;
  void *data;
  int seals = fcntl (fd, F_GET_SEALS);

  if (seals < 0 || (seals & TABLE_SEALS) != TABLE_SEALS || fstat (fd, &status) < 0
      || status.st_size < (off_t)sizeof (struct table_header)
      || status.st_size > (off_t)ROUTE_TABLE_MAX)
    {
      errno = EINVAL;
      return NULL;
    }
  data = mmap (NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED)
    return NULL;
  table = route_table_check (data, (size_t)status.st_size);
  if (table == NULL)
    {
      int saved = errno;

      munmap (data, (size_t)status.st_size);
      errno = saved;
      return NULL;
    }
  table->mapped = (size_t)status.st_size;
  return table;
}

void
route_table_free (struct route_table *table)
{
  if (table == NULL)
    return;
  if (table->mapped > 0)
    munmap ((void *)table->data, table->mapped);
  free (table);
}

const struct route *
route_table_find (const struct route_table *table, const char *name, size_t len, uint16_t port)
{
  uint32_t bucket = hash_route (name, len, port) & (table->header->bucket_count - 1);

  for (uint32_t i = table->buckets[bucket]; i != NO_ROUTE; i = table->routes[i].next)
    {
      const struct route *route = &table->routes[i];

      if (route->port == port && route->name_len == len
          && memcmp (table->names + route->name_offset, name, len) == 0)
        return route;
    }
  return NULL;
}

const struct route *
route_table_find_slot (const struct route_table *table, uint32_t slot)
{
  if (slot >= table->header->slot_count || table->slots[slot] == NO_ROUTE)
    return NULL;
  return &table->routes[table->slots[slot]];
}

const struct route_node *
route_table_node (const struct route_table *table, const struct route *route)
{
  return &table->nodes[route->node];
}

uint64_t
route_table_generation (const struct route_table *table)
{
  return table->header->generation;
}

size_t
route_table_count (const struct route_table *table)
{
  return table->header->route_count;
}

const struct route *
route_table_at (const struct route_table *table, size_t index)
{
  return index < table->header->route_count ? &table->routes[index] : NULL;
}

const char *
route_table_name (const struct route_table *table, const struct route *route)
{
  return table->names + route->name_offset;
}

size_t
route_table_node_count (const struct route_table *table)
{
  return table->header->node_count;
}

const struct route_node *
route_table_node_at (const struct route_table *table, size_t index)
{
  return index < table->header->node_count ? &table->nodes[index] : NULL;
}
