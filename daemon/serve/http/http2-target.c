/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation: see http2-upstream.c. Here is the connection, and what comes back on it. */

#include "daemon/serve/http/http2-target.h"

#include "daemon/serve/http/http-engine.h"
#include "daemon/serve/http/target-answer.h"
#include "daemon/serve/http/upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 100u           /* of a connection; the target may want fewer */
#define STREAM_WINDOW (128u << 10) /* bytes of an answer that may wait for a visitor */
#define CONNECTION_WINDOW (1u << 20)
#define INFORMS_MAX 8u

/* --- streams --- */

static void
drop_buffers (struct target_stream *stream)
{
  struct serve_buffers *buffers = &stream->target->loop->buffers;

  while (stream->down.first != NULL)
    {
      nghttp2_session_consume (stream->target->ng, stream->id,
                               serve_buffer_len (stream->down.first));
      serve_chain_drop_first (buffers, &stream->down);
    }
  serve_buffer_put (buffers, &stream->up);
  http2_head_end (&stream->up_trailers, buffers);
  http2_head_end (&stream->down_trailers, buffers);
}

void
target_stream_free (struct target_stream *stream)
{
  struct http2_target *target = stream->target;

  drop_buffers (stream);
  TAILQ_REMOVE (&target->streams, stream, all);
  target->stream_count--;
  free (stream);
}

struct http_exchange *
target_stream_detach (struct target_stream *stream)
{
  struct http_exchange *x = stream->x;

  stream->x = NULL;
  x->answer = NULL;
  return x;
}

void
target_stream_reset (struct target_stream *stream, uint32_t error)
{
  drop_buffers (stream);
  nghttp2_submit_rst_stream (stream->target->ng, NGHTTP2_FLAG_NONE, stream->id, error);
}

void
target_stream_fail (struct target_stream *stream, uint16_t status)
{
  bool responded = stream->responded;
  struct http_exchange *x = target_stream_detach (stream);

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

  http_exchange_finish (target_stream_detach (stream), has_trailers ? &trailers : NULL);
  if (is_early)
    target_stream_reset (stream, NGHTTP2_NO_ERROR);
}

/* --- the answer --- */

void
target_stream_push (struct target_stream *stream)
{
  while (stream->down.first != NULL)
    {
      struct serve_buffer *first = stream->down.first;
      size_t n
          = http_exchange_write (stream->x, first->data + first->start, serve_buffer_len (first));

      first->start += (uint32_t)n;
      nghttp2_session_consume (stream->target->ng, stream->id, n);
      if (serve_buffer_len (first) > 0)
        return;
      serve_chain_drop_first (&stream->target->loop->buffers, &stream->down);
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
  if (stream->down.first == NULL)
    n = http_exchange_write (stream->x, data, len);
  nghttp2_session_consume (ng, id, n);
  if (!serve_chain_append (&stream->target->loop->buffers, &stream->down, data + n, len - n))
    {
      target_stream_fail (stream, 503);
      target_stream_reset (stream, NGHTTP2_CANCEL);
    }
  return 0;
}

static void
take_response (struct target_stream *stream, const struct http2_head *head)
{
  struct http_fields fields;
  struct http_response response = {.fields = &fields};

  if (!http2_head_response (head, &response.status, &response.content_length, &fields)
      || response.status == 101)
    {
      target_stream_fail (stream, 502);
      target_stream_reset (stream, NGHTTP2_PROTOCOL_ERROR);
      return;
    }
  target_answer_translate (stream->x, &fields);
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
      if (stream->down.first == NULL)
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
    target_stream_free (stream);
  else if (!stream->down_ended)
    {
      target_stream_fail (stream, error == NGHTTP2_REFUSED_STREAM ? 503 : 502);
      target_stream_free (stream);
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
    target_stream_free (TAILQ_FIRST (&target->streams));
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
        target_stream_fail (stream, status);
      if (stream->x == NULL)
        target_stream_free (stream);
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

void
http2_target_settle (struct http2_target *target)
{
  if (target->up != NULL && target->pending_len == 0 && !nghttp2_session_want_read (target->ng)
      && !nghttp2_session_want_write (target->ng))
    break_target (target, 502, 0);
  if (target->stream_count == 0 && (target->closing || target->up == NULL))
    free_target (target);
  else
    arm (target);
}

void
http2_target_pump (struct http2_target *target)
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
  http2_target_pump (target);
  http2_target_settle (target);
}

static void
on_upstream_writable (void *data)
{
  http2_target_pump (data);
  http2_target_settle (data);
}

static void
on_upstream_failed (void *data, int error)
{
  struct http2_target *target = data;
  bool opened = target->up->state == UPSTREAM_READY;

  break_target (target, error == ETIMEDOUT ? 504 : 502, opened ? 0 : error);
  http2_target_settle (target);
}

static bool
is_late (const struct target_stream *stream)
{
  const struct serve_limits *limits = &stream->target->loop->limits;
  uint32_t limit = http_exchange_is_grpc (stream->x) ? limits->idle_ms : limits->response_ms;

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
      target_stream_fail (stream, 504);
      target_stream_reset (stream, NGHTTP2_CANCEL);
    }
  http2_target_pump (target);
  http2_target_settle (target);
}

static const struct upstream_user upstream_user = {
    .readable = on_upstream_readable,
    .writable = on_upstream_writable,
    .failed = on_upstream_failed,
    .expired = on_upstream_expired,
};

/* NULL without memory, or with *@error, a positive errno. */
struct http2_target *
http2_target_open (struct http_exchange *x, int *error)
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

struct http2_target *
http2_target_find (struct http_exchange *x)
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

/* --- what all share --- */

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
