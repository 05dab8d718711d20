/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/pump/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What one step of a direction ended with. */
enum step
{
  STEP_MOVED,
  STEP_SOURCE_EMPTY,
  STEP_SOURCE_ENDED,
  STEP_DESTINATION_FULL,
  STEP_BROKEN,
};

void
pump_init (struct pump *pump)
{
  *pump = (struct pump) {.pipe = {.read_fd = -1, .write_fd = -1}};
}

static bool
would_block (void)
{
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

static ssize_t
send_some (int destination, const uint8_t *data, size_t len)
{
  ssize_t n;

  do
    n = send (destination, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0 && would_block ())
    return 0;
  return n;
}

/* Puts bytes the destination did not take into a pipe. */
static int
put_aside (struct pump *pump, const uint8_t *data, size_t len, struct pipe_pool *pool)
{
  ssize_t n;

  if (pump->pipe.read_fd < 0)
    {
      int result = pipe_pool_get (pool, &pump->pipe);

      if (result < 0)
        return result;
    }
  n = write (pump->pipe.write_fd, data, len);
  if (n < 0)
    return -errno;
  pump->in_pipe += (uint32_t)n;
  return (size_t)n == len ? 0 : -ENOBUFS;
}

int
pump_push (struct pump *pump,
           int destination,
           const uint8_t *data,
           size_t len,
           struct pipe_pool *pool)
{
  ssize_t n = pump->in_pipe > 0 ? 0 : send_some (destination, data, len);

  if (n < 0)
    return -errno;
  pump->bytes += (uint64_t)n;
  if ((size_t)n == len)
    return 0;
  return put_aside (pump, data + n, len - (size_t)n, pool);
}

static void
drop_empty_pipe (struct pump *pump, struct pipe_pool *pool)
{
  if (pump->pipe.read_fd >= 0 && pump->in_pipe == 0)
    pipe_pool_put (pool, &pump->pipe, 0);
}

/* Pipe to destination. */
static enum step
drain_pipe (struct pump *pump, int destination)
{
  while (pump->in_pipe > 0)
    {
      ssize_t n = splice (pump->pipe.read_fd, NULL, destination, NULL, pump->in_pipe,
                          SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && would_block ())
        return STEP_DESTINATION_FULL;
      if (n <= 0)
        return STEP_BROKEN;
      pump->in_pipe -= (uint32_t)n;
      pump->bytes += (uint64_t)n;
    }
  return STEP_MOVED;
}

static enum step
source_result (ssize_t n)
{
  if (n > 0)
    return STEP_MOVED;
  if (n == 0)
    return STEP_SOURCE_ENDED;
  return would_block () || errno == EINTR ? STEP_SOURCE_EMPTY : STEP_BROKEN;
}

/* Source to pipe; the pipe is empty, so EAGAIN can only mean the source. */
static enum step
fill_pipe (struct pump *pump, int source)
{
  ssize_t n;

  do
    n = splice (source, NULL, pump->pipe.write_fd, NULL, pump->pipe.capacity,
                SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    pump->in_pipe = (uint32_t)n;
  return source_result (n);
}

/* Source to destination through the scratch memory; what is left over goes into the pipe the pool
 * holds ready. */
static enum step
copy_small (struct pump *pump,
            int source,
            int destination,
            struct pump_scratch *scratch,
            struct pipe_pool *pool)
{
  ssize_t n;
  int result;

  do
    n = recv (source, scratch->data, scratch->size, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n <= 0)
    return source_result (n);
  pump->bulk = (size_t)n == scratch->size;
  result = pump_push (pump, destination, scratch->data, (size_t)n, pool);
  if (result < 0)
    {
      errno = -result;
      return STEP_BROKEN;
    }
  return pump->in_pipe > 0 ? STEP_DESTINATION_FULL : STEP_MOVED;
}

/* The same without a pipe: look, send, then discard from the source what was sent. */
static enum step
copy_peeking (struct pump *pump, int source, int destination, struct pump_scratch *scratch)
{
  ssize_t seen, sent, gone;

  do
    seen = recv (source, scratch->data, scratch->size, MSG_DONTWAIT | MSG_PEEK);
  while (seen < 0 && errno == EINTR);
  if (seen <= 0)
    return source_result (seen);
  sent = send_some (destination, scratch->data, (size_t)seen);
  if (sent < 0)
    return STEP_BROKEN;
  if (sent == 0)
    return STEP_DESTINATION_FULL;
  pump->bytes += (uint64_t)sent;
  gone = recv (source, scratch->data, (size_t)sent, MSG_DONTWAIT | MSG_TRUNC);
  if (gone != sent)
    return STEP_BROKEN;
  return sent < seen ? STEP_DESTINATION_FULL : STEP_MOVED;
}

static enum step
move_some (struct pump *pump,
           int source,
           int destination,
           struct pump_scratch *scratch,
           struct pipe_pool *pool)
{
  if (pump->pipe.read_fd < 0 && pipe_pool_reserve (pool) < 0)
    return copy_peeking (pump, source, destination, scratch);
  if (!pump->bulk)
    return copy_small (pump, source, destination, scratch, pool);
  if (pump->pipe.read_fd < 0 && pipe_pool_get (pool, &pump->pipe) < 0)
    return STEP_BROKEN;
  return fill_pipe (pump, source);
}

static enum pump_result
finish (struct pump *pump, int destination, struct pipe_pool *pool)
{
  pump->finished = true;
  pump_release (pump, pool);
  if (!pump->last)
    shutdown (destination, SHUT_WR); /* ENOTCONN: the other side is gone too; nothing to tell it */
  return PUMP_FINISHED;
}

static enum pump_result
broken (struct pump *pump, int *error, struct pipe_pool *pool)
{
  if (error != NULL)
    *error = errno != 0 ? errno : EPIPE;
  pump_release (pump, pool);
  return PUMP_BROKEN;
}

enum pump_result
pump_run (struct pump *pump,
          int source,
          int destination,
          size_t budget,
          struct pump_scratch *scratch,
          struct pipe_pool *pool,
          int *error)
{
  uint64_t start = pump->bytes;

  if (pump->finished)
    return PUMP_FINISHED;
  for (;;)
    {
      enum step step = drain_pipe (pump, destination);

      if (step == STEP_MOVED && pump->source_ended)
        return finish (pump, destination, pool);
      if (step == STEP_MOVED && pump->bytes - start >= budget)
        {
          drop_empty_pipe (pump, pool);
          return PUMP_AGAIN;
        }
      if (step == STEP_MOVED)
        step = move_some (pump, source, destination, scratch, pool);

      if (step == STEP_SOURCE_ENDED)
        pump->source_ended = true;
      else if (step == STEP_BROKEN)
        return broken (pump, error, pool);
      else if (step == STEP_DESTINATION_FULL)
        return PUMP_WAIT_DESTINATION;
      else if (step == STEP_SOURCE_EMPTY)
        {
          pump->bulk = false;
          drop_empty_pipe (pump, pool);
          return PUMP_WAIT_SOURCE;
        }
    }
}

void
pump_release (struct pump *pump, struct pipe_pool *pool)
{
  if (pump->pipe.read_fd >= 0)
    pipe_pool_put (pool, &pump->pipe, pump->in_pipe > 0);
  pump->in_pipe = 0;
}
