/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Goal. Requests over HTTP/2 to a target: streams of many visitors share few connections, trailers
 * and half-closed streams go through, which is what gRPC needs and HTTP/1 does not give.
 *
 *   http2_target   one connection: a struct upstream, nghttp2's client session, its streams
 *   target_stream  one request: between its exchange and the session
 *
 * Connections. A request goes to the first connection of its mount that takes one more stream; else
 * a new one is opened. A connection without streams waits pooled_ms for the next request. One that
 * said GOAWAY takes none and goes with its last stream.
 *
 * Up. The answerer takes what fits in one buffer; nghttp2 cuts DATA frames from it as the target's
 * window allows; when it is empty the visitor may send more.
 * Down. Bytes of DATA go straight to the visitor as far as there is room; the rest waits in a chain
 * of buffers, no longer than the window, which opens by what the visitor took.
 *
 * Nothing is freed inside nghttp2's callbacks but what its close callback says is over; a stream
 * whose exchange is gone is reset and lives until then.
 *
 * Deadlines. The target must answer a whole request within response_ms, gRPC calls within idle_ms
 * (a stream of events may be silent); looked at every response_ms. A visitor that takes nothing is
 * his side's to cut. */

#include "daemon/serve/http/http2-upstream.h"

#include "daemon/serve/http/forward.h"
#include "daemon/serve/http/http1-head.h"
#include "daemon/serve/http/http2-target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_SIZE 24u

static ssize_t
read_up (nghttp2_session *ng,
         int32_t id,
         uint8_t *buf,
         size_t length,
         uint32_t *flags,
         nghttp2_data_source *source,
         void *user_data)
{
  struct target_stream *stream = source->ptr;
  size_t waiting = serve_buffer_len (stream->up);
  size_t n = waiting < length ? waiting : length;

  if (n == 0 && !stream->up_ended)
    {
      stream->up_deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
  if (n > 0)
    {
      memcpy (buf, stream->up->data + stream->up->start, n);
      stream->up->start += (uint32_t)n;
    }
  if (n < waiting)
    return (ssize_t)n;
  serve_buffer_put (&stream->target->loop->buffers, &stream->up);
  if (stream->visitor_waits && stream->x != NULL)
    {
      stream->visitor_waits = false;
      http_exchange_resume (stream->x);
    }
  if (!stream->up_ended)
    return (ssize_t)n;
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream->up_trailers.buffer != NULL)
    {
      nghttp2_nv nva[HTTP_FIELDS_MAX];
      size_t count = http2_head_nva (&stream->up_trailers, nva);

      if (nghttp2_submit_trailer (ng, id, nva, count) == 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
  return (ssize_t)n;
}

static void
resume_up (struct target_stream *stream)
{
  if (!stream->up_deferred)
    return;
  stream->up_deferred = false;
  nghttp2_session_resume_data (stream->target->ng, stream->id);
}

/* What a target is told is decided in one place, forward.c, in HTTP/1's words. Returns the number
 * of fields, 0 when it does not fit. */
static size_t
make_request (struct http_exchange *x, struct serve_buffer *text, nghttp2_nv *nva, char *length)
{
  struct http1_request request;
  struct http_fields fields;
  size_t len = forward_head (x, NULL, (char *)text->data, SERVE_BUFFER_SIZE);
  size_t n = 0;

  if (len == 0 || http1_request_parse ((char *)text->data, len, &request, &fields) != HTTP1_OK)
    return 0;
  nva[n++] = http2_nv (HTTP_TEXT (":method"), request.method);
  nva[n++] = http2_nv (HTTP_TEXT (":scheme"), HTTP_TEXT ("http"));
  nva[n++] = http2_nv (HTTP_TEXT (":authority"), request.authority);
  nva[n++] = http2_nv (HTTP_TEXT (":path"), request.target);
  for (uint32_t i = 0; i < fields.count; i++)
    nva[n++] = http2_nv (http_field_name (&fields.items[i]), http_field_value (&fields.items[i]));
  if (x->request.accepts_trailers)
    nva[n++] = http2_nv (HTTP_TEXT ("te"), HTTP_TEXT ("trailers"));
  if (x->request.expects_continue)
    nva[n++] = http2_nv (HTTP_TEXT ("expect"), HTTP_TEXT ("100-continue"));
  if (x->request.has_body && x->request.content_length >= 0)
    {
      int digits = g_snprintf (length, LENGTH_SIZE, "%" G_GINT64_FORMAT,
                               (gint64)x->request.content_length);

      nva[n++]
          = http2_nv (HTTP_TEXT ("content-length"), (struct http_text) {length, (uint32_t)digits});
    }
  return n;
}

static bool
submit (struct target_stream *stream)
{
  struct http_exchange *x = stream->x;
  struct serve_buffer *text = serve_buffer_get (&x->loop->buffers);
  nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_up};
  nghttp2_nv nva[HTTP_FIELDS_MAX + 7];
  char length[LENGTH_SIZE];
  size_t n = text != NULL ? make_request (x, text, nva, length) : 0;

  if (n > 0)
    stream->id = nghttp2_submit_request (stream->target->ng, NULL, nva, n,
                                         x->request.has_body ? &provider : NULL, stream);
  serve_buffer_put (&x->loop->buffers, &text);
  return n > 0 && stream->id > 0;
}

static void
start (struct http_exchange *x)
{
  int error = 0;
  struct http2_target *target = http2_target_find (x);
  struct target_stream *stream;

  if (target == NULL && (target = http2_target_open (x, &error)) == NULL)
    {
      if (error != ENOMEM && error != EMFILE)
        target_note (x->loop, x->share, error);
      http_answer_error (x, error == ENOMEM || error == EMFILE ? 503 : 502, 5, NULL);
      return;
    }
  stream = calloc (1, sizeof *stream);
  if (stream == NULL)
    {
      http_answer_error (x, 503, 5, NULL);
      http2_target_settle (target);
      return;
    }
  *stream = (struct target_stream) {
      .target = target,
      .x = x,
      .up_ended = !x->request.has_body,
      .began_at = x->loop->now,
  };
  TAILQ_INSERT_TAIL (&target->streams, stream, all);
  target->stream_count++;
  x->answer = stream;
  if (submit (stream))
    http2_target_pump (target);
  else
    {
      target_stream_fail (stream, 431);
      target_stream_free (stream);
    }
  http2_target_settle (target);
}

static size_t
body (struct http_exchange *x, const uint8_t *data, size_t len)
{
  struct target_stream *stream = x->answer;
  struct http2_target *target = stream->target;
  size_t room;

  if (stream->up == NULL && (stream->up = serve_buffer_get (&x->loop->buffers)) == NULL)
    room = 0;
  else
    room = SERVE_BUFFER_SIZE - stream->up->end;
  room = room < len ? room : len;
  if (room > 0)
    memcpy (stream->up->data + stream->up->end, data, room);
  if (room > 0)
    stream->up->end += (uint32_t)room;
  stream->visitor_waits = room < len;
  resume_up (stream);
  http2_target_pump (target);
  http2_target_settle (target);
  return room;
}

static void
body_end (struct http_exchange *x, const struct http_fields *trailers)
{
  struct target_stream *stream = x->answer;
  struct serve_buffers *buffers = &x->loop->buffers;
  struct http2_target *target = stream->target;

  stream->up_ended = true;
  stream->began_at = x->loop->now; /* from now on it is the target's turn */
  if (trailers != NULL && trailers->count > 0 && http2_head_begin (&stream->up_trailers, buffers))
    for (uint32_t i = 0; i < trailers->count; i++)
      http2_head_add (&stream->up_trailers, http_field_name (&trailers->items[i]),
                      http_field_value (&trailers->items[i]));
  resume_up (stream);
  http2_target_pump (target);
  http2_target_settle (target);
}

static void
writable (struct http_exchange *x)
{
  struct target_stream *stream = x->answer;
  struct http2_target *target = stream->target;

  target_stream_push (stream);
  if (stream->x == NULL && stream->closed)
    target_stream_free (stream);
  http2_target_pump (target);
  http2_target_settle (target);
}

static void
cancel (struct http_exchange *x)
{
  struct target_stream *stream = x->answer;
  struct http2_target *target = stream->target;

  target_stream_detach (stream);
  if (stream->closed)
    target_stream_free (stream);
  else
    target_stream_reset (stream, NGHTTP2_CANCEL);
  http2_target_pump (target);
  http2_target_settle (target);
}

const struct http_answerer http2_upstream = {
    .name = "http2",
    .start = start,
    .body = body,
    .body_end = body_end,
    .writable = writable,
    .cancel = cancel,
};

bool
http2_upstream_wants (const struct http_exchange *x)
{
  if (x->mount->kind != FUNNEL_SERVE_MOUNT_PROXY || x->mount->tls != FUNNEL_SERVE_TLS_NONE
      || x->request.websocket)
    return false;
  return x->mount->h2c || (x->request.version == HTTP_VERSION_2 && http_exchange_is_grpc (x));
}
