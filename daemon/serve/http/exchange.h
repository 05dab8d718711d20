/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One request and its answer: the contract between those who talk to visitors and those who answer.
 *
 *   visitor side   http1-visitor.c, http2-visitor.c: parse, check, frame; own the exchange
 *   dispatch.c     takes a request whose head is complete, chooses the mount and its answerer
 *   answerer       proxy.c, files, text, redirect, error page: one struct http_answerer each
 *
 * Everything happens on the serve thread.
 *
 * Theory of operation
 *
 *   The visitor side gets an exchange from http_exchange_new(), fills in the request, and calls
 *   http_dispatch(). From then on each side calls the functions below, which call the other side's
 *   operations; a side never calls the other's operations itself.
 *
 *   NO CALLING BACK. What an answerer calls (inform, respond, reserve, commit, finish, abort,
 *   resume) only marks and copies: the visitor side never calls an answerer's operation from inside
 *   it, but acts later in the same turn (flow_again). What the visitor side calls (start, body,
 *   body_end, writable, cancel) may call any of the answerer's functions at once. So an answerer
 *   may respond and finish within start, and a visitor side must look at the exchange again after
 *   each call it makes.
 *
 *   LIFE. The visitor side frees the exchange (http_exchange_free), never inside a function that an
 *   answerer called. After http_exchange_finish(), http_exchange_abort() or its cancel operation
 *   the answerer is detached: it must have let go of its own state (x->answer) and must not use the
 *   exchange again. Once the answer has finished, what is left of the request's body is the visitor
 *   side's to throw away.
 *
 *   state        of the answer                   an answerer may call
 *   WAITING      head not given                  inform, respond, resume, abort
 *   BODY         head given                      reserve, commit, resume, finish, abort
 *   FINISHED     all given, answerer detached    nothing
 *   ABORTED      cut short, answerer detached    nothing
 *
 *   A request without body: has_body is false and body_end is never called, but in a tunnel.
 *
 * Back-pressure
 *
 *   Down: http_exchange_reserve() lends room in the visitor side's output buffer, http_exchange_
 *   commit() says how much of it was filled: no copy, no allocation. No room: the answerer stops,
 *   and its writable operation is called when there is some again. Nothing else wakes it.
 *   Up: the body operation returns how much it took. The visitor side keeps the rest (at most a
 *   buffer, or the HTTP/2 stream's window), reads no more, and offers it again after
 *   http_exchange_resume(). body_end follows once all is taken.
 *
 * Tunnels (WebSocket). The visitor side sets `websocket` for an HTTP/1.1 Upgrade or an RFC 8441
 * CONNECT and leaves method GET; an answerer that agrees responds 101, whatever the version: the
 * HTTP/2 side makes it 200. From then on `tunnel` is set and bytes go both ways by the same
 * functions until both directions have ended: body_end is the visitor's end, finish the target's,
 * and the answerer stays attached until both have happened. Any other status is an ordinary answer.
 *
 * What is in the request. Only what is end to end: the visitor side has checked the head as RFC
 * 9112 or 9113 demand, taken out Host, Content-Length, Expect, TE, Upgrade and all connection
 * fields (RFC 9110 7.6.1), and put what they mean into the members below. Cookie fields of HTTP/2
 * are joined into one. All texts lie in the exchange's arena and stay as long as it does.
 *
 * What goes into a response. Only what is end to end: an answerer gives status, fields and length;
 * framing is the visitor side's. Fields need to live only during the call.
 *
 * To add an answerer: write a struct http_answerer in a file of its own and name it in the table of
 * dispatch.c. */

#include "daemon/serve/http/http-fields.h"
#include "daemon/serve/http/mount-table.h"
#include "daemon/serve/serve-loop.h"

/* A whole head, be it a request's or a response's: start line, fields, empty line. It leaves room
 * in a serve_buffer for what the engine adds. */
#define HTTP_HEAD_MAX 15360u
#define HTTP_ARENA_SIZE (HTTP_HEAD_MAX + 4096u)

enum http_state
{
  HTTP_STATE_WAITING,
  HTTP_STATE_BODY,
  HTTP_STATE_FINISHED,
  HTTP_STATE_ABORTED,
};

enum http_version
{
  HTTP_VERSION_1_0,
  HTTP_VERSION_1_1,
  HTTP_VERSION_2,
};

struct http_exchange;
struct http_engine;

struct http_request
{
  struct http_text method;
  struct http_text authority; /* host and perhaps port, as asked for; checked against the share */
  struct http_text target;    /* path and query as sent: begins with "/", or is "*" */
  enum http_version version;
  int64_t content_length; /* -1: not known beforehand */
  bool has_body;
  bool is_head;          /* method is HEAD */
  bool expects_continue; /* Expect: 100-continue, and nothing of the body has come */
  bool accepts_trailers; /* TE: trailers */
  bool websocket;        /* wants a tunnel */
  struct http_fields fields;
};

struct http_response
{
  uint16_t status;
  int64_t content_length;           /* -1: not known. What a GET would have, for HEAD and 304 */
  const struct http_fields *fields; /* NULL: none */
};

/* Implemented by a visitor side; called by the functions below only, in the states allowed. */
struct http_visitor_ops
{
  void (*inform) (struct http_exchange *x, const struct http_response *response);
  void (*respond) (struct http_exchange *x, const struct http_response *response);
  uint8_t *(*reserve) (struct http_exchange *x, size_t *room);
  void (*commit) (struct http_exchange *x, size_t len);
  /* @trailers: NULL for none. */
  void (*finish) (struct http_exchange *x, const struct http_fields *trailers);
  /* The answer cannot be completed: the visitor must see that (HTTP/1: the connection ends without
   * last chunk; HTTP/2: RST_STREAM INTERNAL_ERROR). */
  void (*abort) (struct http_exchange *x);
  void (*resume) (struct http_exchange *x);
};

/* Implemented by an answerer; called by the functions below only. */
struct http_answerer
{
  const char *name;
  /* The head is complete and x->mount chosen. Must lead to an answer, now or later. */
  void (*start) (struct http_exchange *x);
  /* Bytes of the request's body; returns how many were taken. NULL: all are thrown away. */
  size_t (*body) (struct http_exchange *x, const uint8_t *data, size_t len);
  /* The body is complete. @trailers: NULL for none. May be NULL. */
  void (*body_end) (struct http_exchange *x, const struct http_fields *trailers);
  /* There is room again after reserve had given none. May be NULL if reserve is never used. */
  void (*writable) (struct http_exchange *x);
  /* The visitor is gone, or no longer wants the answer: let go of everything. May be NULL. */
  void (*cancel) (struct http_exchange *x);
};

struct http_exchange
{
  struct serve_loop *loop;
  struct flow *flow;             /* the visitor's connection */
  struct share_entry *share;     /* reference; as it was when the request came */
  const FunnelServeMount *mount; /* of that share; set by dispatch */
  struct mount_match match;      /* how it fits; set by dispatch, its texts lie in the arena */

  const struct http_visitor_ops *visitor_ops;
  void *visitor;                        /* the visitor side's */
  const struct http_answerer *answerer; /* NULL: detached */
  void *answer;                         /* the answerer's */

  enum http_state state;
  bool tunnel;
  bool body_ended; /* all of the request's body was passed on, or there is none */
  bool finished;   /* finish was called; in a tunnel the answerer may still be attached */
  bool bodiless;   /* the answer has no body: what is committed is thrown away */
  int64_t left;    /* body bytes of the answer to come; -1: not known */

  /* For the request log. */
  uint16_t status;
  uint64_t began_at;  /* milliseconds */
  uint64_t bytes_out; /* body bytes committed */

  struct http_exchange *next; /* in the engine's pool */
  uint32_t arena_used;
  struct http_request request; /* up to its fields, everything is 0 in a new exchange */
  char arena[HTTP_ARENA_SIZE];
};

/* --- for the visitor side --- */

/** http_exchange_new: an empty exchange for a request on @flow, out of a pool; NULL without memory.
 */
struct http_exchange *http_exchange_new (struct serve_loop *loop,
                                         struct flow *flow,
                                         const struct http_visitor_ops *ops,
                                         void *visitor);
/** http_exchange_free: cancels first what is still attached. */
void http_exchange_free (struct http_exchange *x);

/** http_dispatch: the request's head is complete and checked: choose who answers and let it start.
 * It decides what no visitor side knows about: 421, 401, 404. */
void http_dispatch (struct http_exchange *x);

/** http_exchange_body: pass bytes of the body on; returns how many were taken. Takes all once the
 * answerer is detached. */
size_t http_exchange_body (struct http_exchange *x, const uint8_t *data, size_t len);
/** http_exchange_body_end: after all bytes were taken. @trailers: NULL for none. */
void http_exchange_body_end (struct http_exchange *x, const struct http_fields *trailers);
/** http_exchange_writable: there is room again. */
void http_exchange_writable (struct http_exchange *x);
/** http_exchange_cancel: the visitor is gone, took too long, or broke the protocol. */
void http_exchange_cancel (struct http_exchange *x);
/** http_exchange_recall: detach the answerer only, so that the visitor side can answer with an
 * error itself, if the state is still WAITING. */
void http_exchange_recall (struct http_exchange *x);

/** http_response_has_body: whether a response with @status to @x has one (RFC 9110 6.4.1). */
bool http_response_has_body (const struct http_exchange *x, uint16_t status);

/* --- for answerers --- */

/** http_exchange_inform: a 1xx response but 101. Dropped where the visitor cannot have it. */
void http_exchange_inform (struct http_exchange *x, const struct http_response *response);
/** http_exchange_respond: the head of the answer; 101 begins a tunnel. */
void http_exchange_respond (struct http_exchange *x, const struct http_response *response);
/** http_exchange_reserve: where to put the next bytes of the body, and how many fit; NULL when none
 * do, then wait for writable. The room stays lent until commit or the end of the turn. */
uint8_t *http_exchange_reserve (struct http_exchange *x, size_t *room);
/** http_exchange_commit: @len bytes of the room lent were filled; 0 gives it back. For answers
 * without body (HEAD) bytes are thrown away. */
void http_exchange_commit (struct http_exchange *x, size_t len);
/** http_exchange_write: copy what fits of @data; returns how much that was. */
size_t http_exchange_write (struct http_exchange *x, const void *data, size_t len);
/** http_exchange_finish: the answer is complete. Detaches, but see tunnels. */
void http_exchange_finish (struct http_exchange *x, const struct http_fields *trailers);
/** http_exchange_abort: the answer cannot be completed. In state WAITING too (nothing was said: the
 * connection or stream just ends); prefer http_answer_error() there. Detaches. */
void http_exchange_abort (struct http_exchange *x);
/** http_exchange_resume: the body operation, which took less than all, would take more now. */
void http_exchange_resume (struct http_exchange *x);

/** http_answer_memory: answer with @len bytes at @data, which must live as long as the exchange or
 * its share, in state WAITING. @response: its content_length is set here. Detaches the caller. */
void http_answer_memory (struct http_exchange *x,
                         struct http_response *response,
                         const void *data,
                         size_t len);
/** http_answer_error: answer with a small page of the node's own, in state WAITING. Detaches.
 * @retry_after_s: for Retry-After; 0: none
 * @detail: a sentence for the visitor, or NULL for the status's own */
void http_answer_error (struct http_exchange *x,
                        uint16_t status,
                        unsigned int retry_after_s,
                        const char *detail);
/** http_answer_error_with: the same with more fields. */
void http_answer_error_with (struct http_exchange *x,
                             uint16_t status,
                             const struct http_fields *fields,
                             const char *detail);

/** http_exchange_ip: the visitor's address, for fields and logs. */
const struct address *http_exchange_ip (const struct http_exchange *x);

/** http_exchange_is_grpc: whether the visitor makes a gRPC call, by its content type: such a stream
 * may be silent for long. */
bool http_exchange_is_grpc (const struct http_exchange *x);

/** http_exchange_alloc: memory that lives as long as the exchange; NULL when the arena is full. */
void *http_exchange_alloc (struct http_exchange *x, size_t size);
/** http_exchange_printf: a text in the arena; .data is NULL when it is full. */
struct http_text http_exchange_printf (struct http_exchange *x, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/* Answerers of dispatch.c's table. */
extern const struct http_answerer http_proxy;
extern const struct http_answerer http_files;
extern const struct http_answerer http_text_mount;
extern const struct http_answerer http_redirect;

/** http_status_phrase: "Not Found"; "" for one without. */
const char *http_status_phrase (uint16_t status);
