/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The agent's single thread: one epoll, a few timers. A handler may remove and free any source,
 * its own too: events are fetched one at a time, so no stale pointer can be delivered. */

#include <stdbool.h>
#include <stdint.h>

struct loop_source
{
  int fd;
  void (*handle) (struct loop_source *source, uint32_t events);
};

struct loop_timer
{
  int64_t due; /* milliseconds of loop_now, 0 = off */
  void (*fire) (struct loop_timer *timer);
  struct loop_timer *next;
  bool linked;
};

struct agent_loop
{
  int epoll;
  bool quit;
  struct loop_timer *timers;
};

/** loop_now: milliseconds of a clock that never jumps. */
int64_t loop_now (void);

/** loop_init: 0 or a negative errno. */
int loop_init (struct agent_loop *loop);
/** loop_add, loop_modify: watch @source for @events (EPOLLIN, …). 0 or a negative errno. */
int loop_add (struct agent_loop *loop, struct loop_source *source, uint32_t events);
int loop_modify (struct agent_loop *loop, struct loop_source *source, uint32_t events);
/** loop_remove: stop watching; the descriptor stays open. Fine when it was never added. */
void loop_remove (struct agent_loop *loop, struct loop_source *source);
/** loop_timer_start: @timer fires once, @delay_ms from now; @timer must outlive the loop. */
void loop_timer_start (struct agent_loop *loop, struct loop_timer *timer, int64_t delay_ms);
void loop_timer_stop (struct loop_timer *timer);
/** loop_run: until loop->quit. */
void loop_run (struct agent_loop *loop);
