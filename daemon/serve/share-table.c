/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Two open-addressing indices over one array of entries: by name and port, for offers; by id, for
 * the cut after a new list. Both are at most half full. */

#include "daemon/serve/share-table.h"

#include "daemon/serve/request-log.h"

#include <string.h>

#define SLOT_EMPTY UINT32_MAX

struct share_table
{
  struct share_entry **entries;
  uint32_t count;
  uint32_t mask; /* slots - 1; a power of two less one */
  uint32_t *by_name;
  uint32_t *by_id;
};

struct share_counters *
share_counters_new (void)
{
  struct share_counters *counters = g_new0 (struct share_counters, 1);

  atomic_init (&counters->refs, 1);
  return counters;
}

struct share_counters *
share_counters_ref (struct share_counters *counters)
{
  atomic_fetch_add_explicit (&counters->refs, 1, memory_order_relaxed);
  return counters;
}

void
share_counters_unref (struct share_counters *counters)
{
  if (atomic_fetch_sub_explicit (&counters->refs, 1, memory_order_acq_rel) != 1)
    return;
  request_log_free (atomic_load_explicit (&counters->log, memory_order_relaxed));
  g_free (counters);
}

void
share_counters_read (struct share_counters *counters, FunnelServeCounters *out)
{
  out->flows_active = atomic_load_explicit (&counters->flows_active, memory_order_relaxed);
  out->flows_total = atomic_load_explicit (&counters->flows_total, memory_order_relaxed);
  out->bytes_in = atomic_load_explicit (&counters->bytes_in, memory_order_relaxed);
  out->bytes_out = atomic_load_explicit (&counters->bytes_out, memory_order_relaxed);
  for (int i = 0; i < FUNNEL_SERVE_REASONS; i++)
    out->refusals[i] = atomic_load_explicit (&counters->refusals[i], memory_order_relaxed);
  for (int i = 0; i < FUNNEL_SERVE_STATUS_CLASSES; i++)
    out->requests[i] = atomic_load_explicit (&counters->requests[i], memory_order_relaxed);
  out->target_attempts = atomic_load_explicit (&counters->target_attempts, memory_order_relaxed);
  out->wrong_passwords = atomic_load_explicit (&counters->wrong_passwords, memory_order_relaxed);
  out->guesses_slowed = atomic_load_explicit (&counters->guesses_slowed, memory_order_relaxed);
  out->target_error = atomic_load_explicit (&counters->target_error, memory_order_relaxed);
}

/* FNV-1a: the names are the owner's own, so nobody can choose them to collide. */
static uint32_t
hash_name (const char *name, uint16_t port)
{
  uint32_t hash = 2166136261u ^ port;

  for (const char *p = name; *p != '\0'; p++)
    hash = (hash ^ (uint8_t)*p) * 16777619u;
  return hash ^ (hash >> 15);
}

static uint32_t
hash_id (uint32_t id)
{
  return (id * 2654435769u) >> 7;
}

/* The slot of (@name, @port), or the empty one where it would stand. */
static uint32_t *
name_slot (const struct share_table *table, const char *name, uint16_t port)
{
  for (uint32_t i = hash_name (name, port);; i++)
    {
      uint32_t *slot = &table->by_name[i & table->mask];
      const FunnelServeShare *share;

      if (*slot == SLOT_EMPTY)
        return slot;
      share = table->entries[*slot]->share;
      if (share->port == port && strcmp (share->name, name) == 0)
        return slot;
    }
}

static uint32_t *
id_slot (const struct share_table *table, uint32_t id)
{
  for (uint32_t i = hash_id (id);; i++)
    {
      uint32_t *slot = &table->by_id[i & table->mask];

      if (*slot == SLOT_EMPTY || table->entries[*slot]->share->id == id)
        return slot;
    }
}

struct share_table *
share_table_new (uint32_t n)
{
  struct share_table *table = g_new0 (struct share_table, 1);
  uint32_t slots = 4;

  while (slots < n * 2)
    slots *= 2;
  table->mask = slots - 1;
  table->entries = g_new0 (struct share_entry *, n > 0 ? n : 1);
  table->by_name = g_new (uint32_t, slots);
  table->by_id = g_new (uint32_t, slots);
  memset (table->by_name, 0xff, slots * sizeof *table->by_name);
  memset (table->by_id, 0xff, slots * sizeof *table->by_id);
  return table;
}

void
share_table_free (struct share_table *table)
{
  for (uint32_t i = 0; i < table->count; i++)
    share_entry_unref (table->entries[i]);
  g_free (table->entries);
  g_free (table->by_name);
  g_free (table->by_id);
  g_free (table);
}

void
share_table_add (struct share_table *table,
                 const FunnelServeShare *share,
                 struct share_counters *counters)
{
  struct share_entry *entry = g_new0 (struct share_entry, 1);
  uint32_t *slot = name_slot (table, share->name, share->port);

  entry->refs = 1;
  entry->share = funnel_serve_share_ref (share);
  entry->counters = share_counters_ref (counters);
  table->entries[table->count] = entry;
  if (*slot == SLOT_EMPTY)
    *slot = table->count;
  slot = id_slot (table, share->id);
  if (*slot == SLOT_EMPTY)
    *slot = table->count;
  table->count++;
}

struct share_entry *
share_table_find (const struct share_table *table, const char *name, uint16_t port)
{
  uint32_t slot = *name_slot (table, name, port);

  return slot != SLOT_EMPTY ? table->entries[slot] : NULL;
}

struct share_entry *
share_table_find_id (const struct share_table *table, uint32_t id)
{
  uint32_t slot = *id_slot (table, id);

  return slot != SLOT_EMPTY ? table->entries[slot] : NULL;
}

int64_t
share_table_next_expiry (const struct share_table *table, int64_t now_s)
{
  int64_t next = 0;

  for (uint32_t i = 0; i < table->count; i++)
    {
      int64_t expires = table->entries[i]->share->policy.expires;

      if (expires > now_s && (next == 0 || expires < next))
        next = expires;
    }
  return next;
}

struct share_entry *
share_entry_ref (struct share_entry *entry)
{
  entry->refs++;
  return entry;
}

void
share_entry_unref (struct share_entry *entry)
{
  if (--entry->refs > 0)
    return;
  funnel_serve_share_unref (entry->share);
  share_counters_unref (entry->counters);
  g_free (entry);
}
