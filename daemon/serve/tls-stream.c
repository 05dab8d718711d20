/* SPDX-License-Identifier: GPL-3.0-or-later */

/* TLS over one non-blocking socket.
 *
 * Reading. GnuTLS pulls through pull(), which reads ahead a whole buffer at a time (two system
 * calls per record otherwise) and begins with what the owner has read already. With edge-triggered
 * events a read that brought less than was asked for has emptied the socket, so the next one waits
 * for news (`drained`), unless an end was announced along with the bytes.
 *
 * GNUTLS_E_AGAIN does not always mean that the socket is empty (an empty record or a key update
 * says so too), which with edge-triggered events would be waiting for ever: `dry` tells what pull()
 * saw.
 *
 * Writing. GnuTLS pushes straight to the socket. What the socket does not take of a record GnuTLS
 * keeps; it must then be given the same bytes again. With `more` set records go out with MSG_MORE,
 * so that the kernel fills segments across them, and tls_stream_push_rest() ends that by setting
 * TCP_NODELAY once more. */

#include "daemon/serve/tls-stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* Reads into the empty read-ahead buffer. Returns bytes read, 0 at the end, -1 with errno. */
static ssize_t
read_ahead (struct tls_stream *stream)
{
  ssize_t n;

  if (stream->drained && !stream->ended)
    {
      errno = EAGAIN;
      stream->dry = true;
      return -1;
    }
  if (stream->ahead == NULL)
    stream->ahead = serve_buffer_get (stream->buffers);
  if (stream->ahead == NULL)
    {
      errno = ENOMEM;
      return -1;
    }
  n = recv (stream->fd, stream->ahead->data, SERVE_BUFFER_SIZE, MSG_DONTWAIT);
  stream->ahead->start = 0;
  stream->ahead->end = n > 0 ? (uint32_t)n : 0;
  stream->drained = (n > 0 && n < SERVE_BUFFER_SIZE) || (n < 0 && errno == EAGAIN);
  if (n < 0 && errno == EAGAIN)
    stream->dry = true;
  return n;
}

static ssize_t
pull (gnutls_transport_ptr_t transport, void *data, size_t size)
{
  struct tls_stream *stream = transport;
  size_t len;

  if (serve_buffer_len (stream->ahead) == 0)
    {
      ssize_t n = read_ahead (stream);

      if (n <= 0)
        {
          if (n < 0)
            gnutls_transport_set_errno (stream->session, errno);
          return n;
        }
    }
  len = serve_buffer_len (stream->ahead) < size ? serve_buffer_len (stream->ahead) : size;
  memcpy (data, stream->ahead->data + stream->ahead->start, len);
  stream->ahead->start += (uint32_t)len;
  return (ssize_t)len;
}

/* Without it GnuTLS does not trust a custom pull function with TLS 1.3. It never waits here: a
 * session with GNUTLS_NONBLOCK passes 0. */
static int
pull_timeout (gnutls_transport_ptr_t transport, unsigned int ms)
{
  struct tls_stream *stream = transport;
  char byte;
  ssize_t n;

  if (serve_buffer_len (stream->ahead) > 0)
    return 1;
  if (stream->drained && !stream->ended)
    return 0;
  n = recv (stream->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
  return n >= 0 || errno != EAGAIN;
}

static ssize_t
push (gnutls_transport_ptr_t transport, const giovec_t *iov, int iov_len)
{
  struct tls_stream *stream = transport;
  struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)iov_len};
  ssize_t n
      = sendmsg (stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT | (stream->more ? MSG_MORE : 0));

  if (n < 0)
    gnutls_transport_set_errno (stream->session, errno);
  else
    stream->unpushed = stream->more;
  return n;
}

void
tls_stream_init (struct tls_stream *stream,
                 struct serve_buffers *buffers,
                 int fd,
                 gnutls_session_t session,
                 struct serve_buffer **early)
{
  *stream = (struct tls_stream) {.buffers = buffers, .fd = fd, .session = session};
  if (early != NULL)
    {
      stream->ahead = *early;
      *early = NULL;
    }
  if (session == NULL)
    return;
  gnutls_transport_set_ptr (session, stream);
  gnutls_transport_set_pull_function (session, pull);
  gnutls_transport_set_pull_timeout_function (session, pull_timeout);
  gnutls_transport_set_vec_push_function (session, push);
}

void
tls_stream_clear (struct tls_stream *stream)
{
  if (stream->session != NULL)
    gnutls_deinit (stream->session);
  stream->session = NULL;
  serve_buffer_put (stream->buffers, &stream->ahead);
}

void
tls_stream_note (struct tls_stream *stream, uint32_t events)
{
  if (events & EPOLLIN)
    stream->drained = false;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    stream->ended = true;
}

enum tls_result
tls_stream_shake_hands (struct tls_stream *stream, int *error)
{
  int result;

  do
    {
      stream->dry = false;
      result = gnutls_handshake (stream->session);
    }
  while (result < 0 && !gnutls_error_is_fatal (result)
         && (result != GNUTLS_E_AGAIN
             || (!stream->dry && gnutls_record_get_direction (stream->session) == 0)));
  tls_stream_rest (stream);
  *error = result;
  if (result == GNUTLS_E_SUCCESS)
    return TLS_DONE;
  if (result != GNUTLS_E_AGAIN)
    return TLS_FAILED;
  return gnutls_record_get_direction (stream->session) == 0 ? TLS_WAIT_READ : TLS_WAIT_WRITE;
}

ssize_t
tls_stream_read (struct tls_stream *stream, uint8_t *data, size_t len)
{
  ssize_t n;

  stream->dry = false;
  n = gnutls_record_recv (stream->session, data, len);
  if (n >= 0 || n == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal ((int)n))
    return n;
  return stream->dry ? GNUTLS_E_AGAIN : GNUTLS_E_INTERRUPTED;
}

ssize_t
tls_stream_write (struct tls_stream *stream, const uint8_t *data, size_t len)
{
  ssize_t n;

  do
    n = gnutls_record_send (stream->session, data, len);
  while (n == GNUTLS_E_INTERRUPTED);
  return n == GNUTLS_E_AGAIN ? 0 : n;
}

enum tls_result
tls_stream_end (struct tls_stream *stream)
{
  int result;

  do
    result = gnutls_bye (stream->session, GNUTLS_SHUT_WR);
  while (result == GNUTLS_E_INTERRUPTED);
  if (result == GNUTLS_E_AGAIN)
    return TLS_WAIT_WRITE;
  return result < 0 ? TLS_FAILED : TLS_DONE;
}

void
tls_stream_alert (struct tls_stream *stream, int error)
{
  if (error == GNUTLS_E_PREMATURE_TERMINATION || error == GNUTLS_E_PULL_ERROR
      || error == GNUTLS_E_FATAL_ALERT_RECEIVED)
    return;
  if (error == GNUTLS_E_REHANDSHAKE)
    gnutls_alert_send (stream->session, GNUTLS_AL_FATAL, GNUTLS_A_NO_RENEGOTIATION);
  else
    gnutls_alert_send_appropriate (stream->session, error);
}

void
tls_stream_push_rest (struct tls_stream *stream)
{
  int one = 1;

  stream->more = false;
  if (!stream->unpushed)
    return;
  stream->unpushed = false;
  setsockopt (stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void
tls_stream_rest (struct tls_stream *stream)
{
  if (serve_buffer_len (stream->ahead) == 0)
    serve_buffer_put (stream->buffers, &stream->ahead);
}
