/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/serve-work.h"

#include "daemon/serve/serve-loop.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct serve_work
{
  struct serve_watch watch;
  struct serve_work **slot;
  GThreadPool *pool;
  int wake; /* eventfd: `finished` is not empty */
  uint32_t under_way, jobs_max;

  GMutex lock;
  struct serve_job *finished; /* guarded by lock; newest first */
};

static void
run_job (gpointer data, gpointer user_data)
{
  struct serve_job *job = data;
  struct serve_work *work = user_data;
  uint64_t one = 1;

  job->run (job);
  g_mutex_lock (&work->lock);
  job->next = work->finished;
  work->finished = job;
  g_mutex_unlock (&work->lock);
  while (write (work->wake, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

static void
finish_jobs (struct serve_loop *loop, struct serve_work *work)
{
  struct serve_job *job, *in_order = NULL;

  g_mutex_lock (&work->lock);
  job = work->finished;
  work->finished = NULL;
  g_mutex_unlock (&work->lock);
  while (job != NULL)
    {
      struct serve_job *next = job->next;

      job->next = in_order;
      in_order = job;
      job = next;
    }
  while (in_order != NULL)
    {
      job = in_order;
      in_order = job->next;
      work->under_way--;
      job->done (loop, job);
    }
}

static struct serve_work *
work_of (struct serve_watch *watch)
{
  return (struct serve_work *)((char *)watch - offsetof (struct serve_work, watch));
}

static void
on_event (struct serve_loop *loop, struct serve_watch *watch, uint32_t events)
{
  struct serve_work *work = work_of (watch);
  uint64_t count;

  /* Emptied first: what finishes meanwhile wakes us once more. */
  while (read (work->wake, &count, sizeof count) < 0 && errno == EINTR)
    ;
  finish_jobs (loop, work);
}

static void
gone (struct serve_loop *loop, struct serve_watch *watch)
{
  struct serve_work *work = work_of (watch);

  if (work->pool != NULL)
    g_thread_pool_free (work->pool, FALSE, TRUE);
  finish_jobs (loop, work);
  close (work->wake);
  g_mutex_clear (&work->lock);
  *work->slot = NULL;
  free (work);
}

static const struct serve_watch_ops watch_ops = {
    .on_event = on_event,
    .gone = gone,
};

struct serve_work *
serve_work_get (struct serve_loop *loop,
                struct serve_work **slot,
                uint32_t threads,
                uint32_t jobs_max)
{
  struct serve_work *work = *slot;

  if (work != NULL)
    return work;
  work = calloc (1, sizeof *work);
  if (work == NULL)
    return NULL;
  work->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (work->wake < 0 || serve_watch_begin (loop, &work->watch, &watch_ops) < 0)
    {
      if (work->wake >= 0)
        close (work->wake);
      free (work);
      return NULL;
    }
  g_mutex_init (&work->lock);
  work->slot = slot;
  work->jobs_max = jobs_max;
  work->pool = g_thread_pool_new (run_job, work, (gint)threads, FALSE, NULL);
  *slot = work;
  if (serve_watch_socket (loop, &work->watch, work->wake) < 0)
    {
      work->jobs_max = 0;
      serve_watch_end (loop, &work->watch);
      return NULL;
    }
  return work;
}

int
serve_work_submit (struct serve_work *work, struct serve_job *job)
{
  if (work->under_way >= work->jobs_max)
    return -EAGAIN;
  work->under_way++;
  /* An error only says that no thread could be had yet; the job is queued all the same. */
  g_thread_pool_push (work->pool, job, NULL);
  return 0;
}
