/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The node's data plane. Theory of operation.
 *
 * Goal. An ingress asks over a TCP connection inside the tunnel whether the node takes one visitor
 * (docs/protocol.md, "Offer"). Yes means: connect to the share's local target, and carry bytes both
 * ways until both sides ended, either untouched or with TLS ended here.
 *
 * One thread, one epoll. Everything a flow needs hangs on its record (serve-flow.h, with the
 * states); nothing blocks. Sockets are registered once, edge-triggered, for everything; listeners
 * and the wake fd are level-triggered. epoll's datum is a typed reference (kind, index,
 * generation): an event whose generation is not the record's belongs to a former user of it and is
 * dropped.
 *
 * One turn: wait → commands of the owner → events → flows with unfinished work → watches with
 * unfinished work → deadlines → free the dead → tell the owner about counters. Watches
 * (serve-watch.h) are sockets that belong to no single flow. Commands come first, so that an offer
 * made after a call of the owner returned is judged by what it said. Handlers only mark: flow_end()
 * puts a record on the list of the dead, and bury_dead() alone closes and frees, when no event of
 * the batch can refer to it any more.
 *
 *   accept → WAITING → READING → CONNECTING → SERVING → DEAD
 *                         └──────────┴────────────┴→ LINGERING → DEAD
 *
 * Memory. A warm connection costs its record. A buffer (serve-buffer.h) is held from the first byte
 * of an offer until the handler has taken the visitor's first bytes, and later only while bytes
 * wait for a side that does not take them. Nothing grows with what a stranger sends.
 *
 * Fairness. A flow moves at most PUMP_TURN_BYTES each way per turn, then queues up again.
 *
 * Ends. A direction that ended passes its end on and the other goes on. A target that breaks ends
 * the flow, but not before what it said has gone to the visitor: a server that refuses an upload
 * answers and resets. A visitor that breaks ends it at once.
 *
 * Limits: struct serve_limits. Past flows_max offers are answered "busy"; past waiting_max new
 * connections of that listener are closed. Deadlines, each with one length so that arming is O(1):
 *
 *   HEAD       from an offer's first byte until its ClientHello is complete
 *   CONNECT    until one of the target's candidates took the connection
 *   HANDSHAKE  until TLS stands, where TLS ends here
 *   IDLE       looks every idle_ms / 3 whether bytes moved within idle_ms; traffic only notes the
 *              time
 *   LINGER     until the ingress has closed after a refusal
 *   REQUEST, KEEP_ALIVE, TRANSFER: HTTP's, see http/http1-visitor.c
 *
 * Warm connections have no deadline, so an idle node never wakes up.
 *
 * Owner. Commands come through a queue it keeps; a write to the wake fd makes the thread take them.
 * Counters go the other way as atomics that only this thread writes. */

#include "daemon/serve/serve-loop.h"

#include "daemon/serve/http/basic-auth.h"
#include "daemon/serve/http/http-engine.h"
#include "daemon/serve/offer-policy.h"
#include "daemon/serve/share-expiry.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 128
#define PIPES_IDLE_MAX 16u
#define PIPES_MAX 1024u

enum ref_kind
{
  REF_WAKE,
  REF_LISTENER,
  REF_VISITOR,
  REF_TARGET,
  REF_WATCH,
  REF_EXPIRY,
};

const struct serve_limits serve_limits_default = {
    .flows_max = 4096,
    .waiting_max = 1024,
    .head_ms = 5 * 1000,
    .connect_ms = 5 * 1000,
    .handshake_ms = 15 * 1000,
    .idle_ms = 15 * 60 * 1000,
    .request_ms = 15 * 1000,
    .keep_alive_ms = 75 * 1000,
    .transfer_ms = 60 * 1000,
    .response_ms = 2 * 60 * 1000,
    .pooled_ms = 30 * 1000,
    .watches_max = 1024,
    .linger_ms = 2 * 1000,
};

static uint64_t
make_ref (enum ref_kind kind, uint32_t index, uint32_t generation)
{
  return (uint64_t)kind << 56 | (uint64_t)index << 32 | generation;
}

uint64_t
serve_loop_watch_ref (uint32_t slot, uint32_t generation)
{
  return make_ref (REF_WATCH, slot, generation);
}

static bool
is_taken (enum flow_state state)
{
  return state == FLOW_CONNECTING || state == FLOW_SERVING;
}

static bool
is_waiting (enum flow_state state)
{
  return state == FLOW_WAITING || state == FLOW_READING || state == FLOW_LINGERING;
}

int64_t
serve_wall_seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_REALTIME, &now);
  return now.tv_sec;
}

void
flow_set_state (struct serve_loop *loop, struct flow *flow, enum flow_state state)
{
  int taken = is_taken (state) - is_taken (flow->state);
  int waiting = is_waiting (state) - is_waiting (flow->state);

  flow->listener->waiting += (uint32_t)waiting;
  if (taken != 0)
    {
      loop->flows += (uint32_t)taken;
      atomic_fetch_add_explicit (&flow->listener->flows, (unsigned int)taken, memory_order_relaxed);
      atomic_fetch_add_explicit (&flow->share->counters->flows_active, (unsigned int)taken,
                                 memory_order_relaxed);
      loop->changed = true;
    }
  flow->state = state;
}

void
flow_arm (struct serve_loop *loop, struct flow *flow, enum serve_queue queue)
{
  flow->armed = (uint8_t)queue;
  deadline_arm (&loop->deadlines, flow->index, queue, loop->now);
}

void
flow_again (struct serve_loop *loop, struct flow *flow)
{
  if (flow->is_again)
    return;
  flow->is_again = true;
  flow->next_again = FLOW_NONE;
  if (loop->again_tail == FLOW_NONE)
    loop->again_head = flow->index;
  else
    flow_table_get (&loop->table, loop->again_tail)->next_again = flow->index;
  loop->again_tail = flow->index;
}

static void
forget_again (struct serve_loop *loop, struct flow *flow)
{
  uint32_t previous = FLOW_NONE;
  uint32_t index = loop->again_head;

  if (!flow->is_again)
    return;
  while (index != flow->index)
    {
      previous = index;
      index = flow_table_get (&loop->table, index)->next_again;
    }
  if (previous == FLOW_NONE)
    loop->again_head = flow->next_again;
  else
    flow_table_get (&loop->table, previous)->next_again = flow->next_again;
  if (loop->again_tail == index)
    loop->again_tail = previous;
  flow->is_again = false;
}

void
flow_end (struct serve_loop *loop, struct flow *flow)
{
  if (flow->state == FLOW_DEAD)
    return;
  deadline_disarm (&loop->deadlines, flow->index);
  flow_set_state (loop, flow, FLOW_DEAD);
  flow->next = loop->dead_head;
  loop->dead_head = flow->index;
}

/* Everything behind the visitor's socket. */
static void
release_inside (struct serve_loop *loop, struct flow *flow)
{
  if (flow->handler != NULL)
    flow->handler->close (loop, flow);
  flow->handler = NULL;
  serve_buffer_put (&loop->buffers, &flow->early);
  if (flow->target >= 0)
    close (flow->target);
  flow->target = -1;
  if (flow->share != NULL)
    share_entry_unref (flow->share);
  flow->share = NULL;
}

/* Throws away what the ingress still sends. */
static void
drain (struct serve_loop *loop, struct flow *flow)
{
  size_t moved = 0;

  while (moved < PUMP_TURN_BYTES)
    {
      ssize_t n = recv (flow->visitor, loop->scratch.data, loop->scratch.size, MSG_DONTWAIT);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno == EAGAIN)
        return;
      if (n <= 0)
        {
          flow_end (loop, flow);
          return;
        }
      moved += (size_t)n;
    }
  flow_again (loop, flow);
}

void
flow_linger (struct serve_loop *loop, struct flow *flow)
{
  flow_set_state (loop, flow, FLOW_LINGERING);
  release_inside (loop, flow);
  flow_arm (loop, flow, SERVE_QUEUE_LINGER);
  if (shutdown (flow->visitor, SHUT_WR) < 0)
    flow_end (loop, flow);
  else
    drain (loop, flow);
}

bool
flow_is_due (enum serve_side side, uint32_t events, enum serve_side source, enum pump_result result)
{
  if (result == PUMP_FINISHED || result == PUMP_BROKEN)
    return false;
  if (side == SERVE_SIDE_BOTH || result == PUMP_AGAIN)
    return true;
  if (events & (EPOLLERR | EPOLLHUP))
    return true;
  if (side == source)
    return result == PUMP_WAIT_SOURCE && (events & (EPOLLIN | EPOLLRDHUP)) != 0;
  return result == PUMP_WAIT_DESTINATION && (events & EPOLLOUT) != 0;
}

/* Reset, as opposed to silent or ended. Its error may have been reported to any earlier call. */
static bool
visitor_is_gone (struct flow *flow)
{
  struct pollfd fd = {.fd = flow->visitor};

  return poll (&fd, 1, 0) == 1 && (fd.revents & (POLLHUP | POLLERR)) != 0;
}

void
flow_settle (struct serve_loop *loop,
             struct flow *flow,
             enum serve_side side,
             uint32_t events,
             enum pump_result up,
             enum pump_result down)
{
  bool up_is_over = up == PUMP_FINISHED || up == PUMP_BROKEN;
  bool down_is_over = down == PUMP_FINISHED || down == PUMP_BROKEN;
  bool target_broke = side == SERVE_SIDE_TARGET && (events & EPOLLERR) != 0;

  if (side == SERVE_SIDE_VISITOR && (events & EPOLLERR) != 0)
    flow_end (loop, flow);
  else if (up == PUMP_FINISHED && down == PUMP_FINISHED)
    flow_end (loop, flow);
  else if (down == PUMP_BROKEN || (down_is_over && (up_is_over || target_broke)))
    flow_linger (loop, flow);
  else if (up == PUMP_BROKEN && visitor_is_gone (flow))
    flow_end (loop, flow);
  else if (up == PUMP_AGAIN || down == PUMP_AGAIN)
    flow_again (loop, flow);
}

static void
bury_dead (struct serve_loop *loop)
{
  while (loop->dead_head != FLOW_NONE)
    {
      struct flow *flow = flow_table_get (&loop->table, loop->dead_head);

      loop->dead_head = flow->next;
      forget_again (loop, flow);
      release_inside (loop, flow);
      close (flow->visitor);
      flow_table_free (&loop->table, flow);
    }
}

int
serve_loop_watch (struct serve_loop *loop, struct flow *flow, enum serve_side side, int fd)
{
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};

  event.data.u64 = make_ref (side == SERVE_SIDE_TARGET ? REF_TARGET : REF_VISITOR, flow->index,
                             flow->generation);
  return epoll_ctl (loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void
on_flow_event (struct serve_loop *loop, struct flow *flow, enum serve_side side, uint32_t events)
{
  switch (flow->state)
    {
    case FLOW_WAITING:
    case FLOW_READING:
      offer_on_visitor (loop, flow, events);
      break;
    case FLOW_CONNECTING:
      if (side == SERVE_SIDE_TARGET)
        target_on_event (loop, flow, events);
      else if (events & (EPOLLERR | EPOLLHUP))
        flow_end (loop, flow);
      break;
    case FLOW_SERVING:
      flow->handler->on_event (loop, flow, side, events);
      break;
    case FLOW_LINGERING:
      if (side == SERVE_SIDE_VISITOR)
        drain (loop, flow);
      break;
    case FLOW_FREE:
    case FLOW_DEAD:
    case FLOW_STATES:
      break;
    }
}

static void
end_flows (struct serve_loop *loop,
           bool (*chosen) (struct flow *flow, const void *data),
           const void *data)
{
  for (uint32_t i = 0; i < flow_table_size (&loop->table); i++)
    {
      struct flow *flow = flow_table_get (&loop->table, i);

      if (flow->state != FLOW_FREE && chosen (flow, data))
        flow_end (loop, flow);
    }
}

/* Whether the share of @flow is gone from the table, has expired, or no longer admits its visitor.
 */
static bool
lost_share (struct flow *flow, const void *shares)
{
  struct share_entry *now
      = flow->share != NULL ? share_table_find_id (shares, flow->share->share->id) : NULL;

  if (flow->share == NULL)
    return false;
  if (now == NULL || flow->handler == &serve_challenge)
    return now == NULL;
  return offer_policy_admits (&now->share->policy, &flow->source, serve_wall_seconds ())
         != OFFER_REASON_NONE;
}

static void
on_expiry (struct serve_loop *loop)
{
  share_expiry_acknowledge (loop->expiry);
  end_flows (loop, lost_share, loop->shares);
  share_expiry_arm (loop->expiry, loop->shares, serve_wall_seconds ());
}

static void
on_event (struct serve_loop *loop, const struct epoll_event *event)
{
  enum ref_kind kind = (enum ref_kind) (event->data.u64 >> 56);
  uint32_t index = (uint32_t)(event->data.u64 >> 32) & (FLOW_INDEX_MAX - 1);
  uint32_t generation = (uint32_t)event->data.u64;

  if (kind == REF_LISTENER)
    {
      /* Should a command have put another one into the slot, it just has nothing to accept. */
      if (loop->listeners[index] != NULL)
        offer_listener_accept (loop, loop->listeners[index]);
    }
  else if (kind == REF_WATCH)
    serve_watches_on_event (loop, index, generation, event->events);
  else if (kind == REF_EXPIRY)
    on_expiry (loop);
  else if (kind != REF_WAKE)
    {
      struct flow *flow = flow_table_get (&loop->table, index);

      if (flow->generation == generation)
        on_flow_event (loop, flow, kind == REF_TARGET ? SERVE_SIDE_TARGET : SERVE_SIDE_VISITOR,
                       event->events);
    }
}

static void
run_again (struct serve_loop *loop)
{
  uint32_t index = loop->again_head;

  loop->again_head = loop->again_tail = FLOW_NONE;
  while (index != FLOW_NONE)
    {
      struct flow *flow = flow_table_get (&loop->table, index);

      index = flow->next_again;
      flow->is_again = false;
      if (flow->state == FLOW_SERVING)
        flow->handler->on_event (loop, flow, SERVE_SIDE_BOTH, 0);
      else if (flow->state == FLOW_LINGERING)
        drain (loop, flow);
    }
}

static void
on_serving_deadline (struct serve_loop *loop, struct flow *flow)
{
  if (flow->armed == SERVE_QUEUE_HANDSHAKE)
    {
      serve_refuse_count (loop, flow->listener, SERVE_REFUSAL_HANDSHAKE_TIMEOUT, NULL);
      flow_end (loop, flow);
    }
  else if (flow->armed != SERVE_QUEUE_IDLE)
    flow->handler->on_deadline (loop, flow, (enum serve_queue)flow->armed);
  else if (loop->now - flow->active_at >= loop->limits.idle_ms)
    flow_end (loop, flow);
  else
    flow_arm (loop, flow, SERVE_QUEUE_IDLE);
}

static void
run_deadlines (struct serve_loop *loop)
{
  uint32_t index;

  while ((index = deadline_pop_expired (&loop->deadlines, loop->now)) != DEADLINE_NONE)
    {
      struct flow *flow = flow_table_get (&loop->table, index);

      if (flow->state == FLOW_READING)
        offer_on_timeout (loop, flow);
      else if (flow->state == FLOW_CONNECTING)
        target_on_timeout (loop, flow);
      else if (flow->state == FLOW_SERVING)
        on_serving_deadline (loop, flow);
      else
        flow_end (loop, flow);
    }
}

static void
run_commands (struct serve_loop *loop, const struct epoll_event *events, int n)
{
  uint64_t count;
  int i = 0;

  while (i < n && events[i].data.u64 != make_ref (REF_WAKE, 0, 0))
    i++;
  if (i >= n)
    return;
  /* Emptied first: a command queued meanwhile wakes us once more. */
  if (read (loop->wake, &count, sizeof count) < 0)
    assert (errno == EAGAIN || errno == EINTR);
  loop->owner.woken (loop->owner.data);
}

static void
tell_owner (struct serve_loop *loop)
{
  bool urgent = loop->urgent;

  if (!loop->changed && !urgent)
    return;
  loop->changed = loop->urgent = false;
  loop->owner.changed (loop->owner.data, urgent);
}

/* Milliseconds to wait for events; -1: for ever. */
static int
patience (struct serve_loop *loop)
{
  uint64_t now = deadline_now ();
  int flows, watches;

  if (loop->again_head != FLOW_NONE || loop->watches.again_head != NULL)
    return 0;
  flows = deadline_next (&loop->deadlines, now);
  watches = deadline_next (&loop->watches.deadlines, now);
  if (flows < 0 || watches < 0)
    return flows < 0 ? watches : flows;
  return flows < watches ? flows : watches;
}

void
serve_loop_run (struct serve_loop *loop)
{
  struct epoll_event events[EVENTS_MAX];

  while (!loop->stop)
    {
      int n = epoll_wait (loop->epoll, events, EVENTS_MAX, patience (loop));

      loop->now = deadline_now ();
      run_commands (loop, events, n);
      for (int i = 0; i < n; i++)
        on_event (loop, &events[i]);
      run_again (loop);
      serve_watches_run_again (loop);
      run_deadlines (loop);
      serve_watches_run_deadlines (loop);
      bury_dead (loop);
      serve_watches_bury (loop);
      tell_owner (loop);
    }
}

void
serve_loop_wake (struct serve_loop *loop)
{
  uint64_t one = 1;

  while (write (loop->wake, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

void
serve_loop_add_listener (struct serve_loop *loop, struct serve_listener *listener)
{
  struct epoll_event event = {.events = EPOLLIN};

  for (uint32_t i = 0; i < SERVE_LISTENERS_MAX; i++)
    if (loop->listeners[i] == NULL)
      {
        event.data.u64 = make_ref (REF_LISTENER, i, 0);
        listener->slot = i;
        loop->listeners[i] = listener;
        if (epoll_ctl (loop->epoll, EPOLL_CTL_ADD, listener->fd, &event) < 0)
          g_warning ("Cannot watch an offer port: %s", g_strerror (errno));
        return;
      }
  g_warning ("More than %u offer ports: one is not served", SERVE_LISTENERS_MAX);
  serve_listener_unref (listener);
}

static struct serve_listener *
find_listener (struct serve_loop *loop, uint32_t id)
{
  for (uint32_t i = 0; i < SERVE_LISTENERS_MAX; i++)
    if (loop->listeners[i] != NULL && loop->listeners[i]->id == id)
      return loop->listeners[i];
  return NULL;
}

static bool
came_by (struct flow *flow, const void *listener)
{
  return flow->listener == listener;
}

void
serve_loop_remove_listener (struct serve_loop *loop, uint32_t id)
{
  struct serve_listener *listener = find_listener (loop, id);

  if (listener == NULL)
    return;
  end_flows (loop, came_by, listener);
  bury_dead (loop);
  loop->listeners[listener->slot] = NULL;
  close (listener->fd);
  listener->fd = -1;
  serve_listener_unref (listener);
}

void
serve_loop_set_shares (struct serve_loop *loop, struct share_table *shares)
{
  end_flows (loop, lost_share, shares);
  share_table_free (loop->shares);
  loop->shares = shares;
  share_expiry_arm (loop->expiry, shares, serve_wall_seconds ());
}

static struct deadline_link *
find_deadline (void *owner, uint32_t index)
{
  struct serve_loop *loop = owner;

  return &flow_table_get (&loop->table, index)->deadline;
}

static void
init_deadlines (struct serve_loop *loop)
{
  const uint32_t watch_lengths[WATCH_QUEUES] = {
      [WATCH_QUEUE_CONNECT] = loop->limits.connect_ms,
      [WATCH_QUEUE_RESPONSE] = loop->limits.response_ms,
      [WATCH_QUEUE_TRANSFER] = loop->limits.idle_ms,
      [WATCH_QUEUE_POOLED] = loop->limits.pooled_ms,
  };

  serve_watches_init (&loop->watches, loop->limits.watches_max, watch_lengths);
  loop->queues[SERVE_QUEUE_HEAD].length_ms = loop->limits.head_ms;
  loop->queues[SERVE_QUEUE_CONNECT].length_ms = loop->limits.connect_ms;
  loop->queues[SERVE_QUEUE_HANDSHAKE].length_ms = loop->limits.handshake_ms;
  loop->queues[SERVE_QUEUE_IDLE].length_ms = loop->limits.idle_ms / 3;
  loop->queues[SERVE_QUEUE_LINGER].length_ms = loop->limits.linger_ms;
  loop->queues[SERVE_QUEUE_REQUEST].length_ms = loop->limits.request_ms;
  loop->queues[SERVE_QUEUE_KEEP_ALIVE].length_ms = loop->limits.keep_alive_ms;
  loop->queues[SERVE_QUEUE_TRANSFER].length_ms = loop->limits.transfer_ms;
  deadlines_init (&loop->deadlines, loop->queues, SERVE_QUEUES, find_deadline, loop);
}

static int
open_descriptors (struct serve_loop *loop)
{
  struct epoll_event wake = {.events = EPOLLIN, .data.u64 = make_ref (REF_WAKE, 0, 0)};
  struct epoll_event expiry = {.events = EPOLLIN, .data.u64 = make_ref (REF_EXPIRY, 0, 0)};

  loop->epoll = epoll_create1 (EPOLL_CLOEXEC);
  loop->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  loop->spare = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  loop->expiry = share_expiry_open ();
  if (loop->epoll < 0 || loop->wake < 0 || loop->spare < 0 || loop->expiry < 0)
    return -errno;
  if (epoll_ctl (loop->epoll, EPOLL_CTL_ADD, loop->wake, &wake) < 0
      || epoll_ctl (loop->epoll, EPOLL_CTL_ADD, loop->expiry, &expiry) < 0)
    return -errno;
  return 0;
}

int
serve_loop_init (struct serve_loop *loop,
                 const struct serve_limits *limits,
                 const struct serve_owner *owner)
{
  int result;

  *loop = (struct serve_loop) {
      .epoll = -1,
      .wake = -1,
      .spare = -1,
      .expiry = -1,
      .limits = *limits,
      .owner = *owner,
      .dead_head = FLOW_NONE,
      .again_head = FLOW_NONE,
      .again_tail = FLOW_NONE,
      .now = deadline_now (),
      .scratch.size = PUMP_SCRATCH_MAX,
  };
  flow_table_init (&loop->table, limits->flows_max + limits->waiting_max * SERVE_LISTENERS_MAX);
  init_deadlines (loop);
  loop->shares = share_table_new (0);
  loop->scratch.data = malloc (loop->scratch.size);
  result = pipe_pool_init (&loop->pipes, PIPES_IDLE_MAX, PIPES_MAX);
  if (result == 0 && loop->scratch.data == NULL)
    result = -ENOMEM;
  if (result == 0)
    result = tls_context_init (&loop->tls);
  loop->http = http_engine_new ();
  if (result == 0 && loop->http == NULL)
    result = -ENOMEM;
  if (result == 0)
    result = open_descriptors (loop);
  if (result < 0)
    serve_loop_clear (loop);
  return result;
}

static void
close_if_open (int fd)
{
  if (fd >= 0)
    close (fd);
}

void
serve_loop_clear (struct serve_loop *loop)
{
  for (uint32_t i = 0; i < SERVE_LISTENERS_MAX; i++)
    if (loop->listeners[i] != NULL)
      serve_loop_remove_listener (loop, loop->listeners[i]->id);
  serve_watches_clear (loop);
  http_engine_free (loop->http);
  basic_auth_free (loop->auth);
  flow_table_clear (&loop->table);
  share_table_free (loop->shares);
  serve_buffers_clear (&loop->buffers);
  pipe_pool_clear (&loop->pipes);
  tls_context_clear (&loop->tls);
  free (loop->scratch.data);
  close_if_open (loop->epoll);
  close_if_open (loop->wake);
  close_if_open (loop->spare);
  close_if_open (loop->expiry);
}
