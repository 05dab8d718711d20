/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A pipe must be able to hold PIPE_POOL_MIN bytes: past the user's soft limit on pipe memory the
 * kernel hands out pipes of two pages, which are useless here and refused (-EMFILE). */

#include "lib/pump/pipe-pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int
pipe_pool_init (struct pipe_pool *pool, uint32_t idle_max, uint32_t in_use_max)
{
  pool->idle = calloc (idle_max > 0 ? idle_max : 1, sizeof *pool->idle);
  if (pool->idle == NULL)
    return -ENOMEM;
  pool->idle_count = 0;
  pool->idle_max = idle_max;
  pool->in_use = 0;
  pool->in_use_max = in_use_max;
  return 0;
}

static void
close_pair (struct pipe_pair *pair)
{
  close (pair->read_fd);
  close (pair->write_fd);
  pair->read_fd = pair->write_fd = -1;
}

void
pipe_pool_clear (struct pipe_pool *pool)
{
  while (pool->idle_count > 0)
    close_pair (&pool->idle[--pool->idle_count]);
  free (pool->idle);
  pool->idle = NULL;
  pool->idle_max = 0;
}

static int
open_pair (struct pipe_pair *out)
{
  int fds[2];
  int size;

  if (pipe2 (fds, O_CLOEXEC | O_NONBLOCK) < 0)
    return -errno;
  *out = (struct pipe_pair) {.read_fd = fds[0], .write_fd = fds[1]};
  size = fcntl (fds[1], F_SETPIPE_SZ, PIPE_POOL_SIZE);
  if (size < 0)
    size = fcntl (fds[1], F_GETPIPE_SZ);
  if (size < PIPE_POOL_MIN)
    {
      close_pair (out);
      return -EMFILE;
    }
  out->capacity = (uint32_t)size;
  return 0;
}

int
pipe_pool_get (struct pipe_pool *pool, struct pipe_pair *out)
{
  int result;

  if (pool->in_use >= pool->in_use_max)
    return -EMFILE;
  if (pool->idle_count > 0)
    *out = pool->idle[--pool->idle_count];
  else if ((result = open_pair (out)) < 0)
    return result;
  pool->in_use++;
  return 0;
}

int
pipe_pool_reserve (struct pipe_pool *pool)
{
  struct pipe_pair pair;
  int result;

  if (pool->in_use >= pool->in_use_max || pool->idle_max == 0)
    return -EMFILE;
  if (pool->idle_count > 0)
    return 0;
  result = open_pair (&pair);
  if (result == 0)
    pool->idle[pool->idle_count++] = pair;
  return result;
}

void
pipe_pool_put (struct pipe_pool *pool, struct pipe_pair *pair, int dirty)
{
  pool->in_use--;
  if (dirty || pool->idle_count >= pool->idle_max)
    close_pair (pair);
  else
    pool->idle[pool->idle_count++] = *pair;
  pair->read_fd = pair->write_fd = -1;
}
