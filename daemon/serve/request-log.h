/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The last requests to a share, in memory only: a ring that the serve thread writes and the owner
 * reads. It is made with the first request. */

#include "daemon/serve/serve.h"

#define REQUEST_LOG_SIZE 256u

struct request_log;

/** request_log_new: NULL without memory. */
struct request_log *request_log_new (void);
void request_log_free (struct request_log *log);

/** request_log_add: its number is given here; the oldest one makes room. Any one thread. */
void request_log_add (struct request_log *log, const FunnelServeRequest *request);

/** request_log_read: requests with numbers above @after, oldest first. Returns how many, at most
 * @max. Any thread. */
guint request_log_read (struct request_log *log, guint64 after, FunnelServeRequest *out, guint max);
