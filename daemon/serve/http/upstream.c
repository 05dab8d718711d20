/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Opening. As for flows (serve-target.c): the candidates in order, each once, all within one
 * deadline; the first one's error counts. What the user writes meanwhile waits in `out`.
 *
 * Pool. The connection used last is taken first, so that the others can grow old and go. Where the
 * request could not be repeated, one that has been idle for longer than FRESH_MS is left alone: the
 * target may be closing it just now. The target's own limit (Keep-Alive: timeout) is kept to.
 *
 * A write that fails may have been preceded by an answer: a server that refuses an upload answers
 * and resets. So the user is made to read before it is told of the failure. */

#include "daemon/serve/http/upstream.h"

#include "daemon/serve/guarded-connect.h"
#include "daemon/serve/http/http-engine.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRESH_MS 1000u
#define LIMIT_MARGIN_MS 1000u

static const struct serve_watch_ops watch_ops;

static struct upstream *
from_watch (struct serve_watch *watch)
{
  return (struct upstream *)(void *)((char *)watch - offsetof (struct upstream, watch));
}

static void
fail (struct upstream *up, int error)
{
  const struct upstream_user *user = up->user;

  if (user != NULL)
    user->failed (up->user_data, error);
}

/* --- writing --- */

static ssize_t
send_some (struct upstream *up)
{
  const uint8_t *data = up->out->data + up->out->start;
  size_t len = serve_buffer_len (up->out);
  ssize_t n;

  if (up->secure)
    {
      n = tls_stream_write (&up->tls, data, len);
      return n < 0 ? -EPIPE : n;
    }
  do
    n = send (up->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return errno == EAGAIN ? 0 : -errno;
  return n;
}

static void
send_end (struct upstream *up)
{
  if (up->secure && tls_stream_end (&up->tls) == TLS_WAIT_WRITE)
    return;
  shutdown (up->fd, SHUT_WR);
}

static void
break_write (struct upstream *up, int error)
{
  serve_buffer_put (&up->loop->buffers, &up->out);
  up->ended = true;
  if (up->secure)
    up->tls.ended = true;
  up->user->readable (up->user_data);
  if (!up->watch.ended && up->state == UPSTREAM_READY)
    fail (up, error);
}

static void
flush (struct upstream *up)
{
  if (serve_buffer_len (up->out) == 0)
    return;
  while (serve_buffer_len (up->out) > 0)
    {
      ssize_t n = send_some (up);

      if (n < 0)
        {
          break_write (up, (int)-n);
          return;
        }
      if (n == 0)
        return;
      up->out->start += (uint32_t)n;
    }
  serve_buffer_put (&up->loop->buffers, &up->out);
  if (up->shut)
    send_end (up);
  else if (up->user != NULL)
    up->user->writable (up->user_data);
}

char *
upstream_space (struct upstream *up, size_t *room)
{
  if (up->out == NULL)
    up->out = serve_buffer_get (&up->loop->buffers);
  if (up->out == NULL)
    return NULL;
  if (up->out->start > 0)
    {
      memmove (up->out->data, up->out->data + up->out->start, serve_buffer_len (up->out));
      up->out->end -= up->out->start;
      up->out->start = 0;
    }
  *room = SERVE_BUFFER_SIZE - up->out->end;
  return *room > 0 ? (char *)up->out->data + up->out->end : NULL;
}

void
upstream_wrote (struct upstream *up, size_t len)
{
  up->out->end += (uint32_t)len;
  serve_watch_again (up->loop, &up->watch);
}

void
upstream_shut (struct upstream *up)
{
  up->shut = true;
  if (serve_buffer_len (up->out) == 0 && up->state == UPSTREAM_READY)
    send_end (up);
}

/* --- opening --- */

static void
close_socket (struct upstream *up)
{
  if (up->fd >= 0)
    close (up->fd);
  up->fd = -1;
}

static void
drop_candidate (struct upstream *up, int error)
{
  close_socket (up);
  up->candidate++;
  if (up->connect_error == 0)
    up->connect_error = error;
}

static void
become_ready (struct upstream *up)
{
  up->state = UPSTREAM_READY;
  serve_watch_disarm (up->loop, &up->watch);
  flush (up);
}

static void
shake_hands (struct upstream *up)
{
  int error;
  enum tls_result result = tls_stream_shake_hands (&up->tls, &error);

  if (result == TLS_DONE)
    become_ready (up);
  else if (result == TLS_FAILED)
    {
      g_debug ("TLS with a target failed: %s", gnutls_strerror (error));
      fail (up, EPROTO);
    }
}

static void
take_connected (struct upstream *up)
{
  if (up->origin->key.tls == FUNNEL_SERVE_TLS_NONE)
    {
      become_ready (up);
      return;
    }
  tls_stream_init (&up->tls, &up->loop->buffers, up->fd,
                   upstream_pool_session (&up->loop->http->upstreams, up->origin), NULL);
  if (up->tls.session == NULL)
    {
      fail (up, ENOMEM);
      return;
    }
  up->secure = true;
  up->state = UPSTREAM_SHAKING;
  shake_hands (up);
}

/* Returns 1 when connected, 0 when under way, or -errno. */
static int
try_candidate (struct upstream *up)
{
  const FunnelServeTarget *target = &up->origin->key.target;
  const struct sockaddr *address = (const struct sockaddr *)&target->addresses[up->candidate];
  int one = 1;
  int result, watched;

  up->fd = socket (address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (up->fd < 0)
    return -errno;
  if (address->sa_family != AF_UNIX)
    setsockopt (up->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  result = guarded_connect (up->fd, address, target->lens[up->candidate], target->force);
  if (result < 0 && result != -EINPROGRESS)
    return result;
  if (result == 0 && target_is_own_echo (up->fd))
    return -ECONNREFUSED;
  watched = serve_watch_socket (up->loop, &up->watch, up->fd);
  return watched < 0 ? watched : result == 0;
}

/* Leaves the rest to on_event. */
static void
try_candidates (struct upstream *up)
{
  while (up->candidate < up->origin->key.target.n)
    {
      int result = try_candidate (up);

      if (result > 0)
        serve_watch_again (up->loop, &up->watch);
      if (result >= 0)
        return;
      drop_candidate (up, -result);
    }
  serve_watch_again (up->loop, &up->watch);
}

static void
on_connecting (struct upstream *up, uint32_t events)
{
  int error = 0;
  socklen_t len = sizeof error;
  struct sockaddr_storage peer;
  socklen_t peer_len = sizeof peer;

  if (up->fd < 0)
    {
      fail (up, up->connect_error != 0 ? up->connect_error : ENOENT);
      return;
    }
  getsockopt (up->fd, SOL_SOCKET, SO_ERROR, &error, &len);
  if (error == 0 && getpeername (up->fd, (struct sockaddr *)&peer, &peer_len) < 0)
    return; /* still under way */
  if (error == 0 && target_is_own_echo (up->fd))
    error = ECONNREFUSED;
  if (error == 0)
    {
      take_connected (up);
      return;
    }
  drop_candidate (up, error);
  try_candidates (up);
}

struct upstream *
upstream_open_new (struct serve_loop *loop,
                   const FunnelServeMount *mount,
                   const struct upstream_user *user,
                   void *user_data,
                   int *error)
{
  struct upstream *up = calloc (1, sizeof *up);
  int result;

  *error = ENOMEM;
  if (up == NULL)
    return NULL;
  up->loop = loop;
  up->fd = -1;
  up->user = user;
  up->user_data = user_data;
  up->origin = upstream_origin_get (&loop->http->upstreams, mount);
  if (up->origin == NULL)
    {
      free (up);
      return NULL;
    }
  result = serve_watch_begin (loop, &up->watch, &watch_ops);
  if (result < 0)
    {
      upstream_origin_put (&loop->http->upstreams, up->origin);
      free (up);
      *error = -result;
      return NULL;
    }
  serve_watch_arm (loop, &up->watch, WATCH_QUEUE_CONNECT);
  try_candidates (up);
  return up;
}

/* --- pool --- */

static void
leave_pool (struct upstream *up)
{
  struct upstream **at = &up->origin->idle;

  while (*at != up)
    at = &(*at)->next;
  *at = up->next;
  up->origin->idle_count--;
}

static bool
is_stale (const struct upstream *up)
{
  uint64_t age = up->loop->now - up->idle_since;

  return up->idle_limit_s > 0 && age + LIMIT_MARGIN_MS >= (uint64_t)up->idle_limit_s * 1000;
}

static struct upstream *
take_idle (struct serve_loop *loop, const FunnelServeMount *mount, bool fresh)
{
  struct upstream_origin *origin = upstream_origin_get (&loop->http->upstreams, mount);
  struct upstream *found = NULL;

  while (origin != NULL && found == NULL && origin->idle != NULL)
    {
      struct upstream *up = origin->idle;

      if (fresh && loop->now - up->idle_since > FRESH_MS)
        break;
      leave_pool (up);
      up->state = UPSTREAM_READY;
      if (is_stale (up))
        upstream_end (up);
      else
        found = up;
    }
  if (origin != NULL)
    upstream_origin_put (&loop->http->upstreams, origin);
  return found;
}

struct upstream *
upstream_open (struct serve_loop *loop,
               const FunnelServeMount *mount,
               bool fresh,
               const struct upstream_user *user,
               void *user_data,
               int *error)
{
  struct upstream *up = take_idle (loop, mount, fresh);

  if (up == NULL)
    return upstream_open_new (loop, mount, user, user_data, error);
  serve_watch_disarm (loop, &up->watch);
  up->reused = true;
  up->user = user;
  up->user_data = user_data;
  return up;
}

void
upstream_keep (struct upstream *up)
{
  if (up->ended || up->shut || up->state != UPSTREAM_READY || serve_buffer_len (up->out) > 0
      || up->origin->idle_count >= UPSTREAM_IDLE_MAX)
    {
      upstream_end (up);
      return;
    }
  serve_buffer_put (&up->loop->buffers, &up->in);
  serve_buffer_put (&up->loop->buffers, &up->out);
  if (up->secure)
    tls_stream_rest (&up->tls);
  up->state = UPSTREAM_IDLE;
  up->user = NULL;
  up->user_data = NULL;
  up->idle_since = up->loop->now;
  up->next = up->origin->idle;
  up->origin->idle = up;
  up->origin->idle_count++;
  serve_watch_arm (up->loop, &up->watch, WATCH_QUEUE_POOLED);
}

void
upstream_end (struct upstream *up)
{
  if (up->state == UPSTREAM_IDLE)
    leave_pool (up);
  up->state = UPSTREAM_READY;
  up->user = NULL;
  serve_watch_end (up->loop, &up->watch);
}

/* --- reading --- */

static ssize_t
read_secure (struct upstream *up, uint8_t *data, size_t len)
{
  ssize_t n;

  do
    n = tls_stream_read (&up->tls, data, len);
  while (n == GNUTLS_E_INTERRUPTED);
  if (n >= 0)
    return n;
  return n == GNUTLS_E_AGAIN ? -EAGAIN : -ECONNRESET;
}

ssize_t
upstream_read (struct upstream *up, uint8_t *data, size_t len)
{
  ssize_t n;

  if (up->state != UPSTREAM_READY)
    return -EAGAIN;
  if (up->secure)
    return read_secure (up, data, len);
  if (up->drained && !up->ended)
    return -EAGAIN;
  do
    n = recv (up->fd, data, len, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  up->drained = (n > 0 && (size_t)n < len) || (n < 0 && errno == EAGAIN);
  return n < 0 ? -errno : n;
}

void
upstream_arm (struct upstream *up, enum watch_queue queue)
{
  serve_watch_arm (up->loop, &up->watch, queue);
}

void
upstream_disarm (struct upstream *up)
{
  serve_watch_disarm (up->loop, &up->watch);
}

/* --- events --- */

static void
note_events (struct upstream *up, uint32_t events)
{
  if (up->secure)
    tls_stream_note (&up->tls, events);
  if (events & EPOLLIN)
    up->drained = false;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    up->ended = true;
}

static void
on_event (struct serve_loop *loop, struct serve_watch *watch, uint32_t events)
{
  struct upstream *up = from_watch (watch);
  const uint32_t reading = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;

  if (up->state == UPSTREAM_CONNECTING)
    {
      on_connecting (up, events);
      return;
    }
  note_events (up, events);
  if (up->state == UPSTREAM_SHAKING)
    shake_hands (up);
  else if (up->state == UPSTREAM_IDLE && (events & reading) != 0)
    upstream_end (up); /* closed by the target, or it talks without being asked */
  else if (up->state == UPSTREAM_READY)
    flush (up);
  if (!watch->ended && up->state == UPSTREAM_READY && up->user != NULL && (events & reading) != 0)
    up->user->readable (up->user_data);
}

static void
on_deadline (struct serve_loop *loop, struct serve_watch *watch, enum watch_queue queue)
{
  struct upstream *up = from_watch (watch);

  if (queue == WATCH_QUEUE_POOLED)
    upstream_end (up);
  else if (queue == WATCH_QUEUE_CONNECT)
    fail (up, ETIMEDOUT);
  else if (up->user != NULL)
    up->user->expired (up->user_data, queue);
}

static void
gone (struct serve_loop *loop, struct serve_watch *watch)
{
  struct upstream *up = from_watch (watch);

  if (up->secure)
    tls_stream_clear (&up->tls);
  serve_buffer_put (&loop->buffers, &up->in);
  serve_buffer_put (&loop->buffers, &up->out);
  close_socket (up);
  upstream_origin_put (&loop->http->upstreams, up->origin);
  free (up);
}

static const struct serve_watch_ops watch_ops = {
    .on_event = on_event,
    .on_deadline = on_deadline,
    .gone = gone,
};
