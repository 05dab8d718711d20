/* SPDX-License-Identifier: GPL-3.0-or-later */

/* One stream of a visitor's HTTP/2 connection and its exchange.
 *
 * Up. Bytes of a DATA frame go to the answerer from where nghttp2 found them; what it does not take
 * waits in a chain of buffers, and the stream's window opens only by what it took (RFC 9113 5.2).
 * So the chain is never longer than the window. A tunnel's bytes wait until the answerer agreed.
 *
 * Down. The answerer fills one buffer, DATA frames are cut from it when the window and the socket
 * have room, and writable is called when it is empty again. The head is kept apart until the
 * answerer has said what comes next: an answer that is only a head ends with it, which is what
 * gRPC's "trailers only" must look like.
 *
 * No calling back (exchange.h): what an answerer calls marks the stream as ready, and
 * http2_session_run_ready() calls the answerer. Nothing is freed but in nghttp2's close callback,
 * which comes from receiving or sending frames only.
 *
 * Ends. END_STREAM both ways closes the stream. An answer that is complete before the request is
 * followed by RST_STREAM NO_ERROR (8.1). */

#include "daemon/serve/http/http-engine.h"
#include "daemon/serve/http/http2-session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_ROOM_MIN 2048u          /* less room than this is not worth a call */
#define OUT_FRAME_MAX (16384u - 9u) /* a DATA frame that fills a TLS record */

static void
mark (struct http2_stream *stream)
{
  struct http2_session *session = stream->session;

  if (!stream->is_ready)
    {
      stream->is_ready = true;
      TAILQ_INSERT_TAIL (&session->ready, stream, ready);
    }
  if (!session->running)
    flow_again (session->loop, session->flow);
}

struct http2_stream *
http2_stream_new (struct http2_session *session, int32_t id)
{
  struct http2_stream *stream = calloc (1, sizeof *stream);

  if (stream == NULL)
    return NULL;
  stream->x = http_exchange_new (session->loop, session->flow, &http2_visitor_ops, stream);
  if (stream->x == NULL)
    {
      free (stream);
      return NULL;
    }
  stream->session = session;
  stream->id = id;
  stream->out_length = -1;
  stream->in_moved_at = stream->out_moved_at = session->loop->now;
  TAILQ_INSERT_TAIL (&session->streams, stream, all);
  session->stream_count++;
  session->shared->streams++;
  return stream;
}

void
http2_stream_free (struct http2_stream *stream)
{
  struct http2_session *session = stream->session;
  struct serve_buffers *buffers = &session->loop->buffers;

  http_exchange_free (stream->x);
  if (stream->is_ready)
    TAILQ_REMOVE (&session->ready, stream, ready);
  TAILQ_REMOVE (&session->streams, stream, all);
  session->stream_count--;
  session->shared->streams--;
  while (stream->in.first != NULL)
    {
      nghttp2_session_consume_connection (session->ng, serve_buffer_len (stream->in.first));
      serve_chain_drop_first (buffers, &stream->in);
    }
  http2_head_end (&stream->in_trailers, buffers);
  http2_head_end (&stream->out_head, buffers);
  http2_head_end (&stream->out_trailers, buffers);
  serve_buffer_put (buffers, &stream->out);
  free (stream);
}

void
http2_stream_reset (struct http2_stream *stream, uint32_t error)
{
  if (stream->out_reset)
    return;
  stream->out_reset = true;
  nghttp2_submit_rst_stream (stream->session->ng, NGHTTP2_FLAG_NONE, stream->id, error);
}

/* --- up --- */

/* Whether bytes may go on: a tunnel's wait until it stands. */
static bool
may_pass (const struct http2_stream *stream)
{
  const struct http_exchange *x = stream->x;

  return !x->request.websocket || x->tunnel || x->state != HTTP_STATE_WAITING;
}

/* A connection that has shown that its bodies are taken gets more window, as long as there is some
 * to be had. */
static void
widen (struct http2_session *session)
{
  if (session->large || session->taken <= HTTP2_WINDOW || session->shared->large >= HTTP2_LARGE_MAX)
    return;
  session->large = true;
  session->shared->large++;
  nghttp2_session_set_local_window_size (session->ng, NGHTTP2_FLAG_NONE, 0, HTTP2_WINDOW_LARGE);
}

/* Returns how many bytes are done with. */
static size_t
pass (struct http2_stream *stream, const uint8_t *data, size_t len)
{
  struct http2_session *session = stream->session;
  bool is_refused_tunnel = stream->x->request.websocket && !stream->x->tunnel;
  size_t n = is_refused_tunnel ? len : http_exchange_body (stream->x, data, len);

  if (n == 0)
    return 0;
  stream->in_moved_at = session->loop->now;
  nghttp2_session_consume (session->ng, stream->id, n);
  session->taken += n;
  widen (session);
  return n;
}

bool
http2_stream_body (struct http2_stream *stream, const uint8_t *data, size_t len)
{
  size_t n = 0;

  stream->in_moved_at = stream->session->loop->now;
  if (stream->in.first == NULL && may_pass (stream))
    n = pass (stream, data, len);
  return serve_chain_append (&stream->session->loop->buffers, &stream->in, data + n, len - n);
}

static void
end_body (struct http2_stream *stream)
{
  struct http_exchange *x = stream->x;
  struct http_fields trailers;
  bool has_trailers = stream->in_trailers.buffer != NULL
                      && http2_head_trailers (&stream->in_trailers, &trailers)
                      && trailers.count > 0;

  if (!x->body_ended)
    http_exchange_body_end (x, has_trailers ? &trailers : NULL);
  http2_head_end (&stream->in_trailers, &stream->session->loop->buffers);
}

void
http2_stream_push (struct http2_stream *stream)
{
  while (stream->in.first != NULL)
    {
      struct serve_buffer *first = stream->in.first;

      if (!may_pass (stream))
        return;
      first->start += (uint32_t)pass (stream, first->data + first->start, serve_buffer_len (first));
      if (serve_buffer_len (first) > 0)
        return;
      serve_chain_drop_first (&stream->session->loop->buffers, &stream->in);
    }
  if (stream->in_ended && may_pass (stream))
    end_body (stream);
}

/* --- down --- */

static ssize_t
read_out (nghttp2_session *ng,
          int32_t id,
          uint8_t *buf,
          size_t length,
          uint32_t *flags,
          nghttp2_data_source *source,
          void *user_data)
{
  struct http2_stream *stream = source->ptr;
  size_t waiting = serve_buffer_len (stream->out);
  size_t n = waiting < length ? waiting : length;

  if (n == 0 && !stream->out_finished)
    {
      stream->out_deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (n < waiting || !stream->out_finished)
    return (ssize_t)n;
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream->out_trailers.buffer != NULL)
    {
      nghttp2_nv nva[HTTP_FIELDS_MAX];
      size_t count = http2_head_nva (&stream->out_trailers, nva);

      if (nghttp2_submit_trailer (ng, id, nva, count) == 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
  return (ssize_t)n;
}

void
http2_stream_sent (struct http2_stream *stream, size_t len)
{
  struct serve_buffers *buffers = &stream->session->loop->buffers;

  stream->out_moved_at = stream->session->loop->now;
  if (stream->out == NULL)
    return;
  stream->out->start += (uint32_t)len;
  if (serve_buffer_len (stream->out) > 0 || stream->out_lent)
    return;
  serve_buffer_put (buffers, &stream->out);
  if (stream->out_full)
    mark (stream);
}

/* Only now is it known whether anything follows the head. */
static void
submit_head (struct http2_stream *stream, bool has_body)
{
  struct http2_session *session = stream->session;
  nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_out};
  nghttp2_nv nva[HTTP_FIELDS_MAX + 3];
  char status[8], length[24];
  size_t n = 0;

  if (!stream->out_has_head)
    return;
  stream->out_has_head = false;
  snprintf (status, sizeof status, "%03u", stream->out_status);
  nva[n++] = http2_nv (HTTP_TEXT (":status"), (struct http_text) {status, 3});
  n += http2_head_nva (&stream->out_head, nva + n);
  if (!stream->out_has_date)
    nva[n++] = http2_nv (HTTP_TEXT ("date"), http_engine_date (session->loop));
  if (stream->out_length >= 0)
    {
      int len = snprintf (length, sizeof length, "%" PRId64, stream->out_length);

      nva[n++]
          = http2_nv (HTTP_TEXT ("content-length"), (struct http_text) {length, (uint32_t)len});
    }
  if (nghttp2_submit_response (session->ng, stream->id, nva, n, has_body ? &provider : NULL) != 0)
    http2_stream_reset (stream, NGHTTP2_INTERNAL_ERROR);
  http2_head_end (&stream->out_head, &session->loop->buffers);
}

static void
resume_out (struct http2_stream *stream)
{
  if (!stream->out_deferred)
    return;
  stream->out_deferred = false;
  nghttp2_session_resume_data (stream->session->ng, stream->id);
}

static bool
pack (struct http2_stream *stream, struct http2_head *head, const struct http_fields *fields)
{
  if (!http2_head_begin (head, &stream->session->loop->buffers))
    return false;
  for (uint32_t i = 0; fields != NULL && i < fields->count; i++)
    {
      const struct http_field *field = &fields->items[i];

      /* The key it answers was not the visitor's (RFC 8441 5). */
      if (stream->x->request.websocket && field->known == HTTP_NAME_SEC_WEBSOCKET_ACCEPT)
        continue;
      if (!http2_head_add (head, http_field_name (field), http_field_value (field)))
        return false;
    }
  return !head->overflow;
}

static void
on_inform (struct http_exchange *x, const struct http_response *response)
{
  struct http2_stream *stream = x->visitor;
  struct http2_head head = {0};
  nghttp2_nv nva[HTTP_FIELDS_MAX + 1];
  char status[8];
  size_t n = 0;

  snprintf (status, sizeof status, "%03u", response->status);
  nva[n++] = http2_nv (HTTP_TEXT (":status"), (struct http_text) {status, 3});
  if (pack (stream, &head, response->fields))
    {
      n += http2_head_nva (&head, nva + n);
      nghttp2_submit_headers (stream->session->ng, NGHTTP2_FLAG_NONE, stream->id, NULL, nva, n,
                              NULL);
      mark (stream);
    }
  http2_head_end (&head, &stream->session->loop->buffers);
}

static void
on_respond (struct http_exchange *x, const struct http_response *response)
{
  struct http2_stream *stream = x->visitor;

  if (x->tunnel)
    x->body_ended = false;
  stream->out_status = x->tunnel ? 200 : response->status;
  stream->out_length = x->tunnel ? -1 : response->content_length;
  stream->out_has_head = true;
  stream->out_has_date
      = response->fields != NULL && http_fields_find (response->fields, HTTP_NAME_DATE) != NULL;
  if (!pack (stream, &stream->out_head, response->fields))
    {
      stream->out_has_head = false;
      http2_stream_reset (stream, NGHTTP2_INTERNAL_ERROR);
    }
  else if (!x->tunnel && !http_response_has_body (x, response->status))
    submit_head (stream, false);
  stream->out_moved_at = stream->session->loop->now;
  mark (stream);
}

static uint8_t *
on_reserve (struct http_exchange *x, size_t *room)
{
  struct http2_stream *stream = x->visitor;
  struct serve_buffer *out;

  submit_head (stream, true);
  if (stream->out == NULL)
    stream->out = serve_buffer_get (&stream->session->loop->buffers);
  out = stream->out;
  *room = out != NULL && out->end < OUT_FRAME_MAX ? OUT_FRAME_MAX - out->end : 0;
  if (*room < OUT_ROOM_MIN)
    {
      stream->out_full = true;
      return NULL;
    }
  stream->out_lent = true;
  return out->data + out->end;
}

static void
on_commit (struct http_exchange *x, size_t len)
{
  struct http2_stream *stream = x->visitor;

  stream->out_lent = false;
  if (stream->out == NULL)
    return;
  if (serve_buffer_len (stream->out) == 0)
    stream->out_moved_at = stream->session->loop->now;
  stream->out->end += (uint32_t)len;
  if (serve_buffer_len (stream->out) == 0)
    {
      serve_buffer_put (&stream->session->loop->buffers, &stream->out);
      return;
    }
  resume_out (stream);
  mark (stream);
}

static void
on_finish (struct http_exchange *x, const struct http_fields *trailers)
{
  struct http2_stream *stream = x->visitor;

  if (trailers != NULL && trailers->count > 0 && !pack (stream, &stream->out_trailers, trailers))
    http2_head_end (&stream->out_trailers, &stream->session->loop->buffers);
  stream->out_finished = true;
  stream->out_full = false;
  submit_head (stream, serve_buffer_len (stream->out) > 0 || stream->out_trailers.buffer != NULL);
  resume_out (stream);
  mark (stream);
}

static void
on_abort (struct http_exchange *x)
{
  struct http2_stream *stream = x->visitor;

  http2_stream_reset (stream, NGHTTP2_INTERNAL_ERROR);
  mark (stream);
}

static void
on_resume (struct http_exchange *x)
{
  struct http2_stream *stream = x->visitor;

  stream->in_resumed = true;
  mark (stream);
}

void
http2_stream_run (struct http2_stream *stream)
{
  stream->is_ready = false;
  TAILQ_REMOVE (&stream->session->ready, stream, ready);
  submit_head (stream, true);
  if (stream->in_resumed || stream->in.first != NULL || stream->in_ended)
    {
      stream->in_resumed = false;
      http2_stream_push (stream);
    }
  if (stream->out_full && serve_buffer_len (stream->out) == 0)
    {
      stream->out_full = false;
      http_exchange_writable (stream->x);
    }
}

bool
http2_stream_is_stalled (const struct http2_stream *stream, uint64_t since, uint64_t idle_since)
{
  const struct http_exchange *x = stream->x;
  bool may_be_silent = x->tunnel || x->state == HTTP_STATE_BODY || http_exchange_is_grpc (x);

  if (stream->out_moved_at < since && serve_buffer_len (stream->out) > 0)
    return true;
  if (stream->in_moved_at >= (may_be_silent ? idle_since : since)
      || (may_be_silent && stream->out_moved_at >= idle_since))
    return false;
  return x->tunnel || (!stream->in_ended && stream->in.first == NULL);
}

const struct http_visitor_ops http2_visitor_ops = {
    .inform = on_inform,
    .respond = on_respond,
    .reserve = on_reserve,
    .commit = on_commit,
    .finish = on_finish,
    .abort = on_abort,
    .resume = on_resume,
};
