/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Goal. HTTP/2 (RFC 9113) towards one visitor: nghttp2 does frames, HPACK, stream states and the
 * message rules; this file connects its callbacks with streams and holds the visitor to his limits.
 * It sees bytes, no socket.
 *
 * Flow control. Windows open only by what answerers took (http2-stream.c). A connection begins with
 * the window the protocol gives it; one that uses it up and whose bodies are taken gets a large
 * one, as long as few have: HTTP2_LARGE_MAX. So what strangers can make us hold is bounded:
 *   in    flows × HTTP2_WINDOW + HTTP2_LARGE_MAX × HTTP2_WINDOW_LARGE
 *   out   HTTP2_STREAMS_ALL_MAX × (exchange + buffer)
 *   head  one buffer for a connection
 *
 * Limits. What costs the visitor little and us much has an allowance that refills slowly; whoever
 * uses it up gets GOAWAY ENHANCE_YOUR_CALM:
 *   resets   streams that end in RST_STREAM, his (CVE-2023-44487) or ours that he provoked
 *   noise    PING, SETTINGS, PRIORITY, DATA without data, frames that make no sense
 *   updates  WINDOW_UPDATE; DATA frames we send earn new ones
 * nghttp2 itself ends connections with more than CONTINUATIONS_MAX continuations of a field
 * section, more than SETTINGS_MAX settings in a frame, or more than ACKS_MAX acknowledgements not
 * fetched. Frames of unknown types are skipped; they cost no more than their bytes. While more than
 * QUEUE_MAX frames wait to be sent, nothing is read.
 *
 * Priorities. RFC 7540's tree is declined (SETTINGS_NO_RFC7540_PRIORITIES); nghttp2 orders streams
 * by the urgency of RFC 9218's Priority field, within the connection only.
 *
 * Ends. GOAWAY NO_ERROR takes no new streams and lets the others finish; any fault's ends all. */

#include "daemon/serve/http/http2-session.h"

#include <errno.h>
#include <string.h>

#define CONTINUATIONS_MAX 8u
#define SETTINGS_MAX 16u
#define ACKS_MAX 100u
#define QUEUE_MAX 256u
#define OUT_MAX 16384u      /* a TLS record */
#define OUT_PIECE_MIN 2048u /* DATA is not cut smaller to fill a record */
#define FRAME_HEAD 9u

static const struct http2_allowance_rule resets_rule = {.burst = 200, .per_second = 20};
static const struct http2_allowance_rule noise_rule = {.burst = 1000, .per_second = 100};
static const struct http2_allowance_rule updates_rule = {.burst = 10000, .per_second = 200};
#define UPDATES_PER_DATA 4u

static void
count (struct http2_session *session, enum serve_refusal fault)
{
  serve_refuse_count (session->loop, session->flow->listener, fault, NULL);
}

static uint32_t
error_code (enum serve_refusal fault)
{
  switch (fault)
    {
    case SERVE_REFUSAL_HTTP2_PROTOCOL:
      return NGHTTP2_PROTOCOL_ERROR;
    case SERVE_REFUSAL_HTTP2_MEMORY:
      return NGHTTP2_INTERNAL_ERROR;
    default:
      return NGHTTP2_ENHANCE_YOUR_CALM;
    }
}

void
http2_session_end (struct http2_session *session, enum serve_refusal fault)
{
  int32_t last = nghttp2_session_get_last_proc_stream_id (session->ng);

  if (session->fault != 0 || (session->closing && fault == 0))
    return;
  session->closing = true;
  session->fault = fault;
  if (fault == 0)
    nghttp2_submit_goaway (session->ng, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
  else
    {
      count (session, fault);
      nghttp2_session_terminate_session2 (session->ng, last, error_code (fault));
    }
}

static void
spend (struct http2_session *session,
       struct http2_allowance *allowance,
       const struct http2_allowance_rule *rule,
       enum serve_refusal fault)
{
  if (!http2_allowance_take (allowance, rule, session->loop->now))
    http2_session_end (session, fault);
}

static void
note_reset (struct http2_session *session)
{
  spend (session, &session->resets, &resets_rule, SERVE_REFUSAL_HTTP2_RESETS);
}

static void
note_noise (struct http2_session *session)
{
  spend (session, &session->noise, &noise_rule, SERVE_REFUSAL_HTTP2_NOISE);
}

/* --- requests --- */

static void
drop_head (struct http2_session *session)
{
  http2_head_end (&session->head, &session->loop->buffers);
  session->head_stream = 0;
}

static int
on_begin_frame (nghttp2_session *ng, const nghttp2_frame_hd *hd, void *user_data)
{
  struct http2_session *session = user_data;

  switch (hd->type)
    {
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
      return 0;
    case NGHTTP2_DATA:
      if (hd->length == 0 && (hd->flags & NGHTTP2_FLAG_END_STREAM) == 0)
        note_noise (session);
      break;
    case NGHTTP2_WINDOW_UPDATE:
      spend (session, &session->updates, &updates_rule, SERVE_REFUSAL_HTTP2_UPDATES);
      break;
    case NGHTTP2_RST_STREAM:
      note_reset (session);
      break;
    default:
      note_noise (session);
      break;
    }
  drop_head (session); /* of a stream that was refused meanwhile */
  return 0;
}

static int
on_begin_headers (nghttp2_session *ng, const nghttp2_frame *frame, void *user_data)
{
  struct http2_session *session = user_data;

  if (!http2_head_begin (&session->head, &session->loop->buffers))
    {
      http2_session_end (session, SERVE_REFUSAL_HTTP2_MEMORY);
      return 0;
    }
  session->head_stream = frame->hd.stream_id;
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
  struct http2_session *session = user_data;

  if (session->head_stream != frame->hd.stream_id)
    return 0;
  if (!http2_head_add (&session->head, (struct http_text) {(const char *)name, (uint32_t)name_len},
                       (struct http_text) {(const char *)value, (uint32_t)value_len}))
    {
      drop_head (session);
      http2_session_end (session, SERVE_REFUSAL_HTTP2_HEAD);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
  return 0;
}

/* nghttp2 would leave the field out and go on: RFC 9113 8.2.1 calls the request malformed. */
static int
on_invalid_header (nghttp2_session *ng,
                   const nghttp2_frame *frame,
                   const uint8_t *name,
                   size_t name_len,
                   const uint8_t *value,
                   size_t value_len,
                   uint8_t flags,
                   void *user_data)
{
  drop_head (user_data);
  nghttp2_submit_rst_stream (ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void
refuse_stream (struct http2_session *session, int32_t id, enum serve_refusal fault)
{
  count (session, fault);
  nghttp2_submit_rst_stream (session->ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
}

static void
begin_request (struct http2_session *session, const nghttp2_frame *frame)
{
  bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const char *detail;
  struct http2_stream *stream;
  uint16_t refused;

  if (session->shared->streams >= HTTP2_STREAMS_ALL_MAX)
    {
      refuse_stream (session, frame->hd.stream_id, SERVE_REFUSAL_HTTP2_STREAMS);
      return;
    }
  stream = http2_stream_new (session, frame->hd.stream_id);
  if (stream == NULL)
    {
      refuse_stream (session, frame->hd.stream_id, SERVE_REFUSAL_HTTP2_MEMORY);
      return;
    }
  session->requests++;
  nghttp2_session_set_stream_user_data (session->ng, stream->id, stream);
  stream->in_ended = ended;
  refused = http2_head_request (&session->head, stream->x, ended, &detail);
  drop_head (session);
  if (refused != 0)
    http_answer_error (stream->x, refused, 0, detail);
  else
    session->shared->dispatch (stream->x);
}

static void
take_head (struct http2_session *session, const nghttp2_frame *frame)
{
  struct http2_stream *stream;

  if (session->head_stream != frame->hd.stream_id)
    return;
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
    begin_request (session, frame);
  else if ((stream = nghttp2_session_get_stream_user_data (session->ng, frame->hd.stream_id))
           != NULL)
    {
      http2_head_end (&stream->in_trailers, &session->loop->buffers);
      stream->in_trailers = session->head;
      session->head = (struct http2_head) {0};
    }
  drop_head (session);
}

static int
on_frame_recv (nghttp2_session *ng, const nghttp2_frame *frame, void *user_data)
{
  struct http2_session *session = user_data;
  struct http2_stream *stream;

  if (frame->hd.type == NGHTTP2_SETTINGS)
    session->greeted = true;
  if (frame->hd.type == NGHTTP2_HEADERS)
    take_head (session, frame);
  if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
      || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
    return 0;
  stream = nghttp2_session_get_stream_user_data (ng, frame->hd.stream_id);
  if (stream != NULL)
    {
      stream->in_ended = true;
      http2_stream_push (stream);
    }
  return 0;
}

static int
on_data_chunk (nghttp2_session *ng,
               uint8_t flags,
               int32_t id,
               const uint8_t *data,
               size_t len,
               void *user_data)
{
  struct http2_session *session = user_data;
  struct http2_stream *stream = nghttp2_session_get_stream_user_data (ng, id);

  if (stream == NULL)
    nghttp2_session_consume (ng, id, len);
  else if (!http2_stream_body (stream, data, len))
    http2_session_end (session, SERVE_REFUSAL_HTTP2_MEMORY);
  return 0;
}

static int
on_invalid_frame (nghttp2_session *ng, const nghttp2_frame *frame, int error, void *user_data)
{
  note_noise (user_data);
  return 0;
}

/* --- answers --- */

static int
on_frame_send (nghttp2_session *ng, const nghttp2_frame *frame, void *user_data)
{
  struct http2_session *session = user_data;
  struct http2_stream *stream;

  if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR
      && session->fault == 0)
    {
      session->fault = SERVE_REFUSAL_HTTP2_PROTOCOL; /* nghttp2 found it */
      count (session, session->fault);
    }
  if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR
      && frame->rst_stream.error_code != NGHTTP2_INTERNAL_ERROR)
    note_reset (session);
  if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
      || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
    return 0;
  stream = nghttp2_session_get_stream_user_data (ng, frame->hd.stream_id);
  if (stream != NULL && !stream->in_ended && !stream->x->tunnel)
    http2_stream_reset (stream, NGHTTP2_NO_ERROR);
  return 0;
}

/* How large a DATA frame may be: what fills the record under way, unless that is little. */
static ssize_t
frame_length (nghttp2_session *ng,
              uint8_t type,
              int32_t id,
              int32_t session_window,
              int32_t stream_window,
              uint32_t max_frame,
              void *user_data)
{
  struct http2_session *session = user_data;
  uint32_t room = OUT_MAX - session->out->end;

  return room >= OUT_PIECE_MIN + FRAME_HEAD ? room - FRAME_HEAD : OUT_MAX - FRAME_HEAD;
}

static int
send_data (nghttp2_session *ng,
           nghttp2_frame *frame,
           const uint8_t *head,
           size_t len,
           nghttp2_data_source *source,
           void *user_data)
{
  struct http2_session *session = user_data;
  struct http2_stream *stream = source->ptr;
  struct serve_buffer *out = session->out;

  if (out->end + FRAME_HEAD + len > OUT_MAX)
    {
      session->out_is_full = true;
      return NGHTTP2_ERR_WOULDBLOCK;
    }
  memcpy (out->data + out->end, head, FRAME_HEAD);
  if (len > 0)
    memcpy (out->data + out->end + FRAME_HEAD, stream->out->data + stream->out->start, len);
  out->end += (uint32_t)(FRAME_HEAD + len);
  http2_stream_sent (stream, len);
  http2_allowance_give (&session->updates, &updates_rule, UPDATES_PER_DATA);
  return 0;
}

static int
on_stream_close (nghttp2_session *ng, int32_t id, uint32_t error, void *user_data)
{
  struct http2_session *session = user_data;
  struct http2_stream *stream = nghttp2_session_get_stream_user_data (ng, id);

  if (session->head_stream == id)
    drop_head (session);
  if (stream != NULL)
    http2_stream_free (stream);
  return 0;
}

/* --- the session --- */

static void
set_callbacks (nghttp2_session_callbacks *callbacks)
{
  nghttp2_session_callbacks_set_on_begin_frame_callback (callbacks, on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback (callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback (callbacks, on_header);
  nghttp2_session_callbacks_set_on_invalid_header_callback (callbacks, on_invalid_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback (callbacks, on_frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback (callbacks, on_data_chunk);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback (callbacks, on_invalid_frame);
  nghttp2_session_callbacks_set_on_frame_send_callback (callbacks, on_frame_send);
  nghttp2_session_callbacks_set_data_source_read_length_callback (callbacks, frame_length);
  nghttp2_session_callbacks_set_send_data_callback (callbacks, send_data);
  nghttp2_session_callbacks_set_on_stream_close_callback (callbacks, on_stream_close);
}

static void
set_options (nghttp2_option *options)
{
  nghttp2_option_set_no_auto_window_update (options, 1);
  nghttp2_option_set_no_closed_streams (options, 1);
  nghttp2_option_set_max_continuations (options, CONTINUATIONS_MAX);
  nghttp2_option_set_max_settings (options, SETTINGS_MAX);
  nghttp2_option_set_max_outbound_ack (options, ACKS_MAX);
}

int
http2_shared_init (struct http2_shared *shared, void (*dispatch) (struct http_exchange *x))
{
  *shared = (struct http2_shared) {.dispatch = dispatch};
  if (nghttp2_session_callbacks_new (&shared->callbacks) != 0
      || nghttp2_option_new (&shared->options) != 0)
    {
      http2_shared_clear (shared);
      return -ENOMEM;
    }
  set_callbacks (shared->callbacks);
  set_options (shared->options);
  return 0;
}

void
http2_shared_clear (struct http2_shared *shared)
{
  nghttp2_session_callbacks_del (shared->callbacks);
  nghttp2_option_del (shared->options);
  *shared = (struct http2_shared) {0};
}

int
http2_session_init (struct http2_session *session,
                    struct serve_loop *loop,
                    struct http2_shared *shared,
                    struct flow *flow)
{
  static const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP2_STREAMS_MAX},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_STREAM_WINDOW},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_MAX},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };

  *session = (struct http2_session) {.loop = loop, .shared = shared, .flow = flow};
  TAILQ_INIT (&session->streams);
  TAILQ_INIT (&session->ready);
  http2_allowance_init (&session->resets, &resets_rule, loop->now);
  http2_allowance_init (&session->noise, &noise_rule, loop->now);
  http2_allowance_init (&session->updates, &updates_rule, loop->now);
  if (nghttp2_session_server_new2 (&session->ng, shared->callbacks, session, shared->options) != 0)
    return -ENOMEM;
  return nghttp2_submit_settings (session->ng, NGHTTP2_FLAG_NONE, settings,
                                  sizeof settings / sizeof settings[0])
                 == 0
             ? 0
             : -ENOMEM;
}

void
http2_session_clear (struct http2_session *session)
{
  if (session->ng == NULL)
    return;
  while (!TAILQ_EMPTY (&session->streams))
    http2_stream_free (TAILQ_FIRST (&session->streams));
  drop_head (session);
  if (session->large)
    session->shared->large--;
  nghttp2_session_del (session->ng);
  session->ng = NULL;
}

static enum serve_refusal
fault_of (ssize_t error)
{
  switch (error)
    {
    case NGHTTP2_ERR_NOMEM:
      return SERVE_REFUSAL_HTTP2_MEMORY;
    case NGHTTP2_ERR_FLOODED:
      return SERVE_REFUSAL_HTTP2_NOISE;
    case NGHTTP2_ERR_TOO_MANY_SETTINGS:
      return SERVE_REFUSAL_HTTP2_NOISE;
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
      return SERVE_REFUSAL_HTTP2_CONTINUATIONS;
    default:
      return SERVE_REFUSAL_HTTP2_PROTOCOL;
    }
}

bool
http2_session_receive (struct http2_session *session, const uint8_t *data, size_t len)
{
  ssize_t n = nghttp2_session_mem_recv (session->ng, data, len);

  if (n < 0)
    http2_session_end (session, fault_of (n));
  return n >= 0 && session->fault == 0;
}

void
http2_session_run_ready (struct http2_session *session)
{
  struct http2_stream *last = TAILQ_LAST (&session->ready, http2_stream_list);

  /* Those that get ready meanwhile have their turn later. */
  while (!TAILQ_EMPTY (&session->ready))
    {
      struct http2_stream *stream = TAILQ_FIRST (&session->ready);

      http2_stream_run (stream);
      if (stream == last)
        return;
    }
}

size_t
http2_session_send (struct http2_session *session, struct serve_buffer *out)
{
  uint32_t before = out->end;

  session->out = out;
  session->out_is_full = false;
  while (true)
    {
      size_t n;

      if (session->pending_len == 0)
        {
          ssize_t got = nghttp2_session_mem_send (session->ng, &session->pending);

          if (got <= 0)
            break;
          session->pending_len = (size_t)got;
        }
      n = OUT_MAX - out->end;
      n = n < session->pending_len ? n : session->pending_len;
      memcpy (out->data + out->end, session->pending, n);
      out->end += (uint32_t)n;
      session->pending += n;
      session->pending_len -= n;
      if (session->pending_len > 0)
        break;
    }
  session->out = NULL;
  return out->end - before;
}

bool
http2_session_is_over (struct http2_session *session)
{
  return session->pending_len == 0 && !nghttp2_session_want_read (session->ng)
         && !nghttp2_session_want_write (session->ng);
}

bool
http2_session_may_read (struct http2_session *session)
{
  return nghttp2_session_get_outbound_queue_size (session->ng) <= QUEUE_MAX;
}

void
http2_session_check_stalled (struct http2_session *session, uint64_t since, uint64_t idle_since)
{
  struct http2_stream *stream;

  TAILQ_FOREACH (stream, &session->streams, all)
  {
    if (stream->out_reset || !http2_stream_is_stalled (stream, since, idle_since))
      continue;
    count (session, SERVE_REFUSAL_HTTP2_STALLED);
    http2_stream_reset (stream, NGHTTP2_CANCEL);
  }
}
