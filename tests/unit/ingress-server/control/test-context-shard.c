/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Connections divided among shards are served by the default context alone. */

#include "ingress-server/control/context-shard.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <unistd.h>

#define PIPES 350 /* of several shards */

typedef struct
{
  int ends[2];
  ContextShard *shard;
  GSource *source;
  guint got;
  GMainContext *context; /* the thread's default when it was served */
} Pipe;

static gboolean
on_pipe (int fd, GIOCondition condition, gpointer user_data)
{
  Pipe *pipe = user_data;
  char byte;

  g_assert_cmpint (read (fd, &byte, 1), ==, 1);
  pipe->got++;
  pipe->context = g_main_context_get_thread_default ();
  return G_SOURCE_CONTINUE;
}

static void
watch (Pipe *pipe)
{
  pipe->source = g_unix_fd_source_new (pipe->ends[0], G_IO_IN);
  g_source_set_callback (pipe->source, G_SOURCE_FUNC (on_pipe), pipe, NULL);
  g_source_attach (pipe->source, g_main_context_get_thread_default ());
}

static void
open_pipe (Pipe *pipe)
{
  *pipe = (Pipe) {0};
  g_assert_true (g_unix_open_pipe (pipe->ends, FD_CLOEXEC, NULL));
  pipe->shard = context_shard_enter ();
  g_assert_nonnull (pipe->shard);
  watch (pipe);
  context_shard_leave (pipe->shard);
}

static void
close_pipe (Pipe *pipe)
{
  g_source_destroy (pipe->source);
  g_source_unref (pipe->source);
  close (pipe->ends[0]);
  close (pipe->ends[1]);
  context_shard_release (pipe->shard);
}

static void
write_and_wait (Pipe *pipe)
{
  guint before = pipe->got;

  g_assert_cmpint (write (pipe->ends[1], "x", 1), ==, 1);
  while (pipe->got == before)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (pipe->got, ==, before + 1);
}

/* Each is served, in its shard's context, more than once. */
static void
test_served (void)
{
  g_autofree Pipe *pipes = g_new0 (Pipe, PIPES);
  g_autoptr (GHashTable) contexts = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < PIPES; i++)
    open_pipe (&pipes[i]);
  for (guint round = 0; round < 2; round++)
    for (guint i = 0; i < PIPES; i++)
      write_and_wait (&pipes[i]);
  for (guint i = 0; i < PIPES; i++)
    {
      g_assert_nonnull (pipes[i].context);
      g_hash_table_add (contexts, pipes[i].context);
      close_pipe (&pipes[i]);
    }
  g_assert_cmpuint (g_hash_table_size (contexts), ==, (PIPES + 99) / 100);
  g_assert_null (g_main_context_get_thread_default ());
}

/* The number of a closed socket is the next one's: the shard sees the new one. */
static void
test_same_number (void)
{
  Pipe first, second;

  open_pipe (&first);
  write_and_wait (&first);
  close_pipe (&first);
  open_pipe (&second);
  g_assert_cmpint (second.ends[0], ==, first.ends[0]);
  write_and_wait (&second);
  close_pipe (&second);
}

/* What is no longer watched is left alone, though it has something to read. */
static void
test_not_watched (void)
{
  Pipe pipe, other;

  open_pipe (&pipe);
  open_pipe (&other);
  g_source_destroy (pipe.source);
  g_assert_cmpint (write (pipe.ends[1], "x", 1), ==, 1);
  write_and_wait (&other);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (pipe.got, ==, 0);
  close_pipe (&other);
  close_pipe (&pipe);
}

static gboolean
on_timer (gpointer user_data)
{
  ++*(guint *)user_data;
  return G_SOURCE_REMOVE;
}

static void
attach_timer (GMainContext *context, guint milliseconds, guint *fired)
{
  g_autoptr (GSource) timer
      = milliseconds > 0 ? g_timeout_source_new (milliseconds) : g_idle_source_new ();

  g_source_set_callback (timer, on_timer, fired, NULL);
  g_source_attach (timer, context);
}

/* Timers, and what is attached while the shard is not entered: a message that is sent. */
static void
test_timers (void)
{
  Pipe pipe;
  GMainContext *context;
  guint fired = 0;

  open_pipe (&pipe);
  write_and_wait (&pipe);
  context = pipe.context;
  attach_timer (context, 20, &fired);
  attach_timer (context, 0, &fired);
  while (fired < 2)
    g_main_context_iteration (NULL, TRUE);
  context_shard_suspend ();
  g_assert_true (g_main_context_ref_thread_default () == g_main_context_default ());
  g_main_context_unref (g_main_context_default ());
  context_shard_resume ();
  close_pipe (&pipe);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/context-shard/served", test_served);
  g_test_add_func ("/context-shard/same-number", test_same_number);
  g_test_add_func ("/context-shard/not-watched", test_not_watched);
  g_test_add_func ("/context-shard/timers", test_timers);
  return g_test_run ();
}
