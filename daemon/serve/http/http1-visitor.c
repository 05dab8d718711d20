/* SPDX-License-Identifier: GPL-3.0-or-later */

/* HTTP/1 towards visitors (RFC 9112).
 *
 * A connection has one exchange at a time. What the visitor pipelines behind it waits in `in`, the
 * kernel and the network; nothing is read while the answer is being made, but for a look at the end
 * of the visitor's side.
 *
 * Up. Records are decrypted into `in`; a head is looked for as bytes come, copied into the
 * exchange's arena and parsed there (http1-head.c); the body goes on from `in` as far as the
 * answerer takes it, the framing taken off (http1-chunk.c). Down. Everything goes into `out`, a
 * record's worth at most besides framing, and leaves at the end of the turn as one record: a small
 * answer is one record and one system call. Room for body bytes is lent with the space for a
 * chunk's framing around it, so chunks are made without copying.
 *
 *   in       bytes of TLS, not yet used; given back when empty
 *   out      plain bytes for TLS; likewise
 *   tail     trailers that did not fit into out; they lie in the exchange's arena
 *
 * One function, run(), does everything, in rounds until nothing moves: input, room for the
 * answerer, output, end of the exchange. The functions the answerer calls only mark and fill `out`.
 *
 * Persistence. The connection goes on after an answer unless the request or its version said
 * otherwise, the answer ended by closing, the head was not understood, or a body is left over that
 * is longer than DISCARD_MAX or of unknown length: that is not worth reading to its end.
 *
 * Errors of a request are answered and end the connection, since where the next request begins is
 * no longer sure; close_notify and lingering see to it that the answer arrives. An answer that
 * cannot be completed ends the connection without last chunk and without close_notify.
 *
 * Deadlines (struct serve_limits):
 *   REQUEST      from the first byte of a head, or from the handshake, to the head's last byte: 408
 *   KEEP_ALIVE   nothing has come since the last answer: closed
 *   TRANSFER     a body that does not go on: 408 if nothing was answered; an answer that is not
 *                taken; an answer still under way when the visitor has ended its side: closed
 * While an answerer works, the deadlines are its own. */

#include "daemon/serve/http/http1-head.h"
#include "daemon/serve/http/http1-state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define TRAILERS_MAX 4096u

/* Returns whether there is news. */
static bool
read_in (struct http1 *h)
{
  struct http_connection *connection = h->connection;
  ssize_t n;

  if (h->ended || h->broken)
    return false;
  if (h->in == NULL)
    h->in = serve_buffer_get (http1_buffers (h));
  if (h->in == NULL)
    {
      h->broken = true;
      return true;
    }
  if (h->in->start > 0)
    {
      memmove (h->in->data, h->in->data + h->in->start, serve_buffer_len (h->in));
      h->in->end -= h->in->start;
      h->in->start = 0;
    }
  if (h->in->end == SERVE_BUFFER_SIZE)
    return false;
  do
    n = tls_stream_read (&connection->tls, h->in->data + h->in->end,
                         SERVE_BUFFER_SIZE - h->in->end);
  while (n == GNUTLS_E_INTERRUPTED);
  if (n > 0)
    {
      h->in->end += (uint32_t)n;
      http_connection_note_in (connection, (size_t)n);
      return true;
    }
  if (serve_buffer_len (h->in) == 0)
    serve_buffer_put (http1_buffers (h), &h->in);
  if (n == GNUTLS_E_AGAIN)
    return false;
  h->ended = true;
  if (n < 0)
    {
      if (serve_buffer_len (h->out) == 0)
        tls_stream_alert (&connection->tls, (int)n);
      h->broken = true;
    }
  return true;
}

static void
drop_in (struct http1 *h, size_t len)
{
  h->in->start += (uint32_t)len;
  h->scanned = 0;
  if (serve_buffer_len (h->in) == 0)
    serve_buffer_put (http1_buffers (h), &h->in);
}

static bool
begin_exchange (struct http1 *h)
{
  h->x = http_exchange_new (h->connection->loop, h->connection->flow, &http1_visitor_ops, h);
  h->tail = (struct http_text) {NULL, 0};
  h->body = BODY_NONE;
  h->minor = 1;
  h->close = h->keep_alive_said = h->chunked = h->continued = false;
  h->body_blocked = h->wants_room = h->finished = h->aborted = false;
  h->served++;
  if (h->x == NULL)
    h->broken = true;
  return h->x != NULL;
}

/* Answers what was no request, or none that could be understood, and ends the connection. */
static void
refuse (struct http1 *h, uint16_t status)
{
  struct http_fields fields = {0};

  if (h->x == NULL && !begin_exchange (h))
    return;
  h->close = true;
  h->x->body_ended = true;
  h->body = BODY_NONE;
  if (status == 405)
    http_fields_add (&fields, HTTP_TEXT ("Allow"),
                     HTTP_TEXT ("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
  http_answer_error_with (h->x, status, &fields, NULL);
}

static uint16_t
judge (enum http1_result result, const struct http1_request *request)
{
  if (result != HTTP1_OK)
    return http1_result_status (result);
  if (request->is_connect)
    return 501;
  if (http_text_is (request->method, HTTP_TEXT ("TRACE")))
    return 405;
  return request->is_plain_scheme ? 421 : 0;
}

static void
take_request (struct http1 *h, const struct http1_request *from)
{
  struct http_request *request = &h->x->request;

  request->method = from->method;
  request->authority = from->authority;
  request->target = from->target;
  request->version = from->minor == 0 ? HTTP_VERSION_1_0 : HTTP_VERSION_1_1;
  request->content_length = from->content_length;
  request->has_body = from->framing != HTTP1_FRAMING_NONE;
  request->is_head = http_text_is (from->method, HTTP_TEXT ("HEAD"));
  request->expects_continue = from->expects_continue;
  request->accepts_trailers = from->accepts_trailers;
  request->websocket = from->websocket;
  h->minor = from->minor;
  h->close = from->close;
  h->keep_alive_said = from->minor == 0 && from->keep_alive;
  h->x->body_ended = !request->has_body;
  h->body = BODY_NONE;
  if (from->framing == HTTP1_FRAMING_CHUNKED)
    {
      h->body = BODY_CHUNKED;
      http1_chunks_init (&h->chunks);
    }
  else if (from->framing == HTTP1_FRAMING_LENGTH)
    {
      h->body = BODY_LENGTH;
      h->body_left = (uint64_t)from->content_length;
    }
}

/* A whole head of @len bytes stands in `in`. */
static void
begin_request (struct http1 *h, size_t len)
{
  struct http1_request request;
  enum http1_result result;
  uint16_t status;

  if (!begin_exchange (h))
    return;
  memcpy (h->x->arena, h->in->data + h->in->start, len);
  h->x->arena_used = (uint32_t)len;
  drop_in (h, len);
  result = http1_request_parse (h->x->arena, len, &request, &h->x->request.fields);
  status = judge (result, &request);
  if (status != 0)
    {
      h->x->request.method = request.method;
      h->x->request.target = request.target;
      h->x->request.is_head = http_text_is (request.method, HTTP_TEXT ("HEAD"));
      refuse (h, status);
      return;
    }
  take_request (h, &request);
  http_dispatch (h->x);
}

/* Returns whether there was something to do. */
static bool
read_head (struct http1 *h)
{
  size_t waiting = serve_buffer_len (h->in);
  enum http1_result result = HTTP1_NEED_MORE;
  size_t len = 0;

  if (waiting > 0)
    len = http1_head_find ((char *)h->in->data + h->in->start, waiting, &h->scanned, &result);
  if (len > 0 && len <= HTTP_HEAD_MAX)
    begin_request (h, len);
  else if (result != HTTP1_NEED_MORE)
    refuse (h, http1_result_status (result));
  else if (len > HTTP_HEAD_MAX || waiting > HTTP_HEAD_MAX)
    /* A line without end is a target without end. */
    refuse (h, memchr (h->in->data + h->in->start, '\n', waiting) == NULL ? 414 : 431);
  else
    return read_in (h);
  return true;
}

/* The body is not what its framing said, or ended too early. */
static void
fail_body (struct http1 *h, uint16_t status)
{
  http_exchange_recall (h->x);
  h->close = true;
  if (h->x->state == HTTP_STATE_WAITING)
    refuse (h, status);
  else
    {
      http_exchange_cancel (h->x);
      h->aborted = true;
    }
}

/* Offers @len bytes at the start of `in`; returns how many were taken. */
static size_t
offer_body (struct http1 *h, size_t len)
{
  size_t taken = http_exchange_body (h->x, h->in->data + h->in->start, len);

  h->continued = true;
  if (taken < len)
    h->body_blocked = true;
  if (taken > 0)
    h->moved = true;
  drop_in (h, taken);
  return taken;
}

static void
end_body (struct http1 *h, const struct http_fields *trailers)
{
  http_exchange_body_end (h->x, trailers);
}

/* The trailer section, at the start of `in`. Returns whether there was something to do. */
static bool
read_trailers (struct http1 *h)
{
  const char *text = (char *)h->in->data + h->in->start;
  size_t waiting = serve_buffer_len (h->in);
  struct http_fields trailers;
  enum http1_result result;
  size_t len;

  if (waiting >= 2 && text[0] == '\r' && text[1] == '\n')
    {
      drop_in (h, 2);
      end_body (h, NULL);
      return true;
    }
  len = http1_head_find (text, waiting, &h->scanned, &result);
  if (len > TRAILERS_MAX || waiting > TRAILERS_MAX + 2 || result != HTTP1_NEED_MORE)
    {
      fail_body (h, result != HTTP1_NEED_MORE ? 400 : 431);
      return true;
    }
  if (len == 0)
    return false;
  result = http1_trailers_parse (text, len, &trailers);
  if (result != HTTP1_OK)
    fail_body (h, http1_result_status (result));
  else
    {
      end_body (h, &trailers);
      drop_in (h, len);
    }
  return true;
}

/* Returns whether there was something to do; if not, more input is needed or the answerer takes no
 * more. */
static bool
read_chunks (struct http1 *h)
{
  size_t body, framing, taken;

  if (h->chunks.state == HTTP1_CHUNK_TRAILERS)
    return read_trailers (h);
  framing
      = http1_chunks_next (&h->chunks, h->in->data + h->in->start, serve_buffer_len (h->in), &body);
  if (h->chunks.state == HTTP1_CHUNK_BROKEN)
    {
      fail_body (h, 400);
      return true;
    }
  if (framing > 0)
    drop_in (h, framing);
  if (body == 0)
    return framing > 0;
  taken = offer_body (h, body);
  http1_chunks_take (&h->chunks, taken);
  return framing > 0 || taken > 0;
}

static bool
read_length (struct http1 *h)
{
  size_t len = serve_buffer_len (h->in);
  size_t taken;

  if (len > h->body_left)
    len = (size_t)h->body_left;
  taken = offer_body (h, len);
  h->body_left -= taken;
  if (h->body_left == 0)
    end_body (h, NULL);
  return taken > 0;
}

static bool
read_body (struct http1 *h)
{
  bool news = false;

  if (h->body_blocked)
    return false;
  if (serve_buffer_len (h->in) > 0)
    news = h->body == BODY_LENGTH    ? read_length (h)
           : h->body == BODY_CHUNKED ? read_chunks (h)
                                     : offer_body (h, serve_buffer_len (h->in)) > 0;
  if (news || h->body_blocked || h->aborted || h->x->body_ended)
    return news;
  if (read_in (h))
    return true;
  if (!h->ended)
    return false;
  if (h->body == BODY_TUNNEL)
    end_body (h, NULL);
  else
    fail_body (h, 400);
  return true;
}

/* Returns whether there was something to do. */
static bool
advance_input (struct http1 *h)
{
  if (h->closing || h->broken || h->aborted)
    return false;
  if (h->x == NULL)
    {
      if (!h->ended)
        return read_head (h);
      h->closing = true;
      return true;
    }
  if (!h->x->body_ended)
    return read_body (h);
  /* The answer is being made: only the end of the visitor's side is of interest. */
  return h->connection->tls.ended && !h->ended && read_in (h);
}

/* --- the whole --- */

/* The target has ended its direction of a tunnel. */
static void
shut_tunnel (struct http1 *h)
{
  if (h->shut || serve_buffer_len (h->out) > 0
      || tls_stream_end (&h->connection->tls) == TLS_WAIT_WRITE)
    return;
  h->shut = true;
  shutdown (h->connection->flow->visitor, SHUT_WR);
}

/* Returns whether the exchange is over. */
static bool
end_exchange (struct http1 *h)
{
  if (h->x == NULL || !h->finished || serve_buffer_len (h->out) > 0 || h->tail.len > 0)
    return false;
  if (h->x->tunnel && !h->x->body_ended)
    {
      shut_tunnel (h);
      return false;
    }
  if (!h->close && !h->x->body_ended)
    return false; /* the rest of it is thrown away */
  if (h->close)
    h->closing = true;
  http_exchange_free (h->x);
  h->x = NULL;
  h->patience = PATIENCE_NONE;
  return true;
}

/* close_notify, as far as the socket takes it. Returns true when the flow is gone or as good. */
static bool
say_goodbye (struct http1 *h)
{
  struct http_connection *connection = h->connection;
  enum tls_result result = tls_stream_end (&connection->tls);

  if (result == TLS_WAIT_WRITE)
    return false;
  flow_linger (connection->loop, connection->flow); /* frees h */
  return true;
}

/* Nothing more can be said. Returns true when the flow is gone or as good. */
static bool
break_off (struct http1 *h)
{
  struct http_connection *connection = h->connection;

  if (h->broken)
    flow_end (connection->loop, connection->flow);
  else if (serve_buffer_len (h->out) > 0)
    return false; /* what was committed goes first */
  else
    flow_linger (connection->loop, connection->flow); /* frees h */
  return true;
}

static enum patience
choose_patience (const struct http1 *h)
{
  if (serve_buffer_len (h->out) > 0 || h->closing)
    return PATIENCE_OUTPUT;
  if (h->x == NULL && serve_buffer_len (h->in) > 0)
    return PATIENCE_HEAD;
  if (h->x == NULL)
    return h->served == 0 ? PATIENCE_FIRST : PATIENCE_NEXT;
  if (h->x->tunnel)
    return PATIENCE_NONE;
  if (!h->x->body_ended && !h->body_blocked)
    return PATIENCE_BODY;
  return h->ended ? PATIENCE_HALF : PATIENCE_NONE;
}

static void
arm (struct http1 *h)
{
  static const enum serve_queue queues[] = {
      [PATIENCE_FIRST] = SERVE_QUEUE_REQUEST,   [PATIENCE_NEXT] = SERVE_QUEUE_KEEP_ALIVE,
      [PATIENCE_HEAD] = SERVE_QUEUE_REQUEST,    [PATIENCE_BODY] = SERVE_QUEUE_TRANSFER,
      [PATIENCE_OUTPUT] = SERVE_QUEUE_TRANSFER, [PATIENCE_HALF] = SERVE_QUEUE_TRANSFER,
  };
  struct http_connection *connection = h->connection;
  enum patience patience = choose_patience (h);
  bool goes_on = h->moved && (patience == PATIENCE_BODY || patience == PATIENCE_OUTPUT);

  h->moved = false;
  if (patience == h->patience && !goes_on)
    return;
  /* The first request has one period in all. */
  if (h->patience == PATIENCE_FIRST && patience == PATIENCE_HEAD)
    {
      h->patience = patience;
      return;
    }
  h->patience = patience;
  if (patience == PATIENCE_NONE)
    deadline_disarm (&connection->loop->deadlines, connection->flow->index);
  else
    flow_arm (connection->loop, connection->flow, queues[patience]);
}

/* One round. Returns whether something moved. */
static bool
advance (struct http1 *h)
{
  bool news = advance_input (h);

  if (h->x != NULL && h->wants_room && serve_buffer_len (h->out) == 0 && !h->aborted)
    {
      h->wants_room = false;
      http_exchange_writable (h->x);
      news = true;
    }
  if (http1_flush (h))
    h->moved = news = true;
  return end_exchange (h) || news;
}

static void
run (struct http1 *h)
{
  struct http_connection *connection = h->connection;
  uint64_t before
      = connection->flow->share->counters->bytes_in + connection->flow->share->counters->bytes_out;
  bool more = true;

  h->running = true;
  while (more && !h->broken && !h->closing)
    {
      more = advance (h);
      if (connection->flow->share->counters->bytes_in + connection->flow->share->counters->bytes_out
              - before
          >= PUMP_TURN_BYTES)
        break;
    }
  h->running = false;
  tls_stream_push_rest (&connection->tls);
  tls_stream_rest (&connection->tls);
  if ((h->broken || h->aborted) && break_off (h))
    return;
  if (h->closing && say_goodbye (h))
    return;
  if (more && !h->closing)
    flow_again (connection->loop, connection->flow);
  arm (h);
}

static int
start (struct http_connection *connection)
{
  struct http1 *h = calloc (1, sizeof *h);

  connection->state = h;
  if (h == NULL)
    return -ENOMEM;
  h->connection = connection;
  return 0;
}

static void
on_event (struct http_connection *connection, uint32_t events)
{
  if (events & EPOLLERR)
    flow_end (connection->loop, connection->flow);
  else
    run (connection->state);
}

static void
on_deadline (struct http_connection *connection, enum serve_queue queue)
{
  struct http1 *h = connection->state;
  enum patience patience = h->patience;

  h->patience = PATIENCE_NONE;
  if (patience == PATIENCE_HEAD)
    refuse (h, 408);
  else if (patience == PATIENCE_BODY)
    fail_body (h, 408);
  else if (patience == PATIENCE_FIRST || patience == PATIENCE_NEXT)
    h->closing = true;
  else
    {
      flow_end (connection->loop, connection->flow);
      return;
    }
  run (h);
}

static void
close_connection (struct http_connection *connection)
{
  struct http1 *h = connection->state;

  if (h == NULL)
    return;
  h->running = true; /* no more turns for this one */
  if (h->x != NULL)
    http_exchange_free (h->x);
  serve_buffer_put (http1_buffers (h), &h->in);
  serve_buffer_put (http1_buffers (h), &h->out);
  free (h);
  connection->state = NULL;
}

const struct http_protocol http1_protocol = {
    .alpn = "http/1.1",
    .start = start,
    .on_event = on_event,
    .on_deadline = on_deadline,
    .close = close_connection,
};
