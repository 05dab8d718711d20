/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/serve-buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert (SERVE_BUFFER_SIZE >= 16384 + 256 + 5, "a TLS record must fit");

struct serve_buffer *
serve_buffer_get (struct serve_buffers *pool)
{
  struct serve_buffer *buffer = pool->idle;

  if (buffer != NULL)
    {
      pool->idle = buffer->next;
      pool->idle_count--;
    }
  else if ((buffer = malloc (sizeof *buffer)) == NULL)
    return NULL;
  buffer->next = NULL;
  buffer->start = buffer->end = 0;
  pool->in_use++;
  return buffer;
}

void
serve_buffer_put (struct serve_buffers *pool, struct serve_buffer **buffer)
{
  struct serve_buffer *gone = *buffer;

  if (gone == NULL)
    return;
  *buffer = NULL;
  pool->in_use--;
  if (pool->idle_count >= SERVE_BUFFERS_IDLE_MAX)
    {
      free (gone);
      return;
    }
  gone->next = pool->idle;
  pool->idle = gone;
  pool->idle_count++;
}

void
serve_buffers_clear (struct serve_buffers *pool)
{
  assert (pool->in_use == 0);
  while (pool->idle != NULL)
    {
      struct serve_buffer *next = pool->idle->next;

      free (pool->idle);
      pool->idle = next;
    }
  pool->idle_count = 0;
}

/* Where bytes can be put at the end, or NULL without memory. */
static struct serve_buffer *
last_with_room (struct serve_buffers *pool, struct serve_chain *chain)
{
  struct serve_buffer *more;

  if (chain->first != NULL && chain->last->end < SERVE_BUFFER_SIZE)
    return chain->last;
  more = serve_buffer_get (pool);
  if (more == NULL)
    return NULL;
  if (chain->first == NULL)
    chain->first = more;
  else
    chain->last->next = more;
  return chain->last = more;
}

bool
serve_chain_append (struct serve_buffers *pool,
                    struct serve_chain *chain,
                    const uint8_t *data,
                    size_t len)
{
  while (len > 0)
    {
      struct serve_buffer *last = last_with_room (pool, chain);
      size_t room;

      if (last == NULL)
        return false;
      room = SERVE_BUFFER_SIZE - last->end;
      room = room < len ? room : len;
      memcpy (last->data + last->end, data, room);
      last->end += (uint32_t)room;
      data += room;
      len -= room;
    }
  return true;
}

void
serve_chain_drop_first (struct serve_buffers *pool, struct serve_chain *chain)
{
  struct serve_buffer *gone = chain->first;

  chain->first = gone->next;
  serve_buffer_put (pool, &gone);
}
