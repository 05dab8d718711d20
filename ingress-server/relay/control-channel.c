/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The main thread: route tables arrive as memfds on the control socket, are checked, published to
 * the workers, and acknowledged once every worker uses them; "drain" ends accepting. Only one table
 * is on its way at a time; the next datagram waits in the socket meanwhile. When the control socket
 * closes, the last table stays in use and the workers go on. */

#include "ingress-server/relay/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAM_MAX 256
#define ROUTES "routes\n"
#define DRAIN "drain\n"

struct control
{
  struct relay *relay;
  struct route_table *current;
  struct route_table *coming; /* published, not yet adopted by all */
  bool connected;
};

static void
answer (struct control *control, const char *text)
{
  if (send (control->relay->options->control_fd, text, strlen (text), MSG_NOSIGNAL | MSG_DONTWAIT)
          < 0
      && errno != EAGAIN)
    control->connected = false;
}

static bool
all_adopted (const struct relay *relay)
{
  uint64_t published = atomic_load (&relay->published);

  for (uint32_t i = 0; i < relay->options->workers; i++)
    if (atomic_load_explicit (&relay->workers[i].adopted, memory_order_acquire) < published)
      return false;
  return true;
}

static void
wake_workers (const struct relay *relay)
{
  const uint64_t one = 1;

  for (uint32_t i = 0; i < relay->options->workers; i++)
    while (write (relay->workers[i].wake_fd, &one, sizeof one) < 0 && errno == EINTR)
      continue;
}

static void
publish (struct control *control, struct route_table *table)
{
  struct relay *relay = control->relay;

  control->coming = table;
  atomic_store_explicit (&relay->table, table, memory_order_release);
  atomic_fetch_add_explicit (&relay->published, 1, memory_order_release);
  wake_workers (relay);
}

static void
on_adopted (struct control *control)
{
  char text[64];
  uint64_t value, generation;

  while (read (control->relay->adopted_fd, &value, sizeof value) < 0 && errno == EINTR)
    continue;
  if (control->coming == NULL || !all_adopted (control->relay))
    return;
  route_table_free (control->current);
  control->current = control->coming;
  control->coming = NULL;
  generation = route_table_generation (control->current);
  __atomic_store_n (&control->relay->counters->generation, generation, __ATOMIC_RELAXED);
  snprintf (text, sizeof text, "ok %llu\n", (unsigned long long)generation);
  answer (control, text);
}

/* One datagram with at most one descriptor. Returns its length, 0 at the end, -1 for none now. */
static ssize_t
receive (int socket_fd, char *data, size_t size, int *fd)
{
  union
  {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control;
  struct iovec part = {.iov_base = data, .iov_len = size};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.space,
                           .msg_controllen = sizeof control.space};
  ssize_t n = recvmsg (socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  struct cmsghdr *header;

  *fd = -1;
  if (n < 0)
    return errno == EAGAIN || errno == EINTR ? -1 : 0;
  header = CMSG_FIRSTHDR (&message);
  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS
      && header->cmsg_len == CMSG_LEN (sizeof (int)))
    memcpy (fd, CMSG_DATA (header), sizeof *fd);
  return n;
}

static bool
says (const char *data, ssize_t len, const char *verb)
{
  return (size_t)len == strlen (verb) && memcmp (data, verb, (size_t)len) == 0;
}

static void
on_control (struct control *control)
{
  char data[DATAGRAM_MAX];
  struct route_table *table;
  int fd;
  ssize_t n = receive (control->relay->options->control_fd, data, sizeof data, &fd);

  if (n < 0)
    return;
  if (n == 0)
    {
      control->connected = false;
      return;
    }
  if (says (data, n, DRAIN))
    {
      atomic_store_explicit (&control->relay->draining, true, memory_order_release);
      wake_workers (control->relay);
      if (fd >= 0)
        close (fd);
      return;
    }
  table = fd >= 0 && says (data, n, ROUTES) ? route_table_map (fd) : NULL;
  if (fd >= 0)
    close (fd);
  if (table != NULL)
    publish (control, table);
  else
    answer (control, "error not a route table\n");
}

int
relay_serve_control (struct relay *relay)
{
  struct control control = {.relay = relay, .connected = true};

  for (;;)
    {
      struct pollfd polls[2] = {
          {.fd = relay->adopted_fd, .events = POLLIN},
          {.fd = control.connected && control.coming == NULL ? relay->options->control_fd : -1,
           .events = POLLIN},
      };

      if (poll (polls, 2, -1) < 0 && errno != EINTR)
        return 1;
      if (polls[0].revents != 0)
        on_adopted (&control);
      if (polls[1].revents != 0)
        on_control (&control);
    }
}
