/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What is shared, as an immutable snapshot, and the counters that outlive snapshots.
 *
 * The owner builds a table and hands it to the serve thread, which alone touches it from then on:
 * its entries are counted without atomics, and a flow keeps the entry it began with. Counters are
 * one per share id, written by the serve thread and read by any. */

#include "daemon/serve/offer-policy.h"
#include "daemon/serve/serve.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct request_log;

struct share_counters
{
  atomic_int refs;
  atomic_uint flows_active;
  _Atomic uint64_t flows_total;
  _Atomic uint64_t bytes_in;
  _Atomic uint64_t bytes_out;
  _Atomic uint64_t refusals[FUNNEL_SERVE_REASONS];
  _Atomic uint64_t wrong_passwords;
  _Atomic uint64_t guesses_slowed;
  _Atomic uint64_t target_attempts;
  atomic_int target_error;
  _Atomic (struct request_log *) log; /* NULL before the first request */
  _Atomic uint64_t requests[FUNNEL_SERVE_STATUS_CLASSES];
  struct token_bucket bucket; /* the serve thread's alone; outlives snapshots as counters do */
};

struct share_entry
{
  uint32_t refs;
  const FunnelServeShare *share; /* reference */
  struct share_counters *counters;
};

struct share_table;

struct share_counters *share_counters_new (void);
struct share_counters *share_counters_ref (struct share_counters *counters);
void share_counters_unref (struct share_counters *counters);

/** share_counters_read: a copy of the present values. Any thread. */
void share_counters_read (struct share_counters *counters, FunnelServeCounters *out);

/** counter_add: for counters with one writing thread: no locked instruction. */
static inline void
counter_add (_Atomic uint64_t *counter, uint64_t n)
{
  uint64_t now = atomic_load_explicit (counter, memory_order_relaxed);

  atomic_store_explicit (counter, now + n, memory_order_relaxed);
}

/** share_table_new: room for @n shares. */
struct share_table *share_table_new (uint32_t n);
void share_table_free (struct share_table *table);

/** share_table_add: enter @share with a new reference, with a new reference to @counters. Of two
 * shares with the same name and port the first one counts. */
void share_table_add (struct share_table *table,
                      const FunnelServeShare *share,
                      struct share_counters *counters);

/** share_table_find: the entry for canonical @name and @port, or NULL. */
struct share_entry *
share_table_find (const struct share_table *table, const char *name, uint16_t port);

/** share_table_find_id: an entry of share @id, or NULL. */
struct share_entry *share_table_find_id (const struct share_table *table, uint32_t id);

/** share_table_next_expiry: the earliest end of a share after @now_s, Unix seconds; 0 if none. */
int64_t share_table_next_expiry (const struct share_table *table, int64_t now_s);

struct share_entry *share_entry_ref (struct share_entry *entry);
void share_entry_unref (struct share_entry *entry);
