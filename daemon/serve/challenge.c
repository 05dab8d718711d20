/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A certificate authority's question whether a name is ours: TLS-ALPN-01 (RFC 8737).
 *
 * The answer is the certificate shown in the handshake; nothing is said afterwards, and there is no
 * target. Only asked-for questions come here: offer-listener.c has compared name, ALPN and that a
 * challenge is pending. The handshake has the deadline of all handshakes; after it, or when it
 * fails, the flow lingers as a refused one does. The session reads the hello that came with the
 * offer first, then the socket, and sends straight to it; it never gets to read anything else, so
 * there is nothing to bound. */

#include "daemon/serve/serve-loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct challenge_flow
{
  struct flow *flow;
  gnutls_session_t session;
  bool dry; /* pull() met an empty socket since this was last cleared */
};

static char *protocols[] = {(char *)(uintptr_t) "acme-tls/1", NULL};

static ssize_t
pull (gnutls_transport_ptr_t transport, void *data, size_t size)
{
  struct challenge_flow *challenge = transport;
  struct serve_buffer *early = challenge->flow->early;
  size_t len = serve_buffer_len (early);
  ssize_t n;

  if (len > 0)
    {
      len = len < size ? len : size;
      memcpy (data, early->data + early->start, len);
      early->start += (uint32_t)len;
      return (ssize_t)len;
    }
  n = recv (challenge->flow->visitor, data, size, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN)
    challenge->dry = true;
  if (n < 0)
    gnutls_transport_set_errno (challenge->session, errno);
  return n;
}

/* Without it GnuTLS does not trust a custom pull function with TLS 1.3. */
static int
pull_timeout (gnutls_transport_ptr_t transport, unsigned int ms)
{
  struct challenge_flow *challenge = transport;
  char byte;

  if (serve_buffer_len (challenge->flow->early) > 0)
    return 1;
  return recv (challenge->flow->visitor, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0 || errno != EAGAIN;
}

static ssize_t
push (gnutls_transport_ptr_t transport, const giovec_t *iov, int iov_len)
{
  struct challenge_flow *challenge = transport;
  struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)iov_len};
  ssize_t n = sendmsg (challenge->flow->visitor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

  if (n < 0)
    gnutls_transport_set_errno (challenge->session, errno);
  return n;
}

static void
on_event (struct serve_loop *loop, struct flow *flow, enum serve_side side, uint32_t events)
{
  struct challenge_flow *challenge = flow->challenge;
  int result;

  /* The socket is edge-triggered: until it is really empty, or full. */
  do
    {
      challenge->dry = false;
      result = gnutls_handshake (challenge->session);
    }
  while (result < 0 && !gnutls_error_is_fatal (result)
         && (result != GNUTLS_E_AGAIN
             || (!challenge->dry && gnutls_record_get_direction (challenge->session) == 0)));
  if (result == GNUTLS_E_AGAIN)
    return;
  if (result == GNUTLS_E_SUCCESS)
    gnutls_bye (challenge->session, GNUTLS_SHUT_WR);
  else
    {
      serve_refuse_count (loop, flow->listener, SERVE_REFUSAL_HANDSHAKE_FAILED, NULL);
      gnutls_alert_send_appropriate (challenge->session, result);
    }
  flow_linger (loop, flow); /* frees challenge */
}

static int
start (struct serve_loop *loop, struct flow *flow)
{
  struct challenge_flow *challenge = calloc (1, sizeof *challenge);

  flow->challenge = challenge;
  if (challenge == NULL)
    return -ENOMEM;
  challenge->flow = flow;
  challenge->session
      = tls_context_session (&loop->tls, flow->share->share->challenge, protocols, loop->now);
  if (challenge->session == NULL)
    return -ENOMEM;
  gnutls_transport_set_ptr (challenge->session, challenge);
  gnutls_transport_set_pull_function (challenge->session, pull);
  gnutls_transport_set_pull_timeout_function (challenge->session, pull_timeout);
  gnutls_transport_set_vec_push_function (challenge->session, push);
  flow_arm (loop, flow, SERVE_QUEUE_HANDSHAKE);
  on_event (loop, flow, SERVE_SIDE_VISITOR, 0);
  return 0;
}

static void
finish (struct serve_loop *loop, struct flow *flow)
{
  struct challenge_flow *challenge = flow->challenge;

  if (challenge == NULL)
    return;
  if (challenge->session != NULL)
    gnutls_deinit (challenge->session);
  free (challenge);
  flow->challenge = NULL;
}

const struct serve_handler serve_challenge = {
    .name = "challenge",
    .speaks_first = true,
    .start = start,
    .on_event = on_event,
    .close = finish,
};
