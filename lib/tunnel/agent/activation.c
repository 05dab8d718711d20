/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent/activation.h"

#include "lib/tunnel/agent/agent-message.h"
#include "lib/wire/address.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_FDS_START 3

static int
socket_option (int fd, int option)
{
  int value = 0;
  socklen_t len = sizeof value;

  return getsockopt (fd, SOL_SOCKET, option, &value, &len) ? -1 : value;
}

/* The port a TCP listener is at, 0 = it is none. */
static uint16_t
tcp_port (int fd)
{
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;
  struct address local;

  if (socket_option (fd, SO_PROTOCOL) != IPPROTO_TCP || socket_option (fd, SO_ACCEPTCONN) != 1
      || getsockname (fd, (struct sockaddr *)&sa, &len)
      || !address_from_sockaddr ((struct sockaddr *)&sa, len, &local))
    return 0;
  return local.port;
}

static bool
is_for_clients (int fd)
{
  return socket_option (fd, SO_DOMAIN) == AF_UNIX && socket_option (fd, SO_TYPE) == SOCK_SEQPACKET
         && socket_option (fd, SO_ACCEPTCONN) == 1;
}

static bool
take_one (struct activation *out, int fd)
{
  uint16_t port;

  fcntl (fd, F_SETFD, FD_CLOEXEC);
  fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK);
  if (out->clients < 0 && is_for_clients (fd))
    {
      out->clients = fd;
      return true;
    }
  port = tcp_port (fd);
  if (port == 0 || out->n_listeners == RELAY_LISTENERS_MAX)
    return false;
  out->listeners[out->n_listeners] = fd;
  out->ports[out->n_listeners++] = port;
  return true;
}

/* How many there are for us; none of our children is to take them for its own. */
static unsigned long
count_sockets (void)
{
  const char *pid = getenv ("LISTEN_PID"), *count = getenv ("LISTEN_FDS");
  unsigned long number = 0, whom = 0;
  bool ours = pid && count && parse_number (pid, 1, 999999999, &whom)
              && whom == (unsigned long)getpid ()
              && parse_number (count, 0, RELAY_LISTENERS_MAX + 1, &number);

  unsetenv ("LISTEN_PID");
  unsetenv ("LISTEN_FDS");
  unsetenv ("LISTEN_FDNAMES");
  return ours ? number : 0;
}

bool
activation_take (struct activation *out, char *error, size_t size)
{
  unsigned long count = count_sockets ();

  *out = (struct activation) {.clients = -1};
  for (unsigned long i = 0; i < count; i++)
    if (!take_one (out, LISTEN_FDS_START + (int)i))
      {
        snprintf (error, size,
                  "--activated: socket %lu of the service manager is neither one for clients "
                  "(ListenSequentialPacket=) nor a TCP listener (ListenStream=)",
                  i + 1);
        return false;
      }
  if (out->clients < 0)
    snprintf (error, size,
              "--activated: the service manager passed no socket for clients; start this by its "
              "socket unit");
  return out->clients >= 0;
}
