/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A thread's pool of kernel pipes for splice(2). Not thread-safe: one per worker. */

#include <stddef.h>
#include <stdint.h>

#define PIPE_POOL_SIZE (256 * 1024) /* bytes asked for */
#define PIPE_POOL_MIN (64 * 1024)   /* bytes a usable pipe holds at least */

struct pipe_pair
{
  int read_fd;
  int write_fd;
  uint32_t capacity; /* bytes the kernel granted */
};

struct pipe_pool
{
  struct pipe_pair *idle; /* stack of empty pipes */
  uint32_t idle_count;
  uint32_t idle_max; /* empty pipes kept; more are closed */
  uint32_t in_use;
  uint32_t in_use_max; /* cap on pipes handed out */
};

/** pipe_pool_init: @idle_max empty pipes are kept at most, @in_use_max handed out at most. Returns
 * 0 or -ENOMEM. */
int pipe_pool_init (struct pipe_pool *pool, uint32_t idle_max, uint32_t in_use_max);

/** pipe_pool_clear: close the idle pipes. All pipes must have been put back. */
void pipe_pool_clear (struct pipe_pool *pool);

/** pipe_pool_get: an empty pipe. Returns 0, -EMFILE when a cap is reached, or another -errno. */
int pipe_pool_get (struct pipe_pool *pool, struct pipe_pair *out);

/** pipe_pool_reserve: make sure the next pipe_pool_get succeeds. Returns 0 or as pipe_pool_get. */
int pipe_pool_reserve (struct pipe_pool *pool);

/** pipe_pool_put: give @pair back. A pipe that may hold bytes (@dirty) is closed instead of kept.
 */
void pipe_pool_put (struct pipe_pool *pool, struct pipe_pair *pair, int dirty);
