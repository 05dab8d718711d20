/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Token buckets: how often something may happen, in all or per source. */

#include <gio/gio.h>

G_BEGIN_DECLS

/* One bucket; plain data. */
typedef struct
{
  double tokens;
  gint64 filled; /* monotonic microseconds, 0 = never used */
} RateBucket;

/** rate_bucket_take: whether one more may happen @now (monotonic microseconds), at @per_second with
 * bursts of @burst. */
gboolean rate_bucket_take (RateBucket *bucket, double per_second, double burst, gint64 now);

typedef struct _RateLimit RateLimit;

#define RATE_LIMIT_SOURCES_MAX 4096

/** rate_limit_new: buckets per source address (IPv6: per /64). At most RATE_LIMIT_SOURCES_MAX are
 * remembered; when all are in use, a stranger's first request is refused rather than forgetting
 * one. */
RateLimit *rate_limit_new (double per_second, double burst);
void rate_limit_free (RateLimit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RateLimit, rate_limit_free)
gboolean rate_limit_take (RateLimit *self, GInetAddress *source, gint64 now);

/** rate_source_text: what counts as one source: the address, or the /64 it is in. */
char *rate_source_text (GInetAddress *source);

G_END_DECLS
