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
#include "daemon/serve/http/http-engine.h"
#include "daemon/serve/http/http1-head.h"
#include "daemon/serve/http/http2-head.h"
#include "daemon/serve/http/upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define STREAMS_MAX 100u           /* of a connection; the target may want fewer */
#define STREAM_WINDOW (128u << 10) /* bytes of an answer that may wait for a visitor */
#define CONNECTION_WINDOW (1u << 20)
#define INFORMS_MAX 8u
#define LENGTH_SIZE 24u

struct target_stream
{
  struct http2_target *target;
  struct http_exchange *x; /* NULL: nobody waits for the answer any more */
  int32_t id;
  TAILQ_ENTRY (target_stream) all;
  uint64_t began_at;

  struct serve_buffer *up; /* the request's body, not yet in a frame */
  bool up_ended, up_deferred;
  bool visitor_waits; /* he was told that no more is taken */
  struct http2_head up_trailers;

  struct serve_buffer *down_first, *down_last; /* of the answer's body, the visitor has no room */
  struct http2_head down_trailers;
  bool responded, down_ended;
  bool closed; /* the session knows it no more; it waits for the visitor */
  uint8_t informs;
};

TAILQ_HEAD (target_streams, target_stream);

struct http2_target
{
  struct http2_target *next;
  struct http2_targets *targets;
  struct serve_loop *loop;
  struct upstream *up; /* NULL: broken, waits for its streams to go */
  nghttp2_session *ng;
  struct target_streams streams;
  uint32_t stream_count;
  struct http2_head head; /* being received; of stream head_stream */
  int32_t head_stream;
  const uint8_t *pending; /* nghttp2's, did not fit */
  size_t pending_len;
  enum watch_queue armed; /* WATCH_QUEUES: none of ours */
  bool closing;           /* takes no more requests */
};

/* --- streams --- */

static void
drop_buffers (struct target_stream *stream)
{
  struct serve_buffers *buffers = &stream->target->loop->buffers;

  while (stream->down_first != NULL)
    {
      struct serve_buffer *gone = stream->down_first;

      nghttp2_session_consume (stream->target->ng, stream->id, serve_buffer_len (gone));
      stream->down_first = gone->next;
      serve_buffer_put (buffers, &gone);
    }
  serve_buffer_put (buffers, &stream->up);
  http2_head_end (&stream->up_trailers, buffers);
  http2_head_end (&stream->down_trailers, buffers);
}

static void
free_stream (struct target_stream *stream)
{
  struct http2_target *target = stream->target;

  drop_buffers (stream);
  TAILQ_REMOVE (&target->streams, stream, all);
  target->stream_count--;
  free (stream);
}

/* The exchange and the stream part; returns the exchange. */
static struct http_exchange *
detach (struct target_stream *stream)
{
  struct http_exchange *x = stream->x;

  stream->x = NULL;
  x->answer = NULL;
  return x;
}

/* Whatever of it was under way. */
static void
reset (struct target_stream *stream, uint32_t error)
{
  drop_buffers (stream);
  nghttp2_submit_rst_stream (stream->target->ng, NGHTTP2_FLAG_NONE, stream->id, error);
}

/* The target is not going to answer, or not to the end. */
static void
fail_stream (struct target_stream *stream, uint16_t status)
{
  bool responded = stream->responded;
  struct http_exchange *x = detach (stream);

  if (responded)
    http_exchange_abort (x);
  else
    http_answer_error (x, status, status == 503 ? 5 : 0, NULL);
}

static void
finish_down (struct target_stream *stream)
{
  struct http_fields trailers;
  bool is_early = !stream->up_ended || serve_buffer_len (stream->up) > 0;
  bool has_trailers = stream->down_trailers.buffer != NULL
                      && http2_head_trailers (&stream->down_trailers, &trailers)
                      && trailers.count > 0;

  http_exchange_finish (detach (stream), has_trailers ? &trailers : NULL);
  if (is_early)
    reset (stream, NGHTTP2_NO_ERROR);
}

/* --- the answer --- */

static bool
keep_down (struct target_stream *stream, const uint8_t *data, size_t len)
{
  while (len > 0)
    {
      struct serve_buffer *last = stream->down_last;
      size_t room = stream->down_first != NULL ? SERVE_BUFFER_SIZE - last->end : 0;

      if (room == 0)
        {
          struct serve_buffer *more = serve_buffer_get (&stream->target->loop->buffers);

          if (more == NULL)
            return false;
          if (stream->down_first == NULL)
            stream->down_first = more;
          else
            last->next = more;
          stream->down_last = last = more;
          room = SERVE_BUFFER_SIZE;
        }
      room = room < len ? room : len;
      memcpy (last->data + last->end, data, room);
      last->end += (uint32_t)room;
      data += room;
      len -= room;
    }
  return true;
}

/* Gives the visitor what waits for him, and the end. */
static void
push_down (struct target_stream *stream)
{
  while (stream->down_first != NULL)
    {
      struct serve_buffer *first = stream->down_first;
      size_t n
          = http_exchange_write (stream->x, first->data + first->start, serve_buffer_len (first));

      first->start += (uint32_t)n;
      nghttp2_session_consume (stream->target->ng, stream->id, n);
      if (serve_buffer_len (first) > 0)
        return;
      stream->down_first = first->next;
      serve_buffer_put (&stream->target->loop->buffers, &first);
    }
  if (stream->down_ended)
    finish_down (stream);
}

static int
on_data_chunk (nghttp2_session *ng,
               uint8_t flags,
               int32_t id,
               const uint8_t *data,
               size_t len,
               void *user_data)
{
  struct target_stream *stream = nghttp2_session_get_stream_user_data (ng, id);
  size_t n = 0;

  if (stream == NULL || stream->x == NULL)
    {
      nghttp2_session_consume (ng, id, len);
      return 0;
    }
  if (stream->down_first == NULL)
    n = http_exchange_write (stream->x, data, len);
  nghttp2_session_consume (ng, id, n);
  if (!keep_down (stream, data + n, len - n))
    {
      fail_stream (stream, 503);
      reset (stream, NGHTTP2_CANCEL);
    }
  return 0;
}

/* An offer of HTTP/3 at the target would lead visitors past the ingress. */
static void
drop_misleading (struct http_fields *fields)
{
  uint32_t kept = 0;

  for (uint32_t i = 0; i < fields->count; i++)
    if (fields->items[i].known != HTTP_NAME_ALT_SVC)
      fields->items[kept++] = fields->items[i];
  fields->count = kept;
}

static void
take_response (struct target_stream *stream, const struct http2_head *head)
{
  struct http_fields fields;
  struct http_response response = {.fields = &fields};

  if (!http2_head_response (head, &response.status, &response.content_length, &fields)
      || response.status == 101)
    {
      fail_stream (stream, 502);
      reset (stream, NGHTTP2_PROTOCOL_ERROR);
      return;
    }
  drop_misleading (&fields);
  if (response.status < 200)
    {
      if (++stream->informs <= INFORMS_MAX)
        http_exchange_inform (stream->x, &response);
      return;
    }
  target_note (stream->target->loop, stream->x->share, 0);
  stream->responded = true;
  http_exchange_respond (stream->x, &response);
}

static void
drop_head (struct http2_target *target)
{
  http2_head_end (&target->head, &target->loop->buffers);
  target->head_stream = 0;
}

static int
on_begin_headers (nghttp2_session *ng, const nghttp2_frame *frame, void *user_data)
{
  struct http2_target *target = user_data;

  if (!http2_head_begin (&target->head, &target->loop->buffers))
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  target->head_stream = frame->hd.stream_id;
  return 0;
}

static int
on_header (nghttp2_session *ng,
           const nghttp2_frame *frame,
           const uint8_t *name,
           size_t name_len,
           const uint8_t *value,
           size_t value_len,
           uint8_t flags,
           void *user_data)
{
  struct http2_target *target = user_data;

  if (target->head_stream != frame->hd.stream_id)
    return 0;
  return http2_head_add (&target->head, (struct http_text) {(const char *)name, (uint32_t)name_len},
                         (struct http_text) {(const char *)value, (uint32_t)value_len})
             ? 0
             : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static void
take_head (struct http2_target *target, struct target_stream *stream, int32_t id)
{
  if (target->head_stream == id && stream != NULL && stream->x != NULL)
    {
      if (!stream->responded)
        take_response (stream, &target->head);
      else
        {
          http2_head_end (&stream->down_trailers, &target->loop->buffers);
          stream->down_trailers = target->head;
          target->head = (struct http2_head) {0};
        }
    }
  drop_head (target);
}

static int
on_frame_recv (nghttp2_session *ng, const nghttp2_frame *frame, void *user_data)
{
  struct http2_target *target = user_data;
  struct target_stream *stream;

  if (frame->hd.type == NGHTTP2_GOAWAY)
    target->closing = true;
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
    return 0;
  stream = nghttp2_session_get_stream_user_data (ng, frame->hd.stream_id);
  if (frame->hd.type == NGHTTP2_HEADERS)
    take_head (target, stream, frame->hd.stream_id);
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && stream != NULL && stream->x != NULL)
    {
      stream->down_ended = true;
      if (stream->down_first == NULL)
        finish_down (stream);
    }
  return 0;
}

static int
on_stream_close (nghttp2_session *ng, int32_t id, uint32_t error, void *user_data)
{
  struct http2_target *target = user_data;
  struct target_stream *stream = nghttp2_session_get_stream_user_data (ng, id);

  if (target->head_stream == id)
    drop_head (target);
  if (stream == NULL)
    return 0;
  stream->closed = true;
  if (stream->x == NULL)
    free_stream (stream);
  else if (!stream->down_ended)
    {
      fail_stream (stream, error == NGHTTP2_REFUSED_STREAM ? 503 : 502);
      free_stream (stream);
    }
  return 0; /* otherwise the visitor is still to have the rest */
}

/* --- the connection --- */

static void
free_target (struct http2_target *target)
{
  struct http2_target **at = &target->targets->first;

  while (*at != target)
    at = &(*at)->next;
  *at = target->next;
  while (!TAILQ_EMPTY (&target->streams))
    free_stream (TAILQ_FIRST (&target->streams));
  drop_head (target);
  nghttp2_session_del (target->ng);
  if (target->up != NULL)
    upstream_end (target->up);
  free (target);
}

/* Nothing more comes or goes. @error: a positive errno, if that is the target's state; or 0. */
static void
break_target (struct http2_target *target, uint16_t status, int error)
{
  struct target_stream *stream, *next;

  target->closing = true;
  for (stream = TAILQ_FIRST (&target->streams); stream != NULL; stream = next)
    {
      next = TAILQ_NEXT (stream, all);
      if (stream->x != NULL && error != 0)
        target_note (target->loop, stream->x->share, error);
      if (stream->x != NULL && !stream->down_ended)
        fail_stream (stream, status);
      if (stream->x == NULL)
        free_stream (stream);
      else
        stream->closed = true;
    }
  if (target->up != NULL)
    upstream_end (target->up);
  target->up = NULL;
}

static void
arm (struct http2_target *target)
{
  enum watch_queue queue = target->stream_count > 0 ? WATCH_QUEUE_RESPONSE : WATCH_QUEUE_TRANSFER;

  if (target->up == NULL || target->up->state != UPSTREAM_READY || target->armed == queue)
    return;
  target->armed = queue;
  upstream_arm (target->up, queue);
}

/* Last in whatever happened: it may free the connection. */
static void
settle (struct http2_target *target)
{
  if (target->up != NULL && target->pending_len == 0 && !nghttp2_session_want_read (target->ng)
      && !nghttp2_session_want_write (target->ng))
    break_target (target, 502, 0);
  if (target->stream_count == 0 && (target->closing || target->up == NULL))
    free_target (target);
  else
    arm (target);
}

/* Frames to the target, as far as they fit; its writable operation tells when more do. */
static void
pump (struct http2_target *target)
{
  while (target->up != NULL)
    {
      size_t room;
      char *to;

      if (target->pending_len == 0)
        {
          ssize_t n = nghttp2_session_mem_send (target->ng, &target->pending);

          if (n < 0)
            break_target (target, 503, 0);
          if (n <= 0)
            return;
          target->pending_len = (size_t)n;
        }
      to = upstream_space (target->up, &room);
      if (to == NULL)
        return;
      room = room < target->pending_len ? room : target->pending_len;
      memcpy (to, target->pending, room);
      upstream_wrote (target->up, room);
      target->pending += room;
      target->pending_len -= room;
    }
}

static void
on_upstream_readable (void *data)
{
  struct http2_target *target = data;
  struct serve_buffer *buffer = serve_buffer_get (&target->loop->buffers);

  while (buffer != NULL && target->up != NULL)
    {
      ssize_t n = upstream_read (target->up, buffer->data, SERVE_BUFFER_SIZE);

      if (n == -EAGAIN)
        break;
      if (n > 0)
        n = nghttp2_session_mem_recv (target->ng, buffer->data, (size_t)n);
      if (n <= 0)
        break_target (target, 502, 0);
    }
  if (buffer == NULL)
    break_target (target, 503, 0);
  serve_buffer_put (&target->loop->buffers, &buffer);
  pump (target);
  settle (target);
}

static void
on_upstream_writable (void *data)
{
  pump (data);
  settle (data);
}

static void
on_upstream_failed (void *data, int error)
{
  struct http2_target *target = data;
  bool opened = target->up->state == UPSTREAM_READY;

  break_target (target, error == ETIMEDOUT ? 504 : 502, opened ? 0 : error);
  settle (target);
}

static bool
is_grpc (const struct http_exchange *x)
{
  const struct http_field *type = http_fields_find (&x->request.fields, HTTP_NAME_CONTENT_TYPE);

  return type != NULL && type->value_len >= 16 && memcmp (type->value, "application/grpc", 16) == 0
         && (type->value_len == 16 || type->value[16] == '+' || type->value[16] == ';');
}

static bool
is_late (const struct target_stream *stream)
{
  const struct serve_limits *limits = &stream->target->loop->limits;
  uint32_t limit = is_grpc (stream->x) ? limits->idle_ms : limits->response_ms;

  return !stream->responded && stream->up_ended
         && stream->target->loop->now - stream->began_at >= limit;
}

static void
on_upstream_expired (void *data, enum watch_queue queue)
{
  struct http2_target *target = data;
  struct target_stream *stream;

  target->armed = WATCH_QUEUES;
  if (target->stream_count == 0)
    target->closing = true;
  TAILQ_FOREACH (stream, &target->streams, all)
  if (stream->x != NULL && is_late (stream))
    {
      target_note (target->loop, stream->x->share, ETIMEDOUT);
      fail_stream (stream, 504);
      reset (stream, NGHTTP2_CANCEL);
    }
  pump (target);
  settle (target);
}

static const struct upstream_user upstream_user = {
    .readable = on_upstream_readable,
    .writable = on_upstream_writable,
    .failed = on_upstream_failed,
    .expired = on_upstream_expired,
};

/* NULL without memory, or with *@error, a positive errno. */
static struct http2_target *
open_target (struct http_exchange *x, int *error)
{
  static const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_MAX},
  };
  struct http2_targets *targets = &x->loop->http->http2_targets;
  struct http2_target *target = calloc (1, sizeof *target);

  *error = ENOMEM;
  if (target == NULL)
    return NULL;
  target->loop = x->loop;
  target->targets = targets;
  target->armed = WATCH_QUEUES;
  TAILQ_INIT (&target->streams);
  target->next = targets->first;
  targets->first = target;
  if (nghttp2_session_client_new2 (&target->ng, targets->callbacks, target, targets->options) == 0
      && nghttp2_submit_settings (target->ng, NGHTTP2_FLAG_NONE, settings, G_N_ELEMENTS (settings))
             == 0
      && nghttp2_session_set_local_window_size (target->ng, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW)
             == 0)
    target->up = upstream_open_new (x->loop, x->mount, &upstream_user, target, error);
  if (target->up != NULL)
    return target;
  free_target (target);
  return NULL;
}

static bool
has_room (const struct http2_target *target)
{
  uint32_t theirs
      = nghttp2_session_get_remote_settings (target->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

  return !target->closing && target->up != NULL && target->stream_count < STREAMS_MAX
         && target->stream_count < theirs && nghttp2_session_check_request_allowed (target->ng);
}

static struct http2_target *
find_target (struct http_exchange *x)
{
  struct upstream_origin *origin = upstream_origin_get (&x->loop->http->upstreams, x->mount);
  struct http2_target *target = x->loop->http->http2_targets.first;

  while (target != NULL
         && (target->up == NULL || target->up->origin != origin || !has_room (target)))
    target = target->next;
  if (origin != NULL)
    upstream_origin_put (&x->loop->http->upstreams, origin);
  return target;
}

/* --- the request --- */

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
  struct http2_target *target = find_target (x);
  struct target_stream *stream;

  if (target == NULL && (target = open_target (x, &error)) == NULL)
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
      settle (target);
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
    pump (target);
  else
    {
      fail_stream (stream, 431);
      free_stream (stream);
    }
  settle (target);
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
  pump (target);
  settle (target);
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
  pump (target);
  settle (target);
}

static void
writable (struct http_exchange *x)
{
  struct target_stream *stream = x->answer;
  struct http2_target *target = stream->target;

  push_down (stream);
  if (stream->x == NULL && stream->closed)
    free_stream (stream);
  pump (target);
  settle (target);
}

static void
cancel (struct http_exchange *x)
{
  struct target_stream *stream = x->answer;
  struct http2_target *target = stream->target;

  detach (stream);
  if (stream->closed)
    free_stream (stream);
  else
    reset (stream, NGHTTP2_CANCEL);
  pump (target);
  settle (target);
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
  return x->mount->h2c || (x->request.version == HTTP_VERSION_2 && is_grpc (x));
}

int
http2_targets_init (struct http2_targets *targets)
{
  *targets = (struct http2_targets) {0};
  if (nghttp2_session_callbacks_new (&targets->callbacks) != 0
      || nghttp2_option_new (&targets->options) != 0)
    {
      http2_targets_clear (targets);
      return -ENOMEM;
    }
  nghttp2_session_callbacks_set_on_begin_headers_callback (targets->callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback (targets->callbacks, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback (targets->callbacks, on_frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback (targets->callbacks, on_data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback (targets->callbacks, on_stream_close);
  nghttp2_option_set_no_auto_window_update (targets->options, 1);
  nghttp2_option_set_peer_max_concurrent_streams (targets->options, STREAMS_MAX);
  return 0;
}

void
http2_targets_clear (struct http2_targets *targets)
{
  while (targets->first != NULL)
    {
      targets->first->up = NULL; /* went with the watches */
      free_target (targets->first);
    }
  nghttp2_session_callbacks_del (targets->callbacks);
  nghttp2_option_del (targets->options);
  *targets = (struct http2_targets) {0};
}
