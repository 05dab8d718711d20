/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/rate-limit.h"

#include <string.h>

struct _RateLimit
{
  double per_second;
  double burst;
  GHashTable *sources; /* text → RateBucket* */
};

gboolean
rate_bucket_take (RateBucket *bucket, double per_second, double burst, gint64 now)
{
  if (bucket->filled == 0)
    bucket->tokens = burst;
  else
    bucket->tokens += per_second * (double)(now - bucket->filled) / G_USEC_PER_SEC;
  bucket->tokens = MIN (bucket->tokens, burst);
  bucket->filled = now;
  if (bucket->tokens < 1)
    return FALSE;
  bucket->tokens -= 1;
  return TRUE;
}

RateLimit *
rate_limit_new (double per_second, double burst)
{
  RateLimit *self = g_new0 (RateLimit, 1);

  self->per_second = per_second;
  self->burst = burst;
  self->sources = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
rate_limit_free (RateLimit *self)
{
  g_hash_table_unref (self->sources);
  g_free (self);
}

char *
rate_source_text (GInetAddress *source)
{
  guint8 prefix[16] = {0};
  g_autoptr (GInetAddress) network = NULL;

  if (g_inet_address_get_family (source) != G_SOCKET_FAMILY_IPV6)
    return g_inet_address_to_string (source);
  memcpy (prefix, g_inet_address_to_bytes (source), 8);
  /* IPv4 visitors of a dual-stack socket: each its own source. */
  if (memcmp (g_inet_address_to_bytes (source), "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0)
    return g_inet_address_to_string (source);
  network = g_inet_address_new_from_bytes (prefix, G_SOCKET_FAMILY_IPV6);
  return g_inet_address_to_string (network);
}

/* Full buckets say nothing that a new one would not. */
static void
drop_full (RateLimit *self, gint64 now)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->sources);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const RateBucket *bucket = value;

      if (bucket->tokens + self->per_second * (double)(now - bucket->filled) / G_USEC_PER_SEC
          >= self->burst)
        g_hash_table_iter_remove (&iter);
    }
}

gboolean
rate_limit_take (RateLimit *self, GInetAddress *source, gint64 now)
{
  g_autofree char *key = rate_source_text (source);
  RateBucket *bucket = g_hash_table_lookup (self->sources, key);

  if (!bucket)
    {
      if (g_hash_table_size (self->sources) >= RATE_LIMIT_SOURCES_MAX)
        drop_full (self, now);
      if (g_hash_table_size (self->sources) >= RATE_LIMIT_SOURCES_MAX)
        return FALSE;
      bucket = g_new0 (RateBucket, 1);
      g_hash_table_insert (self->sources, g_steal_pointer (&key), bucket);
    }
  return rate_bucket_take (bucket, self->per_second, self->burst, now);
}
