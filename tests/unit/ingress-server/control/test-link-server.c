/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/link-server.h"
#include "ingress-server/control/patient-poll.h"
#include "ingress-server/control/probe.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <gnutls/gnutls.h>
#include <unistd.h>

static void
test_ping_interval (void)
{
  g_assert_cmpuint (link_ping_interval (0), ==, 3);
  g_assert_cmpuint (link_ping_interval (200), ==, 5);
  g_assert_cmpuint (link_ping_interval (400), ==, 10);
  g_assert_cmpuint (link_ping_interval (2400), ==, 60);
  g_assert_cmpuint (link_ping_interval (60000), ==, 60);
}

/* Many events that come one after the other are all dispatched, a few looks doing for them; with
 * few descriptors nothing waits. */
typedef struct
{
  int ends[2];
  guint *left;
} Pipe;

static gboolean
on_pipe (int fd, GIOCondition condition, gpointer user_data)
{
  Pipe *pipe = user_data;
  char byte;

  g_assert_cmpint (read (fd, &byte, 1), ==, 1);
  --*pipe->left;
  return G_SOURCE_REMOVE;
}

static gpointer
write_slowly (gpointer user_data)
{
  Pipe *pipes = user_data;

  for (guint i = 0; i < 400; i++)
    {
      g_assert_cmpint (write (pipes[i].ends[1], "x", 1), ==, 1);
      if (i % 20 == 0)
        g_usleep (300);
    }
  return NULL;
}

static void
test_patient_poll (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autofree Pipe *pipes = g_new0 (Pipe, 400);
  guint left = 400;
  GThread *writer = NULL;

  g_assert_cmpuint (patient_poll_nap (0), ==, 0);
  g_assert_cmpuint (patient_poll_nap (256), ==, 0);
  g_assert_cmpuint (patient_poll_nap (1000), >, 0);
  g_assert_cmpuint (patient_poll_nap (G_MAXUINT / 4), ==, 20000);
  patient_poll_install (context);
  for (guint i = 0; i < 400; i++)
    {
      g_autoptr (GSource) source = NULL;

      g_assert_true (g_unix_open_pipe (pipes[i].ends, FD_CLOEXEC, NULL));
      pipes[i].left = &left;
      source = g_unix_fd_source_new (pipes[i].ends[0], G_IO_IN);
      g_source_set_callback (source, G_SOURCE_FUNC (on_pipe), &pipes[i], NULL);
      g_source_attach (source, context);
    }
  writer = g_thread_new ("writer", write_slowly, pipes);
  while (left > 0)
    g_main_context_iteration (context, TRUE);
  g_thread_join (writer);
  for (guint i = 0; i < 400; i++)
    {
      close (pipes[i].ends[0]);
      close (pipes[i].ends[1]);
    }
}

static void
test_alert_text (void)
{
  g_assert_true (
      g_str_has_prefix (probe_alert_text (GNUTLS_A_UNRECOGNIZED_NAME), "unrecognized_name"));
  g_assert_true (g_str_has_prefix (probe_alert_text (GNUTLS_A_ACCESS_DENIED), "access_denied"));
  g_assert_null (probe_alert_text (255));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/link-server/ping-interval", test_ping_interval);
  g_test_add_func ("/patient-poll", test_patient_poll);
  g_test_add_func ("/probe/alert-text", test_alert_text);
  return g_test_run ();
}
