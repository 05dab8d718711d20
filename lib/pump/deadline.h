/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Deadlines in O(1): every class of deadline has one fixed length, so its members expire in the
 * order they were armed and a FIFO per class suffices. Members are addressed by index into the
 * owner's table; the links live in the owner's records. One thread. */

#include <stdint.h>

#define DEADLINE_NONE UINT32_MAX

struct deadline_link
{
  uint32_t prev, next; /* indices, DEADLINE_NONE at the ends */
  uint32_t queue;      /* queue the member is in, or DEADLINE_NONE */
  uint64_t expires;    /* milliseconds of CLOCK_MONOTONIC */
};

struct deadline_queue
{
  uint32_t head, tail;
  uint32_t length_ms;
};

/* Finds the link of member @index. */
typedef struct deadline_link *(*deadline_lookup) (void *owner, uint32_t index);

struct deadlines
{
  struct deadline_queue *queues;
  uint32_t queue_count;
  deadline_lookup lookup;
  void *owner;
};

/** deadlines_init: @queues with length_ms set by the caller; the rest is initialised here. */
void deadlines_init (struct deadlines *deadlines,
                     struct deadline_queue *queues,
                     uint32_t queue_count,
                     deadline_lookup lookup,
                     void *owner);

/** deadline_link_init: a link in no queue. */
void deadline_link_init (struct deadline_link *link);

/** deadline_arm: (re)start @queue's period for @index at @now, leaving any other queue. */
void deadline_arm (struct deadlines *deadlines, uint32_t index, uint32_t queue, uint64_t now);

/** deadline_disarm: leave the queue, if in one. */
void deadline_disarm (struct deadlines *deadlines, uint32_t index);

/** deadline_pop_expired: the index of one member due at @now, disarmed; DEADLINE_NONE if none. */
uint32_t deadline_pop_expired (struct deadlines *deadlines, uint64_t now);

/** deadline_next: milliseconds until the next expiry at @now, 0 if due, -1 if nothing is armed. */
int deadline_next (const struct deadlines *deadlines, uint64_t now);

/** deadline_now: CLOCK_MONOTONIC in milliseconds. */
uint64_t deadline_now (void);
