/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Work that may block or take long (opening and reading files, hashing passwords), done on threads
 * beside the serve thread, which must never wait.
 *
 * The serve thread submits a job and goes on; a worker runs it; the serve thread is woken and calls
 * the job's done operation, exactly once for each job taken. A job refers to nothing of the serve
 * thread's while it runs, so whoever submitted it may go away meanwhile: such a job is told so by
 * its own means, on the serve thread, and done then just frees it.
 *
 * The number of jobs under way is bounded; past it submitting fails, which is for the visitor to
 * hear. Threads exist only while there is work. */

#include <stdint.h>

struct serve_loop;
struct serve_work;

struct serve_job
{
  void (*run) (struct serve_job *job);                           /* on a worker */
  void (*done) (struct serve_loop *loop, struct serve_job *job); /* on the serve thread; frees */
  struct serve_job *next;
};

/** serve_work_get: the workers kept in *@slot, made when there are none yet.
 * @threads: how many jobs run at once
 * @jobs_max: how many are under way, those that run among them
 * NULL without memory or descriptors. They end with the loop, which then waits for running jobs. */
struct serve_work *serve_work_get (struct serve_loop *loop,
                                   struct serve_work **slot,
                                   uint32_t threads,
                                   uint32_t jobs_max);

/** serve_work_submit: 0; or -EAGAIN when too much is under way, and @job stays the caller's. */
int serve_work_submit (struct serve_work *work, struct serve_job *job);
