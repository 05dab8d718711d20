/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/tunnel/agent/relay-process.h"

#include "lib/tunnel/agent/tool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define STOP_MS 1000

static struct relay_process *
from_control (struct loop_source *source)
{
  return (struct relay_process *)((char *)source - offsetof (struct relay_process, control));
}

static struct relay_process *
from_process (struct loop_source *source)
{
  return (struct relay_process *)((char *)source - offsetof (struct relay_process, process));
}

static void
close_control (struct relay_process *process)
{
  if (process->control.fd < 0)
    return;
  loop_remove (process->loop, &process->control);
  close (process->control.fd);
  process->control.fd = -1;
  process->routes = -1;
}

static void
reap (struct relay_process *process, char *status, size_t size)
{
  loop_remove (process->loop, &process->process);
  close (process->process.fd);
  process->process.fd = -1;
  tool_reap (process->pid, status, size);
  process->pid = 0;
  process->draining = false;
  close_control (process);
}

void
relay_process_send_routes (struct relay_process *process, int fd)
{
  static char word[] = "routes\n";
  struct iovec vector = {word, sizeof word - 1};
  char control[CMSG_SPACE (sizeof (int))] = {0};
  struct msghdr header = {.msg_iov = &vector,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR (&header);
  bool waiting;

  if (process->control.fd < 0 || fd < 0)
    return;
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN (sizeof (int));
  memcpy (CMSG_DATA (c), &fd, sizeof (int));
  waiting
      = sendmsg (process->control.fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EAGAIN;
  process->routes = waiting ? fd : -1;
  loop_modify (process->loop, &process->control, waiting ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void
on_control (struct loop_source *source, uint32_t events)
{
  struct relay_process *process = from_control (source);
  char text[512];
  ssize_t n;

  if (events & EPOLLOUT)
    relay_process_send_routes (process, process->routes);
  if (!(events & ~(uint32_t)EPOLLOUT))
    return;
  n = recv (source->fd, text, sizeof text - 1, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0)
    {
      close_control (process); /* its end will be noticed by its pidfd */
      return;
    }
  text[n] = '\0';
  text[strcspn (text, "\n")] = '\0';
  process->answered (process, text);
}

static void
on_end (struct loop_source *source, uint32_t events)
{
  struct relay_process *process = from_process (source);
  char status[32];

  (void)events;
  reap (process, status, sizeof status);
  process->ended (process, status);
}

void
relay_process_init (struct relay_process *process, struct agent_loop *loop, void *owner)
{
  *process = (struct relay_process) {.loop = loop,
                                     .owner = owner,
                                     .routes = -1,
                                     .process = {-1, on_end},
                                     .control = {-1, on_control}};
}

int
relay_process_pair (struct relay_process *process)
{
  int pair[2];

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
    return -errno;
  process->control.fd = pair[0];
  return pair[1];
}

int
relay_process_start (struct relay_process *process,
                     const char *const *argv,
                     const int *fds,
                     size_t n_fds)
{
  pid_t pid = tool_start (argv, NULL, fds, n_fds, &process->process.fd);

  if (pid < 0)
    {
      close (process->control.fd);
      process->control.fd = -1;
      return (int)pid;
    }
  process->pid = pid;
  process->started = loop_now ();
  process->draining = false;
  loop_add (process->loop, &process->process, EPOLLIN);
  loop_add (process->loop, &process->control, EPOLLIN);
  return 0;
}

bool
relay_process_drain (struct relay_process *process)
{
  process->draining = process->control.fd >= 0
                      && send (process->control.fd, "drain\n", 6, MSG_DONTWAIT | MSG_NOSIGNAL) == 6;
  return process->draining;
}

void
relay_process_end (struct relay_process *process)
{
  struct pollfd end = {.fd = process->process.fd, .events = POLLIN};
  char status[32];

  if (!process->pid)
    return;
  kill (process->pid, SIGTERM);
  if (poll (&end, 1, STOP_MS) <= 0)
    kill (process->pid, SIGKILL);
  reap (process, status, sizeof status);
}
