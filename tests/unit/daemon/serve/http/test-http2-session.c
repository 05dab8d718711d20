/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/daemon/serve/http/http2-peer.h"

#include <string.h>

static void
get_answers (void)
{
  Peer peer;
  PeerStream *text, *head, *empty, *hints, *missing;

  peer_set_up (&peer, 0, FALSE);
  text = peer_request (&peer, "GET", "/text", FALSE, "x-a", "1", NULL);
  head = peer_request (&peer, "HEAD", "/text", FALSE, NULL);
  empty = peer_request (&peer, "GET", "/empty", FALSE, NULL);
  hints = peer_request (&peer, "GET", "/hints", FALSE, NULL);
  missing = peer_request (&peer, "GET", "/nowhere", FALSE, NULL);
  peer_run (&peer);

  g_assert_cmpuint (text->status, ==, 200);
  g_assert_cmpstr (text->body->str, ==, "hello\n");
  g_assert_nonnull (strstr (text->head->str, "content-type: text/plain\n"));
  g_assert_nonnull (strstr (text->head->str, "content-length: 6\n"));
  g_assert_true (text->ended && text->closed && text->error == 0);
  g_assert_cmpuint (head->status, ==, 200);
  g_assert_cmpstr (head->body->str, ==, "");
  g_assert_nonnull (strstr (head->head->str, "content-length: 6\n"));
  g_assert_true (head->closed && head->error == 0);
  g_assert_cmpuint (empty->status, ==, 204);
  g_assert_null (strstr (empty->head->str, "content-length"));
  g_assert_true (empty->closed && empty->error == 0);
  g_assert_cmpstr (hints->informed->str, ==, "103 ");
  g_assert_cmpstr (hints->body->str, ==, "hello\n");
  g_assert_cmpuint (missing->status, ==, 404);
  g_assert_nonnull (strstr (missing->body->str, "404 Not Found"));
  peer_tear_down (&peer);
}

/* gRPC's "trailers only": one HEADERS frame that ends the stream, no DATA. */
static void
head_alone_ends_the_stream (void)
{
  Peer peer;
  PeerStream *stream;
  gsize before;

  peer_set_up (&peer, 0, FALSE);
  before = peer.out_bytes;
  stream = peer_request (&peer, "POST", "/head-only", FALSE, NULL);
  peer_run (&peer);
  g_assert_cmpuint (stream->status, ==, 200);
  g_assert_true (g_str_has_prefix (stream->head->str, "grpc-status: 0\ndate: "));
  g_assert_true (stream->ended);
  g_assert_cmpuint (peer.out_bytes - before, <, 2 * 9 + 60);
  peer_tear_down (&peer);
}

static void
trailers_go_both_ways (void)
{
  Peer peer;
  PeerStream *down, *up;

  peer_set_up (&peer, 0, FALSE);
  down = peer_request (&peer, "GET", "/trailers", FALSE, NULL);
  up = peer_request (&peer, "POST", "/echo", TRUE, "te", "trailers", NULL);
  peer_run (&peer);
  g_assert_cmpstr (down->body->str, ==, "body");
  g_assert_cmpstr (down->trailers->str, ==, "grpc-status: 0\n");
  g_assert_true (down->ended && down->closed);

  peer_send (&peer, up, "abc", 3, FALSE);
  peer_send_trailers (&peer, up, "x-sum", "9");
  peer_run (&peer);
  g_assert_cmpstr (http_player.trailers, ==, "x-sum: 9\n");
  g_assert_cmpstr (up->body->str, ==, "abc");
  g_assert_cmpstr (up->trailers->str, ==, "x-echo: x-sum: 9\n");
  g_assert_true (up->ended && up->closed && up->error == 0);
  peer_tear_down (&peer);
}

static void
trailers_cannot_say_what_comes_too_late (void)
{
  static const char *const names[] = {"content-length", "authorization", "x-forwarded-for", "host"};

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      Peer peer;
      PeerStream *stream;

      peer_set_up (&peer, 0, FALSE);
      stream = peer_request (&peer, "POST", "/echo", TRUE, NULL);
      peer_run (&peer);
      peer_send (&peer, stream, "a", 1, FALSE);
      peer_send_trailers (&peer, stream, names[i], "1");
      peer_run (&peer);
      g_assert_null (http_player.trailers);
      peer_tear_down (&peer);
    }
}

static void
request_is_what_was_sent (void)
{
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 0, FALSE);
  stream = peer_request (&peer, "POST", "/hang", TRUE, "cookie", "a=1", "x-b", "2", "cookie", "c=3",
                         "te", "trailers", "content-length", "5", "expect", "100-continue", "host",
                         "LAPTOP.example.org", "trailer", "x", NULL);
  peer_run (&peer);
  g_assert_cmpstr (http_player.head, ==,
                   "POST laptop.example.org /hang\nx-b: 2\ncookie: a=1; c=3\n");
  g_assert_nonnull (http_player.last);
  g_assert_cmpint (http_player.last->request.content_length, ==, 5);
  g_assert_true (http_player.last->request.has_body);
  g_assert_true (http_player.last->request.accepts_trailers);
  g_assert_true (http_player.last->request.expects_continue);
  g_assert_cmpint (http_player.last->request.version, ==, HTTP_VERSION_2);
  g_assert_false (stream->closed);
  nghttp2_submit_rst_stream (peer.ng, 0, stream->id, NGHTTP2_CANCEL);
  peer_run (&peer);
  g_assert_cmpuint (http_player.cancels, ==, 1);
  g_assert_cmpuint (peer.session.stream_count, ==, 0);
  peer_tear_down (&peer);
}

static void
host_can_stand_for_authority (void)
{
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 0, FALSE);
  stream = peer_request_bare (&peer, FALSE, ":method", "GET", ":scheme", "https", ":path", "/text",
                              "host", "other.example.org:8443", NULL);
  peer_run (&peer);
  g_assert_cmpuint (stream->status, ==, 200);
  g_assert_true (g_str_has_prefix (http_player.head, "GET other.example.org:8443 /text\n"));
  peer_tear_down (&peer);
}

/* Each is one request: name, value, …; then the status it gets, 0 for a reset. */
typedef struct
{
  const char *fields[16];
  guint status;
} BadRequest;

#define GOOD                                                                                       \
  ":method", "GET", ":scheme", "https", ":authority", "laptop.example.org", ":path", "/text"

static const BadRequest bad_requests[] = {
    {{GOOD, "connection", "close"}, 0},
    {{GOOD, "transfer-encoding", "chunked"}, 0},
    {{GOOD, "upgrade", "h2c"}, 0},
    {{GOOD, "keep-alive", "1"}, 0},
    {{GOOD, "proxy-connection", "close"}, 0},
    {{GOOD, "te", "gzip"}, 0},
    {{GOOD, "x-a", "b\rc"}, 0},
    {{GOOD, "x-a", "b\nc"}, 0},
    {{GOOD, "x a", "b"}, 0},
    {{GOOD, "x:a", "b"}, 0},
    {{GOOD, "", "b"}, 0},
    {{GOOD, "content-length", "x"}, 0},
    {{GOOD, "content-length", "5"}, 0}, /* and no DATA */
    {{GOOD, "content-length", "0", "content-length", "0"}, 0},
    {{GOOD, ":path", "/text"}, 0},
    {{GOOD, ":status", "200"}, 0},
    {{GOOD, "host", "elsewhere.example.org"}, 400},
    {{GOOD, "expect", "miracles"}, 417},
    {{":method", "GET", ":scheme", "https", ":path", "/text"}, 0},
    {{":method", "GET", ":scheme", "https", ":authority", "laptop.example.org", ":path", "text"},
     0},
    {{":method", "GET", ":scheme", "https", ":authority", "laptop.example.org", ":path", ""}, 0},
    {{":method", "GET", ":scheme", "https", ":authority", "laptop.example.org", ":path", "/a b"},
     0},
    {{":method", "GE T", ":scheme", "https", ":authority", "laptop.example.org", ":path", "/text"},
     0},
    {{":method", "GET", ":scheme", "https", ":authority", "lap top", ":path", "/text"}, 0},
    {{":method", "GET", ":scheme", "ftp", ":authority", "laptop.example.org", ":path", "/text"},
     400},
    {{":method", "CONNECT", ":authority", "laptop.example.org:443"}, 405},
    {{":method", "CONNECT", ":protocol", "connect-udp", ":scheme", "https", ":authority",
      "laptop.example.org", ":path", "/tunnel"},
     501},
    {{":method", "GET", ":protocol", "websocket", ":scheme", "https", ":authority",
      "laptop.example.org", ":path", "/tunnel"},
     0},
};

static void
bad_requests_are_refused (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad_requests); i++)
    {
      const char *const *f = bad_requests[i].fields;
      Peer peer;
      PeerStream *stream, *next;

      peer_set_up (&peer, 0, FALSE);
      stream = peer_request_bare (&peer, f[0][1] == 'm' && strcmp (f[1], "CONNECT") == 0, f[0],
                                  f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10],
                                  f[11], f[12], f[13], NULL);
      peer_run (&peer);
      g_test_message ("request %u: status %u, error %u", i, stream->status, stream->error);
      g_assert_cmpuint (stream->status, ==, bad_requests[i].status);
      g_assert_true (stream->closed);
      if (bad_requests[i].status == 0)
        g_assert_cmpuint (stream->error, ==, NGHTTP2_PROTOCOL_ERROR);
      g_assert_cmpuint (http_player.starts, ==, 0);
      /* The connection is none the worse. */
      next = peer_request (&peer, "GET", "/text", FALSE, NULL);
      peer_run (&peer);
      g_assert_cmpuint (next->status, ==, 200);
      peer_tear_down (&peer);
    }
}

static void
large_heads_are_refused (void)
{
  g_autofree char *value = g_strnfill (HTTP_HEAD_MAX, 'v');
  g_autofree char *large = g_strnfill (HTTP_HEAD_MAX * 4, 'v');
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 0, FALSE);
  stream = peer_request (&peer, "GET", "/text", FALSE, "x-large", value, NULL);
  peer_run (&peer);
  g_assert_cmpuint (stream->status, ==, 431);
  stream = peer_request (&peer, "GET", "/text", FALSE, NULL);
  peer_run (&peer);
  g_assert_cmpuint (stream->status, ==, 200);
  stream = peer_request (&peer, "GET", "/text", FALSE, "x-large", large, NULL);
  peer_run (&peer);
  g_assert_cmpuint (peer.goaway_error, ==, NGHTTP2_ENHANCE_YOUR_CALM);
  g_assert_cmpuint (http_stage_refusals (&peer.stage, SERVE_REFUSAL_HTTP2_HEAD), ==, 1);
  peer_tear_down (&peer);
}

/* Many small fields: the count is limited like the size, and Cookie pieces are one field. */
static void
many_fields_are_refused (void)
{
  for (guint kind = 0; kind < 2; kind++)
    {
      const char *name = kind == 0 ? "x-a" : "cookie";
      g_autoptr (GString) block = g_string_new ("\x82\x87"); /* GET https, then literals */
      Peer peer;
      PeerStream *stream;

      peer_set_up (&peer, 0, FALSE);
      stream = peer_request (&peer, "GET", "/text", FALSE, NULL); /* takes id 1 */
      peer_run (&peer);
      g_assert_cmpuint (stream->status, ==, 200);
      g_string_append_printf (block, "%c%c%s", 0x01, 18, "laptop.example.org");
      g_string_append_printf (block, "%c%c%s", 0x04, 5, "/text");
      for (guint i = 0; i < HTTP_FIELDS_MAX + 1; i++)
        {
          g_string_append_c (block, 0);
          g_string_append_printf (block, "%c%s%cb", (char)strlen (name), name, 1);
        }
      peer_frame (&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 3,
                  block->str, block->len);
      peer_run (&peer);
      g_assert_cmpuint (http_player.starts, ==, kind == 0 ? 1 : 2);
      peer_tear_down (&peer);
    }
}

static void
bodies_wait_for_who_takes_them (void)
{
  const gsize size = 3u << 20;
  g_autofree guint8 *data = g_malloc (size);
  guint32 sum = 0;
  Peer peer;
  PeerStream *stream;

  for (gsize i = 0; i < size; i++)
    {
      data[i] = (guint8)(i * 7 + i / 251);
      sum += (guint32)(i * data[i]);
    }
  peer_set_up (&peer, 0, FALSE);
  http_player.hold = TRUE;
  stream = peer_request (&peer, "POST", "/hang", TRUE, NULL);
  peer_send (&peer, stream, data, size, TRUE);
  peer_run (&peer);
  /* No more than the window came, and it is kept without slack to speak of. */
  g_assert_cmpuint (http_player.body, ==, 0);
  g_assert_cmpuint (peer.stage.loop.buffers.in_use, <=, HTTP2_WINDOW / SERVE_BUFFER_SIZE + 2);
  g_assert_cmpuint (peer.stage.loop.buffers.in_use, >=, HTTP2_WINDOW / SERVE_BUFFER_SIZE);
  http_player.hold = FALSE;
  http_exchange_resume (http_player.last);
  peer_run (&peer);
  g_assert_cmpuint (http_player.body, ==, size);
  g_assert_cmpuint (http_player.body_sum, ==, sum);
  g_assert_cmpuint (http_player.ends, ==, 1);
  g_assert_cmpuint (peer.stage.loop.buffers.in_use, ==, 0);
  g_assert_true (peer.session.large);
  peer_tear_down (&peer);
}

/* One byte per frame must not cost a buffer each. */
static void
small_frames_share_buffers (void)
{
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 0, FALSE);
  http_player.hold = TRUE;
  stream = peer_request (&peer, "POST", "/hang", TRUE, NULL);
  peer_run (&peer);
  for (guint i = 0; i < 5000; i++)
    {
      peer_send (&peer, stream, "x", 1, FALSE);
      peer_run (&peer);
    }
  g_assert_cmpuint (peer.stage.loop.buffers.in_use, ==, 1);
  nghttp2_submit_rst_stream (peer.ng, 0, stream->id, NGHTTP2_CANCEL);
  peer_run (&peer);
  g_assert_cmpuint (peer.stage.loop.buffers.in_use, ==, 0);
  peer_tear_down (&peer);
}

/* What a stream held back is given back to the connection's window when it goes. */
static void
reset_streams_leave_the_window (void)
{
  g_autofree guint8 *data = g_malloc0 (HTTP2_WINDOW);
  Peer peer;

  peer_set_up (&peer, 0, FALSE);
  for (guint i = 0; i < 20; i++)
    {
      PeerStream *stream;

      http_player.hold = TRUE;
      stream = peer_request (&peer, "POST", "/hang", TRUE, NULL);
      peer_send (&peer, stream, data, HTTP2_WINDOW, FALSE);
      peer_run (&peer);
      g_assert_cmpuint (peer.stage.loop.buffers.in_use, >=, 1);
      nghttp2_submit_rst_stream (peer.ng, 0, stream->id, NGHTTP2_CANCEL);
      peer_run (&peer);
      /* An update is due once half of it is free. */
      g_assert_cmpint (nghttp2_session_get_remote_window_size (peer.ng), >=, HTTP2_WINDOW / 2);
    }
  peer_tear_down (&peer);
}

static void
answers_wait_for_the_window (void)
{
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 30000, FALSE);
  stream = peer_request (&peer, "GET", "/big/1000000", FALSE, NULL);
  peer_run (&peer);
  g_assert_cmpuint (stream->body->len, ==, 30000);
  g_assert_cmpuint (peer.stage.loop.buffers.in_use, ==, 1);
  while (stream->body->len < 1000000)
    {
      gsize had = stream->body->len;

      nghttp2_session_consume (peer.ng, stream->id, 20000);
      peer_run (&peer);
      g_assert_cmpuint (stream->body->len, >, had);
      g_assert_cmpuint (peer.stage.loop.buffers.in_use, <=, 1);
    }
  g_assert_true (stream->ended);
  for (gsize i = 0; i < stream->body->len; i++)
    g_assert_cmpint (stream->body->str[i], ==, 'a' + (int)((1000000 - i) % 26));
  peer_tear_down (&peer);
}

static void
echo_holds_against_a_slow_reader (void)
{
  const gsize size = 1u << 20;
  g_autofree guint8 *data = g_malloc (size);
  Peer peer;
  PeerStream *stream;

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8)(i % 253);
  peer_set_up (&peer, 20000, FALSE);
  stream = peer_request (&peer, "POST", "/echo", TRUE, NULL);
  peer_send (&peer, stream, data, size, TRUE);
  peer_run (&peer);
  g_assert_cmpuint (peer.stage.loop.buffers.in_use, <=, HTTP2_WINDOW_LARGE / SERVE_BUFFER_SIZE + 3);
  while (!stream->ended)
    {
      gsize had = stream->body->len;

      nghttp2_session_consume (peer.ng, stream->id, 10000);
      peer_run (&peer);
      g_assert_cmpuint (stream->body->len, >, had);
    }
  g_assert_cmpuint (stream->body->len, ==, size);
  g_assert_true (memcmp (stream->body->str, data, size) == 0);
  peer_tear_down (&peer);
}

static void
early_answer_ends_the_upload (void)
{
  g_autofree guint8 *data = g_malloc0 (1u << 20);
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 0, FALSE);
  stream = peer_request (&peer, "POST", "/refuse", TRUE, NULL);
  peer_send (&peer, stream, data, 1u << 20, TRUE);
  peer_run (&peer);
  g_assert_cmpuint (stream->status, ==, 403);
  g_assert_true (stream->closed);
  g_assert_cmpuint (stream->error, ==, NGHTTP2_NO_ERROR);
  g_assert_cmpuint (peer.session.stream_count, ==, 0);
  stream = peer_request (&peer, "GET", "/text", FALSE, NULL);
  peer_run (&peer);
  g_assert_cmpuint (stream->status, ==, 200);
  peer_tear_down (&peer);
}

static void
aborted_answers_are_seen (void)
{
  static const char *const paths[] = {"/abort", "/abort-at-once"};

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      Peer peer;
      PeerStream *stream;

      peer_set_up (&peer, 0, FALSE);
      stream = peer_request (&peer, "GET", paths[i], FALSE, NULL);
      peer_run (&peer);
      g_assert_true (stream->closed && !stream->ended);
      g_assert_cmpuint (stream->error, ==, NGHTTP2_INTERNAL_ERROR);
      peer_tear_down (&peer);
    }
}

#define CONNECT_TO(path)                                                                           \
  ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority",                \
      "laptop.example.org", ":path", path, "sec-websocket-version", "13"

static void
tunnel_carries_both_ways (void)
{
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 0, FALSE);
  g_assert_cmpuint (
      nghttp2_session_get_remote_settings (peer.ng, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL), ==,
      1);
  stream = peer_request_bare (&peer, TRUE, CONNECT_TO ("/tunnel"), NULL);
  peer_send (&peer, stream, "early ", 6, FALSE);
  peer_run (&peer);
  g_assert_cmpuint (stream->status, ==, 200);
  g_assert_null (strstr (stream->head->str, "sec-websocket-accept"));
  g_assert_cmpstr (stream->body->str, ==, "early ");
  peer_send (&peer, stream, "late", 4, FALSE);
  peer_run (&peer);
  g_assert_cmpstr (stream->body->str, ==, "early late");
  g_assert_false (stream->ended);
  g_assert_true (g_str_has_prefix (http_player.head, "GET laptop.example.org /tunnel\n"));
  peer_send (&peer, stream, "", 0, TRUE);
  peer_run (&peer);
  g_assert_cmpuint (http_player.ends, ==, 1);
  g_assert_true (stream->ended && stream->closed);
  g_assert_cmpuint (stream->error, ==, 0);
  peer_tear_down (&peer);
}

static void
refused_tunnel_is_an_answer (void)
{
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 0, FALSE);
  stream = peer_request_bare (&peer, TRUE, CONNECT_TO ("/refuse"), NULL);
  peer_send (&peer, stream, "early", 5, FALSE);
  peer_run (&peer);
  g_assert_cmpuint (stream->status, ==, 403);
  g_assert_true (stream->ended && stream->closed);
  g_assert_cmpuint (http_player.body, ==, 0);
  peer_tear_down (&peer);
}

static void
streams_are_limited (void)
{
  Peer peer;

  peer_set_up (&peer, 0, FALSE);
  for (guint i = 0; i < HTTP2_STREAMS_MAX; i++)
    peer_request (&peer, "GET", "/hang", FALSE, NULL);
  peer_run (&peer);
  g_assert_cmpuint (peer.session.stream_count, ==, HTTP2_STREAMS_MAX);
  for (guint i = 0; i < 3; i++)
    {
      guint32 id = 2 * (HTTP2_STREAMS_MAX + i) + 1;
      static const guint8 block[] = {0x82, 0x87, 0x84, 0x01, 0x01, 'l'};

      peer_frame (&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id,
                  block, sizeof block);
    }
  peer_run (&peer);
  g_assert_true (peer.goaway); /* the visitor knows the limit */
  g_assert_cmpuint (http_player.starts, ==, HTTP2_STREAMS_MAX);
  peer_tear_down (&peer);
}

static void
streams_of_all_are_limited (void)
{
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 0, FALSE);
  peer.shared.streams = HTTP2_STREAMS_ALL_MAX;
  stream = peer_request (&peer, "GET", "/text", FALSE, NULL);
  peer_run (&peer);
  g_assert_true (stream->closed);
  g_assert_cmpuint (stream->error, ==, NGHTTP2_REFUSED_STREAM);
  g_assert_cmpuint (http_stage_refusals (&peer.stage, SERVE_REFUSAL_HTTP2_STREAMS), ==, 1);
  peer.shared.streams = 0;
  peer_tear_down (&peer);
}

/* --- floods: each kind of frame many times, and what it comes to --- */

typedef struct
{
  const char *name;
  guint8 type, flags;
  guint32 id;
  guint8 payload[40];
  gsize len;
  enum serve_refusal refusal;
  guint frames;
} Flood;

static const Flood floods[] = {
    {"ping", NGHTTP2_PING, 0, 0, {0}, 8, SERVE_REFUSAL_HTTP2_NOISE, 1100},
    {"settings", NGHTTP2_SETTINGS, 0, 0, {0}, 0, SERVE_REFUSAL_HTTP2_NOISE, 1100},
    {"priority", NGHTTP2_PRIORITY, 0, 1, {0, 0, 0, 0, 1}, 5, SERVE_REFUSAL_HTTP2_NOISE, 1100},
    {"empty-data", NGHTTP2_DATA, 0, 1, {0}, 0, SERVE_REFUSAL_HTTP2_NOISE, 1100},
    {"window-update",
     NGHTTP2_WINDOW_UPDATE,
     0,
     0,
     {0, 0, 0, 1},
     4,
     SERVE_REFUSAL_HTTP2_UPDATES,
     10100},
};

static void
floods_end_the_connection (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (floods); i++)
    {
      const Flood *flood = &floods[i];
      Peer peer;

      peer_set_up (&peer, 0, FALSE);
      peer_request (&peer, "POST", "/hang", TRUE, NULL);
      peer_run (&peer);
      for (guint n = 0; n < flood->frames; n++)
        {
          peer_frame (&peer, flood->type, flood->flags, flood->id, flood->payload, flood->len);
          if (n % 16 == 15)
            peer_run (&peer);
        }
      peer_run (&peer);
      g_test_message ("%s: goaway %u, error %u", flood->name, peer.goaway, peer.goaway_error);
      /* Acknowledgements of settings it never made are too much for nghttp2's client. */
      if (flood->type != NGHTTP2_SETTINGS)
        g_assert_cmpuint (peer.goaway_error, ==, NGHTTP2_ENHANCE_YOUR_CALM);
      g_assert_cmpuint (http_stage_refusals (&peer.stage, flood->refusal), ==, 1);
      g_assert_true (http2_session_is_over (&peer.session));
      peer_tear_down (&peer);
    }
}

/* RFC 9113 5.5; PRIORITY_UPDATE is one of them as nothing was agreed on. */
static void
unknown_frames_are_ignored (void)
{
  static const guint8 types[] = {0x77, NGHTTP2_ALTSVC, NGHTTP2_ORIGIN, NGHTTP2_PRIORITY_UPDATE};
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 0, FALSE);
  for (guint i = 0; i < 2000; i++)
    peer_frame (&peer, types[i % G_N_ELEMENTS (types)], 0xff, i % 3, "\0\0\0\1u=1", 7);
  stream = peer_request (&peer, "GET", "/text", FALSE, NULL);
  peer_run (&peer);
  g_assert_cmpuint (stream->status, ==, 200);
  g_assert_false (peer.goaway);
  peer_tear_down (&peer);
}

/* What a lively browser does is far from any limit. */
static void
modest_use_is_no_flood (void)
{
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 0, FALSE);
  for (guint second = 0; second < 100; second++)
    {
      for (guint i = 0; i < 50; i++)
        peer_frame (&peer, NGHTTP2_PING, 0, 0, "12345678", 8);
      for (guint i = 0; i < 10; i++)
        {
          stream = peer_request (&peer, "GET", "/hang", FALSE, NULL);
          peer_run (&peer);
          nghttp2_submit_rst_stream (peer.ng, 0, stream->id, NGHTTP2_CANCEL);
        }
      peer_run (&peer);
      peer.stage.loop.now += 1000;
    }
  stream = peer_request (&peer, "GET", "/text", FALSE, NULL);
  peer_run (&peer);
  g_assert_cmpuint (stream->status, ==, 200);
  g_assert_false (peer.goaway);
  peer_tear_down (&peer);
}

static void
rapid_reset_ends_the_connection (void)
{
  Peer peer;

  peer_set_up (&peer, 0, FALSE);
  for (guint i = 0; i < 1000 && !peer.goaway; i++)
    {
      PeerStream *stream = peer_request (&peer, "GET", "/hang", FALSE, NULL);

      peer_run (&peer);
      nghttp2_submit_rst_stream (peer.ng, 0, stream->id, NGHTTP2_CANCEL);
      peer_run (&peer);
    }
  g_assert_true (peer.goaway);
  g_assert_cmpuint (peer.goaway_error, ==, NGHTTP2_ENHANCE_YOUR_CALM);
  g_assert_cmpuint (http_player.starts, <, 300);
  g_assert_cmpuint (http_stage_refusals (&peer.stage, SERVE_REFUSAL_HTTP2_RESETS), ==, 1);
  peer_tear_down (&peer);
}

/* The same by provoking our RST_STREAM: a window update of nothing. */
static void
provoked_reset_ends_the_connection (void)
{
  Peer peer;

  peer_set_up (&peer, 0, FALSE);
  for (guint i = 0; i < 1000 && !peer.goaway; i++)
    {
      PeerStream *stream = peer_request (&peer, "GET", "/hang", FALSE, NULL);

      peer_run (&peer);
      peer_frame (&peer, NGHTTP2_WINDOW_UPDATE, 0, (guint32)stream->id, "\0\0\0\0", 4);
      peer_run (&peer);
    }
  g_assert_true (peer.goaway);
  g_assert_cmpuint (http_player.starts, <, 300);
  peer_tear_down (&peer);
}

static void
continuations_are_limited (void)
{
  Peer peer;

  peer_set_up (&peer, 0, FALSE);
  peer_frame (&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, "\x82\x87\x84", 3);
  for (guint i = 0; i < 50; i++)
    peer_frame (&peer, NGHTTP2_CONTINUATION, 0, 1, "\0\1a\1b", 5);
  peer_run (&peer);
  g_assert_true (peer.goaway);
  g_assert_cmpuint (peer.goaway_error, ==, NGHTTP2_ENHANCE_YOUR_CALM);
  g_assert_cmpuint (http_stage_refusals (&peer.stage, SERVE_REFUSAL_HTTP2_CONTINUATIONS), ==, 1);
  g_assert_cmpuint (http_player.starts, ==, 0);
  peer_tear_down (&peer);
}

/* What a visitor provokes and does not fetch stays within bounds, whatever he sends. */
static void
unfetched_answers_are_bounded (void)
{
  static const guint8 bad_block[] = {0x82, 0x87, 0x84, 0x01, 0x01, 'l', 0x40, 0x01, 'A', 0x01, 'b'};
  static const guint8 good_block[] = {0x82, 0x87, 0x84, 0x01, 0x01, 'l'};

  for (guint kind = 0; kind < 3; kind++)
    {
      Peer peer;

      peer_set_up (&peer, 0, FALSE);
      peer.paused = TRUE;
      for (guint i = 0; i < 5000; i++)
        {
          if (kind == 0)
            peer_frame (&peer, NGHTTP2_PING, 0, 0, "12345678", 8);
          else
            peer_frame (&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
                        2 * i + 1, kind == 1 ? bad_block : good_block,
                        kind == 1 ? sizeof bad_block : sizeof good_block);
          peer_run (&peer);
        }
      g_assert_cmpuint (nghttp2_session_get_outbound_queue_size (peer.session.ng), <, 300);
      g_assert_cmpuint (peer.stage.loop.buffers.in_use, <=, HTTP2_STREAMS_MAX + 1);
      peer_tear_down (&peer);
    }
}

static void
garbage_is_answered_with_goaway (void)
{
  Peer peer;

  peer_set_up (&peer, 0, TRUE);
  g_assert_false (http2_session_receive (&peer.session,
                                         (const guint8 *)"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27));
  g_assert_cmpuint (http_stage_refusals (&peer.stage, SERVE_REFUSAL_HTTP2_PROTOCOL), ==, 1);
  peer_tear_down (&peer);

  peer_set_up (&peer, 0, FALSE);
  peer_frame (&peer, NGHTTP2_DATA, 0, 0, "x", 1);
  peer_run (&peer);
  g_assert_cmpuint (peer.goaway_error, ==, NGHTTP2_PROTOCOL_ERROR);
  g_assert_cmpuint (http_stage_refusals (&peer.stage, SERVE_REFUSAL_HTTP2_PROTOCOL), ==, 1);
  g_assert_true (http2_session_is_over (&peer.session));
  peer_tear_down (&peer);
}

static void
end_lets_streams_finish (void)
{
  Peer peer;
  PeerStream *stream;

  peer_set_up (&peer, 20000, FALSE);
  stream = peer_request (&peer, "GET", "/big/30000", FALSE, NULL);
  peer_run (&peer);
  http2_session_end (&peer.session, 0);
  peer_run (&peer);
  g_assert_true (peer.goaway);
  g_assert_cmpuint (peer.goaway_error, ==, 0);
  g_assert_false (http2_session_is_over (&peer.session));
  nghttp2_session_consume (peer.ng, stream->id, 20000);
  peer_run (&peer);
  g_assert_cmpuint (stream->body->len, ==, 30000);
  g_assert_true (stream->ended && stream->error == 0);
  g_assert_true (http2_session_is_over (&peer.session));
  peer_tear_down (&peer);
}

static void
check_stalled (Peer *peer, guint seconds)
{
  peer->stage.loop.now += seconds * 1000;
  http2_session_check_stalled (&peer->session, peer->stage.loop.now - 60000,
                               peer->stage.loop.now - 900000);
  peer_run (peer);
}

static void
stalled_streams_are_reset (void)
{
  Peer peer;
  PeerStream *reader, *writer, *waiter, *tunnel, *grpc;

  peer_set_up (&peer, 10000, FALSE);
  reader = peer_request (&peer, "GET", "/big/50000", FALSE, NULL);
  writer = peer_request (&peer, "POST", "/hang", TRUE, NULL);
  waiter = peer_request (&peer, "GET", "/hang", FALSE, NULL);
  tunnel = peer_request_bare (&peer, TRUE, CONNECT_TO ("/tunnel"), NULL);
  grpc
      = peer_request (&peer, "POST", "/hang", TRUE, "content-type", "application/grpc+proto", NULL);
  peer_run (&peer);
  check_stalled (&peer, 59);
  g_assert_false (reader->closed || writer->closed);
  check_stalled (&peer, 2);
  g_assert_true (reader->closed && writer->closed);
  g_assert_cmpuint (reader->error, ==, NGHTTP2_CANCEL);
  g_assert_false (waiter->closed || tunnel->closed || grpc->closed);
  g_assert_cmpuint (http_stage_refusals (&peer.stage, SERVE_REFUSAL_HTTP2_STALLED), ==, 2);
  check_stalled (&peer, 900);
  g_assert_true (tunnel->closed && grpc->closed);
  g_assert_false (waiter->closed); /* it is the target's turn */
  peer_tear_down (&peer);
}

static void
clearing_cancels (void)
{
  Peer peer;

  peer_set_up (&peer, 0, FALSE);
  peer_request (&peer, "GET", "/hang", FALSE, NULL);
  peer_request (&peer, "POST", "/echo", TRUE, NULL);
  peer_run (&peer);
  peer_tear_down (&peer);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(name) g_test_add_func ("/http2-session/" #name, name)
  TEST (get_answers);
  TEST (head_alone_ends_the_stream);
  TEST (trailers_go_both_ways);
  TEST (trailers_cannot_say_what_comes_too_late);
  TEST (request_is_what_was_sent);
  TEST (host_can_stand_for_authority);
  TEST (bad_requests_are_refused);
  TEST (large_heads_are_refused);
  TEST (many_fields_are_refused);
  TEST (bodies_wait_for_who_takes_them);
  TEST (small_frames_share_buffers);
  TEST (reset_streams_leave_the_window);
  TEST (answers_wait_for_the_window);
  TEST (echo_holds_against_a_slow_reader);
  TEST (early_answer_ends_the_upload);
  TEST (aborted_answers_are_seen);
  TEST (tunnel_carries_both_ways);
  TEST (refused_tunnel_is_an_answer);
  TEST (streams_are_limited);
  TEST (streams_of_all_are_limited);
  TEST (floods_end_the_connection);
  TEST (unknown_frames_are_ignored);
  TEST (modest_use_is_no_flood);
  TEST (rapid_reset_ends_the_connection);
  TEST (provoked_reset_ends_the_connection);
  TEST (continuations_are_limited);
  TEST (unfetched_answers_are_bounded);
  TEST (garbage_is_answered_with_goaway);
  TEST (end_lets_streams_finish);
  TEST (stalled_streams_are_reset);
  TEST (clearing_cancels);
  return g_test_run ();
}
