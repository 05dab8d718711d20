/* SPDX-License-Identifier: GPL-3.0-or-later */

/* flood DEVICE SOURCE PAUSE-US PROTOCOL,ADDRESS,PORT…: what a hostile ingress sends. UDP datagrams
 * and TCP SYNs, one after the other and without end, through DEVICE and nothing else. Prints how
 * many were sent when it is terminated. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TARGETS_MAX 32

struct target
{
  int tcp;
  struct sockaddr_in to;
};

static volatile sig_atomic_t ended;

static void
on_signal (int number)
{
  ended = 1;
}

static int
open_socket (const char *device, int type, int protocol)
{
  int fd = socket (AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

  if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen (device)) < 0)
    {
      perror (device);
      exit (1);
    }
  return fd;
}

static uint16_t
sum (const struct in_addr *from, const struct in_addr *to, const struct tcphdr *segment)
{
  struct
  {
    uint32_t from, to;
    uint8_t zero, protocol;
    uint16_t length;
    struct tcphdr segment;
  } pseudo = {from->s_addr, to->s_addr, 0, IPPROTO_TCP, htons (sizeof *segment), *segment};
  uint16_t words[sizeof pseudo / 2];
  uint32_t total = 0;

  memcpy (words, &pseudo, sizeof pseudo);
  for (size_t i = 0; i < sizeof words / 2; i++)
    total += words[i];
  while (total >> 16)
    total = (total & 0xffff) + (total >> 16);
  return (uint16_t)~total;
}

/* A SYN of a client port of its own each time, so that none is a repetition. */
static ssize_t
send_syn (int fd, const struct in_addr *from, const struct sockaddr_in *to, unsigned round)
{
  struct sockaddr_in peer = *to;
  struct tcphdr segment = {0};

  segment.source = htons ((uint16_t)(20000 + round % 40000));
  segment.dest = to->sin_port;
  segment.seq = htonl (round);
  segment.doff = sizeof segment / 4;
  segment.syn = 1;
  segment.window = htons (64000);
  segment.check = sum (from, &to->sin_addr, &segment);
  peer.sin_port = 0;
  return sendto (fd, &segment, sizeof segment, 0, (struct sockaddr *)&peer, sizeof peer);
}

static int
parse (const char *text, struct target *out)
{
  char protocol[4], address[16];
  unsigned port = 0;

  if (sscanf (text, "%3[a-z],%15[0-9.],%u", protocol, address, &port) != 3)
    return -EINVAL;
  out->tcp = strcmp (protocol, "tcp") == 0;
  out->to = (struct sockaddr_in) {.sin_family = AF_INET, .sin_port = htons ((uint16_t)port)};
  return inet_pton (AF_INET, address, &out->to.sin_addr) == 1 ? 0 : -EINVAL;
}

int
main (int argc, char **argv)
{
  struct target targets[TARGETS_MAX];
  struct in_addr source;
  int n = 0, udp = -1, tcp = -1;
  unsigned long sent = 0, failed = 0;

  if (argc < 5 || inet_pton (AF_INET, argv[2], &source) != 1)
    return 2;
  for (int i = 4; i < argc && n < TARGETS_MAX; i++)
    if (parse (argv[i], &targets[n++]) < 0)
      return 2;
  signal (SIGTERM, on_signal);
  udp = open_socket (argv[1], SOCK_DGRAM, 0);
  tcp = open_socket (argv[1], SOCK_RAW, IPPROTO_TCP);
  for (unsigned round = 0; !ended; round++)
    {
      for (int i = 0; i < n; i++)
        {
          ssize_t done = targets[i].tcp
                             ? send_syn (tcp, &source, &targets[i].to, round)
                             : sendto (udp, "flood", 5, 0, (struct sockaddr *)&targets[i].to,
                                       sizeof targets[i].to);
          char answer[2048];

          if (done > 0)
            sent++;
          else
            failed++;
          while (recv (udp, answer, sizeof answer, 0) > 0
                 || recv (tcp, answer, sizeof answer, 0) > 0)
            ;
        }
      usleep ((useconds_t)atoi (argv[3]));
    }
  printf ("%lu sent, %lu failed\n", sent, failed);
  return 0;
}
