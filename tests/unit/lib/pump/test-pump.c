/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Pumps between real TCP connections: writer ─ source │ pump │ destination ─ reader. */

#include "lib/pump/pump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct
{
  int writer, source, destination, reader;
  struct pump pump;
  struct pump_scratch scratch;
  struct pipe_pool pool;
} Fixture;

static void
tcp_pair (int *a, int *b)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (listener, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint (listen (listener, 1), ==, 0);
  g_assert_cmpint (getsockname (listener, (struct sockaddr *)&address, &len), ==, 0);
  *a = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (connect (*a, (struct sockaddr *)&address, sizeof address), ==, 0);
  *b = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (*b, >=, 0);
  close (listener);
}

static void
set_non_blocking (int fd)
{
  g_assert_cmpint (fcntl (fd, F_SETFL, O_NONBLOCK), ==, 0);
}

static void
set_up (Fixture *fixture, gconstpointer in_use_max)
{
  tcp_pair (&fixture->writer, &fixture->source);
  tcp_pair (&fixture->destination, &fixture->reader);
  set_non_blocking (fixture->source);
  set_non_blocking (fixture->destination);
  pump_init (&fixture->pump);
  fixture->scratch.size = 4096;
  fixture->scratch.data = g_malloc (fixture->scratch.size);
  g_assert_cmpint (pipe_pool_init (&fixture->pool, 4, GPOINTER_TO_UINT (in_use_max)), ==, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  pump_release (&fixture->pump, &fixture->pool);
  g_assert_cmpuint (fixture->pool.in_use, ==, 0);
  pipe_pool_clear (&fixture->pool);
  g_free (fixture->scratch.data);
  close (fixture->writer);
  close (fixture->source);
  close (fixture->destination);
  close (fixture->reader);
}

static enum pump_result
run (Fixture *fixture, size_t budget)
{
  return pump_run (&fixture->pump, fixture->source, fixture->destination, budget, &fixture->scratch,
                   &fixture->pool, NULL);
}

static void
wait_for (int fd, short events)
{
  struct pollfd poll_fd = {.fd = fd, .events = events};

  g_assert_cmpint (poll (&poll_fd, 1, 10000), ==, 1);
}

static void
test_small (Fixture *fixture, gconstpointer data)
{
  char text[16] = "";

  g_assert_cmpint (run (fixture, 1 << 20), ==, PUMP_WAIT_SOURCE);
  g_assert_cmpint (write (fixture->writer, "hello", 5), ==, 5);
  wait_for (fixture->source, POLLIN);
  g_assert_cmpint (run (fixture, 1 << 20), ==, PUMP_WAIT_SOURCE);
  g_assert_cmpint (read (fixture->reader, text, sizeof text), ==, 5);
  g_assert_cmpstr (text, ==, "hello");
  g_assert_cmpuint (fixture->pump.bytes, ==, 5);
  g_assert_cmpint (fixture->pump.pipe.read_fd, ==, -1);

  shutdown (fixture->writer, SHUT_WR);
  wait_for (fixture->source, POLLIN);
  g_assert_cmpint (run (fixture, 1 << 20), ==, PUMP_FINISHED);
  g_assert_cmpint (read (fixture->reader, text, sizeof text), ==, 0);
  g_assert_cmpint (run (fixture, 1 << 20), ==, PUMP_FINISHED);
  /* Only one half is closed. */
  g_assert_cmpint (write (fixture->reader, "back", 4), ==, 4);
  g_assert_cmpint (recv (fixture->destination, text, sizeof text, 0), ==, 4);
}

#define BULK (24u << 20)

static gpointer
write_bulk (gpointer data)
{
  Fixture *fixture = data;
  g_autofree guint8 *block = g_malloc (65536);

  for (guint offset = 0; offset < BULK; offset += 65536)
    {
      for (guint i = 0; i < 65536; i++)
        block[i] = (guint8)((offset + i) * 2654435761u >> 13);
      for (gsize sent = 0; sent < 65536;)
        {
          ssize_t n = write (fixture->writer, block + sent, 65536 - sent);

          g_assert_cmpint (n, >, 0);
          sent += (gsize)n;
        }
    }
  shutdown (fixture->writer, SHUT_WR);
  return NULL;
}

static gpointer
read_bulk (gpointer data)
{
  Fixture *fixture = data;
  g_autofree guint8 *block = g_malloc (65536);
  guint offset = 0;
  ssize_t n;

  while ((n = read (fixture->reader, block, 65536)) > 0)
    for (ssize_t i = 0; i < n; i++, offset++)
      if (block[i] != (guint8)(offset * 2654435761u >> 13))
        return GUINT_TO_POINTER (offset);
  return GUINT_TO_POINTER (offset);
}

/* All bytes arrive in order whatever the budget, with pipes and without (in_use_max 0: peeking). */
static void
test_bulk (Fixture *fixture, gconstpointer data)
{
  GThread *writer = g_thread_new ("writer", write_bulk, fixture);
  GThread *reader = g_thread_new ("reader", read_bulk, fixture);
  enum pump_result result;
  gboolean seen_again = FALSE;

  while ((result = run (fixture, 100000)) != PUMP_FINISHED)
    {
      g_assert_cmpint (result, !=, PUMP_BROKEN);
      seen_again = seen_again || result == PUMP_AGAIN;
      if (result == PUMP_WAIT_SOURCE)
        wait_for (fixture->source, POLLIN);
      else if (result == PUMP_WAIT_DESTINATION)
        wait_for (fixture->destination, POLLOUT);
    }
  g_thread_join (writer);
  g_assert_cmpuint (GPOINTER_TO_UINT (g_thread_join (reader)), ==, BULK);
  g_assert_cmpuint (fixture->pump.bytes, ==, BULK);
  g_assert_true (seen_again);
}

/* A reader that does not read: the pump waits, and what it holds is bounded. */
static void
test_back_pressure (Fixture *fixture, gconstpointer data)
{
  g_autofree guint8 *block = g_malloc0 (65536);
  enum pump_result result = PUMP_WAIT_SOURCE;

  set_non_blocking (fixture->writer);
  for (guint blocked = 0; blocked < 3;)
    {
      if (send (fixture->writer, block, 65536, MSG_DONTWAIT) < 0)
        {
          g_assert_cmpint (errno, ==, EAGAIN);
          result = run (fixture, 1 << 20);
          blocked = result == PUMP_WAIT_DESTINATION ? blocked + 1 : 0;
        }
    }
  g_assert_cmpint (result, ==, PUMP_WAIT_DESTINATION);
  g_assert_cmpuint (fixture->pump.in_pipe, <=, PIPE_POOL_SIZE);
  g_assert_cmpuint (fixture->pool.in_use, <=, 1);
}

static void
test_push (Fixture *fixture, gconstpointer data)
{
  g_autofree guint8 *block = g_malloc0 (PUMP_SCRATCH_MAX);
  guint64 pushed = 0;

  while (fixture->pump.in_pipe == 0)
    {
      g_assert_cmpint (
          pump_push (&fixture->pump, fixture->destination, block, PUMP_SCRATCH_MAX, &fixture->pool),
          ==, 0);
      pushed += PUMP_SCRATCH_MAX;
    }
  g_assert_cmpuint (fixture->pump.bytes + fixture->pump.in_pipe, ==, pushed);
  g_assert_cmpint (run (fixture, 1 << 20), ==, PUMP_WAIT_DESTINATION);
}

static void
test_reset (Fixture *fixture, gconstpointer data)
{
  struct linger now = {.l_onoff = 1};
  int error = 0;

  setsockopt (fixture->writer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close (fixture->writer);
  fixture->writer = -1;
  wait_for (fixture->source, POLLIN);
  g_assert_cmpint (pump_run (&fixture->pump, fixture->source, fixture->destination, 1 << 20,
                             &fixture->scratch, &fixture->pool, &error),
                   ==, PUMP_BROKEN);
  g_assert_cmpint (error, ==, ECONNRESET);
}

int
main (int argc, char **argv)
{
  const gpointer pipes = GUINT_TO_POINTER (8), no_pipes = GUINT_TO_POINTER (0);

  g_test_init (&argc, &argv, NULL);
#define ADD(name, data, test) g_test_add (name, Fixture, data, set_up, test, tear_down)
  ADD ("/pump/small", pipes, test_small);
  ADD ("/pump/small-without-pipes", no_pipes, test_small);
  ADD ("/pump/bulk", pipes, test_bulk);
  ADD ("/pump/bulk-without-pipes", no_pipes, test_bulk);
  ADD ("/pump/back-pressure", pipes, test_back_pressure);
  ADD ("/pump/back-pressure-without-pipes", no_pipes, test_back_pressure);
  ADD ("/pump/push", pipes, test_push);
  ADD ("/pump/reset", pipes, test_reset);
  return g_test_run ();
}
