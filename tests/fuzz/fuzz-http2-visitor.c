/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: the frames of an HTTP/2 visitor after his preface. The first byte says in pieces of which
 * size they come, and whether what we send is fetched. */
#include "tests/fuzz/fuzz.h"

#include "daemon/serve/http/http2-session.h"
#include "tests/unit/daemon/serve/http/http-stage.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"

static void
fetch (struct http2_session *session, HttpStage *stage)
{
  struct serve_buffer *out = serve_buffer_get (&stage->loop.buffers);

  while (http2_session_send (session, out) > 0)
    {
      REQUIRE (out->end <= 16384);
      out->end = 0;
    }
  serve_buffer_put (&stage->loop.buffers, &out);
}

static void
check (const struct http2_session *session, const HttpStage *stage)
{
  const uint32_t streams = session->stream_count;

  REQUIRE (streams <= HTTP2_STREAMS_MAX);
  REQUIRE (session->shared->streams == streams);
  /* Windows, a buffer and two heads for each stream, one head for the connection. */
  REQUIRE (stage->loop.buffers.in_use <= HTTP2_WINDOW_LARGE / SERVE_BUFFER_SIZE + 2 + streams * 5);
  REQUIRE ((session->head_stream != 0) == (session->head.buffer != NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  HttpStage stage;
  struct http2_shared shared;
  struct http2_session session;
  size_t piece = size > 0 ? (size_t)(data[0] >> 1) + 1 : 1;
  bool is_deaf = size > 0 && (data[0] & 1) != 0;

  http_stage_set_up (&stage);
  REQUIRE (http2_shared_init (&shared, http_player_dispatch) == 0);
  REQUIRE (http2_session_init (&session, &stage.loop, &shared, stage.flow) == 0);
  session.running = true;
  REQUIRE (http2_session_receive (&session, (const uint8_t *)PREFACE, sizeof PREFACE - 1));
  for (size_t at = 1; at < size && session.fault == 0; at += piece)
    {
      size_t len = size - at < piece ? size - at : piece;

      http2_session_receive (&session, data + at, len);
      http2_session_run_ready (&session);
      if (!is_deaf)
        fetch (&session, &stage);
      check (&session, &stage);
    }
  stage.loop.now += 100000;
  http2_session_check_stalled (&session, stage.loop.now - 60000, stage.loop.now - 60000);
  fetch (&session, &stage);
  http2_session_clear (&session);
  REQUIRE (shared.streams == 0 && shared.large == 0);
  http2_shared_clear (&shared);
  http_stage_tear_down (&stage);
  return 0;
}
