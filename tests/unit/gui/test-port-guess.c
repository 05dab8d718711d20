/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/port-guess.h"

#include <string.h>

#define PAGE "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n"

static void
test_read (void)
{
  static const struct
  {
    const char *answer, *wanted;
  } rows[] = {
      {"", NULL},
      {"HTTP/", NULL},
      {"hello\n", NULL},
      {"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP"},
      {"HTTP/1.1", "HTTP"},
      {PAGE "<html><TITLE lang=en>\n Photos of\n us </title>", "HTTP · Photos of us"},
      {PAGE "<title></title>", "HTTP"},
      {PAGE "<title>never ends", "HTTP"},
      {PAGE "</title><title>", "HTTP"},
      {PAGE "<title", "HTTP"},
      {PAGE "<title</title>", "HTTP"},
      {"HTTP/1.0 200 OK\r\nX: <title>no</title>\r\n\r\n", "HTTP"},
      {"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port", "HTTPS"},
      {"HTTP/1.0 400 Bad Request\r\n\r\nno", "HTTP"},
      {"\x15\x03\x01", "TLS"},
      {"SSH-2.0-OpenSSH\r\n", "SSH"},
      {"RFB 003.008\n", "VNC"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      gsize len = strlen (rows[i].answer);
      g_autofree char *exact = g_memdup2 (rows[i].answer, len); /* nothing behind it may be read */
      g_autofree char *got = funnel_port_guess_read (len > 0 ? exact : "", len);

      g_test_message ("%s", rows[i].answer);
      g_assert_cmpstr (got, ==, rows[i].wanted);
    }
}

static void
test_long_and_broken (void)
{
  g_autoptr (GString) answer = g_string_new (PAGE "<title>");
  g_autofree char *got = NULL;

  for (guint i = 0; i < 1000; i++)
    g_string_append (answer, i % 2 ? "\xc3\xa9" : "\xff");
  g_string_append (answer, "</title>");
  got = funnel_port_guess_read (answer->str, answer->len);
  g_assert_true (g_utf8_validate (got, -1, NULL));
  g_assert_cmpint (g_utf8_strlen (got, -1), ==, 67);
}

/* --- A server --- */

static gboolean
on_incoming (GThreadedSocketService *service,
             GSocketConnection *visitor,
             GObject *source,
             gpointer data)
{
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (visitor));
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (visitor));
  char question[256] = "";

  g_assert_cmpint (g_input_stream_read (in, question, sizeof question - 1, NULL, NULL), >, 0);
  g_assert_true (g_str_has_prefix (question, "GET / HTTP/1.0\r\n"));
  g_output_stream_write_all (out, PAGE "<title>Ph", strlen (PAGE) + 9, NULL, NULL, NULL);
  g_output_stream_flush (out, NULL, NULL);
  g_output_stream_write_all (out, "otos</title>", 12, NULL, NULL, NULL);
  return TRUE;
}

static void
guess_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **)data = g_object_ref (result);
}

static char *
ask (guint16 port, GCancellable *cancellable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  funnel_port_guess_async (port, cancellable, guess_cb, &result);
  while (!result)
    g_main_context_iteration (NULL, TRUE);
  return funnel_port_guess_finish (result, error);
}

static void
test_ask (void)
{
  g_autoptr (GSocketService) service = g_threaded_socket_service_new (4);
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  guint16 port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (service), NULL, &error);
  g_autofree char *got = NULL;

  g_assert_no_error (error);
  g_signal_connect (service, "run", G_CALLBACK (on_incoming), NULL);
  g_socket_service_start (service);
  got = ask (port, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (got, ==, "HTTP · Photos");

  g_cancellable_cancel (cancelled);
  g_assert_null (ask (port, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  g_socket_service_stop (service);
  g_socket_listener_close (G_SOCKET_LISTENER (service));
  g_assert_null (ask (port, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gui/port-guess/read", test_read);
  g_test_add_func ("/gui/port-guess/long-and-broken", test_long_and_broken);
  g_test_add_func ("/gui/port-guess/ask", test_ask);
  return g_test_run ();
}
