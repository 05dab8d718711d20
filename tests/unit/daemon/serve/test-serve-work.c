/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Jobs beside a serve thread: each is done once, in order, on that thread; too many are refused;
 * and the end of the loop waits for those that run. */

#include "daemon/serve/serve-loop.h"
#include "daemon/serve/serve-work.h"

#include <errno.h>
#include <string.h>

#define THREADS 2u
#define JOBS_MAX 8u

typedef struct
{
  struct serve_loop loop;
  struct serve_work *work;
  GThread *thread;

  GMutex lock;
  GCond changed;
  /* Guarded by lock. */
  gboolean gate_open; /* jobs wait for it */
  guint ran, done, refused, running, running_most;
  guint last_done;
  guint wanted; /* to be submitted by the serve thread */
} Case;

typedef struct
{
  struct serve_job job;
  Case *c;
  guint number;
} Job;

static void
run_job (struct serve_job *base)
{
  Case *c = ((Job *)base)->c;

  g_assert_true (g_thread_self () != c->thread);
  g_mutex_lock (&c->lock);
  c->running++;
  c->running_most = MAX (c->running_most, c->running);
  g_cond_broadcast (&c->changed);
  while (!c->gate_open)
    g_cond_wait (&c->changed, &c->lock);
  c->running--;
  c->ran++;
  g_mutex_unlock (&c->lock);
}

static void
finish_job (struct serve_loop *loop, struct serve_job *base)
{
  Case *c = ((Job *)base)->c;

  g_assert_true (loop == &c->loop);
  g_mutex_lock (&c->lock);
  c->done++;
  c->last_done = ((Job *)base)->number;
  g_cond_broadcast (&c->changed);
  g_mutex_unlock (&c->lock);
  g_free (base);
}

static void
submit (Case *c, guint number)
{
  Job *job = g_new0 (Job, 1);
  struct serve_work *work = serve_work_get (&c->loop, &c->work, THREADS, JOBS_MAX);

  g_assert_nonnull (work);
  *job = (Job) {{run_job, finish_job, NULL}, c, number};
  if (serve_work_submit (work, &job->job) == 0)
    return;
  g_free (job);
  g_mutex_lock (&c->lock);
  c->refused++;
  g_cond_broadcast (&c->changed);
  g_mutex_unlock (&c->lock);
}

static void
on_changed (void *data, bool urgent)
{
}

static void
on_woken (void *data)
{
  Case *c = data;
  guint wanted;

  g_mutex_lock (&c->lock);
  wanted = c->wanted;
  c->wanted = 0;
  g_mutex_unlock (&c->lock);
  if (wanted == 0)
    c->loop.stop = true;
  for (guint i = 0; i < wanted; i++)
    submit (c, i);
}

static gpointer
run_loop (gpointer data)
{
  Case *c = data;

  serve_loop_run (&c->loop);
  return NULL;
}

static void
set_up (Case *c, gconstpointer data)
{
  struct serve_owner owner = {c, on_changed, on_woken};

  g_mutex_init (&c->lock);
  g_cond_init (&c->changed);
  g_assert_cmpint (serve_loop_init (&c->loop, &serve_limits_default, &owner), ==, 0);
  c->thread = g_thread_new ("loop", run_loop, c);
}

static void
stop_loop (Case *c)
{
  serve_loop_wake (&c->loop); /* with nothing wanted */
  g_thread_join (c->thread);
}

static void
tear_down (Case *c, gconstpointer data)
{
  serve_loop_clear (&c->loop);
  g_mutex_clear (&c->lock);
  g_cond_clear (&c->changed);
}

static void
want (Case *c, guint jobs)
{
  g_mutex_lock (&c->lock);
  c->wanted = jobs;
  g_mutex_unlock (&c->lock);
  serve_loop_wake (&c->loop);
}

static void
open_gate (Case *c)
{
  g_mutex_lock (&c->lock);
  c->gate_open = TRUE;
  g_cond_broadcast (&c->changed);
  g_mutex_unlock (&c->lock);
}

#define WAIT_FOR(c, condition)                                                                     \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_mutex_lock (&(c)->lock);                                                                     \
    while (!(condition))                                                                           \
      g_cond_wait (&(c)->changed, &(c)->lock);                                                     \
    g_mutex_unlock (&(c)->lock);                                                                   \
  }                                                                                                \
  G_STMT_END

static void
test_done (Case *c, gconstpointer data)
{
  open_gate (c);
  for (guint round = 1; round <= 50; round++)
    {
      want (c, JOBS_MAX);
      WAIT_FOR (c, c->done == round * JOBS_MAX);
    }
  stop_loop (c);
  g_assert_cmpuint (c->ran, ==, 50 * JOBS_MAX);
  g_assert_cmpuint (c->refused, ==, 0);
  g_assert_cmpuint (c->running_most, <=, THREADS);
}

static void
test_bound (Case *c, gconstpointer data)
{
  want (c, JOBS_MAX + 5);
  WAIT_FOR (c, c->refused == 5 && c->running == THREADS);
  open_gate (c);
  WAIT_FOR (c, c->done == JOBS_MAX);
  want (c, 1); /* there is room again */
  WAIT_FOR (c, c->done == JOBS_MAX + 1);
  stop_loop (c);
}

/* The loop ends while jobs run and wait: they are finished first. */
static void
test_ends (Case *c, gconstpointer data)
{
  want (c, JOBS_MAX);
  WAIT_FOR (c, c->running == THREADS);
  stop_loop (c);
  g_assert_cmpuint (c->done, ==, 0);
  open_gate (c);
  serve_loop_clear (&c->loop);
  g_assert_cmpuint (c->done, ==, JOBS_MAX);
  g_assert_null (c->work);
  g_assert_cmpint (serve_loop_init (&c->loop, &serve_limits_default,
                                    &(struct serve_owner) {c, on_changed, on_woken}),
                   ==, 0); /* for tear_down */
}

#define ADD(path, function)                                                                        \
  g_test_add ("/serve/work/" path, Case, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("done", test_done);
  ADD ("bound", test_bound);
  ADD ("ends", test_ends);
  return g_test_run ();
}
