/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Connecting to a share's target: its candidates in order, each once, all within one deadline. The
 * first candidate's error is the one reported, for it is the address the user meant. */

#include "daemon/serve/guarded-connect.h"
#include "daemon/serve/serve-loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void
target_note (struct serve_loop *loop, struct share_entry *share, int error)
{
  int before
      = atomic_exchange_explicit (&share->counters->target_error, error, memory_order_relaxed);

  counter_add (&share->counters->target_attempts, 1);
  if (before != error)
    loop->changed = true;
  if ((before == 0) != (error == 0))
    loop->urgent = true;
}

static void
drop_candidate (struct flow *flow, int error)
{
  if (flow->target >= 0)
    close (flow->target);
  flow->target = -1;
  flow->candidate++;
  if (flow->connect_error == 0)
    flow->connect_error = error;
}

bool
target_is_own_echo (int fd)
{
  struct sockaddr_storage here, there;
  socklen_t here_len = sizeof here, there_len = sizeof there;

  memset (&here, 0, sizeof here);
  memset (&there, 0, sizeof there);
  return getsockname (fd, (struct sockaddr *)&here, &here_len) == 0
         && getpeername (fd, (struct sockaddr *)&there, &there_len) == 0
         && here.ss_family != AF_UNIX && here_len == there_len
         && memcmp (&here, &there, here_len) == 0;
}

/* Returns 1 when connected, 0 when under way, or -errno. */
static int
try_candidate (struct serve_loop *loop, struct flow *flow)
{
  const FunnelServeShare *share = flow->share->share;
  const struct sockaddr *address
      = (const struct sockaddr *)&share->target.addresses[flow->candidate];
  int one = 1;
  int result, watched;

  flow->target = socket (address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (flow->target < 0)
    return -errno;
  if (address->sa_family != AF_UNIX)
    setsockopt (flow->target, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  result = guarded_connect (flow->target, address, share->target.lens[flow->candidate],
                            share->target.force);
  if (result < 0 && result != -EINPROGRESS)
    return result;
  if (result == 0 && target_is_own_echo (flow->target))
    return -ECONNREFUSED;
  /* Watched only now: an unconnected socket would report itself as hung up. */
  watched = serve_loop_watch (loop, flow, SERVE_SIDE_TARGET, flow->target);
  return watched < 0 ? watched : result == 0;
}

static void
try_candidates (struct serve_loop *loop, struct flow *flow)
{
  while (flow->candidate < flow->share->share->target.n)
    {
      int result = try_candidate (loop, flow);

      if (result > 0)
        {
          target_note (loop, flow->share, 0);
          offer_accept (loop, flow);
        }
      if (result >= 0)
        return;
      drop_candidate (flow, -result);
    }
  target_note (loop, flow->share, flow->connect_error != 0 ? flow->connect_error : ENOENT);
  offer_refuse (loop, flow, OFFER_REASON_TARGET_DOWN);
}

void
target_connect (struct serve_loop *loop, struct flow *flow)
{
  flow->candidate = 0;
  flow->connect_error = 0;
  flow_set_state (loop, flow, FLOW_CONNECTING);
  flow_arm (loop, flow, SERVE_QUEUE_CONNECT);
  try_candidates (loop, flow);
}

void
target_on_event (struct serve_loop *loop, struct flow *flow, uint32_t events)
{
  int error = 0;
  socklen_t len = sizeof error;

  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
    return;
  getsockopt (flow->target, SOL_SOCKET, SO_ERROR, &error, &len);
  if (error == 0 && target_is_own_echo (flow->target))
    error = ECONNREFUSED;
  if (error == 0)
    {
      target_note (loop, flow->share, 0);
      offer_accept (loop, flow);
      return;
    }
  drop_candidate (flow, error);
  try_candidates (loop, flow);
}

void
target_on_timeout (struct serve_loop *loop, struct flow *flow)
{
  drop_candidate (flow, ETIMEDOUT);
  target_note (loop, flow->share, flow->connect_error);
  offer_refuse (loop, flow, OFFER_REASON_TARGET_DOWN);
}
