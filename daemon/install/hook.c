/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/install/hook.h"

#include "lib/base/error.h"
#include "lib/base/json-read.h"

#include <glib/gi18n.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAIL_MAX 1024 /* bytes of standard error that are kept */
#define LINE_MAX_BYTES 200
#define REST_READS 256 /* more than a pipe holds */

typedef struct
{
  GSubprocess *process;
  pid_t pid;
  guint deadline;
  gulong cancelled;
  GSource *reading; /* NULL: all there is has been read */
  gboolean late;
  GString *tail; /* the end of its standard error */
  char chunk[TAIL_MAX];
} Run;

static void
stop_reading (Run *run)
{
  if (run->reading != NULL)
    g_source_destroy (run->reading);
  g_clear_pointer (&run->reading, g_source_unref);
}

static void
run_free (Run *run)
{
  g_clear_handle_id (&run->deadline, g_source_remove);
  g_clear_object (&run->process);
  stop_reading (run);
  g_string_free (run->tail, TRUE);
  g_free (run);
}

/* After fork, before exec: only what is safe there. */
static void
make_group (gpointer user_data)
{
  setpgid (0, 0);
}

static void
kill_group (Run *run)
{
  /* The number is taken until the process was waited for, which ends the run. */
  if (run->pid > 0 && g_subprocess_get_identifier (run->process) != NULL)
    kill (-run->pid, SIGKILL);
}

static gboolean
on_deadline (gpointer user_data)
{
  GTask *task = user_data;
  Run *run = g_task_get_task_data (task);

  run->deadline = 0;
  run->late = TRUE;
  kill_group (run);
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled_idle (gpointer user_data)
{
  kill_group (g_task_get_task_data (user_data));
  return G_SOURCE_REMOVE;
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_idle_add_full (G_PRIORITY_HIGH, on_cancelled_idle, g_object_ref (user_data), g_object_unref);
}

static char *
last_line (Run *run)
{
  const char *begin;

  while (run->tail->len > 0 && g_ascii_isspace (run->tail->str[run->tail->len - 1]))
    g_string_truncate (run->tail, run->tail->len - 1);
  begin = strrchr (run->tail->str, '\n');
  return funnel_text_one_line (begin != NULL ? begin + 1 : run->tail->str, LINE_MAX_BYTES);
}

static void
report (GTask *task, Run *run)
{
  g_autofree char *line = last_line (run);
  g_autofree char *what = NULL;

  if (run->late)
    what = g_strdup_printf (N_ ("the hook was still running after %d s and was ended"),
                            FUNNEL_HOOK_SECONDS);
  else if (g_subprocess_get_if_signaled (run->process))
    what = g_strdup_printf (N_ ("the hook was ended by signal %d"),
                            g_subprocess_get_term_sig (run->process));
  else if (g_subprocess_get_exit_status (run->process) != 0)
    what = g_strdup_printf (N_ ("the hook ended with status %d"),
                            g_subprocess_get_exit_status (run->process));
  if (what == NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "%s%s%s", what,
                             *line != '\0' ? ": " : "", line);
}

/* Returns FALSE at the end, on an error, and when there is nothing now. */
static gboolean
read_some (Run *run)
{
  GInputStream *pipe = g_subprocess_get_stderr_pipe (run->process);
  gssize got = g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (pipe), run->chunk,
                                                         sizeof run->chunk, NULL, NULL);

  if (got <= 0)
    return FALSE;
  g_string_append_len (run->tail, run->chunk, got);
  if (run->tail->len > TAIL_MAX)
    g_string_erase (run->tail, 0, (gssize)(run->tail->len - TAIL_MAX));
  return TRUE;
}

static gboolean
on_readable (GObject *pipe, gpointer user_data)
{
  Run *run = user_data;

  if (read_some (run))
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&run->reading, g_source_unref);
  return G_SOURCE_REMOVE;
}

static void
start_reading (Run *run)
{
  GInputStream *pipe = g_subprocess_get_stderr_pipe (run->process);

  run->reading = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (pipe), NULL);
  g_source_set_callback (run->reading, G_SOURCE_FUNC (on_readable), run, NULL);
  g_source_attach (run->reading, g_main_context_get_thread_default ());
}

static void
wait_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Run *run = g_task_get_task_data (task);

  g_subprocess_wait_finish (run->process, result, NULL);
  g_clear_handle_id (&run->deadline, g_source_remove);
  g_cancellable_disconnect (g_task_get_cancellable (task), run->cancelled);
  /* The rest, but not without end: what the command left running may go on writing. */
  for (guint i = 0; run->reading != NULL && i < REST_READS && read_some (run); i++)
    ;
  stop_reading (run);
  if (!g_task_return_error_if_cancelled (task))
    report (task, run);
}

static GSubprocess *
start (const char *command, const char *name, const char *folder, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDERR_PIPE | G_SUBPROCESS_FLAGS_STDOUT_SILENCE);

  g_subprocess_launcher_set_child_setup (launcher, make_group, NULL, NULL);
  g_subprocess_launcher_setenv (launcher, "FUNNEL_NAME", name, TRUE);
  g_subprocess_launcher_setenv (launcher, "FUNNEL_FOLDER", folder, TRUE);
  g_subprocess_launcher_set_cwd (launcher, "/");
  return g_subprocess_launcher_spawn (launcher, error, "/bin/sh", "-c", command, NULL);
}

void
funnel_hook_run_async (const char *command,
                       const char *name,
                       const char *folder,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Run *run = g_new0 (Run, 1);
  const char *identifier = NULL;
  GError *error = NULL;

  g_task_set_source_tag (task, funnel_hook_run_async);
  run->tail = g_string_new (NULL);
  g_task_set_task_data (task, run, (GDestroyNotify)run_free);
  run->process = start (command, name, folder, &error);
  if (run->process == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  identifier = g_subprocess_get_identifier (run->process);
  /* NULL: it is over already. */
  run->pid = identifier != NULL ? (pid_t)g_ascii_strtoll (identifier, NULL, 10) : 0;
  run->deadline = g_timeout_add_seconds (FUNNEL_HOOK_SECONDS, on_deadline, task);
  if (cancellable != NULL)
    run->cancelled = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), task, NULL);
  start_reading (run);
  g_subprocess_wait_async (run->process, NULL, wait_cb, g_steal_pointer (&task));
}

gboolean
funnel_hook_run_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
