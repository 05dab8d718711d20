/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Connections to nodes, and the pools that keep some of them warm.
 *
 * Goal: an offer costs the visitor no round trip for connecting. Each linked node has a pool with a
 * target of unowned conns. What a batch of events took is replaced at its end, when the visitors'
 * offers are on their way. A take that finds the pool
 * empty doubles the target (up to POOL_TARGET_MAX) and connects for this flow alone; a warm conn
 * that sat unused for CONN_IDLE_MS is closed and lowers the target again. A worker keeps at most
 * warm_max; with more linked nodes than that, idle nodes get none and their first visitor waits for
 * a connect.
 *
 *   conn_open ── CONNECTING ──connected── IDLE (in its pool, no owner)
 *                    │                      │ conn_take
 *                    └──── with an owner ── OWNED ── CLOSING ── FREE
 *
 * A CONNECTING conn without owner may be taken too: its flow waits for the rest of the handshake.
 * A conn that fails makes its pool wait POOL_RETRY_MS before it connects ahead again. */

#include "ingress-server/relay/worker.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define POOL_TARGET_MAX 32
#define POOL_RETRY_MS 1000

static struct pool *
pool_find (struct worker *worker, uint32_t node_id)
{
  uint32_t index = worker->pool_buckets[node_id & (worker->pools_size - 1)];

  while (index != NO_INDEX && worker->pools[index].node_id != node_id)
    index = worker->pools[index].hash_next;
  return index == NO_INDEX ? NULL : &worker->pools[index];
}

static uint16_t
pool_target_min (const struct worker *worker)
{
  return worker->pools_used <= worker->warm_max ? 1 : 0;
}

static void
pool_link (struct worker *worker, struct pool *pool, uint32_t index)
{
  struct conn *conn = &worker->conns[index];

  conn->pool = (uint32_t)(pool - worker->pools);
  conn->prev = NO_INDEX;
  conn->next = pool->head;
  if (pool->head != NO_INDEX)
    worker->conns[pool->head].prev = index;
  pool->head = index;
}

static void
pool_unlink (struct worker *worker, uint32_t index)
{
  struct conn *conn = &worker->conns[index];

  if (conn->prev != NO_INDEX)
    worker->conns[conn->prev].next = conn->next;
  else
    worker->pools[conn->pool].head = conn->next;
  if (conn->next != NO_INDEX)
    worker->conns[conn->next].prev = conn->prev;
  conn->prev = conn->next = NO_INDEX;
}

static void
pool_add (struct worker *worker, struct pool *pool, uint32_t index)
{
  pool_link (worker, pool, index);
  pool->unowned++;
  worker->warm++;
  relay_gauge (&worker->relay->counters->warm, 1);
}

/* Takes conn @index out of its pool; it keeps no memory of it. */
static void
pool_remove (struct worker *worker, uint32_t index)
{
  struct conn *conn = &worker->conns[index];

  pool_unlink (worker, index);
  worker->pools[conn->pool].unowned--;
  conn->pool = NO_INDEX;
  worker->warm--;
  relay_gauge (&worker->relay->counters->warm, -1);
}

static uint32_t
conn_allocate (struct worker *worker)
{
  uint32_t index = worker->conns_free;

  if (index != NO_INDEX)
    worker->conns_free = worker->conns[index].next;
  else if (worker->conns_used < worker->conns_max)
    index = worker->conns_used++;
  return index;
}

static void
conn_free (struct worker *worker, uint32_t index)
{
  worker->conns[index].state = CONN_FREE;
  worker->conns[index].next = worker->conns_free;
  worker->conns_free = index;
}

/* Without a port: the kernel picks one when it knows the other end. */
static int
bind_source (int fd, const uint8_t source[4])
{
  struct sockaddr_in address = {.sin_family = AF_INET};
  int on = 1;

  memcpy (&address.sin_addr, source, 4);
  setsockopt (fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  return bind (fd, (struct sockaddr *)&address, sizeof address);
}

static int
connect_to (const struct relay_options *options, const struct pool *pool)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons (pool->offer_port)};
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;

  if (fd < 0)
    return -1;
  memcpy (&address.sin_addr, pool->address, sizeof pool->address);
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if ((options->has_source && bind_source (fd, options->source) < 0)
      || (connect (fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS))
    {
      close (fd);
      return -1;
    }
  return fd;
}

/* A connecting conn to the node of @pool, owned by nobody yet and in no pool; NO_INDEX if it cannot
 * be. */
static uint32_t
conn_open (struct worker *worker, const struct pool *pool)
{
  uint32_t index;
  struct conn *conn;
  int fd;

  if (!pool->linked || (index = conn_allocate (worker)) == NO_INDEX)
    return NO_INDEX;
  conn = &worker->conns[index];
  fd = connect_to (worker->options, pool);
  if (fd < 0)
    {
      conn_free (worker, index);
      return NO_INDEX;
    }
  *conn = (struct conn) {.fd = fd,
                         .flow = NO_INDEX,
                         .pool = NO_INDEX,
                         .prev = NO_INDEX,
                         .next = NO_INDEX,
                         .state = CONN_CONNECTING};
  deadline_link_init (&conn->deadline);
  if (worker_watch (worker, fd, EVENT_CONN, index, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0)
    {
      close (fd);
      conn_free (worker, index);
      return NO_INDEX;
    }
  deadline_arm (&worker->conn_deadlines, index, DEADLINE_CONN_CONNECT, worker->now);
  return index;
}

static void
pool_back_off (struct worker *worker, struct pool *pool)
{
  pool->retry_at = worker->now + POOL_RETRY_MS;
  if (pool->retry_at < worker->refill_at)
    worker->refill_at = pool->retry_at;
}

static void
pool_refill (struct worker *worker, struct pool *pool)
{
  while (pool->linked && pool->unowned < pool->target && worker->warm < worker->warm_max)
    {
      uint32_t index;

      if (worker->now < pool->retry_at)
        {
          worker->refill_at
              = pool->retry_at < worker->refill_at ? pool->retry_at : worker->refill_at;
          return;
        }
      index = conn_open (worker, pool);
      if (index == NO_INDEX)
        {
          pool_back_off (worker, pool);
          return;
        }
      pool_add (worker, pool, index);
    }
}

static void
pool_want_refill (struct worker *worker, struct pool *pool)
{
  if (pool->wants_refill)
    return;
  pool->wants_refill = true;
  pool->refill_next = worker->refill_head;
  worker->refill_head = (uint32_t)(pool - worker->pools);
}

void
conn_refill_pools (struct worker *worker)
{
  while (worker->refill_head != NO_INDEX)
    {
      struct pool *pool = &worker->pools[worker->refill_head];

      worker->refill_head = pool->refill_next;
      pool->wants_refill = false;
      pool_refill (worker, pool);
    }
  if (worker->now < worker->refill_at)
    return;
  worker->refill_at = UINT64_MAX;
  for (uint32_t i = 0; i < worker->pools_used; i++)
    pool_refill (worker, &worker->pools[i]);
}

static void
pool_drop_conns (struct worker *worker, struct pool *pool)
{
  while (pool->head != NO_INDEX)
    conn_close (worker, pool->head);
}

void
conn_drop_warm (struct worker *worker)
{
  worker->warm_max = 0;
  for (uint32_t i = 0; i < worker->pools_used; i++)
    pool_drop_conns (worker, &worker->pools[i]);
}

/* --- taking over a route table ------------------------------------------------------------------
 */

static int
pools_grow (struct worker *worker, uint32_t wanted)
{
  uint32_t size = worker->pools_size > 0 ? worker->pools_size : 64;
  struct pool *pools;
  uint32_t *buckets;

  while (size < wanted)
    size *= 2;
  if (size == worker->pools_size)
    return 0;
  pools = realloc (worker->pools, size * sizeof *pools);
  if (pools == NULL)
    return -ENOMEM;
  worker->pools = pools;
  buckets = realloc (worker->pool_buckets, size * sizeof *buckets);
  if (buckets == NULL)
    return -ENOMEM;
  worker->pool_buckets = buckets;
  worker->pools_size = size;
  return 0;
}

static void
pools_rehash (struct worker *worker)
{
  memset (worker->pool_buckets, 0xff, worker->pools_size * sizeof *worker->pool_buckets);
  for (uint32_t i = 0; i < worker->pools_used; i++)
    {
      uint32_t *bucket = &worker->pool_buckets[worker->pools[i].node_id & (worker->pools_size - 1)];

      worker->pools[i].hash_next = *bucket;
      *bucket = i;
    }
}

/* Forgets pools whose node is gone, closing the gaps. */
static void
pools_sweep (struct worker *worker)
{
  uint32_t kept = 0;

  for (uint32_t i = 0; i < worker->pools_used; i++)
    {
      if (!worker->pools[i].seen)
        {
          pool_drop_conns (worker, &worker->pools[i]);
          continue;
        }
      if (kept != i)
        {
          worker->pools[kept] = worker->pools[i];
          for (uint32_t c = worker->pools[kept].head; c != NO_INDEX; c = worker->conns[c].next)
            worker->conns[c].pool = kept;
        }
      kept++;
    }
  worker->pools_used = kept;
}

static void
pool_update (struct worker *worker, struct pool *pool, const struct route_node *node)
{
  bool linked = node->linked && node->offer_port != 0;

  if (!linked || pool->offer_port != node->offer_port
      || memcmp (pool->address, node->address, sizeof pool->address) != 0)
    {
      pool_drop_conns (worker, pool);
      pool->retry_at = 0;
    }
  pool->linked = linked;
  pool->offer_port = node->offer_port;
  memcpy (pool->address, node->address, sizeof pool->address);
  pool->seen = true;
}

static int
pools_match_nodes (struct worker *worker, const struct route_table *table)
{
  size_t count = route_table_node_count (table);
  int result = pools_grow (worker, worker->pools_used + (uint32_t)count);

  if (result < 0)
    return result;
  pools_rehash (worker);
  worker->refill_head = NO_INDEX; /* all are refilled after the adoption, and indices change */
  for (uint32_t i = 0; i < worker->pools_used; i++)
    worker->pools[i].seen = worker->pools[i].wants_refill = false;
  for (size_t i = 0; i < count; i++)
    {
      const struct route_node *node = route_table_node_at (table, i);
      struct pool *pool = pool_find (worker, node->id);

      if (pool == NULL)
        {
          uint32_t *bucket = &worker->pool_buckets[node->id & (worker->pools_size - 1)];

          pool = &worker->pools[worker->pools_used];
          *pool = (struct pool) {.node_id = node->id, .head = NO_INDEX, .hash_next = *bucket};
          *bucket = worker->pools_used++;
        }
      pool_update (worker, pool, node);
    }
  pools_sweep (worker);
  pools_rehash (worker);
  return 0;
}

int
conn_pools_adopt (struct worker *worker, const struct route_table *table)
{
  size_t count = route_table_node_count (table);
  uint32_t *node_pools = realloc (worker->node_pools, (count + 1) * sizeof *node_pools);
  int result;

  if (node_pools == NULL)
    return -ENOMEM;
  worker->node_pools = node_pools;
  result = pools_match_nodes (worker, table);
  if (result < 0)
    return result;
  for (size_t i = 0; i < count; i++)
    node_pools[i]
        = (uint32_t)(pool_find (worker, route_table_node_at (table, i)->id) - worker->pools);
  for (uint32_t i = 0; i < worker->pools_used; i++)
    {
      if (worker->pools[i].target < pool_target_min (worker))
        worker->pools[i].target = pool_target_min (worker);
      pool_refill (worker, &worker->pools[i]);
    }
  return 0;
}

/* --- use ----------------------------------------------------------------------------------------
 */

uint32_t
conn_take (struct worker *worker, uint32_t node_index, uint32_t flow, bool fresh)
{
  struct pool *pool = &worker->pools[worker->node_pools[node_index]];
  uint32_t index = fresh ? NO_INDEX : pool->head;
  struct conn *conn;

  if (index != NO_INDEX)
    {
      pool_remove (worker, index);
    }
  else
    {
      index = conn_open (worker, pool);
      if (index == NO_INDEX)
        return NO_INDEX;
      if (!fresh && pool->target < POOL_TARGET_MAX)
        pool->target = (uint16_t)(pool->target * 2 + 1 < POOL_TARGET_MAX ? pool->target * 2 + 1
                                                                         : POOL_TARGET_MAX);
    }
  conn = &worker->conns[index];
  conn->flow = flow;
  if (conn->state == CONN_IDLE)
    {
      deadline_disarm (&worker->conn_deadlines, index);
      conn->state = CONN_OWNED;
      conn->was_warm = true;
    }
  pool_want_refill (worker, pool);
  return index;
}

void
conn_close (struct worker *worker, uint32_t index)
{
  struct conn *conn = &worker->conns[index];

  if (conn->state == CONN_CLOSING || conn->state == CONN_FREE)
    return;
  if (conn->pool != NO_INDEX)
    pool_remove (worker, index);
  deadline_disarm (&worker->conn_deadlines, index);
  conn->state = CONN_CLOSING;
  conn->next = worker->closing_conns;
  worker->closing_conns = index;
}

void
conn_release (struct worker *worker, uint32_t index)
{
  close (worker->conns[index].fd);
  conn_free (worker, index);
}

/* A conn that never connected, or a warm one that the node closed. */
static void
conn_fail (struct worker *worker, uint32_t index)
{
  struct conn *conn = &worker->conns[index];
  uint32_t flow = conn->flow;

  if (conn->pool != NO_INDEX)
    pool_back_off (worker, &worker->pools[conn->pool]);
  conn_close (worker, index);
  if (flow != NO_INDEX)
    flow_on_conn_failed (worker, flow);
}

static void
conn_connected (struct worker *worker, uint32_t index)
{
  struct conn *conn = &worker->conns[index];

  deadline_disarm (&worker->conn_deadlines, index);
  if (conn->flow != NO_INDEX)
    {
      conn->state = CONN_OWNED;
      flow_on_conn_connected (worker, conn->flow);
      return;
    }
  conn->state = CONN_IDLE;
  /* To the front: idle ones are taken before those still connecting. */
  pool_unlink (worker, index);
  pool_link (worker, &worker->pools[conn->pool], index);
  deadline_arm (&worker->conn_deadlines, index, DEADLINE_CONN_IDLE, worker->now);
}

void
conn_on_event (struct worker *worker, uint32_t index, uint32_t events)
{
  struct conn *conn = &worker->conns[index];
  bool broken = events & (EPOLLERR | EPOLLHUP);

  switch ((enum conn_state)conn->state)
    {
    case CONN_CONNECTING:
      if (broken)
        conn_fail (worker, index);
      else if (events & EPOLLOUT)
        conn_connected (worker, index);
      break;
    case CONN_IDLE:
      /* A node has nothing to say before an offer; whatever it is, this one is of no use. */
      if (broken || (events & (EPOLLIN | EPOLLRDHUP)))
        conn_fail (worker, index);
      break;
    case CONN_OWNED:
      flow_on_conn (worker, conn->flow, events);
      break;
    case CONN_FREE:
    case CONN_CLOSING:
      break;
    }
}

void
conn_on_deadline (struct worker *worker, uint32_t index)
{
  struct conn *conn = &worker->conns[index];
  struct pool *pool = conn->pool != NO_INDEX ? &worker->pools[conn->pool] : NULL;

  if (conn->state == CONN_CONNECTING)
    {
      conn_fail (worker, index);
      return;
    }
  conn_close (worker, index);
  if (pool != NULL)
    {
      if (pool->target > pool_target_min (worker))
        pool->target--;
      pool_refill (worker, pool);
    }
}
