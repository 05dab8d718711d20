/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-child.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/json-read.h"
#include "lib/base/listening.h"

#define NAME_MAX_BYTES 200
#define SIGNAL_BASE 128

struct _FunnelCliChild
{
  GObject parent_instance;
  GPid pid;
  char *name;
  guint watch; /* 0: it has ended */
  int status;
};

G_DEFINE_FINAL_TYPE (FunnelCliChild, funnel_cli_child, G_TYPE_OBJECT)

static void
funnel_cli_child_finalize (GObject *object)
{
  FunnelCliChild *self = FUNNEL_CLI_CHILD (object);

  g_clear_handle_id (&self->watch, g_source_remove);
  g_free (self->name);
  G_OBJECT_CLASS (funnel_cli_child_parent_class)->finalize (object);
}

static void
funnel_cli_child_class_init (FunnelCliChildClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = funnel_cli_child_finalize;
}

static void
funnel_cli_child_init (FunnelCliChild *self)
{
}

static void
on_child_exit (GPid pid, int wait_status, gpointer data)
{
  FunnelCliChild *self = data;

  self->watch = 0;
  self->status = WIFSIGNALED (wait_status) ? SIGNAL_BASE + WTERMSIG (wait_status)
                                           : WEXITSTATUS (wait_status);
}

/* In the child, between fork and exec. */
static void
prepare_child (gpointer data)
{
  sigset_t none;

  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  /* If this process is killed, the share is gone and the program has nobody who waits for it. */
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

FunnelCliChild *
funnel_cli_child_new (GStrv command, guint16 port, GError **error)
{
  g_autoptr (FunnelCliChild) self = g_object_new (FUNNEL_TYPE_CLI_CHILD, NULL);
  g_autofree char *line = g_strjoinv (" ", command);
  g_auto (GStrv) environment = g_get_environ ();
  g_autoptr (GError) local_error = NULL;

  if (port != 0)
    {
      g_autofree char *text = g_strdup_printf ("%u", port);

      environment = g_environ_setenv (environment, "PORT", text, TRUE);
    }
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  if (!g_spawn_async (NULL, command, environment,
                      G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD
                          | G_SPAWN_CHILD_INHERITS_STDIN,
                      prepare_child, NULL, &self->pid, &local_error))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "%s", local_error->message);
      return NULL;
    }
  self->name = funnel_text_one_line (line, NAME_MAX_BYTES);
  self->watch = g_child_watch_add (self->pid, on_child_exit, self);
  return g_steal_pointer (&self);
}

const char *
funnel_cli_child_get_name (FunnelCliChild *self)
{
  return self->name;
}

gboolean
funnel_cli_child_has_ended (FunnelCliChild *self)
{
  return self->watch == 0;
}

int
funnel_cli_child_get_status (FunnelCliChild *self)
{
  return self->status;
}

static char *
make_target (const FunnelListening *listening)
{
  static const char *const local[] = {"127.0.0.1", "::1", "0.0.0.0", "::", NULL};

  if (g_strv_contains (local, listening->address))
    return g_strdup_printf ("localhost:%u", listening->port);
  if (strchr (listening->address, ':') != NULL)
    return g_strdup_printf ("[%s]:%u", listening->address, listening->port);
  return g_strdup_printf ("%s:%u", listening->address, listening->port);
}

char *
funnel_cli_child_find_target (FunnelCliChild *self, char **others)
{
  /* From this process down: what the program left behind is a child of this one now. */
  g_autoptr (GPtrArray) found = funnel_listening_list (getpid ());
  g_autoptr (GString) more = g_string_new (NULL);
  const FunnelListening *first = NULL;

  *others = NULL;
  for (guint i = 0; i < found->len; i++)
    {
      const FunnelListening *listening = g_ptr_array_index (found, i);

      if (listening->pid == getpid ())
        continue;
      if (first == NULL)
        first = listening;
      else if (listening->port != first->port)
        g_string_append_printf (more, "%s%u", more->len > 0 ? ", " : "", listening->port);
    }
  if (first == NULL)
    return NULL;
  if (more->len > 0)
    *others = g_strdup (more->str);
  return make_target (first);
}

/* Ctrl+C in a terminal goes to every process in the foreground there, the child included. */
static gboolean
came_from_terminal (int number)
{
  return (number == SIGINT || number == SIGHUP) && isatty (STDIN_FILENO)
         && tcgetpgrp (STDIN_FILENO) == getpgrp ();
}

void
funnel_cli_child_forward (FunnelCliChild *self, int number)
{
  if (!funnel_cli_child_has_ended (self) && !came_from_terminal (number))
    kill (self->pid, number);
}
