/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: what a target that is spoken to in HTTP/2 sends, to three requests under way. */
#include "tests/fuzz/fuzz.h"

#include "daemon/serve/http/http-engine.h"
#include "daemon/serve/http/http2-upstream.h"
#include "daemon/serve/http/upstream.h"
#include "tests/unit/daemon/serve/http/http-stage.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUESTS 3

/* A visitor's side that counts, has room for some, and looks at the order of calls. */
struct visitor
{
  struct http_exchange *x;
  bool responded, ended;
  size_t room;
  uint8_t data[4096];
};

static void
on_inform (struct http_exchange *x, const struct http_response *response)
{
  struct visitor *visitor = x->visitor;

  REQUIRE (!visitor->responded && !visitor->ended);
  REQUIRE (response->status >= 100 && response->status < 200 && response->status != 101);
}

static void
on_respond (struct http_exchange *x, const struct http_response *response)
{
  struct visitor *visitor = x->visitor;

  REQUIRE (!visitor->responded && !visitor->ended);
  REQUIRE (response->status >= 200 && response->status <= 999);
  visitor->responded = true;
}

static uint8_t *
on_reserve (struct http_exchange *x, size_t *room)
{
  struct visitor *visitor = x->visitor;

  REQUIRE (visitor->responded && !visitor->ended);
  *room = visitor->room;
  return visitor->room > 0 ? visitor->data : NULL;
}

static void
on_commit (struct http_exchange *x, size_t len)
{
  struct visitor *visitor = x->visitor;

  REQUIRE (len <= visitor->room);
  visitor->room -= len;
}

static void
on_finish (struct http_exchange *x, const struct http_fields *trailers)
{
  struct visitor *visitor = x->visitor;

  REQUIRE (visitor->responded && !visitor->ended);
  visitor->ended = true;
}

static void
on_abort (struct http_exchange *x)
{
  struct visitor *visitor = x->visitor;

  REQUIRE (!visitor->ended);
  visitor->ended = true;
}

static void
on_resume (struct http_exchange *x)
{
}

static const struct http_visitor_ops visitor_ops = {
    .inform = on_inform,
    .respond = on_respond,
    .reserve = on_reserve,
    .commit = on_commit,
    .finish = on_finish,
    .abort = on_abort,
    .resume = on_resume,
};

static void
turn (HttpStage *stage, uint32_t events)
{
  struct serve_watches *watches = &stage->loop.watches;

  /* As the loop does at the end of each turn: what has ended hears of nothing more. */
  serve_watches_bury (&stage->loop);
  for (uint32_t slot = 0; slot < watches->slot_count; slot++)
    serve_watches_on_event (&stage->loop, slot, watches->generations[slot], events);
  serve_watches_run_again (&stage->loop);
  serve_watches_bury (&stage->loop);
}

static int
listen_at (FunnelServeMount *mount)
{
  struct sockaddr_un *address = (struct sockaddr_un *)&mount->target.addresses[0];
  socklen_t len = sizeof *address;
  int fd = socket (AF_UNIX, SOCK_STREAM, 0);

  *address = (struct sockaddr_un) {.sun_family = AF_UNIX};
  /* The kernel chooses an abstract name. */
  REQUIRE (fd >= 0 && bind (fd, (struct sockaddr *)address, sizeof address->sun_family) == 0);
  REQUIRE (listen (fd, 4) == 0 && getsockname (fd, (struct sockaddr *)address, &len) == 0);
  mount->target.lens[0] = len;
  mount->target.n = 1;
  return fd;
}

static void
begin (HttpStage *stage, struct visitor *visitor, const FunnelServeMount *mount, int number)
{
  struct http_exchange *x = http_exchange_new (&stage->loop, stage->flow, &visitor_ops, visitor);

  REQUIRE (x != NULL);
  *visitor = (struct visitor) {.x = x, .room = (size_t)number * 1000};
  x->request.method = number == 2 ? HTTP_TEXT ("POST") : HTTP_TEXT ("GET");
  x->request.authority = HTTP_TEXT ("laptop.example.org");
  x->request.target = HTTP_TEXT ("/a?b");
  x->request.version = HTTP_VERSION_2;
  x->request.has_body = number == 2;
  x->request.content_length = number == 2 ? -1 : 0;
  x->body_ended = number != 2;
  x->mount = mount;
  x->match = (struct mount_match) {.mount = mount,
                                   .prefix = HTTP_TEXT (""),
                                   .rest = HTTP_TEXT ("/a"),
                                   .query = HTTP_TEXT ("?b")};
  x->answerer = &http2_upstream;
  x->answerer->start (x);
  if (number == 2 && x->answerer == &http2_upstream)
    http_exchange_body (x, (const uint8_t *)"body", 4);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char settings[] = "\0\0\0\4\0\0\0\0\0";
  HttpStage stage;
  FunnelServeMount *mount = funnel_serve_mount_new ();
  struct visitor visitors[REQUESTS];
  char sink[8192];
  int listener = listen_at (mount);
  int fd;

  mount->path = g_strdup ("/");
  mount->base_path = g_strdup ("");
  mount->h2c = TRUE;
  http_stage_set_up (&stage);
  for (int i = 0; i < REQUESTS; i++)
    begin (&stage, &visitors[i], mount, i);
  turn (&stage, EPOLLOUT);
  fd = accept (listener, NULL, NULL);
  REQUIRE (fd >= 0);
  REQUIRE (send (fd, settings, sizeof settings - 1, MSG_NOSIGNAL) == sizeof settings - 1);
  for (size_t at = 0; at < size; at += 512)
    {
      if (send (fd, data + at, size - at < 512 ? size - at : 512, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        break;
      turn (&stage, EPOLLIN | EPOLLOUT);
      while (recv (fd, sink, sizeof sink, MSG_DONTWAIT) > 0)
        ;
      for (int i = 0; i < REQUESTS; i++)
        {
          visitors[i].room += 512;
          http_exchange_writable (visitors[i].x);
        }
    }
  if (size % 2 == 0)
    http_exchange_cancel (visitors[0].x);
  close (fd);
  turn (&stage, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
  for (int i = 0; i < REQUESTS; i++)
    {
      visitors[i].room = sizeof visitors[i].data;
      http_exchange_writable (visitors[i].x);
      http_exchange_free (visitors[i].x);
    }
  turn (&stage, 0);
  close (listener);
  http_stage_tear_down (&stage);
  funnel_serve_mount_free (mount);
  return 0;
}
