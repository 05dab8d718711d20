/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Slots with generations, so that an event which outlived its watch is recognised; the same marks
 * and passes as for flows (serve-loop.c): nothing is freed while a batch of events is handled. */

#include "daemon/serve/serve-watch.h"

#include "daemon/serve/serve-loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define SLOTS_FIRST 16u

static struct deadline_link *
find_link (void *owner, uint32_t index)
{
  struct serve_watches *watches = owner;

  return &watches->slots[index]->deadline;
}

void
serve_watches_init (struct serve_watches *watches,
                    uint32_t max,
                    const uint32_t lengths[WATCH_QUEUES])
{
  *watches = (struct serve_watches) {.max = max};
  for (int i = 0; i < WATCH_QUEUES; i++)
    watches->queues[i].length_ms = lengths[i];
  deadlines_init (&watches->deadlines, watches->queues, WATCH_QUEUES, find_link, watches);
}

void
serve_watches_clear (struct serve_loop *loop)
{
  struct serve_watches *watches = &loop->watches;

  for (uint32_t i = 0; i < watches->slot_count; i++)
    if (watches->slots[i] != NULL)
      serve_watch_end (loop, watches->slots[i]);
  serve_watches_bury (loop);
  free (watches->slots);
  free (watches->generations);
  free (watches->free);
  *watches = (struct serve_watches) {0};
}

/* An array that could not be shrunk back stays larger than it is said to be, which does no harm. */
static bool
grow (struct serve_watches *watches)
{
  uint32_t count = watches->slot_count == 0 ? SLOTS_FIRST : watches->slot_count * 2;
  struct serve_watch **slots = realloc (watches->slots, count * sizeof (struct serve_watch *));
  uint32_t *generations, *unused;

  if (slots == NULL)
    return false;
  watches->slots = slots;
  generations = realloc (watches->generations, count * sizeof *generations);
  if (generations == NULL)
    return false;
  watches->generations = generations;
  unused = realloc (watches->free, count * sizeof *unused);
  if (unused == NULL)
    return false;
  watches->free = unused;
  for (uint32_t i = count; i-- > watches->slot_count;)
    {
      slots[i] = NULL;
      generations[i] = 0;
      unused[watches->free_count++] = i;
    }
  watches->slot_count = count;
  return true;
}

int
serve_watch_begin (struct serve_loop *loop,
                   struct serve_watch *watch,
                   const struct serve_watch_ops *ops)
{
  struct serve_watches *watches = &loop->watches;

  if (watches->slot_count - watches->free_count >= watches->max)
    return -EMFILE;
  if (watches->free_count == 0 && !grow (watches))
    return -ENOMEM;
  *watch = (struct serve_watch) {.ops = ops, .slot = watches->free[--watches->free_count]};
  deadline_link_init (&watch->deadline);
  watches->slots[watch->slot] = watch;
  return 0;
}

int
serve_watch_socket (struct serve_loop *loop, struct serve_watch *watch, int fd)
{
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};

  event.data.u64 = serve_loop_watch_ref (watch->slot, loop->watches.generations[watch->slot]);
  return epoll_ctl (loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void
serve_watch_end (struct serve_loop *loop, struct serve_watch *watch)
{
  if (watch->ended)
    return;
  watch->ended = true;
  deadline_disarm (&loop->watches.deadlines, watch->slot);
  loop->watches.generations[watch->slot]++;
  watch->next_ended = loop->watches.ended_head;
  loop->watches.ended_head = watch;
}

void
serve_watch_again (struct serve_loop *loop, struct serve_watch *watch)
{
  struct serve_watches *watches = &loop->watches;

  if (watch->is_again || watch->ended)
    return;
  watch->is_again = true;
  watch->next_again = NULL;
  if (watches->again_tail == NULL)
    watches->again_head = watch;
  else
    watches->again_tail->next_again = watch;
  watches->again_tail = watch;
}

void
serve_watch_arm (struct serve_loop *loop, struct serve_watch *watch, enum watch_queue queue)
{
  watch->armed = queue;
  deadline_arm (&loop->watches.deadlines, watch->slot, queue, loop->now);
}

void
serve_watch_disarm (struct serve_loop *loop, struct serve_watch *watch)
{
  deadline_disarm (&loop->watches.deadlines, watch->slot);
}

void
serve_watches_on_event (struct serve_loop *loop,
                        uint32_t slot,
                        uint32_t generation,
                        uint32_t events)
{
  struct serve_watches *watches = &loop->watches;

  if (slot < watches->slot_count && watches->generations[slot] == generation
      && watches->slots[slot] != NULL)
    watches->slots[slot]->ops->on_event (loop, watches->slots[slot], events);
}

void
serve_watches_run_again (struct serve_loop *loop)
{
  struct serve_watch *watch = loop->watches.again_head;

  loop->watches.again_head = loop->watches.again_tail = NULL;
  while (watch != NULL)
    {
      struct serve_watch *next = watch->next_again;

      watch->is_again = false;
      if (!watch->ended)
        watch->ops->on_event (loop, watch, 0);
      watch = next;
    }
}

void
serve_watches_run_deadlines (struct serve_loop *loop)
{
  uint32_t slot;

  while ((slot = deadline_pop_expired (&loop->watches.deadlines, loop->now)) != DEADLINE_NONE)
    {
      struct serve_watch *watch = loop->watches.slots[slot];

      watch->ops->on_deadline (loop, watch, watch->armed);
    }
}

/* The ended are in no list of those to be called again but, perhaps, the one for the next turn. */
static void
forget_again (struct serve_watches *watches)
{
  struct serve_watch **at = &watches->again_head;

  watches->again_tail = NULL;
  while (*at != NULL)
    if ((*at)->ended)
      *at = (*at)->next_again;
    else
      {
        watches->again_tail = *at;
        at = &(*at)->next_again;
      }
}

void
serve_watches_bury (struct serve_loop *loop)
{
  struct serve_watches *watches = &loop->watches;

  if (watches->ended_head == NULL)
    return;
  forget_again (watches);
  while (watches->ended_head != NULL)
    {
      struct serve_watch *watch = watches->ended_head;

      watches->ended_head = watch->next_ended;
      watches->slots[watch->slot] = NULL;
      watches->free[watches->free_count++] = watch->slot;
      watch->ops->gone (loop, watch);
    }
}
