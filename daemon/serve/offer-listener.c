/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Offers: from accept(2) to the answer.
 *
 * A connection of the ingress waits warm until its first byte, then must bring a request head and,
 * right behind it, the visitor's complete ClientHello (HEAD deadline; the buffer holds exactly the
 * caps of both). Then, in this order: the hello must be one, its name must be the offer's, there
 * must be a share, room for a flow, a policy that admits the visitor (offer-policy.h), and a target
 * that takes the connection. Whatever fails is
 * answered with its reason, counted at the listener and, once a share is known, there too. What
 * only a broken or hostile ingress can send is also logged, at most once per LOG_INTERVAL and
 * listener. */

#include "daemon/serve/serve-loop.h"
#include "lib/wire/hello.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_TURN 64            /* connections accepted per turn and listener */
#define LOG_INTERVAL (10 * 1000u) /* milliseconds */

/* SERVE_REFUSAL_*; the offer reasons before them have their names on the wire. */
static const char *const refusal_names[] = {
    [SERVE_REFUSAL_NOT_PEER] = "not-peer",
    [SERVE_REFUSAL_TOO_MANY] = "too-many",
    [SERVE_REFUSAL_TIMEOUT] = "timeout",
    [SERVE_REFUSAL_CUT_SHORT] = "cut-short",
    [SERVE_REFUSAL_BAD_METHOD] = "bad-method",
    [SERVE_REFUSAL_BAD_PATH] = "bad-path",
    [SERVE_REFUSAL_BAD_HEADER] = "bad-header",
    [SERVE_REFUSAL_TOO_LARGE] = "too-large",
    [SERVE_REFUSAL_HANDSHAKE_FAILED] = "handshake-failed",
    [SERVE_REFUSAL_HANDSHAKE_TIMEOUT] = "handshake-timeout",
    [SERVE_REFUSAL_HTTP2_PROTOCOL] = "http2-protocol",
    [SERVE_REFUSAL_HTTP2_RESETS] = "http2-resets",
    [SERVE_REFUSAL_HTTP2_NOISE] = "http2-noise",
    [SERVE_REFUSAL_HTTP2_UPDATES] = "http2-updates",
    [SERVE_REFUSAL_HTTP2_CONTINUATIONS] = "http2-continuations",
    [SERVE_REFUSAL_HTTP2_HEAD] = "http2-head",
    [SERVE_REFUSAL_HTTP2_STREAMS] = "http2-streams",
    [SERVE_REFUSAL_HTTP2_STALLED] = "http2-stalled",
    [SERVE_REFUSAL_HTTP2_MEMORY] = "http2-memory",
};
static_assert (sizeof refusal_names / sizeof refusal_names[0] == SERVE_REFUSALS,
               "a name per refusal");

/* What does the work for a kind of share. */
static const struct serve_handler *const handlers[] = {
    [FUNNEL_SERVE_PASS_THROUGH] = &serve_pass_through,
    [FUNNEL_SERVE_TERMINATE] = &serve_terminate,
    [FUNNEL_SERVE_HTTP] = &serve_http,
};

const char *
serve_refusal_name (uint32_t refusal)
{
  return refusal <= OFFER_REASON_OTHER ? offer_reason_text ((enum offer_reason)refusal)
                                       : refusal_names[refusal];
}

struct serve_listener *
serve_listener_new (uint32_t id, int fd, const struct address *peer)
{
  struct serve_listener *listener = g_new0 (struct serve_listener, 1);

  atomic_init (&listener->refs, 1);
  listener->id = id;
  listener->fd = fd;
  listener->peer = *peer;
  fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK);
  return listener;
}

struct serve_listener *
serve_listener_ref (struct serve_listener *listener)
{
  atomic_fetch_add_explicit (&listener->refs, 1, memory_order_relaxed);
  return listener;
}

void
serve_listener_unref (struct serve_listener *listener)
{
  if (atomic_fetch_sub_explicit (&listener->refs, 1, memory_order_acq_rel) != 1)
    return;
  if (listener->fd >= 0)
    close (listener->fd);
  g_free (listener);
}

/* An honest ingress never causes these; no-share only where a share has just ended. */
static bool
is_suspicious (uint32_t refusal)
{
  switch (refusal)
    {
    case OFFER_REASON_NO_SHARE:
    case OFFER_REASON_NAME_MISMATCH:
    case OFFER_REASON_NOT_TLS:
    case SERVE_REFUSAL_NOT_PEER:
    case SERVE_REFUSAL_TOO_MANY:
    case SERVE_REFUSAL_BAD_METHOD:
    case SERVE_REFUSAL_BAD_PATH:
    case SERVE_REFUSAL_BAD_HEADER:
    case SERVE_REFUSAL_TOO_LARGE:
      return true;
    default:
      return false;
    }
}

void
serve_refuse_count (struct serve_loop *loop,
                    struct serve_listener *listener,
                    uint32_t refusal,
                    const char *detail)
{
  char ingress[ADDRESS_TEXT_MAX];

  counter_add (&listener->refusals[refusal], 1);
  loop->changed = true;
  if (!is_suspicious (refusal))
    return;
  if (loop->now < listener->log_after)
    {
      listener->log_suppressed++;
      return;
    }
  address_print_ip (&listener->peer, ingress);
  g_message ("Refused an offer from ingress %s: %s%s%s (%u more since the last message)", ingress,
             serve_refusal_name (refusal), detail != NULL ? ": " : "", detail != NULL ? detail : "",
             listener->log_suppressed);
  listener->log_after = loop->now + LOG_INTERVAL;
  listener->log_suppressed = 0;
}

static void
take_connection (struct serve_loop *loop,
                 struct serve_listener *listener,
                 int fd,
                 const struct sockaddr *from,
                 socklen_t from_len)
{
  struct address address;
  struct flow *flow = NULL;
  uint32_t refusal = SERVE_REFUSAL_TOO_MANY;
  int one = 1;

  if (!address_from_sockaddr (from, from_len, &address)
      || !address_equal_ip (&address, &listener->peer))
    refusal = SERVE_REFUSAL_NOT_PEER;
  else
    {
      counter_add (&listener->connections, 1);
      if (listener->waiting < loop->limits.waiting_max)
        flow = flow_table_alloc (&loop->table);
    }
  if (flow == NULL)
    {
      serve_refuse_count (loop, listener, refusal, NULL);
      close (fd);
      return;
    }
  flow->visitor = fd;
  flow->listener = listener;
  flow_set_state (loop, flow, FLOW_WAITING);
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (serve_loop_watch (loop, flow, SERVE_SIDE_VISITOR, fd) < 0)
    flow_end (loop, flow);
}

/* No descriptor is left: the spare one buys an honest close instead of a queue nobody serves, and
 * keeps the level-triggered listener from spinning. */
static void
refuse_without_descriptor (struct serve_loop *loop, struct serve_listener *listener)
{
  int fd;

  if (loop->spare >= 0)
    close (loop->spare);
  fd = accept4 (listener->fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0)
    close (fd);
  loop->spare = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  serve_refuse_count (loop, listener, SERVE_REFUSAL_TOO_MANY, "no file descriptor left");
}

void
offer_listener_accept (struct serve_loop *loop, struct serve_listener *listener)
{
  for (int i = 0; i < ACCEPT_TURN; i++)
    {
      struct sockaddr_storage from;
      socklen_t from_len = sizeof from;
      int fd = accept4 (listener->fd, (struct sockaddr *)&from, &from_len,
                        SOCK_NONBLOCK | SOCK_CLOEXEC);

      if (fd >= 0)
        take_connection (loop, listener, fd, (struct sockaddr *)&from, from_len);
      else if (errno == EMFILE || errno == ENFILE)
        refuse_without_descriptor (loop, listener);
      else if (errno == EAGAIN)
        return;
      else if (errno != EINTR && errno != ECONNABORTED)
        return; /* network errors of that one connection (accept(2)); the next turn tries again */
    }
}

static bool
send_answer (struct flow *flow, const char *answer, size_t len, int flags)
{
  ssize_t n;

  do
    n = send (flow->visitor, answer, len, MSG_NOSIGNAL | MSG_DONTWAIT | flags);
  while (n < 0 && errno == EINTR);
  /* The first bytes on a fresh connection: a send buffer without room for them is broken. */
  return n == (ssize_t)len;
}

static void
answer_and_linger (struct serve_loop *loop, struct flow *flow, const char *answer, size_t len)
{
  if (send_answer (flow, answer, len, 0))
    flow_linger (loop, flow);
  else
    flow_end (loop, flow);
}

void
offer_refuse (struct serve_loop *loop, struct flow *flow, enum offer_reason reason)
{
  char answer[OFFER_ANSWER_MAX];

  serve_refuse_count (loop, flow->listener, reason, NULL);
  if (flow->share != NULL)
    counter_add (&flow->share->counters->refusals[reason], 1);
  answer_and_linger (loop, flow, answer, offer_answer_write_refuse (reason, answer));
}

static void
refuse_malformed (struct serve_loop *loop,
                  struct flow *flow,
                  enum offer_result result,
                  const char *bad_field)
{
  char answer[OFFER_ANSWER_MAX];
  uint32_t refusal = result == OFFER_BAD_METHOD  ? SERVE_REFUSAL_BAD_METHOD
                     : result == OFFER_BAD_PATH  ? SERVE_REFUSAL_BAD_PATH
                     : result == OFFER_TOO_LARGE ? SERVE_REFUSAL_TOO_LARGE
                                                 : SERVE_REFUSAL_BAD_HEADER;

  serve_refuse_count (loop, flow->listener, refusal,
                      refusal == SERVE_REFUSAL_BAD_HEADER ? bad_field : NULL);
  answer_and_linger (loop, flow, answer, offer_answer_write_error (result, bad_field, answer));
}

static void
accept_with (struct serve_loop *loop, struct flow *flow, const struct serve_handler *handler)
{
  char answer[OFFER_ANSWER_MAX];
  size_t len = offer_answer_write_accept (answer);

  if (!send_answer (flow, answer, len, handler->speaks_first ? MSG_MORE : 0))
    {
      flow_end (loop, flow);
      return;
    }
  flow_set_state (loop, flow, FLOW_SERVING);
  flow->active_at = loop->now;
  flow->handler = handler;
  if (handler->start (loop, flow) < 0)
    flow_end (loop, flow);
}

/* The ingress tries shares from outside. Rules about addresses cannot keep it away, since it is the
 * one who says what a visitor's address is; keeping its probe away would only hide whether the
 * share works. A connection from an address to itself never comes from another machine. */
static bool
is_ingress_itself (const struct flow *flow)
{
  return address_equal_ip (&flow->source, &flow->destination);
}

/* That probe is no visitor, and is not counted as one. From loopback to loopback comes also whoever
 * visits on a machine that is node and ingress in one. */
static bool
is_probe (const struct flow *flow)
{
  const struct address *source = &flow->source;
  static const uint8_t loopback6[16] = {[15] = 1};
  bool is_loopback = source->family == 4 ? source->ip[0] == 127
                                         : memcmp (source->ip, loopback6, sizeof loopback6) == 0;

  return is_ingress_itself (flow) && !is_loopback;
}

void
offer_accept (struct serve_loop *loop, struct flow *flow)
{
  if (!is_probe (flow))
    counter_add (&flow->share->counters->flows_total, 1);
  accept_with (loop, flow, handlers[flow->share->share->kind]);
}

static enum offer_reason
judge_hello (const struct offer *offer, enum hello_result result, const struct hello *hello)
{
  switch (result)
    {
    case HELLO_OK:
      return strcmp (hello->name, offer->name) == 0 ? OFFER_REASON_NONE
                                                    : OFFER_REASON_NAME_MISMATCH;
    case HELLO_NO_SNI:
    case HELLO_BAD_NAME:
    case HELLO_IP_LITERAL:
      return OFFER_REASON_NAME_MISMATCH;
    default:
      return OFFER_REASON_NOT_TLS;
    }
}

/* A certificate authority that wants to see whether the name is ours (RFC 8737). Where TLS passes
 * through, that is between it and the local server. */
static bool
is_challenge (const FunnelServeShare *share, const struct hello *hello)
{
  return share->kind != FUNNEL_SERVE_PASS_THROUGH && hello->has_acme_alpn;
}

static enum offer_reason
judge_share (struct serve_loop *loop, const struct flow *flow, const struct hello *hello)
{
  struct share_counters *counters;
  const FunnelServeShare *share;

  if (flow->share == NULL)
    return OFFER_REASON_NO_SHARE;
  share = flow->share->share;
  counters = flow->share->counters;
  /* No policy applies: nobody knows where an authority comes from. One that nobody here has asked
   * for is turned away. */
  if (is_challenge (share, hello) && (share->challenge == NULL || hello->alpn_count != 1))
    return OFFER_REASON_NOT_ALLOWED;
  if (is_challenge (share, hello))
    return loop->flows < loop->limits.flows_max ? OFFER_REASON_NONE : OFFER_REASON_BUSY;
  /* Announced, so that the authority can come, but not yet for visitors. */
  if (share->kind != FUNNEL_SERVE_PASS_THROUGH && share->certificate == NULL)
    return OFFER_REASON_NOT_ALLOWED;
  if (loop->flows >= loop->limits.flows_max)
    return OFFER_REASON_BUSY;
  if (is_ingress_itself (flow)
      && (share->policy.expires == 0 || serve_wall_seconds () < share->policy.expires))
    return OFFER_REASON_NONE;
  return offer_policy_judge (&share->policy, &flow->source,
                             atomic_load_explicit (&counters->flows_active, memory_order_relaxed),
                             &counters->bucket, loop->now, serve_wall_seconds ());
}

/* Looks at what has come so far. Returns whether the offer was dealt with; else more is needed. */
static bool
consider (struct serve_loop *loop, struct flow *flow)
{
  struct serve_buffer *early = flow->early;
  const char *bad_field = NULL;
  struct offer offer;
  struct hello hello;
  size_t head_len = 0;
  enum offer_result result
      = offer_parse ((char *)early->data, early->end, &offer, &head_len, &bad_field);
  enum hello_result hello_result;
  enum offer_reason reason;

  if (result == OFFER_NEED_MORE)
    return false;
  if (result != OFFER_OK)
    {
      refuse_malformed (loop, flow, result, bad_field);
      return true;
    }
  hello_result = hello_parse (early->data + head_len, early->end - head_len, &hello);
  if (hello_result == HELLO_NEED_MORE)
    return false;
  deadline_disarm (&loop->deadlines, flow->index);
  early->start = (uint32_t)head_len;
  flow->source = offer.source;
  flow->destination = offer.destination;
  memcpy (flow->id, offer.flow, sizeof flow->id);
  flow->share = share_table_find (loop->shares, offer.name, offer.port);
  if (flow->share != NULL)
    share_entry_ref (flow->share);
  reason = judge_hello (&offer, hello_result, &hello);
  if (reason == OFFER_REASON_NONE)
    reason = judge_share (loop, flow, &hello);
  if (reason == OFFER_REASON_NONE && is_challenge (flow->share->share, &hello))
    accept_with (loop, flow, &serve_challenge);
  else if (reason == OFFER_REASON_NONE && flow->share->share->kind == FUNNEL_SERVE_HTTP)
    offer_accept (loop, flow); /* each request has a target of its own */
  else if (reason == OFFER_REASON_NONE)
    target_connect (loop, flow);
  else
    offer_refuse (loop, flow, reason);
  return true;
}

static void
on_end_of_offer (struct serve_loop *loop, struct flow *flow)
{
  if (flow->state == FLOW_READING)
    serve_refuse_count (loop, flow->listener, SERVE_REFUSAL_CUT_SHORT, NULL);
  flow_end (loop, flow);
}

void
offer_on_visitor (struct serve_loop *loop, struct flow *flow, uint32_t events)
{
  struct serve_buffer *early;

  if ((events & ~(uint32_t)EPOLLOUT) == 0)
    return; /* a new connection is writable, which is no news */
  if (flow->early == NULL)
    flow->early = serve_buffer_get (&loop->buffers);
  early = flow->early;
  while (early != NULL)
    {
      ssize_t n = recv (flow->visitor, early->data + early->end, SERVE_BUFFER_SIZE - early->end,
                        MSG_DONTWAIT);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno == EAGAIN)
        {
          if (flow->state == FLOW_WAITING)
            serve_buffer_put (&loop->buffers, &flow->early);
          return;
        }
      if (n <= 0)
        break;
      early->end += (uint32_t)n;
      if (flow->state == FLOW_WAITING)
        {
          flow_set_state (loop, flow, FLOW_READING);
          flow_arm (loop, flow, SERVE_QUEUE_HEAD);
        }
      /* Head and hello have caps that fit the buffer, so it cannot be full and wanting. */
      if (consider (loop, flow))
        return;
    }
  on_end_of_offer (loop, flow);
}

void
offer_on_timeout (struct serve_loop *loop, struct flow *flow)
{
  serve_refuse_count (loop, flow->listener, SERVE_REFUSAL_TIMEOUT, NULL);
  flow_end (loop, flow);
}
