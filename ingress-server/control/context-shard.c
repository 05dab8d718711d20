/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/context-shard.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONNECTIONS_MAX 100 /* of a shard, while there may be more shards */
#define SHARDS_MAX 256
#define DESCRIPTORS_FIRST 16

struct _ContextShard
{
  GMainContext *context;
  GSource *source; /* of the default context */
  int epoll;
  guint connections;
  GArray *watched; /* GPollFD by descriptor: what the epoll descriptor was told */
  GArray *wanted;  /* the same, as the context has it now */
};

typedef struct
{
  GSource base;
  ContextShard *shard;
} ShardSource;

static ContextShard *shards[SHARDS_MAX];
static guint n_shards;

/* What is watched. */

static int
compare_descriptors (gconstpointer a, gconstpointer b)
{
  return ((const GPollFD *)a)->fd - ((const GPollFD *)b)->fd;
}

/* Descriptors of @self's context in their order, with the events of one in one place, and the
 * milliseconds to its next timer. */
static int
ask_context (ContextShard *self)
{
  int priority, timeout = -1, count;
  guint kept = 0;

  g_main_context_prepare (self->context, &priority);
  g_array_set_size (self->wanted, MAX (self->wanted->len, DESCRIPTORS_FIRST));
  while ((count = g_main_context_query (self->context, G_MAXINT, &timeout,
                                        &g_array_index (self->wanted, GPollFD, 0),
                                        (int)self->wanted->len))
         > (int)self->wanted->len)
    g_array_set_size (self->wanted, (guint)count);
  g_array_set_size (self->wanted, (guint)count);
  g_array_sort (self->wanted, compare_descriptors);
  for (int i = 0; i < count; i++)
    {
      GPollFD one = g_array_index (self->wanted, GPollFD, i);
      GPollFD *last = kept > 0 ? &g_array_index (self->wanted, GPollFD, kept - 1) : NULL;

      if (last && last->fd == one.fd)
        last->events |= one.events;
      else
        g_array_index (self->wanted, GPollFD, kept++) = one;
    }
  g_array_set_size (self->wanted, kept);
  return timeout;
}

/* A descriptor that was closed has left the epoll descriptor by itself, and its number may be
 * another socket's by now: only the kernel knows whether it is there. */
static void
watch (ContextShard *self, const GPollFD *one)
{
  struct epoll_event event = {.events = one->events, .data.fd = one->fd};

  if (epoll_ctl (self->epoll, EPOLL_CTL_MOD, one->fd, &event) < 0
      && (errno != ENOENT || epoll_ctl (self->epoll, EPOLL_CTL_ADD, one->fd, &event) < 0))
    g_warning ("Cannot watch a connection: %s", g_strerror (errno));
}

static void
watch_all (ContextShard *self)
{
  GArray *before = self->watched;
  guint k = 0;

  for (guint i = 0; i < self->wanted->len; i++)
    {
      const GPollFD *one = &g_array_index (self->wanted, GPollFD, i);

      for (; k < before->len && g_array_index (before, GPollFD, k).fd < one->fd; k++)
        epoll_ctl (self->epoll, EPOLL_CTL_DEL, g_array_index (before, GPollFD, k).fd, NULL);
      if (k < before->len && g_array_index (before, GPollFD, k).fd == one->fd)
        k++;
      watch (self, one);
    }
  for (; k < before->len; k++)
    epoll_ctl (self->epoll, EPOLL_CTL_DEL, g_array_index (before, GPollFD, k).fd, NULL);
  self->watched = self->wanted;
  self->wanted = before;
}

static void
synchronize (ContextShard *self)
{
  int timeout = ask_context (self);

  watch_all (self);
  g_source_set_ready_time (
      self->source, timeout < 0 ? -1 : g_get_monotonic_time () + timeout * G_TIME_SPAN_MILLISECOND);
}

/* Serving. */

static gboolean
shard_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  ContextShard *self = ((ShardSource *)source)->shard;

  g_main_context_push_thread_default (self->context);
  g_main_context_iteration (self->context, FALSE);
  synchronize (self);
  g_main_context_pop_thread_default (self->context);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs shard_funcs = {.dispatch = shard_dispatch};

static ContextShard *
context_shard_new (void)
{
  ContextShard *self = g_new0 (ContextShard, 1);

  self->epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (self->epoll < 0)
    {
      g_free (self);
      return NULL;
    }
  /* Ownerless: what is attached from outside wakes the epoll descriptor. */
  self->context = g_main_context_new_with_flags (G_MAIN_CONTEXT_FLAGS_OWNERLESS_POLLING);
  self->watched = g_array_new (FALSE, FALSE, sizeof (GPollFD));
  self->wanted = g_array_new (FALSE, FALSE, sizeof (GPollFD));
  self->source = g_source_new (&shard_funcs, sizeof (ShardSource));
  ((ShardSource *)self->source)->shard = self;
  g_source_set_static_name (self->source, "shard");
  g_source_add_unix_fd (self->source, self->epoll, G_IO_IN);
  g_source_attach (self->source, NULL);
  return self;
}

/* The first with room; when all are full and there cannot be more, the emptiest. */
static ContextShard *
find_room (void)
{
  ContextShard *best = NULL;

  for (guint i = 0; i < n_shards; i++)
    {
      if (shards[i]->connections < CONNECTIONS_MAX)
        return shards[i];
      if (!best || shards[i]->connections < best->connections)
        best = shards[i];
    }
  if (n_shards == SHARDS_MAX)
    return best;
  shards[n_shards] = context_shard_new ();
  return shards[n_shards] ? shards[n_shards++] : best;
}

ContextShard *
context_shard_enter (void)
{
  ContextShard *self = find_room ();

  if (self)
    {
      self->connections++;
      g_main_context_push_thread_default (self->context);
    }
  return self;
}

void
context_shard_leave (ContextShard *self)
{
  if (!self)
    return;
  synchronize (self);
  g_main_context_pop_thread_default (self->context);
}

void
context_shard_release (ContextShard *self)
{
  if (self)
    self->connections--;
}

void
context_shard_suspend (void)
{
  g_main_context_push_thread_default (NULL);
}

void
context_shard_resume (void)
{
  g_main_context_pop_thread_default (NULL);
}
