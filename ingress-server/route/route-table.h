/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Route table: which node takes visitors of a name and port. An immutable block of bytes, written
 * by the control process into a sealed memfd and mapped read-only by the relay, which checks every
 * offset once when mapping, so that lookups need no checks. Plain C, no GLib. */

#include "lib/wire/host-name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTE_SLOTS 65536           /* slots index the counters page; one per (node, name, port) */
#define ROUTE_TABLE_MAX (64u << 20) /* bytes of a table */

/* How much a node or a name may take; 0: no limit of its own. */
struct route_limits
{
  uint32_t max_flows; /* at a time */
  uint32_t rate;      /* new flows per second */
  uint64_t bandwidth; /* bytes per second, both directions together */
};

struct route_node
{
  uint32_t id;         /* stable for the life of the node */
  uint8_t address[4];  /* tunnel address, network order */
  uint16_t offer_port; /* 0: unknown */
  uint8_t linked;      /* 0: away; visitors get internal_error at once */
  uint8_t reserved;
  uint32_t reserved2;
  struct route_limits limits;
};

/* One visitor-reachable (name, port). */
struct route
{
  uint64_t
      id; /* changes whenever what it stands for changes: open flows of a vanished id are cut */
  uint32_t slot; /* < ROUTE_SLOTS; chosen by control, kept while the route lives */
  uint32_t node; /* index into the nodes */
  struct route_limits limits;
  uint32_t name_offset; /* into the names area */
  uint32_t next;        /* chain in the bucket, UINT32_MAX ends */
  uint16_t port;
  uint8_t name_len;
  uint8_t reserved;
};

struct route_table; /* mapped or built; opaque */

/* What the control process hands in to route_table_build. */
struct route_spec
{
  const char *name; /* canonical */
  uint16_t port;
  uint64_t id;
  uint32_t slot;
  uint32_t node; /* index into nodes */
  struct route_limits limits;
};

/**
 * route_table_build: write a table into a new sealed memfd.
 * Returns the descriptor, or -errno (-EINVAL: a node index, slot, name or duplicate out of bounds).
 */
int route_table_build (const struct route_node *nodes,
                       size_t node_count,
                       const struct route_spec *routes,
                       size_t route_count,
                       uint64_t generation);

/** route_table_map: check and map @fd (not taken over). NULL and errno when it is not a valid
 * sealed table. */
struct route_table *route_table_map (int fd);
/** route_table_check: the same for bytes in memory, kept by the caller; for tests and fuzzing. */
struct route_table *route_table_check (const uint8_t *data, size_t len);
/** route_table_free: unmap; routes and nodes of it are gone. */
void route_table_free (struct route_table *table);

/** route_table_find: the route of canonical @name and @port, or NULL. O(1). */
const struct route *
route_table_find (const struct route_table *table, const char *name, size_t len, uint16_t port);
/** route_table_find_slot: the route in @slot, or NULL. O(1). */
const struct route *route_table_find_slot (const struct route_table *table, uint32_t slot);
const struct route_node *
route_table_node (const struct route_table *table, const struct route *route);

uint64_t route_table_generation (const struct route_table *table);
size_t route_table_count (const struct route_table *table);
const struct route *route_table_at (const struct route_table *table, size_t index);
const char *route_table_name (const struct route_table *table,
                              const struct route *route); /* not NUL-terminated; name_len bytes */
size_t route_table_node_count (const struct route_table *table);
const struct route_node *route_table_node_at (const struct route_table *table, size_t index);
