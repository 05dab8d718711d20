/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent/agent-notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WATCHDOG_MIN_MS 2

static int manager = -1;
static int64_t watchdog_ms; /* 0 = it does not watch us */
static struct agent_loop *alive_loop;

static int
connect_manager (const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  socklen_t len;
  int fd;

  if (!path || (path[0] != '/' && path[0] != '@') || strlen (path) >= sizeof address.sun_path)
    return -1;
  memcpy (address.sun_path, path, strlen (path));
  if (path[0] == '@')
    address.sun_path[0] = '\0';
  len = (socklen_t)(offsetof (struct sockaddr_un, sun_path) + strlen (path));
  fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect (fd, (struct sockaddr *)&address, len))
    {
      fprintf (stderr, "funnel-netns: no service manager at %s: %s\n", path, strerror (errno));
      close (fd);
      return -1;
    }
  return fd;
}

/* Half of what is asked for, or 0. */
static int64_t
read_watchdog (void)
{
  const char *interval = getenv ("WATCHDOG_USEC"), *whom = getenv ("WATCHDOG_PID");
  long long usec = interval ? strtoll (interval, NULL, 10) : 0;

  if (whom && strtoll (whom, NULL, 10) != (long long)getpid ())
    return 0;
  return usec >= 2000 * WATCHDOG_MIN_MS ? usec / 2000 : 0;
}

void
agent_notify_open (void)
{
  manager = connect_manager (getenv ("NOTIFY_SOCKET"));
  watchdog_ms = manager >= 0 ? read_watchdog () : 0;
  unsetenv ("NOTIFY_SOCKET");
  unsetenv ("WATCHDOG_USEC");
  unsetenv ("WATCHDOG_PID");
}

void
agent_notify (const char *state)
{
  if (manager >= 0 && send (manager, state, strlen (state), MSG_NOSIGNAL) < 0)
    fprintf (stderr, "funnel-netns: cannot tell the service manager \"%s\": %s\n", state,
             strerror (errno));
}

static void
on_alive (struct loop_timer *timer)
{
  agent_notify ("WATCHDOG=1");
  loop_timer_start (alive_loop, timer, watchdog_ms);
}

void
agent_notify_keep_alive (struct agent_loop *loop)
{
  static struct loop_timer timer = {.fire = on_alive};

  alive_loop = loop;
  if (watchdog_ms > 0)
    loop_timer_start (loop, &timer, watchdog_ms);
}
