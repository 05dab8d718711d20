/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-session.h"

#include <glib/gi18n.h>
#include <gio/gunixinputstream.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/error.h"

#define LINE_MAX_BYTES 4096

/* --- Waiting --- */

void
funnel_cli_await_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GAsyncResult **out = data;

  *out = g_object_ref (result);
}

GAsyncResult *
funnel_cli_await (GAsyncResult **result)
{
  while (!*result)
    g_main_context_iteration (NULL, TRUE);
  return *result;
}

static gboolean
deadline_cb (gpointer data)
{
  FunnelCliDeadline *deadline = data;

  deadline->source = 0;
  deadline->passed = TRUE;
  return G_SOURCE_REMOVE;
}

void
funnel_cli_deadline_init (FunnelCliDeadline *deadline, guint seconds)
{
  deadline->passed = seconds == 0;
  deadline->source = seconds ? g_timeout_add_seconds (seconds, deadline_cb, deadline) : 0;
}

void
funnel_cli_deadline_clear (FunnelCliDeadline *deadline)
{
  g_clear_handle_id (&deadline->source, g_source_remove);
}

gboolean
funnel_cli_step (FunnelCli *cli, GError **error)
{
  g_main_context_iteration (NULL, TRUE);
  if (g_cancellable_set_error_if_cancelled (cli->cancellable, error))
    return FALSE;
  if (!cli->bus_closed)
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                       _ ("the message bus is gone"));
  return FALSE;
}

/* --- The daemon --- */

static void
explain_no_bus (FunnelCli *cli, GError *error)
{
  g_autofree char *reason = g_steal_pointer (&error->message);

  if (cli->options->system)
    error->message = g_strdup_printf (_ ("there is no system bus: %s"), reason);
  else
    error->message = g_strdup_printf (_ ("there is no session bus: %s\n"
                                         "Open a shell with one: dbus-run-session -- bash\n"
                                         "and in it start the daemon: funneld &"),
                                      reason);
}

static void
explain_no_daemon (FunnelCli *cli, GError *error)
{
  g_autofree char *reason = g_steal_pointer (&error->message);

  if (cli->options->system)
    error->message = g_strdup_printf (_ ("%s\nStart it with: funneld --system &"), reason);
  else
    error->message = g_strdup_printf (_ ("%s\n"
                                         "Start it with: systemctl --user start funneld\n"
                                         "or, without systemd: funneld &"),
                                      reason);
}

static void
on_client_closed (FunnelClient *client, const char *message, gpointer data)
{
  FunnelCli *cli = data;

  cli->bus_closed = TRUE;
}

gboolean
funnel_cli_connect (FunnelCli *cli, GError **error)
{
  g_autoptr (GAsyncResult) made = NULL;
  g_autoptr (GAsyncResult) started = NULL;
  g_autoptr (GError) local_error = NULL;

  funnel_client_new_async (cli->options->system ? G_BUS_TYPE_SYSTEM : G_BUS_TYPE_SESSION,
                           cli->cancellable, funnel_cli_await_cb, &made);
  cli->client = funnel_client_new_finish (funnel_cli_await (&made), &local_error);
  if (!cli->client)
    {
      if (local_error->domain == FUNNEL_ERROR)
        explain_no_bus (cli, local_error);
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  g_signal_connect (cli->client, "closed", G_CALLBACK (on_client_closed), cli);

  funnel_client_start_async (cli->client, cli->cancellable, funnel_cli_await_cb, &started);
  if (!funnel_client_start_finish (cli->client, funnel_cli_await (&started), &local_error))
    {
      if (local_error->domain == FUNNEL_ERROR)
        explain_no_daemon (cli, local_error);
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  return TRUE;
}

/* --- Questions --- */

/* Returns whether the terminal was changed and must be put back to @before. */
static gboolean
hide_input (struct termios *before)
{
  struct termios hidden;

  if (!isatty (STDIN_FILENO) || tcgetattr (STDIN_FILENO, before) < 0)
    return FALSE;
  hidden = *before;
  hidden.c_lflag &= ~(tcflag_t)ECHO;
  return tcsetattr (STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
}

/* Byte by byte: what follows the line is not ours to take, and lines are short. */
static char *
read_line_from (GInputStream *input, GCancellable *cancellable, GError **error)
{
  g_autoptr (GString) line = g_string_new (NULL);

  while (line->len < LINE_MAX_BYTES)
    {
      g_autoptr (GAsyncResult) result = NULL;
      char byte;
      gssize got;

      g_input_stream_read_async (input, &byte, 1, G_PRIORITY_DEFAULT, cancellable,
                                 funnel_cli_await_cb, &result);
      got = g_input_stream_read_finish (input, funnel_cli_await (&result), error);
      if (got < 0)
        return NULL;
      if (got == 0 || byte == '\n')
        return g_strdup (g_strchomp (line->str));
      g_string_append_c (line, byte);
    }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               _ ("the line on standard input is longer than %d bytes"), LINE_MAX_BYTES);
  return NULL;
}

/* Echo ends before the question is seen: who answers at once is neither shown nor thrown away. */
char *
funnel_cli_ask (FunnelCli *cli, const char *question, gboolean secret, GError **error)
{
  g_autoptr (GInputStream) input = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  struct termios before;
  gboolean hidden = secret && hide_input (&before);
  char *line = NULL;

  if (question != NULL)
    fputs (question, stderr);
  fflush (stderr);
  line = read_line_from (input, cli->cancellable, error);
  if (hidden)
    {
      tcsetattr (STDIN_FILENO, TCSAFLUSH, &before);
      fputc ('\n', stderr);
    }
  return line;
}

/* In the user's language, or in English. */
static gboolean
means_yes (const char *answer)
{
  const char *const words[] = {"y", "yes", C_ ("answer", "y"), C_ ("answer", "yes")};
  g_autofree char *valid = g_utf8_make_valid (answer, -1);
  g_autofree char *folded = g_utf8_casefold (valid, -1);

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      g_autofree char *word = g_utf8_casefold (words[i], -1);

      if (g_str_equal (word, folded))
        return TRUE;
    }
  return FALSE;
}

gboolean
funnel_cli_confirm (FunnelCli *cli, const char *question, GError **error)
{
  /* Translators: the letters are those of your language for yes and No. */
  g_autofree char *whole = g_strdup_printf (_ ("%s [y/N] "), question);
  g_autofree char *answer = NULL;

  if (cli->options->yes)
    return TRUE;
  answer = funnel_cli_ask (cli, whole, FALSE, error);
  if (!answer)
    return FALSE;
  if (means_yes (answer))
    return TRUE;
  if (!*answer && !isatty (STDIN_FILENO))
    {
      fputc ('\n', stderr);
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
                           _ ("no answer, so nothing was done; --yes goes ahead without asking"));
    }
  else
    g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, _ ("nothing was done"));
  return FALSE;
}
