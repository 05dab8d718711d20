/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/pump/deadline.h"

#include <limits.h>
#include <time.h>

void
deadlines_init (struct deadlines *deadlines,
                struct deadline_queue *queues,
                uint32_t queue_count,
                deadline_lookup lookup,
                void *owner)
{
  deadlines->queues = queues;
  deadlines->queue_count = queue_count;
  deadlines->lookup = lookup;
  deadlines->owner = owner;
  for (uint32_t i = 0; i < queue_count; i++)
    queues[i].head = queues[i].tail = DEADLINE_NONE;
}

void
deadline_link_init (struct deadline_link *link)
{
  link->prev = link->next = link->queue = DEADLINE_NONE;
  link->expires = 0;
}

void
deadline_disarm (struct deadlines *deadlines, uint32_t index)
{
  struct deadline_link *link = deadlines->lookup (deadlines->owner, index);
  struct deadline_queue *queue;

  if (link->queue == DEADLINE_NONE)
    return;
  queue = &deadlines->queues[link->queue];
  if (link->prev != DEADLINE_NONE)
    deadlines->lookup (deadlines->owner, link->prev)->next = link->next;
  else
    queue->head = link->next;
  if (link->next != DEADLINE_NONE)
    deadlines->lookup (deadlines->owner, link->next)->prev = link->prev;
  else
    queue->tail = link->prev;
  deadline_link_init (link);
}

void
deadline_arm (struct deadlines *deadlines, uint32_t index, uint32_t queue_index, uint64_t now)
{
  struct deadline_queue *queue = &deadlines->queues[queue_index];
  struct deadline_link *link = deadlines->lookup (deadlines->owner, index);

  deadline_disarm (deadlines, index);
  link->queue = queue_index;
  link->expires = now + queue->length_ms;
  link->prev = queue->tail;
  if (queue->tail != DEADLINE_NONE)
    deadlines->lookup (deadlines->owner, queue->tail)->next = index;
  else
    queue->head = index;
  queue->tail = index;
}

uint32_t
deadline_pop_expired (struct deadlines *deadlines, uint64_t now)
{
  for (uint32_t i = 0; i < deadlines->queue_count; i++)
    {
      uint32_t index = deadlines->queues[i].head;

      if (index != DEADLINE_NONE && deadlines->lookup (deadlines->owner, index)->expires <= now)
        {
          deadline_disarm (deadlines, index);
          return index;
        }
    }
  return DEADLINE_NONE;
}

int
deadline_next (const struct deadlines *deadlines, uint64_t now)
{
  uint64_t soonest = UINT64_MAX;

  for (uint32_t i = 0; i < deadlines->queue_count; i++)
    {
      uint32_t index = deadlines->queues[i].head;

      if (index != DEADLINE_NONE)
        {
          uint64_t expires = deadlines->lookup (deadlines->owner, index)->expires;

          soonest = expires < soonest ? expires : soonest;
        }
    }
  if (soonest == UINT64_MAX)
    return -1;
  if (soonest <= now)
    return 0;
  return soonest - now > INT_MAX ? INT_MAX : (int)(soonest - now);
}

uint64_t
deadline_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
