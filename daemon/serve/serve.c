/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The owner's side: starts the thread, hands commands to it and its counters back.
 *
 * Commands go through a queue under a lock; the thread is woken and takes them between two batches
 * of events. Counters and refusals are atomics that the thread writes and anybody reads; the tables
 * that find them by id belong to the owner's side, under the same lock. */

#include "daemon/serve/serve.h"

#include "daemon/serve/request-log.h"
#include "daemon/serve/serve-loop.h"
#include "daemon/serve/serve-private.h"
#include "lib/base/error.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#define CHANGED_INTERVAL_MS 1000 /* between two calls of changed */
#define URGENT_INTERVAL_MS 50    /* the same for target errors, should a target flap */
#define DESCRIPTORS_PER_FLOW 6   /* two sockets and, at worst, two pipes */

typedef enum
{
  COMMAND_ADD_LISTENER,
  COMMAND_REMOVE_LISTENER,
  COMMAND_SET_SHARES,
  COMMAND_STOP,
} CommandKind;

typedef struct
{
  CommandKind kind;
  struct serve_listener *listener; /* ADD: reference */
  guint id;                        /* REMOVE */
  struct share_table *shares;      /* SET: owned */
} Command;

struct _FunnelServe
{
  struct serve_loop loop; /* the thread's own */
  GThread *thread;

  GMutex lock;           /* guards all below */
  GQueue commands;       /* of Command */
  GHashTable *counters;  /* share id → struct share_counters */
  GHashTable *listeners; /* id → struct serve_listener */
  guint last_listener;

  FunnelServeChanged changed;
  gpointer user_data;
  GMainContext *context;
  GSource *pending; /* the coming call of changed */
  gboolean pending_is_urgent;
  gint64 last_call; /* monotonic, microseconds */
};

static void
command_free (Command *command)
{
  g_clear_pointer (&command->listener, serve_listener_unref);
  g_clear_pointer (&command->shares, share_table_free);
  g_free (command);
}

/* --- counters to the owner --- */

static gboolean
changed_cb (gpointer data)
{
  FunnelServe *self = data;

  g_mutex_lock (&self->lock);
  if (self->pending == g_main_current_source ())
    g_clear_pointer (&self->pending, g_source_unref);
  self->last_call = g_get_monotonic_time ();
  g_mutex_unlock (&self->lock);
  self->changed (self->user_data);
  return G_SOURCE_REMOVE;
}

static void
drop_pending (FunnelServe *self)
{
  if (self->pending == NULL)
    return;
  g_source_destroy (self->pending);
  g_clear_pointer (&self->pending, g_source_unref);
}

static void
schedule_changed (FunnelServe *self, gboolean urgent)
{
  gint64 interval = urgent ? URGENT_INTERVAL_MS : CHANGED_INTERVAL_MS;
  gint64 since = (g_get_monotonic_time () - self->last_call) / 1000;
  guint delay = since >= interval ? 0 : (guint)(interval - since);

  drop_pending (self);
  self->pending = g_timeout_source_new (delay);
  self->pending_is_urgent = urgent;
  g_source_set_static_name (self->pending, "funnel-serve changed");
  g_source_set_callback (self->pending, changed_cb, self, NULL);
  g_source_attach (self->pending, self->context);
}

/* On the serve thread. */
static void
on_loop_changed (void *data, bool urgent)
{
  FunnelServe *self = data;

  if (self->changed == NULL)
    return;
  g_mutex_lock (&self->lock);
  if (self->pending == NULL || (urgent && !self->pending_is_urgent))
    schedule_changed (self, urgent);
  g_mutex_unlock (&self->lock);
}

/* --- commands to the thread --- */

static Command *
next_command (FunnelServe *self)
{
  Command *command;

  g_mutex_lock (&self->lock);
  command = g_queue_pop_head (&self->commands);
  g_mutex_unlock (&self->lock);
  return command;
}

/* On the serve thread. */
static void
on_loop_woken (void *data)
{
  FunnelServe *self = data;
  Command *command;

  while ((command = next_command (self)) != NULL)
    {
      switch (command->kind)
        {
        case COMMAND_ADD_LISTENER:
          serve_loop_add_listener (&self->loop, g_steal_pointer (&command->listener));
          break;
        case COMMAND_REMOVE_LISTENER:
          serve_loop_remove_listener (&self->loop, command->id);
          break;
        case COMMAND_SET_SHARES:
          serve_loop_set_shares (&self->loop, g_steal_pointer (&command->shares));
          break;
        case COMMAND_STOP:
          self->loop.stop = true;
          break;
        }
      command_free (command);
    }
}

/* Under the lock, so that commands arrive in the order of the calls. */
static void
queue_command (FunnelServe *self, Command command)
{
  g_queue_push_tail (&self->commands, g_memdup2 (&command, sizeof command));
  serve_loop_wake (&self->loop);
}

static gpointer
run_thread (gpointer data)
{
  FunnelServe *self = data;
  sigset_t all;

  /* Signals are the main thread's; and splice(2) has no flag against SIGPIPE. */
  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, NULL);
  serve_loop_run (&self->loop);
  return NULL;
}

/* The usual soft limit of 1024 would end at a few hundred flows. */
static void
raise_descriptor_limit (const struct serve_limits *limits)
{
  rlim_t wanted
      = (rlim_t)limits->flows_max * DESCRIPTORS_PER_FLOW + 2 * (rlim_t)limits->waiting_max;
  struct rlimit now;

  if (getrlimit (RLIMIT_NOFILE, &now) < 0 || now.rlim_cur >= wanted)
    return;
  now.rlim_cur = MIN (wanted, now.rlim_max);
  if (setrlimit (RLIMIT_NOFILE, &now) < 0)
    g_warning ("Cannot raise the limit of open files: %s", g_strerror (errno));
}

FunnelServe *
funnel_serve_new_with_limits (const struct serve_limits *limits,
                              FunnelServeChanged changed,
                              gpointer user_data,
                              GError **error)
{
  FunnelServe *self = g_new0 (FunnelServe, 1);
  struct serve_owner owner = {self, on_loop_changed, on_loop_woken};
  int result = serve_loop_init (&self->loop, limits, &owner);

  if (result < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "Cannot start serving: %s",
                   g_strerror (-result));
      g_free (self);
      return NULL;
    }
  raise_descriptor_limit (limits);
  g_mutex_init (&self->lock);
  g_queue_init (&self->commands);
  self->counters = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)share_counters_unref);
  self->listeners = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)serve_listener_unref);
  self->changed = changed;
  self->user_data = user_data;
  self->context = g_main_context_ref_thread_default ();
  self->last_call = g_get_monotonic_time () - CHANGED_INTERVAL_MS * 1000;
  self->thread = g_thread_new ("funnel-serve", run_thread, self);
  return self;
}

FunnelServe *
funnel_serve_new (FunnelServeChanged changed, gpointer user_data, GError **error)
{
  return funnel_serve_new_with_limits (&serve_limits_default, changed, user_data, error);
}

void
funnel_serve_free (FunnelServe *self)
{
  if (self == NULL)
    return;
  g_mutex_lock (&self->lock);
  queue_command (self, (Command) {.kind = COMMAND_STOP});
  g_mutex_unlock (&self->lock);
  g_thread_join (self->thread);
  g_queue_clear_full (&self->commands, (GDestroyNotify)command_free);
  serve_loop_clear (&self->loop);
  drop_pending (self);
  g_hash_table_unref (self->counters);
  g_hash_table_unref (self->listeners);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_free (self);
}

guint
funnel_serve_add_listener (FunnelServe *self, int fd, const struct address *peer)
{
  struct serve_listener *listener;
  guint id;

  g_mutex_lock (&self->lock);
  id = ++self->last_listener;
  listener = serve_listener_new (id, fd, peer);
  g_hash_table_insert (self->listeners, GUINT_TO_POINTER (id), listener);
  queue_command (
      self, (Command) {.kind = COMMAND_ADD_LISTENER, .listener = serve_listener_ref (listener)});
  g_mutex_unlock (&self->lock);
  return id;
}

void
funnel_serve_remove_listener (FunnelServe *self, guint listener)
{
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->listeners, GUINT_TO_POINTER (listener));
  queue_command (self, (Command) {.kind = COMMAND_REMOVE_LISTENER, .id = listener});
  g_mutex_unlock (&self->lock);
}

void
funnel_serve_set_shares (FunnelServe *self, GPtrArray *shares)
{
  struct share_table *table = share_table_new (shares->len);
  GHashTable *kept = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)share_counters_unref);

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < shares->len; i++)
    {
      const FunnelServeShare *share = g_ptr_array_index (shares, i);
      gpointer id = GUINT_TO_POINTER (share->id);
      struct share_counters *counters = g_hash_table_lookup (kept, id);

      if (counters == NULL)
        {
          counters = g_hash_table_lookup (self->counters, id);
          counters = counters != NULL ? share_counters_ref (counters) : share_counters_new ();
          g_hash_table_insert (kept, id, counters);
        }
      share_table_add (table, share, counters);
    }
  g_hash_table_unref (self->counters);
  self->counters = kept;
  queue_command (self, (Command) {.kind = COMMAND_SET_SHARES, .shares = table});
  g_mutex_unlock (&self->lock);
}

gboolean
funnel_serve_get_counters (FunnelServe *self, guint32 id, FunnelServeCounters *out)
{
  struct share_counters *counters;

  g_mutex_lock (&self->lock);
  counters = g_hash_table_lookup (self->counters, GUINT_TO_POINTER (id));
  if (counters != NULL)
    share_counters_read (counters, out);
  g_mutex_unlock (&self->lock);
  return counters != NULL;
}

guint
funnel_serve_take_log (FunnelServe *self,
                       guint32 id,
                       guint64 after,
                       FunnelServeRequest *out,
                       guint max)
{
  struct share_counters *counters;
  struct request_log *log = NULL;
  guint n = 0;

  g_mutex_lock (&self->lock);
  counters = g_hash_table_lookup (self->counters, GUINT_TO_POINTER (id));
  if (counters != NULL)
    log = atomic_load_explicit (&counters->log, memory_order_acquire);
  if (log != NULL)
    n = request_log_read (log, after, out, max);
  g_mutex_unlock (&self->lock);
  return n;
}

guint64
funnel_serve_get_offer_connections (FunnelServe *self, guint listener)
{
  struct serve_listener *found;
  guint64 count = 0;

  g_mutex_lock (&self->lock);
  found = g_hash_table_lookup (self->listeners, GUINT_TO_POINTER (listener));
  if (found != NULL)
    count = atomic_load_explicit (&found->connections, memory_order_relaxed);
  g_mutex_unlock (&self->lock);
  return count;
}

guint
funnel_serve_get_offer_flows (FunnelServe *self, guint listener)
{
  struct serve_listener *found;
  guint count = 0;

  g_mutex_lock (&self->lock);
  found = g_hash_table_lookup (self->listeners, GUINT_TO_POINTER (listener));
  if (found != NULL)
    count = atomic_load_explicit (&found->flows, memory_order_relaxed);
  g_mutex_unlock (&self->lock);
  return count;
}

GHashTable *
funnel_serve_get_offer_refusals (FunnelServe *self, guint listener)
{
  GHashTable *refusals = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  struct serve_listener *found;

  g_mutex_lock (&self->lock);
  found = g_hash_table_lookup (self->listeners, GUINT_TO_POINTER (listener));
  for (guint i = OFFER_REASON_NONE + 1; found != NULL && i < SERVE_REFUSALS; i++)
    {
      guint64 count = atomic_load_explicit (&found->refusals[i], memory_order_relaxed);

      if (count > 0)
        g_hash_table_insert (refusals, (gpointer)serve_refusal_name (i),
                             g_memdup2 (&count, sizeof count));
    }
  g_mutex_unlock (&self->lock);
  return refusals;
}
