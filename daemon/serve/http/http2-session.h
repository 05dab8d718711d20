/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A visitor's HTTP/2 connection without its socket: frames in, frames out, streams ↔ exchanges.
 *
 *   http2-session.c   nghttp2's callbacks, what a visitor may do how often, ends
 *   http2-stream.c    one stream: its exchange, bytes that wait in either direction
 *   http2-head.c      field sections
 *   http2-visitor.c   the same over TLS: reading, writing, deadlines
 *
 * On the serve thread. */

#include "daemon/serve/http/exchange.h"
#include "daemon/serve/http/http2-guard.h"
#include "daemon/serve/http/http2-head.h"

#include <nghttp2/nghttp2.h>
#include <sys/queue.h>

#define HTTP2_STREAMS_MAX 100u           /* of a connection at once */
#define HTTP2_STREAMS_ALL_MAX 4096u      /* of all connections together */
#define HTTP2_STREAM_WINDOW (256u << 10) /* bytes of a request's body that may wait */
#define HTTP2_WINDOW 65535u              /* the same for all streams of a connection */
#define HTTP2_WINDOW_LARGE (1u << 20)    /* and for one that uploads faster than that */
#define HTTP2_LARGE_MAX 64u              /* connections with the large one at once */

/* What the connections of a thread share. */
struct http2_shared
{
  void (*dispatch) (struct http_exchange *x); /* http_dispatch */
  nghttp2_session_callbacks *callbacks;
  nghttp2_option *options;
  uint32_t streams; /* of all connections */
  uint32_t large;   /* connections with HTTP2_WINDOW_LARGE */
};

/** http2_shared_init: requests go to @dispatch. 0 or -errno. */
int http2_shared_init (struct http2_shared *shared, void (*dispatch) (struct http_exchange *x));
/** http2_shared_clear: after all sessions; harmless when init failed. */
void http2_shared_clear (struct http2_shared *shared);

struct http2_session;

struct http2_stream
{
  struct http2_session *session;
  struct http_exchange *x;
  int32_t id;
  TAILQ_ENTRY (http2_stream) all;
  TAILQ_ENTRY (http2_stream) ready;
  bool is_ready;

  /* Up: the visitor's bytes. */
  struct serve_chain in; /* bytes the answerer has not taken */
  struct http2_head in_trailers;
  bool in_ended;        /* END_STREAM came */
  bool in_resumed;      /* the answerer would take more */
  uint64_t in_moved_at; /* milliseconds; bytes came, or the answerer took some */

  /* Down: the answer. */
  struct http2_head out_head; /* until it is submitted */
  struct http2_head out_trailers;
  struct serve_buffer *out; /* bytes of the body that are in no frame yet */
  uint16_t out_status;
  bool out_has_head;  /* out_head is still to be submitted */
  bool out_has_date;  /* it says when it was made */
  bool out_lent;      /* between reserve and commit */
  bool out_full;      /* reserve had no room: writable is due when there is */
  bool out_deferred;  /* nghttp2 waits for bytes */
  bool out_finished;  /* nothing will be added */
  bool out_reset;     /* RST_STREAM was submitted */
  int64_t out_length; /* Content-Length, or -1 */
  uint64_t out_moved_at;
};

TAILQ_HEAD (http2_stream_list, http2_stream);

struct http2_session
{
  struct serve_loop *loop;
  struct http2_shared *shared;
  struct flow *flow;
  nghttp2_session *ng;
  struct http2_stream_list streams;
  struct http2_stream_list ready; /* streams whose answerer is to be called */
  uint32_t stream_count;
  uint64_t requests;

  struct http2_head head; /* being received; of stream head_stream */
  int32_t head_stream;    /* 0: none */

  struct serve_buffer *out; /* where send_data puts DATA frames; lent by http2_session_send */
  const uint8_t *pending;   /* nghttp2's, did not fit */
  size_t pending_len;
  bool out_is_full;

  struct http2_allowance resets, noise, updates;
  enum serve_refusal fault; /* the first one that ended the connection; 0: none */
  uint64_t taken;           /* bytes of bodies that answerers have taken */
  bool greeted;             /* the visitor's SETTINGS came */
  bool large;               /* has HTTP2_WINDOW_LARGE */
  bool closing;             /* GOAWAY was sent or is on its way */
  bool running;             /* inside the visitor side's turn: no need to ask for another one */
};

/** http2_session_init: for @flow. 0 or -errno; clear it in either case. */
int http2_session_init (struct http2_session *session,
                        struct serve_loop *loop,
                        struct http2_shared *shared,
                        struct flow *flow);
/** http2_session_clear: cancels what is under way. */
void http2_session_clear (struct http2_session *session);

/** http2_session_receive: bytes of the visitor. False when the connection is to end after what is
 * still to be sent. */
bool http2_session_receive (struct http2_session *session, const uint8_t *data, size_t len);

/** http2_session_run_ready: call the answerers that wait for room, or that said they would take
 * more. Not from inside an answerer's call. */
void http2_session_run_ready (struct http2_session *session);

/** http2_session_send: append frames to @out as far as they fit. Returns how many bytes that were.
 */
size_t http2_session_send (struct http2_session *session, struct serve_buffer *out);

/** http2_session_is_over: nothing is to be read or written any more. */
bool http2_session_is_over (struct http2_session *session);

/** http2_session_may_read: false while so many frames wait to be sent that reading more would only
 * add to them. */
bool http2_session_may_read (struct http2_session *session);

/** http2_session_end: GOAWAY: take no new streams. @fault: why, counted; 0: nothing is wrong, and
 * streams under way may finish. */
void http2_session_end (struct http2_session *session, enum serve_refusal fault);

/** http2_session_check_stalled: reset the streams whose visitor has moved nothing since @since,
 * though it was his turn; @idle_since for those that may be silent for longer (tunnels, answers
 * under way). */
void
http2_session_check_stalled (struct http2_session *session, uint64_t since, uint64_t idle_since);

/* http2-stream.c; for http2-session.c */
extern const struct http_visitor_ops http2_visitor_ops;

/** http2_stream_new: for a request whose head is complete, with an exchange; NULL without memory.
 */
struct http2_stream *http2_stream_new (struct http2_session *session, int32_t id);
/** http2_stream_free: cancels the exchange. */
void http2_stream_free (struct http2_stream *stream);
/** http2_stream_body: bytes of the request's body. False without memory. */
bool http2_stream_body (struct http2_stream *stream, const uint8_t *data, size_t len);
/** http2_stream_push: give the answerer what waits, and the end. */
void http2_stream_push (struct http2_stream *stream);
/** http2_stream_run: what it was marked as ready for. */
void http2_stream_run (struct http2_stream *stream);
/** http2_stream_is_stalled: whether the visitor has moved nothing since @since (and @idle_since, if
 * the stream may be silent for longer), though it is his turn. */
bool
http2_stream_is_stalled (const struct http2_stream *stream, uint64_t since, uint64_t idle_since);
/** http2_stream_reset: RST_STREAM. */
void http2_stream_reset (struct http2_stream *stream, uint32_t error);
/** http2_stream_sent: @len bytes of `out` are in a frame. */
void http2_stream_sent (struct http2_stream *stream, size_t len);
