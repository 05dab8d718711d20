/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Sockets of the serve thread that belong to no single flow, such as pooled connections to targets.
 *
 * A watch is a member of its owner's record. Its socket is edge-triggered, like those of flows. An
 * owner that is done calls serve_watch_end() and nothing else of the record may be used any more:
 * its gone operation is called after the batch of events, to close the socket and free the record.
 */

#include "lib/pump/deadline.h"

#include <stdbool.h>
#include <stdint.h>

struct serve_loop;
struct serve_watch;

/* Deadlines of watches. */
enum watch_queue
{
  WATCH_QUEUE_CONNECT,  /* a target's candidates, and its handshake */
  WATCH_QUEUE_RESPONSE, /* the head of a target's answer, once it has the request */
  WATCH_QUEUE_TRANSFER, /* the next byte of a body */
  WATCH_QUEUE_POOLED,   /* unused, kept for the next request */
  WATCH_QUEUES,
};

struct serve_watch_ops
{
  /* @events: epoll's; 0: called again as asked for by serve_watch_again(). */
  void (*on_event) (struct serve_loop *loop, struct serve_watch *watch, uint32_t events);
  void (*on_deadline) (struct serve_loop *loop, struct serve_watch *watch, enum watch_queue queue);
  void (*gone) (struct serve_loop *loop, struct serve_watch *watch);
};

struct serve_watch
{
  const struct serve_watch_ops *ops;
  uint32_t slot;
  enum watch_queue armed;
  bool is_again, ended;
  struct serve_watch *next_again, *next_ended;
  struct deadline_link deadline;
};

/* The watches of a thread. */
struct serve_watches
{
  struct serve_watch **slots;
  uint32_t *generations;
  uint32_t *free; /* stack of slots without watch */
  uint32_t free_count, slot_count, max;
  struct serve_watch *again_head, *again_tail;
  struct serve_watch *ended_head;
  struct deadlines deadlines;
  struct deadline_queue queues[WATCH_QUEUES];
};

/** serve_watches_init: room for @max. @lengths: of the queues, milliseconds. */
void serve_watches_init (struct serve_watches *watches,
                         uint32_t max,
                         const uint32_t lengths[WATCH_QUEUES]);
/** serve_watches_clear: end all watches and free everything. */
void serve_watches_clear (struct serve_loop *loop);

/** serve_watch_begin: give @watch a slot. 0, -EMFILE past the cap, or -ENOMEM. */
int serve_watch_begin (struct serve_loop *loop,
                       struct serve_watch *watch,
                       const struct serve_watch_ops *ops);
/** serve_watch_socket: tell epoll about the watch's socket, once for that socket's lifetime. 0 or
 * -errno. */
int serve_watch_socket (struct serve_loop *loop, struct serve_watch *watch, int fd);
void serve_watch_end (struct serve_loop *loop, struct serve_watch *watch);
/** serve_watch_again: call on_event at the end of this turn, or in the next. */
void serve_watch_again (struct serve_loop *loop, struct serve_watch *watch);
void serve_watch_arm (struct serve_loop *loop, struct serve_watch *watch, enum watch_queue queue);
void serve_watch_disarm (struct serve_loop *loop, struct serve_watch *watch);

/* For the loop. */
void serve_watches_on_event (struct serve_loop *loop,
                             uint32_t slot,
                             uint32_t generation,
                             uint32_t events);
void serve_watches_run_again (struct serve_loop *loop);
void serve_watches_run_deadlines (struct serve_loop *loop);
void serve_watches_bury (struct serve_loop *loop);
