/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The state of an HTTP/1 connection to a visitor, for the files that make it: http1-visitor.c, with
 * the theory, reads requests and runs everything; http1-answer.c fills and sends `out`. */

#include "daemon/serve/http/exchange.h"
#include "daemon/serve/http/http-connection.h"
#include "daemon/serve/http/http1-chunk.h"

enum body_kind
{
  BODY_NONE,
  BODY_LENGTH,
  BODY_CHUNKED,
  BODY_TUNNEL,
};

/* What the running deadline is for. */
enum patience
{
  PATIENCE_NONE,
  PATIENCE_FIRST,  /* first request */
  PATIENCE_NEXT,   /* another request */
  PATIENCE_HEAD,   /* the rest of a head */
  PATIENCE_BODY,   /* of the request */
  PATIENCE_OUTPUT, /* the visitor does not read */
  PATIENCE_HALF,   /* the visitor has ended, the answer goes on */
};

struct http1
{
  struct http_connection *connection;
  struct http_exchange *x; /* NULL: between requests */
  struct serve_buffer *in;
  struct serve_buffer *out;
  struct http_text tail;

  size_t scanned; /* of in, in search of the end of a head */
  enum body_kind body;
  uint64_t body_left; /* BODY_LENGTH */
  struct http1_chunks chunks;

  uint8_t minor;        /* version of the request */
  bool keep_alive_said; /* by an HTTP/1.0 visitor */
  bool close;           /* after this answer */
  bool chunked;         /* the answer */
  bool continued;       /* 100 was sent, or the body came without it */
  bool body_blocked;    /* the answerer takes no more for now */
  bool wants_room;      /* the answerer waits for room in out */
  bool finished;        /* the answer is all in out and tail */
  bool aborted;
  bool ended;   /* the visitor has ended its side */
  bool broken;  /* TLS failed: nothing can be said any more */
  bool closing; /* close_notify is due, then lingering */
  bool shut;    /* the same was sent at the end of a tunnel's answer, whose other way goes on */
  bool running;
  bool moved; /* bytes went either way since the deadline was armed */
  uint32_t served;
  enum patience patience;
};

/** http1_visitor_ops: what answerers call. */
extern const struct http_visitor_ops http1_visitor_ops;

/** http1_buffers: the thread's pool. */
static inline struct serve_buffers *
http1_buffers (struct http1 *h)
{
  return &h->connection->loop->buffers;
}

/** http1_flush: send what is in out and tail, as far as the socket takes it. Returns whether bytes
 * went. */
bool http1_flush (struct http1 *h);
