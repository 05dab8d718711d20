/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/port-guess.h"

#include <string.h>

#include "gui/labels.h"

#define ANSWER_MAX 16384 /* a title stands near the beginning */
#define SILENCE_S 1
#define WHOLE_US (2 * G_USEC_PER_SEC)
#define TITLE_MAX 60 /* characters */

static const char QUESTION[] = "GET / HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n";

typedef struct
{
  GSocketConnection *connection;
  gint64 began;
  gsize len;
  char answer[ANSWER_MAX];
} Guess;

/* --- Reading --- */

static gboolean
begins (const char *answer, gsize len, const char *with)
{
  return len >= strlen (with) && memcmp (answer, with, strlen (with)) == 0;
}

/* Where @word stands in @text, in any case; NULL nowhere. */
static const char *
find (const char *text, const char *word)
{
  for (; *text; text++)
    if (g_ascii_strncasecmp (text, word, strlen (word)) == 0)
      return text;
  return NULL;
}

/* Runs of spaces are one in HTML. */
static void
collapse (char *text)
{
  char *to = text;

  for (const char *from = text; *from; from++)
    if (*from != ' ' || from[1] != ' ')
      *to++ = *from;
  *to = '\0';
}

/* What stands between <title> and </title>; NULL for nothing. */
static char *
dup_title (const char *page)
{
  const char *start = find (page, "<title"), *end = start ? find (start, "</title") : NULL;
  g_autofree char *text = NULL, *clean = NULL;

  start = start ? strchr (start, '>') : NULL;
  if (!end || !start || start > end)
    return NULL;
  text = g_strndup (start + 1, (gsize)(end - start - 1));
  clean = funnel_words_clean (g_strstrip (text));
  collapse (clean);
  return *clean ? g_utf8_substring (clean, 0, MIN (g_utf8_strlen (clean, -1), TITLE_MAX)) : NULL;
}

static char *
read_http (const char *answer, gsize len)
{
  g_autofree char *text = g_utf8_make_valid (answer, (gssize)len);
  const char *page = strstr (text, "\r\n\r\n");
  g_autofree char *title = page ? dup_title (page) : NULL;

  if (strlen (text) > 12 && strncmp (text + 8, " 400", 4) == 0 && find (text, "https"))
    return g_strdup ("HTTPS"); /* a server that says how it wants to be spoken to */
  return title ? g_strconcat ("HTTP · ", title, NULL) : g_strdup ("HTTP");
}

char *
funnel_port_guess_read (const char *answer, gsize len)
{
  if (begins (answer, len, "HTTP/1."))
    return read_http (answer, len);
  if (begins (answer, len, "SSH-"))
    return g_strdup ("SSH");
  if (begins (answer, len, "RFB "))
    return g_strdup ("VNC");
  if (begins (answer, len, "\x15\x03")) /* an alert, RFC 8446 6 */
    return g_strdup ("TLS");
  return NULL;
}

/* --- Asking --- */

static void
free_guess (Guess *guess)
{
  g_clear_object (&guess->connection);
  g_free (guess);
}

static void read_more (GTask *task);

static void
read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Guess *guess = g_task_get_task_data (task);
  gssize n = g_input_stream_read_finish (G_INPUT_STREAM (source), result, NULL);

  if (g_task_return_error_if_cancelled (task))
    return;
  if (n > 0)
    guess->len += (gsize)n;
  if (n > 0 && guess->len < ANSWER_MAX && g_get_monotonic_time () - guess->began < WHOLE_US)
    read_more (task);
  else
    g_task_return_pointer (task, funnel_port_guess_read (guess->answer, guess->len), g_free);
}

static void
read_more (GTask *task)
{
  Guess *guess = g_task_get_task_data (task);

  g_input_stream_read_async (g_io_stream_get_input_stream (G_IO_STREAM (guess->connection)),
                             guess->answer + guess->len, ANSWER_MAX - guess->len,
                             G_PRIORITY_DEFAULT, g_task_get_cancellable (task), read_cb,
                             g_object_ref (task));
}

static void
connect_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Guess *guess = g_task_get_task_data (task);
  GError *error = NULL;

  guess->connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);
  if (!guess->connection)
    {
      g_task_return_error (task, error);
      return;
    }
  /* So short that it goes at once, or the peer is not worth waiting for. */
  g_socket_send (g_socket_connection_get_socket (guess->connection), QUESTION, sizeof QUESTION - 1,
                 NULL, NULL);
  read_more (task);
}

void
funnel_port_guess_async (guint16 port,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", port);
  Guess *guess = g_new0 (Guess, 1);

  g_task_set_source_tag (task, funnel_port_guess_async);
  g_task_set_task_data (task, guess, (GDestroyNotify)free_guess);
  guess->began = g_get_monotonic_time ();
  g_socket_client_set_enable_proxy (client, FALSE);
  g_socket_client_set_timeout (client, SILENCE_S);
  g_socket_client_connect_async (client, G_SOCKET_CONNECTABLE (address), cancellable, connect_cb,
                                 g_object_ref (task));
}

char *
funnel_port_guess_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
