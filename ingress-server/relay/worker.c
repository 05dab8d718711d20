/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A worker's loop: wait, dispatch a batch of events by kind, run flows that used up their turn,
 * fire deadlines, then free what was marked. Listeners are level-triggered and shared
 * (EPOLLEXCLUSIVE) unless there are enough SO_REUSEPORT sockets for each worker to have its own;
 * everything else is edge-triggered. */

#include "ingress-server/relay/worker.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define BATCH 256
#define ACCEPTS_PER_EVENT 64
#define ACCEPT_PAUSE_MS 100 /* when descriptors ran out */
#define PIPES_IDLE_MAX 32
#define LINGER_MS 1000
#define CONN_IDLE_MS (120 * 1000)

static struct deadline_link *
flow_link (void *owner, uint32_t index)
{
  return &((struct worker *)owner)->flows[index].deadline;
}

static struct deadline_link *
conn_link (void *owner, uint32_t index)
{
  return &((struct worker *)owner)->conns[index].deadline;
}

/* Address space for @count records; pages are used only once touched. */
static void *
reserve_table (size_t count, size_t size)
{
  void *table = mmap (NULL, count * size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  return table == MAP_FAILED ? NULL : table;
}

static int
init_tables (struct worker *worker, uint32_t flows_max)
{
  worker->flows_max = flows_max;
  worker->conns_max = flows_max + worker->warm_max;
  worker->flows = reserve_table (worker->flows_max, sizeof *worker->flows);
  worker->conns = reserve_table (worker->conns_max, sizeof *worker->conns);
  worker->scratch.size = WORKER_SCRATCH;
  worker->scratch.data = malloc (WORKER_SCRATCH);
  if (worker->flows == NULL || worker->conns == NULL || worker->scratch.data == NULL)
    return -ENOMEM;
  worker->flows_free = worker->conns_free = NO_INDEX;
  worker->closing_flows = worker->closing_conns = NO_INDEX;
  worker->ready_head = worker->ready_tail = NO_INDEX;
  worker->parked_head = worker->parked_tail = NO_INDEX;
  return pipe_pool_init (&worker->pipes, PIPES_IDLE_MAX, flows_max / 2 + 1);
}

static void
init_deadlines (struct worker *worker)
{
  const struct relay_options *options = worker->options;

  worker->flow_queues[DEADLINE_HELLO].length_ms = options->hello_ms;
  worker->flow_queues[DEADLINE_CONNECT].length_ms = options->connect_ms;
  worker->flow_queues[DEADLINE_OFFER].length_ms = options->offer_ms;
  worker->flow_queues[DEADLINE_IDLE].length_ms = options->idle_ms;
  worker->flow_queues[DEADLINE_LINGER].length_ms = LINGER_MS;
  worker->conn_queues[DEADLINE_CONN_CONNECT].length_ms = options->connect_ms;
  worker->conn_queues[DEADLINE_CONN_IDLE].length_ms = CONN_IDLE_MS;
  deadlines_init (&worker->flow_deadlines, worker->flow_queues, FLOW_DEADLINES, flow_link, worker);
  deadlines_init (&worker->conn_deadlines, worker->conn_queues, CONN_DEADLINES, conn_link, worker);
}

int
worker_watch (struct worker *worker, int fd, enum event_kind kind, uint32_t index, uint32_t events)
{
  union event_ref ref = {.kind = kind, .index = index};
  struct epoll_event event = {.events = events, .data.u64 = ref.datum};

  return epoll_ctl (worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Whether listener @index is served by this worker, and whether others serve it too. */
static bool
is_my_listener (const struct worker *worker, uint32_t index, bool *shared)
{
  const struct relay_options *options = worker->options;
  uint32_t same_port = 0, rank = 0;

  for (uint32_t i = 0; i < options->listener_count; i++)
    if (options->listeners[i].port == options->listeners[index].port)
      {
        same_port++;
        if (i < index)
          rank++;
      }
  /* A port has several listeners when they are SO_REUSEPORT siblings, or one per address family;
   * with fewer of them than workers, every worker serves them all. */
  *shared = same_port < options->workers;
  return *shared || rank % options->workers == worker->index;
}

static int
watch_listeners (struct worker *worker, bool on)
{
  for (uint32_t i = 0; i < worker->options->listener_count; i++)
    {
      int fd = worker->options->listeners[i].fd;
      bool shared;

      if (!is_my_listener (worker, i, &shared))
        continue;
      if (!on)
        epoll_ctl (worker->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
      else if (worker_watch (worker, fd, EVENT_LISTENER, i, EPOLLIN | (shared ? EPOLLEXCLUSIVE : 0))
               < 0)
        return -errno;
    }
  worker->accepting = on;
  return 0;
}

int
worker_init (struct worker *worker, struct relay *relay, uint32_t index, uint32_t flows_max)
{
  int result;

  worker->relay = relay;
  worker->options = relay->options;
  worker->index = index;
  worker->warm_max = relay->options->max_warm / relay->options->workers;
  worker->refill_at = UINT64_MAX;
  worker->refill_head = NO_INDEX;
  worker->now = deadline_now ();
  worker->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  worker->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (worker->epoll_fd < 0 || worker->wake_fd < 0)
    return -errno;
  result = init_tables (worker, flows_max);
  if (result < 0)
    return result;
  init_deadlines (worker);
  worker->accept_again = UINT64_MAX; /* until there is a table */
  return worker_watch (worker, worker->wake_fd, EVENT_WAKE, 0, EPOLLIN);
}

/* --- events -------------------------------------------------------------------------------------
 */

static void
stop_accepting (struct worker *worker)
{
  relay_count (&worker->relay->counters->refusals[RELAY_REFUSAL_RESOURCES], 1);
  watch_listeners (worker, false);
  worker->accept_again = worker->now + ACCEPT_PAUSE_MS;
}

static void
accept_visitors (struct worker *worker, const struct relay_listener *listener)
{
  for (int i = 0; i < ACCEPTS_PER_EVENT; i++)
    {
      struct sockaddr_storage sa;
      socklen_t len = sizeof sa;
      struct address source;
      int fd = accept4 (listener->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

      if (fd < 0)
        {
          if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            stop_accepting (worker);
          return;
        }
      relay_count (&worker->relay->counters->accepted, 1);
      if (address_from_sockaddr ((struct sockaddr *)&sa, len, &source))
        flow_accept (worker, fd, &source, listener->port);
      else
        close (fd);
    }
}

/* No more visitors here. A listener that the next relay was not given must not keep them waiting,
 * so the last worker to leave closes them all. */
static void
begin_drain (struct worker *worker)
{
  const struct relay_options *options = worker->options;

  worker->draining = true;
  if (worker->accepting)
    watch_listeners (worker, false);
  worker->accept_again = UINT64_MAX;
  conn_drop_warm (worker);
  if (atomic_fetch_add (&worker->relay->left, 1) + 1 < options->workers)
    return;
  for (uint32_t i = 0; i < options->listener_count; i++)
    close (options->listeners[i].fd);
}

static void
end_when_drained (struct worker *worker)
{
  if (!worker->draining || worker->is_drained || worker->flows_active > 0)
    return;
  worker->is_drained = true;
  if (atomic_fetch_add (&worker->relay->drained, 1) + 1 == worker->options->workers)
    _exit (0);
}

/* With the first table: without one everybody would be refused who waited for this relay. */
static void
begin_accepting (struct worker *worker)
{
  if (watch_listeners (worker, true) < 0)
    worker->accept_again = worker->now + ACCEPT_PAUSE_MS;
}

static void
adopt_table (struct worker *worker)
{
  uint64_t published = atomic_load_explicit (&worker->relay->published, memory_order_acquire);
  const struct route_table *table
      = atomic_load_explicit (&worker->relay->table, memory_order_acquire);
  bool is_first = worker->table == NULL && table != NULL;
  uint64_t value;

  while (read (worker->wake_fd, &value, sizeof value) < 0 && errno == EINTR)
    continue;
  if (table != worker->table)
    {
      if (conn_pools_adopt (worker, table) < 0)
        abort (); /* out of memory for a few bytes per node: start again, the agent sees to it */
      worker->table = table;
      flow_check_routes (worker);
    }
  if (!worker->draining && atomic_load_explicit (&worker->relay->draining, memory_order_acquire))
    begin_drain (worker);
  if (is_first && !worker->draining)
    begin_accepting (worker);
  atomic_store_explicit (&worker->adopted, published, memory_order_release);
  value = 1;
  while (write (worker->relay->adopted_fd, &value, sizeof value) < 0 && errno == EINTR)
    continue;
}

static void
dispatch (struct worker *worker, const struct epoll_event *event)
{
  union event_ref ref = {.datum = event->data.u64};

  switch ((enum event_kind)ref.kind)
    {
    case EVENT_LISTENER:
      accept_visitors (worker, &worker->options->listeners[ref.index]);
      break;
    case EVENT_WAKE:
      adopt_table (worker);
      break;
    case EVENT_VISITOR:
      flow_on_visitor (worker, ref.index, event->events);
      break;
    case EVENT_CONN:
      conn_on_event (worker, ref.index, event->events);
      break;
    }
}

/* Puts @index at the end of the list from @head to @tail, unless it is in a list. */
static void
append_flow (struct worker *worker, uint32_t *head, uint32_t *tail, uint32_t index)
{
  struct flow *flow = &worker->flows[index];

  if (flow->is_ready)
    return;
  flow->is_ready = true;
  flow->next_ready = NO_INDEX;
  if (*tail != NO_INDEX)
    worker->flows[*tail].next_ready = index;
  else
    *head = index;
  *tail = index;
}

void
worker_mark_ready (struct worker *worker, uint32_t index)
{
  append_flow (worker, &worker->ready_head, &worker->ready_tail, index);
}

void
worker_park (struct worker *worker, uint32_t index)
{
  if (worker->parked_head == NO_INDEX)
    worker->unpark_at = (worker->now / BANDWIDTH_TICK_MS + 1) * BANDWIDTH_TICK_MS;
  append_flow (worker, &worker->parked_head, &worker->parked_tail, index);
}

/* A new tick: those that were parked are ready, after those that already are. */
static void
unpark (struct worker *worker)
{
  if (worker->parked_head == NO_INDEX || worker->now < worker->unpark_at)
    return;
  if (worker->ready_tail != NO_INDEX)
    worker->flows[worker->ready_tail].next_ready = worker->parked_head;
  else
    worker->ready_head = worker->parked_head;
  worker->ready_tail = worker->parked_tail;
  worker->parked_head = worker->parked_tail = NO_INDEX;
}

/* Gives every flow that was ready before this call one turn. */
static void
run_ready (struct worker *worker)
{
  uint32_t last = worker->ready_tail;

  while (worker->ready_head != NO_INDEX)
    {
      uint32_t index = worker->ready_head;
      struct flow *flow = &worker->flows[index];

      worker->ready_head = flow->next_ready;
      if (worker->ready_head == NO_INDEX)
        worker->ready_tail = NO_INDEX;
      flow->is_ready = false;
      flow_run_ready (worker, index);
      if (index == last)
        break;
    }
}

static void
fire_deadlines (struct worker *worker)
{
  uint32_t index;

  while ((index = deadline_pop_expired (&worker->flow_deadlines, worker->now)) != DEADLINE_NONE)
    flow_on_deadline (worker, index);
  while ((index = deadline_pop_expired (&worker->conn_deadlines, worker->now)) != DEADLINE_NONE)
    conn_on_deadline (worker, index);
  conn_refill_pools (worker);
  if (!worker->accepting && worker->now >= worker->accept_again)
    watch_listeners (worker, true);
}

static void
release_closed (struct worker *worker)
{
  uint32_t waiting;

  while (worker->closing_conns != NO_INDEX)
    {
      uint32_t index = worker->closing_conns;

      worker->closing_conns = worker->conns[index].next;
      conn_release (worker, index);
    }
  waiting = worker->closing_flows;
  worker->closing_flows = NO_INDEX;
  while (waiting != NO_INDEX)
    {
      uint32_t index = waiting;
      struct flow *flow = &worker->flows[index];

      waiting = flow->next;
      if (!flow->is_ready)
        {
          flow_release (worker, index);
          continue;
        }
      /* Still in the ready or the parked list, which must not lose its way: soon. */
      flow->next = worker->closing_flows;
      worker->closing_flows = index;
    }
}

static int
sooner (int timeout, uint64_t when, uint64_t now)
{
  uint64_t left = when > now ? when - now : 0;

  if (when == UINT64_MAX || (timeout >= 0 && (uint64_t)timeout <= left))
    return timeout;
  return left > 60000 ? 60000 : (int)left;
}

static int
next_timeout (const struct worker *worker)
{
  int timeout = deadline_next (&worker->flow_deadlines, worker->now);
  int conns = deadline_next (&worker->conn_deadlines, worker->now);

  if (worker->ready_head != NO_INDEX)
    return 0;
  if (conns >= 0 && (timeout < 0 || conns < timeout))
    timeout = conns;
  timeout = sooner (timeout, worker->refill_at, worker->now);
  if (worker->parked_head != NO_INDEX)
    timeout = sooner (timeout, worker->unpark_at, worker->now);
  return worker->accepting ? timeout : sooner (timeout, worker->accept_again, worker->now);
}

void *
worker_run (void *data)
{
  struct worker *worker = data;
  struct epoll_event events[BATCH];

  for (;;)
    {
      int n = epoll_wait (worker->epoll_fd, events, BATCH, next_timeout (worker));

      if (n < 0 && errno != EINTR)
        abort ();
      worker->now = deadline_now ();
      for (int i = 0; i < n; i++)
        dispatch (worker, &events[i]);
      unpark (worker);
      run_ready (worker);
      fire_deadlines (worker);
      release_closed (worker);
      end_when_drained (worker);
    }
  return NULL;
}
