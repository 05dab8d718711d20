/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The far end of the bench: what stands behind every proxy under test.
 *
 * With --offers it plays a node: it reads an offer and takes it. Without, it is the plain TCP
 * server behind HAProxy, nginx and sniproxy. From there on the same code runs, so only the proxy
 * differs. The hello says what to do (order.h).
 *
 * The 101 leaves together with a reply that follows at once (MSG_MORE), as from a real node that
 * terminates TLS and so speaks first; with --split it leaves alone, as from one that passes the
 * hello on to a local server.
 *
 * Payload is thrown away in the kernel (MSG_TRUNC) and sent from one static page of zeros: this
 * program must cost little beside the proxy on a machine with few cores. */

#include "lib/wire/offer.h"
#include "tests/bench/net.h"
#include "tests/bench/order.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define EVENTS 256
#define HEAD_CAP (OFFER_HEAD_MAX + ORDER_HELLO_LEN)

enum state
{
  STATE_HEAD,    /* collecting the offer and the hello; a warm connection waits here */
  STATE_SENDING, /* `left` bytes to go */
  STATE_SINKING, /* `left` bytes to come */
  STATE_DRAIN,   /* waiting for the other side's end */
};

struct connection
{
  int fd;
  enum state state;
  bool wants_out; /* EPOLLOUT is set */
  bool has_offer; /* the offer was taken; what follows is the hello */
  struct order order;
  uint64_t left;
  size_t have;
  uint8_t head[HEAD_CAP];
};

static int epoll_fd;
static bool with_offers;
static bool is_split;
static uint8_t zeros[CHUNK];

static void
end (struct connection *c)
{
  close (c->fd);
  free (c);
}

static void
want_out (struct connection *c, bool on)
{
  struct epoll_event event = {.events = on ? EPOLLOUT : EPOLLIN, .data.ptr = c};

  if (c->wants_out == on)
    return;
  c->wants_out = on;
  epoll_ctl (epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

/* Every handler returns false when the connection is over. */

static bool
do_drain (struct connection *c)
{
  ssize_t n = recv (c->fd, zeros, CHUNK, MSG_TRUNC);

  return n > 0 || (n < 0 && errno == EAGAIN);
}

static bool
do_send (struct connection *c)
{
  while (c->left > 0)
    {
      ssize_t n = send (c->fd, zeros, c->left < CHUNK ? c->left : CHUNK, MSG_NOSIGNAL);

      if (n < 0 && errno == EAGAIN)
        {
          want_out (c, true);
          return true;
        }
      if (n <= 0)
        return false;
      c->left -= (uint64_t)n;
    }
  want_out (c, false);
  c->state = STATE_DRAIN;
  return c->order.closer != ORDER_CLOSER_NODE;
}

static bool
answer_sink (struct connection *c)
{
  uint8_t count[8];

  for (int i = 0; i < 8; i++)
    count[i] = (uint8_t)(c->order.count >> (56 - 8 * i));
  c->state = STATE_DRAIN;
  return send (c->fd, count, sizeof count, MSG_NOSIGNAL) == sizeof count;
}

static bool
do_sink (struct connection *c)
{
  ssize_t n = recv (c->fd, zeros, CHUNK, MSG_TRUNC);

  if (n <= 0)
    return n < 0 && errno == EAGAIN;
  if ((uint64_t)n > c->left)
    return false;
  c->left -= (uint64_t)n;
  return c->left > 0 || answer_sink (c);
}

static bool
accept_offer (struct connection *c, bool more)
{
  char answer[OFFER_ANSWER_MAX];
  size_t len = offer_answer_write_accept (answer);

  return send (c->fd, answer, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0)) == (ssize_t)len;
}

static bool
read_offer (struct connection *c)
{
  struct offer offer;
  size_t consumed;
  enum offer_result result = offer_parse ((char *)c->head, c->have, &offer, &consumed, NULL);

  if (result == OFFER_NEED_MORE)
    return true;
  if (result != OFFER_OK)
    {
      warnx ("bad offer (%d)", result);
      return false;
    }
  memmove (c->head, c->head + consumed, c->have - consumed);
  c->have -= consumed;
  c->has_offer = true;
  return true;
}

static bool
obey (struct connection *c)
{
  uint64_t extra = c->have - ORDER_HELLO_LEN;

  if (!order_read (c->head, &c->order))
    {
      warnx ("these bytes are no hello of this bench");
      return false;
    }
  c->left = c->order.count;
  if (with_offers && !accept_offer (c, c->order.kind == ORDER_REPLY && !is_split))
    return false;
  if (c->order.kind == ORDER_REPLY)
    {
      c->state = STATE_SENDING;
      return do_send (c);
    }
  c->state = STATE_SINKING;
  if (extra > c->left)
    return false;
  c->left -= extra;
  return c->left > 0 || answer_sink (c);
}

static bool
do_head (struct connection *c)
{
  ssize_t n = recv (c->fd, c->head + c->have, HEAD_CAP - c->have, 0);

  if (n <= 0)
    return n < 0 && errno == EAGAIN;
  c->have += (size_t)n;
  if (with_offers && !c->has_offer && !read_offer (c))
    return false;
  if (with_offers && !c->has_offer)
    return true;
  return c->have < ORDER_HELLO_LEN || obey (c);
}

static bool
handle (struct connection *c)
{
  switch (c->state)
    {
    case STATE_HEAD:
      return do_head (c);
    case STATE_SENDING:
      return do_send (c);
    case STATE_SINKING:
      return do_sink (c);
    case STATE_DRAIN:
      return do_drain (c);
    }
  return false;
}

static void
accept_all (int listener)
{
  for (;;)
    {
      int fd = accept4 (listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
      struct connection *c;

      if (fd < 0)
        return;
      net_no_delay (fd);
      c = malloc (sizeof *c);
      if (!c)
        err (1, "malloc");
      memset (c, 0, offsetof (struct connection, head));
      c->fd = fd;
      epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd,
                 &(struct epoll_event) {.events = EPOLLIN, .data.ptr = c});
    }
}

static void
loop (int listener)
{
  struct epoll_event events[EVENTS];

  for (;;)
    {
      int n = epoll_wait (epoll_fd, events, EVENTS, -1);

      if (n < 0 && errno != EINTR)
        err (1, "epoll_wait");
      for (int i = 0; i < n; i++)
        {
          struct connection *c = events[i].data.ptr;

          if (!c)
            accept_all (listener);
          else if (!handle (c))
            end (c);
        }
    }
}

int
main (int argc, char **argv)
{
  struct sockaddr_in address;
  int listener;

  if (argc < 2)
    errx (2, "usage: %s ADDRESS:PORT [--offers [--split]]", argv[0]);
  with_offers = argc > 2 && strcmp (argv[2], "--offers") == 0;
  is_split = argc > 3 && strcmp (argv[3], "--split") == 0;
  address = net_parse (argv[1]);
  signal (SIGPIPE, SIG_IGN);
  net_raise_fd_limit ();
  listener = net_listen (&address);
  epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  epoll_ctl (epoll_fd, EPOLL_CTL_ADD, listener, &(struct epoll_event) {.events = EPOLLIN});
  puts ("ready");
  fflush (stdout);
  loop (listener);
  return 0;
}
