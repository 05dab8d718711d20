/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One connection to a target that is spoken to in HTTP/2, and the requests on it. Private to
 * http2-target.c, which has the connection and the answers, and http2-upstream.c, which has the
 * requests and the theory of operation. Serve thread only. */

#include "daemon/serve/http/exchange.h"
#include "daemon/serve/http/http2-head.h"
#include "daemon/serve/serve-buffer.h"

#include <nghttp2/nghttp2.h>
#include <sys/queue.h>

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

  struct serve_chain down; /* of the answer's body, the visitor has no room */
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

/** http2_target_find: a connection of the mount of @x that takes one more stream, or NULL. */
struct http2_target *http2_target_find (struct http_exchange *x);

/** http2_target_open: a new connection to the mount of @x. NULL with *@error, a positive errno. */
struct http2_target *http2_target_open (struct http_exchange *x, int *error);

/** http2_target_pump: frames to the target, as far as they fit; more go when there is room. */
void http2_target_pump (struct http2_target *target);

/** http2_target_settle: last in whatever happened to @target: it may free it. */
void http2_target_settle (struct http2_target *target);

/** target_stream_push: give the visitor what waits for him, and the end. */
void target_stream_push (struct target_stream *stream);

/** target_stream_detach: the exchange and the stream part; returns the exchange. */
struct http_exchange *target_stream_detach (struct target_stream *stream);

/** target_stream_fail: the target is not going to answer, or not to the end. The visitor gets
 * @status if he has no answer yet. The exchange is detached. */
void target_stream_fail (struct target_stream *stream, uint16_t status);

/** target_stream_reset: tell the target that the stream is over, and drop what was under way. The
 * session's close callback frees it. */
void target_stream_reset (struct target_stream *stream, uint32_t error);

/** target_stream_free: out of its connection. Only when the session does not know it. */
void target_stream_free (struct target_stream *stream);
