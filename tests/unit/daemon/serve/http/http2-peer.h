/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A visitor that speaks HTTP/2 to an http2_session in memory: nghttp2's client, and any frame it
 * would not send. */

#include "daemon/serve/http/http2-session.h"
#include "tests/unit/daemon/serve/http/http-stage.h"

typedef struct _PeerUpload PeerUpload;

typedef struct
{
  gint32 id;
  PeerUpload *upload; /* what is still to be sent; NULL when closed */
  guint status;
  GString *informed; /* "103 " … */
  GString *head;     /* "name: value\n" … */
  GString *body;
  GString *trailers;
  gboolean headed, ended, closed;
  guint32 error; /* of the close */
} PeerStream;

typedef struct
{
  HttpStage stage;
  struct http2_shared shared;
  struct http2_session session;
  nghttp2_session *ng;
  GPtrArray *streams; /* PeerStream */
  GByteArray *raw;    /* to be sent before what nghttp2 has */
  gboolean goaway;
  guint32 goaway_error;
  gboolean paused; /* the socket takes nothing from us */
  gsize out_bytes; /* that came from the session */
} Peer;

/** peer_set_up: greeted, unless @silent. @window: ours for each stream and in all, never updated
 * automatically; 0: nghttp2's defaults. */
void peer_set_up (Peer *peer, guint window, gboolean silent);
void peer_tear_down (Peer *peer);

/** peer_request: fields are name, value, …, NULL; ":method", ":scheme", ":authority" and ":path"
 * are added first unless @bare. @has_body: more follows with peer_send. Returns the stream. */
PeerStream *peer_request (Peer *peer, const char *method, const char *path, gboolean has_body, ...)
    G_GNUC_NULL_TERMINATED;
PeerStream *peer_request_bare (Peer *peer, gboolean has_body, ...) G_GNUC_NULL_TERMINATED;

/** peer_send: bytes of the body; @trailers: "name: value" or NULL, with @end. */
void peer_send (Peer *peer, PeerStream *stream, const void *data, gsize len, gboolean end);
void peer_send_trailers (Peer *peer, PeerStream *stream, const char *name, const char *value);

/** peer_frame: a frame as raw bytes. */
void peer_frame (Peer *peer, guint8 type, guint8 flags, guint32 id, const void *payload, gsize len);

/** peer_run: carry bytes both ways until nothing moves. */
void peer_run (Peer *peer);
