/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/bench/net.h"

#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define BACKLOG 4096

struct sockaddr_in
net_parse (const char *text)
{
  struct sockaddr_in address = {.sin_family = AF_INET};
  const char *colon = strchr (text, ':');
  char ip[INET_ADDRSTRLEN] = "";

  if (colon && (size_t)(colon - text) < sizeof ip)
    memcpy (ip, text, (size_t)(colon - text));
  if (inet_pton (AF_INET, ip, &address.sin_addr) != 1)
    errx (2, "%s: not an IPv4 address with port", text);
  address.sin_port = htons ((uint16_t)atoi (colon + 1));
  return address;
}

int
net_listen (const struct sockaddr_in *address)
{
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;

  if (fd < 0)
    err (1, "socket");
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind (fd, (const struct sockaddr *)address, sizeof *address) < 0 || listen (fd, BACKLOG) < 0)
    err (1, "listen on port %u", ntohs (address->sin_port));
  return fd;
}

void
net_no_delay (int fd)
{
  int on = 1;

  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void
net_raise_fd_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    err (1, "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
}

uint64_t
net_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
