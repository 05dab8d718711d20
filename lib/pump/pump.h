/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One direction of a proxied connection: bytes from a socket to a socket, with half-close and
 * back-pressure and no buffer of its own.
 *
 * Theory. pump_run() moves bytes until the source has none (PUMP_WAIT_SOURCE), the destination
 * takes none (PUMP_WAIT_DESTINATION), the turn's budget is used (PUMP_AGAIN), the source ended and
 * the end was passed on by shutdown(2) (PUMP_FINISHED), or a side broke (PUMP_BROKEN). Small
 * amounts go through the caller's scratch memory (one recv, one send, no pipe); once a read fills
 * the scratch the direction counts as bulk and goes by splice(2) through a pipe taken from the pool
 * and given back as soon as it is empty. Bytes read but not yet accepted by the destination wait in
 * a pipe, never in user memory. When no pipe can be had (thousands of slow readers), bytes are only
 * peeked at and discarded from the source once the destination took them: slower, but it needs
 * nothing. Meant for edge-triggered epoll: run both directions on any event of either socket until
 * neither returns PUMP_AGAIN. */

#include "lib/pump/pipe-pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PUMP_TURN_BYTES (1u << 20) /* default budget of one turn */

enum pump_result
{
  PUMP_WAIT_SOURCE,
  PUMP_WAIT_DESTINATION,
  PUMP_AGAIN,
  PUMP_FINISHED,
  PUMP_BROKEN,
};

struct pump
{
  struct pipe_pair pipe; /* read_fd is -1 while none is held */
  uint32_t in_pipe;      /* bytes waiting in it */
  bool bulk;
  bool source_ended;
  bool last; /* set by the caller who closes the destination once this direction is finished: the
                close carries the end, no shutdown is needed */
  bool finished;  /* end passed on to the destination */
  uint64_t bytes; /* accepted by the destination so far */
};

#define PUMP_SCRATCH_MAX (64u * 1024) /* more than a pipe holds could not be put aside */

/* Memory shared by all pumps of a thread, free between calls; at most PUMP_SCRATCH_MAX bytes. */
struct pump_scratch
{
  uint8_t *data;
  size_t size;
};

/** pump_init: an idle direction holding no pipe. */
void pump_init (struct pump *pump);

/**
 * pump_push: hand over bytes that were already read from the source (a buffered ClientHello, the
 * rest of a read). What @destination does not take at once waits in a pipe.
 * Returns 0, or -errno: the direction is broken.
 */
int pump_push (struct pump *pump,
               int destination,
               const uint8_t *data,
               size_t len,
               struct pipe_pool *pool);

/** pump_run: move at most @budget bytes. @error receives the errno of PUMP_BROKEN; may be NULL. */
enum pump_result pump_run (struct pump *pump,
                           int source,
                           int destination,
                           size_t budget,
                           struct pump_scratch *scratch,
                           struct pipe_pool *pool,
                           int *error);

/** pump_release: give the pipe back; what was in it is lost. */
void pump_release (struct pump *pump, struct pipe_pool *pool);
