/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A wire of a given length: copies Ethernet frames between two interfaces, each frame later by a
 * fixed time, in order and without loss. It stands in for tc-netem, which not every kernel has.
 *
 *   delay INTERFACE INTERFACE MILLISECONDS
 *
 * Frames travel with their virtio header (PACKET_VNET_HDR), so that checksum and segmentation
 * offload of veth survive. Memory is bounded: a full ring drops, like any queue. */

#include "tests/bench/net.h"

#include <arpa/inet.h>
#include <err.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_MAX (66 * 1024) /* a segmentation-offload frame with its headers */
#define RING 2048
#define SOCKET_BUFFER (8 << 20)

struct frame
{
  uint64_t due; /* ns */
  size_t len;
  uint8_t *bytes;
};

/* One direction; the other socket's index is 1 - its own. */
struct direction
{
  struct frame ring[RING];
  unsigned head;
  unsigned used;
};

static struct direction directions[2];
static int sockets[2];
static uint64_t delay_ns;

static int
open_interface (const char *name)
{
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons (ETH_P_ALL)};
  int fd = socket (AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1, size = SOCKET_BUFFER;
  struct packet_mreq all = {.mr_type = PACKET_MR_PROMISC};

  if (fd < 0)
    err (1, "packet socket");
  address.sll_ifindex = (int)if_nametoindex (name);
  all.mr_ifindex = address.sll_ifindex;
  if (setsockopt (fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) < 0
      || setsockopt (fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0
      || setsockopt (fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0
      || bind (fd, (struct sockaddr *)&address, sizeof address) < 0)
    err (1, "%s", name);
  setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt (fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  return fd;
}

static void
take_in (int index)
{
  static uint8_t buffer[FRAME_MAX];
  struct direction *d = &directions[index];
  ssize_t n;

  while (d->used < RING && (n = recv (sockets[index], buffer, sizeof buffer, 0)) > 0)
    {
      struct frame *frame = &d->ring[(d->head + d->used++) % RING];

      frame->due = net_now () + delay_ns;
      frame->len = (size_t)n;
      frame->bytes = malloc (frame->len);
      if (!frame->bytes)
        err (1, "malloc");
      memcpy (frame->bytes, buffer, frame->len);
    }
}

/* Sends what is due; returns when the next frame is, or UINT64_MAX. */
static uint64_t
send_due (int index)
{
  struct direction *d = &directions[index];
  uint64_t now = net_now ();

  while (d->used > 0 && d->ring[d->head].due <= now)
    {
      struct frame *frame = &d->ring[d->head];

      if (send (sockets[1 - index], frame->bytes, frame->len, 0) < 0)
        warn ("frame lost");
      free (frame->bytes);
      d->head = (d->head + 1) % RING;
      d->used--;
    }
  return d->used > 0 ? d->ring[d->head].due : UINT64_MAX;
}

int
main (int argc, char **argv)
{
  if (argc != 4)
    errx (2, "usage: %s INTERFACE INTERFACE MILLISECONDS", argv[0]);
  sockets[0] = open_interface (argv[1]);
  sockets[1] = open_interface (argv[2]);
  delay_ns = strtoull (argv[3], NULL, 10) * 1000000;
  puts ("ready");
  fflush (stdout);
  for (;;)
    {
      struct pollfd waits[2] = {{sockets[0], POLLIN, 0}, {sockets[1], POLLIN, 0}};
      uint64_t first = send_due (0), second = send_due (1);
      uint64_t next = first < second ? first : second;
      uint64_t now = net_now ();
      uint64_t wait = next > now ? next - now : 0;
      struct timespec until = {(time_t)(wait / 1000000000), (long)(wait % 1000000000)};

      if (ppoll (waits, 2, next == UINT64_MAX ? NULL : &until, NULL) < 0)
        err (1, "ppoll");
      take_in (0);
      take_in (1);
    }
}
