/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent/agent-loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>

int64_t
loop_now (void)
{
  struct timespec ts;

  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
loop_init (struct agent_loop *loop)
{
  *loop = (struct agent_loop) {.epoll = epoll_create1 (EPOLL_CLOEXEC)};
  return loop->epoll < 0 ? -errno : 0;
}

static int
control (struct agent_loop *loop, int op, struct loop_source *source, uint32_t events)
{
  struct epoll_event event = {.events = events, .data.ptr = source};

  return epoll_ctl (loop->epoll, op, source->fd, &event) ? -errno : 0;
}

int
loop_add (struct agent_loop *loop, struct loop_source *source, uint32_t events)
{
  return control (loop, EPOLL_CTL_ADD, source, events);
}

int
loop_modify (struct agent_loop *loop, struct loop_source *source, uint32_t events)
{
  return control (loop, EPOLL_CTL_MOD, source, events);
}

void
loop_remove (struct agent_loop *loop, struct loop_source *source)
{
  if (source->fd >= 0)
    control (loop, EPOLL_CTL_DEL, source, 0);
}

void
loop_timer_start (struct agent_loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
  timer->due = loop_now () + (delay_ms > 0 ? delay_ms : 0);
  if (timer->linked)
    return;
  timer->linked = true;
  timer->next = loop->timers;
  loop->timers = timer;
}

void
loop_timer_stop (struct loop_timer *timer)
{
  timer->due = 0;
}

/* Fires what is due and returns how long epoll may wait, -1 = for ever. */
static int
run_timers (struct agent_loop *loop)
{
  int64_t wait = -1;

  for (struct loop_timer *timer = loop->timers; timer; timer = timer->next)
    {
      if (timer->due && timer->due <= loop_now ())
        {
          timer->due = 0;
          timer->fire (timer);
        }
    }
  for (struct loop_timer *timer = loop->timers; timer; timer = timer->next)
    {
      int64_t left = timer->due - loop_now ();

      if (!timer->due)
        continue;
      if (left < 0)
        left = 0;
      if (wait < 0 || left < wait)
        wait = left;
    }
  return wait > INT32_MAX ? INT32_MAX : (int)wait;
}

void
loop_run (struct agent_loop *loop)
{
  while (!loop->quit)
    {
      struct epoll_event event;
      int timeout = run_timers (loop);
      int n;

      if (loop->quit)
        return;
      n = epoll_wait (loop->epoll, &event, 1, timeout);
      if (n == 1)
        {
          struct loop_source *source = event.data.ptr;

          source->handle (source, event.events);
        }
      else if (n < 0 && errno != EINTR)
        return;
    }
}
