/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Shares whose target speaks plain bytes: TLS ends here.
 *
 * Transport: tls-stream.c; it begins with the hello that came with the offer.
 *
 * Up, visitor → target: one record at a time is decrypted and sent; what the target does not take
 * waits in `up`, and nothing more is decrypted until it is gone. Down, target → visitor: up to a
 * record's worth is read into `down` and handed to GnuTLS, which encrypts it once and keeps what
 * the socket does not take; `down` keeps the plain bytes until GnuTLS says how many of them went.
 * So a flow waits with at most three buffers, and with none when nothing is stuck.
 *
 * Sizes. While the target has more to read, records go out with MSG_MORE.
 *
 * Ends. close_notify from the visitor → shutdown(2) towards the target once `up` is empty; the
 * other way goes on. End of the target → close_notify, then shutdown towards the ingress; the other
 * way goes on. A visitor that ends without close_notify may have been cut: the flow ends. A target
 * that breaks ends it without close_notify, so that the visitor can tell. Renegotiation (TLS 1.2)
 * is not offered: the flow ends. */

#include "daemon/serve/serve-loop.h"
#include "daemon/serve/target-header.h"
#include "daemon/serve/tls-stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A record without bytes for the target uses up this much of the turn, so that they cannot go on
 * for ever. */
#define EMPTY_RECORD_COST 1024u

struct tls_flow
{
  struct serve_loop *loop;
  struct flow *flow;
  struct tls_stream stream;
  struct serve_buffer *up;   /* plain bytes the target has not taken */
  struct serve_buffer *down; /* plain bytes GnuTLS has not sent */
  enum pump_result up_result, down_result;
  bool shaking_hands;
  bool up_ended;       /* close_notify came */
  bool visitor_failed; /* broke the connection or the protocol */
  bool down_ended;     /* the target ended */
};

static void
note_bytes (struct tls_flow *tls, _Atomic uint64_t *counter, size_t n)
{
  counter_add (counter, n);
  tls->loop->changed = true;
  tls->flow->active_at = tls->loop->now;
}

/* Sends plain bytes to the target. Returns how many it took, or -1 when it is gone. */
static ssize_t
send_up (struct tls_flow *tls, const uint8_t *data, size_t len)
{
  ssize_t n;

  do
    n = send (tls->flow->target, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return errno == EAGAIN ? 0 : -1;
  note_bytes (tls, &tls->flow->share->counters->bytes_in, (size_t)n);
  return n;
}

/* A decrypted record goes to the target; its rest, if any, to `up`. Returns false when the target
 * is gone. */
static bool
deliver (struct tls_flow *tls, gnutls_packet_t packet)
{
  gnutls_datum_t plain;
  ssize_t n;
  size_t rest;

  gnutls_packet_get (packet, &plain, NULL);
  n = send_up (tls, plain.data, plain.size);
  if (n < 0)
    return false;
  rest = plain.size - (size_t)n;
  if (rest == 0)
    return true;
  tls->up = serve_buffer_get (&tls->loop->buffers);
  if (tls->up == NULL || rest > SERVE_BUFFER_SIZE)
    return false;
  memcpy (tls->up->data, plain.data + n, rest);
  tls->up->end = (uint32_t)rest;
  return true;
}

/* Returns PUMP_AGAIN when `up` is empty and there may be more. */
static enum pump_result
flush_up (struct tls_flow *tls)
{
  while (serve_buffer_len (tls->up) > 0)
    {
      ssize_t n = send_up (tls, tls->up->data + tls->up->start, serve_buffer_len (tls->up));

      if (n < 0)
        return PUMP_BROKEN;
      if (n == 0)
        return PUMP_WAIT_DESTINATION;
      tls->up->start += (uint32_t)n;
    }
  serve_buffer_put (&tls->loop->buffers, &tls->up);
  if (!tls->up_ended)
    return PUMP_AGAIN;
  shutdown (tls->flow->target, SHUT_WR);
  return PUMP_FINISHED;
}

/* Says why, unless a record of ours is half sent or nobody listens. */
static void
fail_visitor (struct tls_flow *tls, int error)
{
  tls->visitor_failed = true;
  if (serve_buffer_len (tls->down) == 0)
    tls_stream_alert (&tls->stream, error);
}

/* Decrypts one record. Returns PUMP_AGAIN when there may be more. */
static enum pump_result
step_up (struct tls_flow *tls, size_t *moved)
{
  gnutls_packet_t packet = NULL;
  ssize_t n;
  bool delivered;

  tls->stream.dry = false;
  n = gnutls_record_recv_packet (tls->stream.session, &packet);
  if (n > 0)
    {
      *moved += (size_t)n;
      delivered = deliver (tls, packet);
      gnutls_packet_deinit (packet);
      return delivered ? PUMP_AGAIN : PUMP_BROKEN;
    }
  if (n == 0)
    tls->up_ended = true;
  else if (n == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal ((int)n))
    {
      fail_visitor (tls, (int)n);
      return PUMP_BROKEN;
    }
  else if (tls->stream.dry)
    return PUMP_WAIT_SOURCE;
  *moved += EMPTY_RECORD_COST;
  return PUMP_AGAIN;
}

static enum pump_result
run_up (struct tls_flow *tls)
{
  enum pump_result result = PUMP_AGAIN;
  size_t moved = 0;

  while (result == PUMP_AGAIN)
    {
      result = flush_up (tls);
      if (result == PUMP_AGAIN && moved >= PUMP_TURN_BYTES)
        break;
      if (result == PUMP_AGAIN)
        result = step_up (tls, &moved);
    }
  tls_stream_rest (&tls->stream);
  return result;
}

/* Gives `down` to GnuTLS, which may still hold the beginning of it from the last time. */
static enum pump_result
flush_down (struct tls_flow *tls)
{
  while (serve_buffer_len (tls->down) > 0)
    {
      ssize_t n = tls_stream_write (&tls->stream, tls->down->data + tls->down->start,
                                    serve_buffer_len (tls->down));

      if (n == 0)
        return PUMP_WAIT_DESTINATION;
      if (n < 0)
        return PUMP_BROKEN;
      tls->down->start += (uint32_t)n;
      note_bytes (tls, &tls->flow->share->counters->bytes_out, (size_t)n);
    }
  return PUMP_AGAIN;
}

static enum pump_result
finish_down (struct tls_flow *tls)
{
  enum tls_result result = tls_stream_end (&tls->stream);

  if (result == TLS_WAIT_WRITE)
    return PUMP_WAIT_DESTINATION;
  if (result == TLS_FAILED)
    return PUMP_BROKEN;
  shutdown (tls->flow->visitor, SHUT_WR);
  return PUMP_FINISHED;
}

/* Refills `down` from the target. */
static enum pump_result
read_down (struct tls_flow *tls)
{
  ssize_t n;

  if (tls->down == NULL)
    tls->down = serve_buffer_get (&tls->loop->buffers);
  if (tls->down == NULL)
    return PUMP_BROKEN;
  do
    n = recv (tls->flow->target, tls->down->data, TLS_RECORD_MAX, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  tls->down->start = 0;
  tls->down->end = n > 0 ? (uint32_t)n : 0;
  tls->stream.more = n == TLS_RECORD_MAX; /* a full read: there is probably more, and if not
                                             tls_stream_push_rest() follows */
  if (n > 0)
    return PUMP_AGAIN;
  if (n == 0)
    tls->down_ended = true;
  else
    return errno == EAGAIN ? PUMP_WAIT_SOURCE : PUMP_BROKEN;
  return PUMP_AGAIN;
}

static enum pump_result
run_down (struct tls_flow *tls)
{
  enum pump_result result = PUMP_AGAIN;
  size_t moved = 0;

  while (result == PUMP_AGAIN)
    {
      result = flush_down (tls);
      if (result == PUMP_AGAIN && tls->down_ended)
        result = finish_down (tls);
      else if (result == PUMP_AGAIN && moved >= PUMP_TURN_BYTES)
        break;
      else if (result == PUMP_AGAIN)
        {
          result = read_down (tls);
          moved += serve_buffer_len (tls->down);
        }
    }
  if (serve_buffer_len (tls->down) == 0)
    serve_buffer_put (&tls->loop->buffers, &tls->down);
  tls_stream_push_rest (&tls->stream);
  return result;
}

/* Returns whether TLS stands. */
static bool
shake_hands (struct tls_flow *tls)
{
  struct flow *flow = tls->flow;
  int error;
  enum tls_result result = tls_stream_shake_hands (&tls->stream, &error);

  if (result == TLS_DONE)
    {
      tls->shaking_hands = false;
      if (target_header_send (flow, tls->stream.session, false) < 0)
        {
          flow_linger (tls->loop, flow); /* frees tls */
          return false;
        }
      flow_arm (tls->loop, flow, SERVE_QUEUE_IDLE);
      return true;
    }
  if (result != TLS_FAILED)
    {
      tls_stream_push_rest (&tls->stream); /* the 101, should nothing have followed it */
      return false;
    }
  serve_refuse_count (tls->loop, flow->listener, SERVE_REFUSAL_HANDSHAKE_FAILED, NULL);
  gnutls_alert_send_appropriate (tls->stream.session, error);
  flow_linger (tls->loop, flow); /* frees tls */
  return false;
}

static void
on_event (struct serve_loop *loop, struct flow *flow, enum serve_side side, uint32_t events)
{
  struct tls_flow *tls = flow->tls;

  if (side == SERVE_SIDE_VISITOR)
    tls_stream_note (&tls->stream, events);
  if (tls->shaking_hands)
    {
      if (side == SERVE_SIDE_TARGET || !shake_hands (tls))
        return; /* what the target says early is read when TLS stands */
      side = SERVE_SIDE_BOTH;
    }
  if (flow_is_due (side, events, SERVE_SIDE_VISITOR, tls->up_result))
    tls->up_result = run_up (tls);
  if (flow_is_due (side, events, SERVE_SIDE_TARGET, tls->down_result))
    tls->down_result = run_down (tls);

  if (tls->visitor_failed)
    flow_linger (loop, flow);
  else
    flow_settle (loop, flow, side, events, tls->up_result, tls->down_result);
}

static int
start (struct serve_loop *loop, struct flow *flow)
{
  struct tls_flow *tls = calloc (1, sizeof *tls);

  flow->tls = tls;
  if (tls == NULL)
    return -ENOMEM;
  tls->loop = loop;
  tls->flow = flow;
  tls->shaking_hands = true;
  tls->up_result = tls->down_result = PUMP_WAIT_SOURCE;
  tls_stream_init (&tls->stream, &loop->buffers, flow->visitor,
                   tls_context_session (&loop->tls, flow->share->share->certificate,
                                        flow->share->share->alpn, loop->now),
                   &flow->early);
  if (tls->stream.session == NULL)
    return -ENOMEM;
  tls->stream.unpushed = true; /* the 101 */
  flow_arm (loop, flow, SERVE_QUEUE_HANDSHAKE);
  on_event (loop, flow, SERVE_SIDE_BOTH, 0);
  return 0;
}

static void
finish (struct serve_loop *loop, struct flow *flow)
{
  struct tls_flow *tls = flow->tls;

  if (tls == NULL)
    return;
  tls_stream_clear (&tls->stream);
  serve_buffer_put (&loop->buffers, &tls->up);
  serve_buffer_put (&loop->buffers, &tls->down);
  free (tls);
  flow->tls = NULL;
}

const struct serve_handler serve_terminate = {
    .name = "terminate",
    .speaks_first = true,
    .start = start,
    .on_event = on_event,
    .close = finish,
};
