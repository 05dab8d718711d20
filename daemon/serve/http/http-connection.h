/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A visitor's connection to an HTTP share: TLS, and on top of it the version of HTTP that ALPN
 * chose.
 *
 * To add a version: write a struct http_protocol in a file of its own and name it in the table of
 * http-connection.c. */

#include "daemon/serve/serve-loop.h"
#include "daemon/serve/tls-stream.h"

struct http_connection
{
  struct serve_loop *loop;
  struct flow *flow;
  struct tls_stream tls;
  const struct http_protocol *protocol; /* NULL while hands are shaken */
  void *state;                          /* the protocol's */
};

struct http_protocol
{
  const char *alpn;
  /* TLS stands. Returns 0 or -errno. on_event follows at once. */
  int (*start) (struct http_connection *connection);
  /* @events: epoll's for the socket, of which connection->tls knows; 0: asked for by flow_again().
   * Calls flow_end() or flow_linger() when the connection is over; the latter frees it. */
  void (*on_event) (struct http_connection *connection, uint32_t events);
  void (*on_deadline) (struct http_connection *connection, enum serve_queue queue);
  /* Free the state; cancel what is under way. */
  void (*close) (struct http_connection *connection);
};

extern const struct http_protocol http1_protocol;
extern const struct http_protocol http2_protocol;

/** http_connection_note_in: @len plain bytes came; http_connection_note_out: went. */
void http_connection_note_in (struct http_connection *connection, size_t len);
void http_connection_note_out (struct http_connection *connection, size_t len);
