/* SPDX-License-Identifier: GPL-3.0-or-later */

/* top: who comes, once a second, until q or Ctrl+C. Without a terminal, once. */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-client.h"
#include "ingress-server/admin/admin-print.h"
#include "ingress-server/admin/top-table.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define REFRESH_MS 1000
#define WIDTH_DEFAULT 80
#define HEIGHT_DEFAULT 24
#define ENTER "\033[?1049h\033[?25l" /* the other screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K\n"
#define CLEAR_REST "\033[J"

static gboolean once;
static volatile sig_atomic_t ended;

static const GOptionEntry entries[] = {
    {"once", 0, 0, G_OPTION_ARG_NONE, &once, "Look for one second, print, and end", NULL},
    {NULL},
};

gboolean
command_top_parse (AdminCall *call, char **words, GError **error)
{
  once = FALSE;
  return admin_call_parse (call, "top", entries, words, error);
}

static void
on_signal (int number)
{
  ended = 1;
}

/* A change of the window's size ends the pause, and that is all it has to do. */
static void
on_resize (int number)
{
}

static void
catch_signals (void)
{
  const int ending[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction end = {.sa_handler = on_signal}, resize = {.sa_handler = on_resize};

  for (gsize i = 0; i < G_N_ELEMENTS (ending); i++)
    sigaction (ending[i], &end, NULL);
  sigaction (SIGWINCH, &resize, NULL);
}

/* Until the second is over, a key is pressed, or a signal comes. FALSE: it is to end. */
static gboolean
pause_for (int milliseconds, gboolean keys)
{
  struct pollfd input = {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN};
  char key = 0;

  if (poll (&input, 1, milliseconds) <= 0)
    return !ended;
  if (read (STDIN_FILENO, &key, 1) != 1)
    return FALSE;
  return key != 'q' && !ended;
}

static int
print_once (AdminCall *call)
{
  GError *error = NULL;
  g_autoptr (JsonObject) before = admin_client_send (call, "/v1/traffic", FALSE, &error),
                         now = NULL;
  g_autoptr (TopTable) table = NULL;
  g_autoptr (JsonObject) object = NULL;
  g_autofree char *text = NULL;

  if (before == NULL)
    return admin_fail (call, error);
  if (!pause_for (REFRESH_MS, FALSE))
    return ADMIN_EXIT_FAILED;
  now = admin_client_send (call, "/v1/traffic", FALSE, &error);
  if (now == NULL)
    return admin_fail (call, error);
  table = top_table_new (before, now);
  if (call->json)
    {
      object = top_table_to_json (table);
      admin_print_json (object);
      return ADMIN_EXIT_OK;
    }
  text = top_table_print (table, 0, 0);
  fputs (text, stdout);
  return ADMIN_EXIT_OK;
}

/* One picture, line by line over the last one, so that nothing flickers. */
static void
draw (const TopTable *table)
{
  struct winsize size = {.ws_row = HEIGHT_DEFAULT, .ws_col = WIDTH_DEFAULT};
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autofree char *picture = NULL;

  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
    size = (struct winsize) {.ws_row = HEIGHT_DEFAULT, .ws_col = WIDTH_DEFAULT};
  /* The last line stays free: a line feed there would scroll. */
  text = top_table_print (table, size.ws_col, MAX (size.ws_row, 2u) - 1u);
  lines = g_strsplit (text, "\n", -1);
  picture = g_strjoinv (CLEAR_LINE, lines);
  printf (HOME "%s" CLEAR_REST, picture);
  fflush (stdout);
}

static GError *
watch (AdminCall *call, gboolean keys)
{
  g_autoptr (JsonObject) before = NULL;
  GError *error = NULL;

  do
    {
      g_autoptr (JsonObject) now = admin_client_send (call, "/v1/traffic", FALSE, &error);
      g_autoptr (TopTable) table = now != NULL ? top_table_new (before, now) : NULL;

      if (table == NULL)
        return error;
      draw (table);
      g_clear_pointer (&before, json_object_unref);
      before = g_steal_pointer (&now);
    }
  while (pause_for (REFRESH_MS, keys));
  return NULL;
}

int
command_top_run (AdminCall *call)
{
  struct termios old, raw;
  gboolean keys = isatty (STDIN_FILENO) && tcgetattr (STDIN_FILENO, &old) == 0;
  GError *error = NULL;

  if (once || call->json || !isatty (STDOUT_FILENO))
    return print_once (call);
  catch_signals ();
  if (keys)
    {
      raw = old;
      raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
      tcsetattr (STDIN_FILENO, TCSANOW, &raw);
    }
  fputs (ENTER, stdout);
  error = watch (call, keys);
  fputs (LEAVE, stdout);
  fflush (stdout);
  if (keys)
    tcsetattr (STDIN_FILENO, TCSANOW, &old);
  return error != NULL ? admin_fail (call, error) : ADMIN_EXIT_OK;
}
