/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent/agent-session.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <fcntl.h>

#define OVERFLOW_UID                                                                               \
  65534 /* how a user namespace shows users it has no mapping for, host root among them */

static void
drop_first (struct session *session)
{
  struct queued_answer *first = &session->queue[session->head];

  free (first->text);
  if (first->fd >= 0)
    close (first->fd);
  session->head = (session->head + 1) % SESSION_QUEUE_MAX;
  session->count--;
}

static void
close_session (struct session *session)
{
  while (session->count)
    drop_first (session);
  loop_remove (session->hub->loop, &session->source);
  close (session->source.fd);
  session->source.fd = -1;
  if (session->hub->lone)
    session->hub->loop->quit = true;
}

static int
send_one (int fd, const char *text, size_t len, int passed)
{
  struct iovec vector = {(void *)text, len};
  char control[CMSG_SPACE (sizeof (int))] = {0};
  struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};

  if (passed >= 0)
    {
      struct cmsghdr *c;

      header.msg_control = control;
      header.msg_controllen = sizeof control;
      c = CMSG_FIRSTHDR (&header);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN (sizeof (int));
      memcpy (CMSG_DATA (c), &passed, sizeof passed);
    }
  return sendmsg (fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Sends what the socket takes. False when the session had to be closed. */
static bool
flush (struct session *session)
{
  while (session->count)
    {
      struct queued_answer *first = &session->queue[session->head];
      int result = send_one (session->source.fd, first->text, first->len, first->fd);

      if (result == -EAGAIN)
        break;
      if (result)
        {
          close_session (session);
          return false;
        }
      drop_first (session);
    }
  loop_modify (session->hub->loop, &session->source, session->count ? EPOLLOUT : EPOLLIN);
  return true;
}

/* Queues a copy of @answer and sends what goes. False when the session had to be closed. */
static bool
enqueue (struct session *session, const struct answer *answer)
{
  struct queued_answer *last
      = &session->queue[(session->head + session->count) % SESSION_QUEUE_MAX];

  if (session->count == SESSION_QUEUE_MAX)
    {
      close_session (session);
      return false;
    }
  *last = (struct queued_answer) {.text = malloc (answer->len), .len = answer->len, .fd = -1};
  if (last->text)
    memcpy (last->text, answer->text, answer->len);
  if (answer->fd >= 0)
    last->fd = fcntl (answer->fd, F_DUPFD_CLOEXEC, 3);
  session->count++;
  if (!last->text || (answer->fd >= 0 && last->fd < 0))
    {
      close_session (session);
      return false;
    }
  return flush (session);
}

/* One request datagram. 0 = end of the connection, -EAGAIN = none there. */
static ssize_t
receive (int fd, struct message *message, char *error, size_t size)
{
  struct iovec vector = {message->text, MESSAGE_MAX};
  char control[CMSG_SPACE (sizeof (int) * MESSAGE_FDS_MAX)];
  struct msghdr header = {.msg_iov = &vector,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof control};
  ssize_t n = recvmsg (fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

  error[0] = '\0';
  message->len = n > 0 ? (size_t)n : 0;
  message->n_fds = 0;
  if (n < 0)
    return -errno;
  for (struct cmsghdr *c = CMSG_FIRSTHDR (&header); c; c = CMSG_NXTHDR (&header, c))
    {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        continue;
      message->n_fds = (c->cmsg_len - CMSG_LEN (0)) / sizeof (int);
      memcpy (message->fds, CMSG_DATA (c), message->n_fds * sizeof (int));
    }
  if (header.msg_flags & MSG_TRUNC)
    snprintf (error, size, "a request is at most %d bytes", MESSAGE_MAX);
  else if (header.msg_flags & MSG_CTRUNC)
    snprintf (error, size, "a request has at most %d descriptors", MESSAGE_FDS_MAX);
  return n;
}

static void
on_session (struct loop_source *source, uint32_t events)
{
  static struct message request; /* one at a time: the agent has one thread */
  struct session *session = (struct session *)((char *)source - offsetof (struct session, source));
  struct answer answer;
  char error[128];
  ssize_t n;

  if (session->count)
    {
      if (flush (session) && session->count && (events & (EPOLLERR | EPOLLHUP)))
        close_session (session);
      return;
    }
  n = receive (source->fd, &request, error, sizeof error);
  if (n == -EAGAIN || n == -EINTR)
    return;
  /* A datagram of no bytes and the end look the same; neither is a request. */
  if (n <= 0)
    {
      message_clear (&request);
      close_session (session);
      return;
    }
  answer_init (&answer, "ok");
  if (error[0] || !message_parse (&request, error, sizeof error))
    answer_error (&answer, "protocol", "%s", error);
  else
    session->hub->serve (session->hub->data, &request, &answer);
  message_clear (&request);
  enqueue (session, &answer);
  if (answer.fd >= 0)
    close (answer.fd);
}

static int
open_session (struct session_hub *hub, int fd)
{
  for (int i = 0; i < SESSIONS_MAX; i++)
    {
      struct session *session = &hub->sessions[i];
      int result;

      if (session->source.fd >= 0)
        continue;
      session->source = (struct loop_source) {fd, on_session};
      session->head = session->count = 0;
      result = loop_add (hub->loop, &session->source, EPOLLIN);
      if (result)
        session->source.fd = -1;
      return result;
    }
  return -EUSERS;
}

static bool
is_allowed (const struct session_hub *hub, int fd)
{
  struct ucred peer;
  socklen_t len = sizeof peer;

  if (hub->owner == SESSION_ANY_OWNER)
    return true;
  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
    return false;
  /* Inside our user namespace we are 0, and the host's root has no name of its own. The socket's
   * mode 0600 has let nobody else come this far. */
  return peer.uid == 0 || peer.uid == hub->owner || peer.uid == OVERFLOW_UID;
}

static void
on_listener (struct loop_source *source, uint32_t events)
{
  struct session_hub *hub
      = (struct session_hub *)((char *)source - offsetof (struct session_hub, listener));
  int fd = accept4 (source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

  (void)events;
  if (fd >= 0 && (!is_allowed (hub, fd) || open_session (hub, fd)))
    close (fd);
}

void
session_hub_init (struct session_hub *hub,
                  struct agent_loop *loop,
                  void (*serve) (void *data, struct message *request, struct answer *answer),
                  void *data)
{
  *hub = (struct session_hub) {
      .loop = loop, .serve = serve, .data = data, .listener = {-1, on_listener}};
  for (int i = 0; i < SESSIONS_MAX; i++)
    hub->sessions[i] = (struct session) {.hub = hub, .source = {-1, on_session}};
}

int
session_hub_adopt (struct session_hub *hub, int fd)
{
  int flags = fcntl (fd, F_GETFD);

  if (flags < 0 || fcntl (fd, F_SETFD, flags | FD_CLOEXEC))
    return -errno;
  hub->lone = true;
  return open_session (hub, fd);
}

int
session_hub_listen (struct session_hub *hub, int fd, uid_t owner)
{
  hub->owner = owner;
  hub->listener.fd = fd;
  return loop_add (hub->loop, &hub->listener, EPOLLIN);
}

void
session_hub_broadcast (struct session_hub *hub, const struct answer *event)
{
  for (int i = 0; i < SESSIONS_MAX; i++)
    if (hub->sessions[i].source.fd >= 0)
      enqueue (&hub->sessions[i], event);
}
