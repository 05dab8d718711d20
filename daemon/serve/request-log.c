/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/request-log.h"

#include <stdlib.h>

struct request_log
{
  GMutex lock;
  guint64 last; /* number of the newest; the first one is 1 */
  FunnelServeRequest ring[REQUEST_LOG_SIZE];
};

struct request_log *
request_log_new (void)
{
  struct request_log *log = calloc (1, sizeof *log);

  if (log != NULL)
    g_mutex_init (&log->lock);
  return log;
}

void
request_log_free (struct request_log *log)
{
  if (log == NULL)
    return;
  g_mutex_clear (&log->lock);
  free (log);
}

void
request_log_add (struct request_log *log, const FunnelServeRequest *request)
{
  FunnelServeRequest *slot;

  g_mutex_lock (&log->lock);
  log->last++;
  slot = &log->ring[log->last % REQUEST_LOG_SIZE];
  *slot = *request;
  slot->number = log->last;
  g_mutex_unlock (&log->lock);
}

guint
request_log_read (struct request_log *log, guint64 after, FunnelServeRequest *out, guint max)
{
  guint n = 0;

  g_mutex_lock (&log->lock);
  if (log->last > REQUEST_LOG_SIZE && after < log->last - REQUEST_LOG_SIZE)
    after = log->last - REQUEST_LOG_SIZE;
  for (guint64 number = after + 1; number <= log->last && n < max; number++)
    out[n++] = log->ring[number % REQUEST_LOG_SIZE];
  g_mutex_unlock (&log->lock);
  return n;
}
