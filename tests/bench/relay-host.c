/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Starts funnel-relay the way the agent does, for the bench: a public listener, the control socket,
 * the counters page and a route table that leads one name to one node.
 *
 *   relay-host RELAY LISTEN-ADDRESS:PORT OFFER-ADDRESS:PORT NAME WORKERS
 *
 * Prints "relay PID" once the relay has taken the routes, then waits: for the end of standard
 * input, after which it kills the relay, or for the end of the relay. The relay's sandbox is on, as
 * in real life. */

#include "ingress-server/relay/counters.h"
#include "ingress-server/route/route-table.h"
#include "tests/bench/net.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PUBLIC_PORT 443
#define ANSWER_MS 5000

/* Descriptors handed down, without close-on-exec. */
struct inheritance
{
  int control;
  int counters;
  int listener;
};

static int
make_counters (void)
{
  int fd = memfd_create ("funnel-bench-counters", 0);

  if (fd < 0 || ftruncate (fd, RELAY_COUNTERS_SIZE) < 0)
    err (1, "counters page");
  return fd;
}

static int
make_routes (const char *name, const struct sockaddr_in *offers)
{
  struct route_node node = {.id = 1, .offer_port = ntohs (offers->sin_port), .linked = 1};
  struct route_spec route = {.name = name, .port = PUBLIC_PORT, .id = 1};
  int fd;

  memcpy (node.address, &offers->sin_addr, sizeof node.address);
  fd = route_table_build (&node, 1, &route, 1, 1);
  if (fd < 0)
    errx (1, "route table: %s", strerror (-fd));
  return fd;
}

static pid_t
start_relay (const char *program, const char *workers, const struct inheritance *fds)
{
  char control[16], counters[16], listener[32];
  pid_t pid = fork ();

  if (pid < 0)
    err (1, "fork");
  if (pid > 0)
    return pid;
  signal (SIGTERM, SIG_DFL);
  snprintf (control, sizeof control, "%d", fds->control);
  snprintf (counters, sizeof counters, "%d", fds->counters);
  snprintf (listener, sizeof listener, "%d:%d", fds->listener, PUBLIC_PORT);
  execl (program, program, "--control-fd", control, "--counters-fd", counters, "--listener",
         listener, "--workers", workers, NULL);
  err (127, "%s", program);
}

static void
send_routes (int control, int table)
{
  char word[] = "routes\n";
  union
  {
    struct cmsghdr head;
    char bytes[CMSG_SPACE (sizeof (int))];
  } space = {0};
  struct iovec part = {word, strlen (word)};
  struct msghdr message
      = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space};

  space.head.cmsg_level = SOL_SOCKET;
  space.head.cmsg_type = SCM_RIGHTS;
  space.head.cmsg_len = CMSG_LEN (sizeof table);
  memcpy (CMSG_DATA (&space.head), &table, sizeof table);
  if (sendmsg (control, &message, MSG_NOSIGNAL) < 0)
    err (1, "sending the routes");
}

static void
await_answer (int control)
{
  struct pollfd wait = {control, POLLIN, 0};
  char answer[200] = "";

  if (poll (&wait, 1, ANSWER_MS) == 1 && recv (control, answer, sizeof answer - 1, 0) > 0
      && strncmp (answer, "ok", 2) == 0)
    return;
  errx (1, "the relay did not take the routes: %s", answer);
}

/* Until standard input or the relay (its end of the control socket) ends. */
static void
wait_for_end (int control)
{
  struct pollfd waits[2] = {{STDIN_FILENO, POLLIN, 0}, {control, 0, 0}};

  while (poll (waits, 2, -1) < 0 && errno == EINTR)
    continue;
  if (waits[1].revents)
    warnx ("the relay ended by itself");
}

int
main (int argc, char **argv)
{
  struct sockaddr_in public, offers;
  struct inheritance fds;
  int pair[2];
  pid_t relay;

  if (argc != 6)
    errx (2, "usage: %s RELAY LISTEN-ADDRESS:PORT OFFER-ADDRESS:PORT NAME WORKERS", argv[0]);
  signal (SIGTERM, SIG_IGN);
  net_raise_fd_limit ();
  public = net_parse (argv[2]);
  offers = net_parse (argv[3]);
  if (socketpair (AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
    err (1, "socketpair");
  fds = (struct inheritance) {pair[1], make_counters (), dup (net_listen (&public))};
  if (fcntl (pair[0], F_SETFD, FD_CLOEXEC) < 0)
    err (1, "fcntl");
  relay = start_relay (argv[1], argv[5], &fds);
  close (pair[1]);
  send_routes (pair[0], make_routes (argv[4], &offers));
  await_answer (pair[0]);
  printf ("relay %d\n", (int)relay);
  fflush (stdout);
  wait_for_end (pair[0]);
  kill (relay, SIGKILL);
  waitpid (relay, NULL, 0);
  return 0;
}
