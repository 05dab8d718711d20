/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * States: no program (nothing wanted) → running ⇄ waiting (retry armed).
 * The relay that ends is started again after 50 ms, doubling to 2 s while it keeps ending; a relay
 * that lived RELAY_GOOD_MS starts the count anew. Listeners, counters and routes stay here across
 * that, so a visitor who connects meanwhile waits in the listener's backlog. */

#include "lib/tunnel/agent/relay-child.h"

#include "lib/tunnel/agent/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define RELAY_GOOD_MS 10000
#define RELAY_BACKOFF_FIRST_MS 50
#define RELAY_BACKOFF_MAX_MS 2000
#define RELAY_STOP_MS 1000
#define NEEDED_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

static void
close_control (struct relay_child *child)
{
  if (child->control.fd < 0)
    return;
  loop_remove (child->loop, &child->control);
  close (child->control.fd);
  child->control.fd = -1;
}

static void
reap (struct relay_child *child, char *status, size_t size)
{
  loop_remove (child->loop, &child->process);
  close (child->process.fd);
  child->process.fd = -1;
  tool_reap (child->pid, status, size);
  child->pid = 0;
  close_control (child);
}

/* ---- routes ---- */

static void
send_routes (struct relay_child *child)
{
  static char word[] = "routes\n";
  struct iovec vector = {word, sizeof word - 1};
  char control[CMSG_SPACE (sizeof (int))] = {0};
  struct msghdr header = {.msg_iov = &vector,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR (&header);
  ssize_t n;

  if (child->control.fd < 0 || child->routes < 0)
    return;
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN (sizeof (int));
  memcpy (CMSG_DATA (c), &child->routes, sizeof (int));
  n = sendmsg (child->control.fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  child->routes_waiting = n < 0 && errno == EAGAIN;
  loop_modify (child->loop, &child->control, child->routes_waiting ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void
on_control (struct loop_source *source, uint32_t events)
{
  struct relay_child *child
      = (struct relay_child *)((char *)source - offsetof (struct relay_child, control));
  char text[512];
  ssize_t n;

  if ((events & EPOLLOUT) && child->routes_waiting)
    send_routes (child);
  if (!(events & ~(uint32_t)EPOLLOUT))
    return;
  n = recv (source->fd, text, sizeof text - 1, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0)
    {
      close_control (child); /* its end will be noticed by its pidfd */
      return;
    }
  text[n] = '\0';
  text[strcspn (text, "\n")] = '\0';
  if (strncmp (text, "ok ", 3) == 0)
    child->events.routes (child->events.data, text + 3, NULL);
  else
    child->events.routes (child->events.data, NULL,
                          strncmp (text, "error ", 6) == 0 ? text + 6 : text);
}

bool
relay_child_set_routes (struct relay_child *child, int fd, char *error, size_t size)
{
  int seals = fcntl (fd, F_GET_SEALS);

  if (seals < 0 || (seals & NEEDED_SEALS) != NEEDED_SEALS)
    {
      snprintf (error, size,
                "fd: the route table must be a memfd sealed against write, shrink and grow");
      return false;
    }
  if (child->routes >= 0)
    close (child->routes);
  child->routes = fd;
  send_routes (child);
  return true;
}

/* ---- the process ---- */

static int
make_counters (size_t size)
{
  int fd = memfd_create ("funnel-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  /* A page that cannot shrink cannot fault its readers. */
  if (fd >= 0
      && (ftruncate (fd, (off_t)size)
          || fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)))
    {
      close (fd);
      return -1;
    }
  return fd;
}

struct command
{
  const char *argv[6 + 2 * RELAY_LISTENERS_MAX + RELAY_ARGS_MAX];
  char numbers[2][16];
  char listeners[RELAY_LISTENERS_MAX][32];
  int fds[2 + RELAY_LISTENERS_MAX];
  size_t n_fds;
};

static void
build_command (const struct relay_child *child, struct command *command, int control)
{
  size_t n = 0;

  snprintf (command->numbers[0], sizeof command->numbers[0], "%d", control);
  snprintf (command->numbers[1], sizeof command->numbers[1], "%d", child->counters);
  command->argv[n++] = child->program;
  command->argv[n++] = "--control-fd";
  command->argv[n++] = command->numbers[0];
  command->argv[n++] = "--counters-fd";
  command->argv[n++] = command->numbers[1];
  command->fds[0] = control;
  command->fds[1] = child->counters;
  command->n_fds = 2;
  for (size_t i = 0; i < child->n_listeners; i++)
    {
      snprintf (command->listeners[i], sizeof command->listeners[i], "%d:%u", child->listeners[i],
                child->ports[i]);
      command->argv[n++] = "--listener";
      command->argv[n++] = command->listeners[i];
      command->fds[command->n_fds++] = child->listeners[i];
    }
  for (size_t i = 0; i < child->n_args; i++)
    command->argv[n++] = child->args[i];
  command->argv[n] = NULL;
}

static bool
spawn (struct relay_child *child, char *error, size_t size)
{
  struct command command = {0};
  int pair[2];
  pid_t pid;

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
    {
      snprintf (error, size, "cannot make the relay's control socket: %s", strerror (errno));
      return false;
    }
  build_command (child, &command, pair[1]);
  pid = tool_start (command.argv, NULL, command.fds, command.n_fds, &child->process.fd);
  close (pair[1]);
  if (pid < 0)
    {
      close (pair[0]);
      snprintf (error, size, "program: cannot start %s: %s", child->program, strerror (-pid));
      return false;
    }
  child->pid = pid;
  child->started = loop_now ();
  child->control.fd = pair[0];
  loop_add (child->loop, &child->process, EPOLLIN);
  loop_add (child->loop, &child->control, EPOLLIN);
  send_routes (child);
  return true;
}

static void
on_retry (struct loop_timer *timer)
{
  struct relay_child *child
      = (struct relay_child *)((char *)timer - offsetof (struct relay_child, retry));
  char error[256];

  if (!child->program || child->pid)
    return;
  child->backoff_ms *= 2;
  if (child->backoff_ms > RELAY_BACKOFF_MAX_MS)
    child->backoff_ms = RELAY_BACKOFF_MAX_MS;
  if (spawn (child, error, sizeof error))
    {
      child->events.started (child->events.data);
      return;
    }
  fprintf (stderr, "funnel-netns: %s\n", error);
  loop_timer_start (child->loop, &child->retry, child->backoff_ms);
}

static void
on_process_end (struct loop_source *source, uint32_t events)
{
  struct relay_child *child
      = (struct relay_child *)((char *)source - offsetof (struct relay_child, process));
  char status[32];

  (void)events;
  reap (child, status, sizeof status);
  if (!child->backoff_ms || loop_now () - child->started >= RELAY_GOOD_MS)
    child->backoff_ms = RELAY_BACKOFF_FIRST_MS;
  fprintf (stderr, "funnel-netns: the relay ended (%s), starting it again in %u ms\n", status,
           child->backoff_ms);
  loop_timer_start (child->loop, &child->retry, child->backoff_ms);
  child->events.exited (child->events.data, status);
}

/* Asks the running relay to end and insists after a second. */
static void
end_process (struct relay_child *child)
{
  struct pollfd end = {.fd = child->process.fd, .events = POLLIN};
  char status[32];

  if (!child->pid)
    return;
  kill (child->pid, SIGTERM);
  if (poll (&end, 1, RELAY_STOP_MS) <= 0)
    kill (child->pid, SIGKILL);
  reap (child, status, sizeof status);
}

static void
forget (struct relay_child *child)
{
  loop_timer_stop (&child->retry);
  end_process (child);
  for (size_t i = 0; i < child->n_listeners; i++)
    close (child->listeners[i]);
  for (size_t i = 0; i < child->n_args; i++)
    free (child->args[i]);
  free (child->program);
  child->program = NULL;
  child->n_listeners = child->n_args = 0;
  child->backoff_ms = 0;
}

void
relay_child_init (struct relay_child *child,
                  struct agent_loop *loop,
                  const struct relay_events *events)
{
  *child = (struct relay_child) {.loop = loop,
                                 .events = *events,
                                 .counters = -1,
                                 .routes = -1,
                                 .process = {-1, on_process_end},
                                 .control = {-1, on_control},
                                 .retry = {.fire = on_retry}};
}

static bool
take_wish (struct relay_child *child, const struct relay_wish *wish)
{
  bool good;

  child->program = strdup (wish->program);
  good = child->program != NULL;
  for (size_t i = 0; i < wish->n_args; i++)
    {
      child->args[i] = strdup (wish->args[i]);
      good = good && child->args[i];
    }
  child->n_args = wish->n_args;
  memcpy (child->listeners, wish->listeners, sizeof child->listeners);
  memcpy (child->ports, wish->ports, sizeof child->ports);
  child->n_listeners = wish->n_listeners;
  if (child->counters < 0 || child->counters_size != wish->counters_size)
    {
      if (child->counters >= 0)
        close (child->counters);
      child->counters = make_counters (wish->counters_size);
      child->counters_size = wish->counters_size;
    }
  return good && child->counters >= 0;
}

bool
relay_child_start (struct relay_child *child,
                   const struct relay_wish *wish,
                   char *error,
                   size_t size)
{
  forget (child);
  if (!take_wish (child, wish))
    {
      snprintf (error, size, "out of memory for the relay");
      forget (child);
      return false;
    }
  if (!spawn (child, error, size))
    {
      forget (child);
      return false;
    }
  child->events.started (child->events.data);
  return true;
}

void
relay_child_stop (struct relay_child *child)
{
  forget (child);
  if (child->counters >= 0)
    close (child->counters);
  if (child->routes >= 0)
    close (child->routes);
  child->counters = child->routes = -1;
}
