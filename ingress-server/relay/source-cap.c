/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/relay/source-cap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct source_cap *
source_cap_new (uint32_t limit, uint32_t rate)
{
  struct source_cap *cap = calloc (1, sizeof *cap);

  if (cap == NULL)
    return NULL;
  if (getrandom (cap->key, sizeof cap->key, 0) != sizeof cap->key)
    {
      free (cap);
      return NULL;
    }
  cap->limit = limit < SOURCE_CAP_LIMIT_MAX ? limit : SOURCE_CAP_LIMIT_MAX;
  cap->rate = rate;
  return cap;
}

void
source_cap_free (struct source_cap *cap)
{
  free (cap);
}

/* Two rounds of multiply-fold keyed by the secret: not a cryptographic hash, but without the key a
 * visitor cannot aim at another's cell. */
static uint64_t
mix (uint64_t a, uint64_t b)
{
  unsigned __int128 product = (unsigned __int128)a * b;

  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t
cell_of (const struct source_cap *cap, const struct address *source)
{
  uint64_t word = 0;

  memcpy (&word, source->ip, source->family == 4 ? 4 : 8);
  word = mix (word ^ cap->key[0], cap->key[1] | 1);
  word = mix (word ^ source->family, cap->key[0] | 1);
  return (uint32_t)(word % SOURCE_CAP_CELLS);
}

enum source_cap_result
source_cap_take (struct source_cap *cap, const struct address *source, uint64_t now, uint32_t *cell)
{
  uint32_t index = cell_of (cap, source);
  uint16_t before;

  if (!arrival_rate_take (&cap->arrivals[index], cap->rate, now))
    return SOURCE_CAP_TOO_FAST;
  before = atomic_fetch_add_explicit (&cap->cells[index], 1, memory_order_relaxed);
  if (before >= cap->limit)
    {
      atomic_fetch_sub_explicit (&cap->cells[index], 1, memory_order_relaxed);
      return SOURCE_CAP_FULL;
    }
  *cell = index;
  return SOURCE_CAP_OK;
}

void
source_cap_give (struct source_cap *cap, uint32_t cell)
{
  atomic_fetch_sub_explicit (&cap->cells[cell], 1, memory_order_relaxed);
}
