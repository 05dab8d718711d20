/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/serve-flow.h"

#include <assert.h>
#include <stdlib.h>

static const char *const state_names[] = {
    [FLOW_FREE] = "free",       [FLOW_WAITING] = "waiting",
    [FLOW_READING] = "reading", [FLOW_CONNECTING] = "connecting",
    [FLOW_SERVING] = "serving", [FLOW_LINGERING] = "lingering",
    [FLOW_DEAD] = "dead",
};
static_assert (sizeof state_names / sizeof state_names[0] == FLOW_STATES, "a name per state");

const char *
flow_state_name (enum flow_state state)
{
  return state_names[state];
}

void
flow_table_init (struct flow_table *table, uint32_t max)
{
  assert (max <= FLOW_INDEX_MAX);
  *table = (struct flow_table) {.max = max, .free_head = FLOW_NONE};
}

void
flow_table_clear (struct flow_table *table)
{
  for (uint32_t i = 0; i < table->chunk_count; i++)
    free (table->chunks[i]);
  free (table->chunks);
  *table = (struct flow_table) {.free_head = FLOW_NONE};
}

uint32_t
flow_table_size (const struct flow_table *table)
{
  return table->chunk_count * FLOW_CHUNK;
}

struct flow *
flow_table_get (const struct flow_table *table, uint32_t index)
{
  return &table->chunks[index / FLOW_CHUNK][index % FLOW_CHUNK];
}

static bool
grow (struct flow_table *table)
{
  uint32_t base = flow_table_size (table);
  struct flow **chunks;
  struct flow *chunk;

  if (base + FLOW_CHUNK > table->max)
    return false;
  chunks = realloc (table->chunks, (table->chunk_count + 1) * sizeof (struct flow *));
  if (chunks == NULL)
    return false;
  table->chunks = chunks;
  chunk = calloc (FLOW_CHUNK, sizeof *chunk);
  if (chunk == NULL)
    return false;
  table->chunks[table->chunk_count++] = chunk;
  for (uint32_t i = FLOW_CHUNK; i-- > 0;)
    {
      chunk[i].index = base + i;
      chunk[i].next = table->free_head;
      table->free_head = base + i;
    }
  return true;
}

struct flow *
flow_table_alloc (struct flow_table *table)
{
  struct flow *flow;
  uint32_t generation, index;

  if (table->free_head == FLOW_NONE && !grow (table))
    return NULL;
  flow = flow_table_get (table, table->free_head);
  table->free_head = flow->next;
  index = flow->index;
  generation = flow->generation;
  *flow = (struct flow) {
      .index = index,
      .generation = generation,
      .visitor = -1,
      .target = -1,
      .next = FLOW_NONE,
      .next_again = FLOW_NONE,
  };
  deadline_link_init (&flow->deadline);
  return flow;
}

void
flow_table_free (struct flow_table *table, struct flow *flow)
{
  flow->state = FLOW_FREE;
  flow->generation++;
  flow->next = table->free_head;
  table->free_head = flow->index;
}
