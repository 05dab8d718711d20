/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* HTTP/1 message heads (RFC 9112) from bytes: http1-head.c tells how strict. Pure: no I/O, no
 * allocation; everything found points into the text given. */

#include "daemon/serve/http/http-fields.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP1_METHOD_MAX 32u
#define HTTP1_TARGET_MAX 8192u

enum http1_result
{
  HTTP1_OK,
  HTTP1_NEED_MORE,       /* a valid prefix as far as seen */
  HTTP1_BAD_LINE,        /* request or status line malformed */
  HTTP1_BAD_VERSION,     /* HTTP, but neither 1.0 nor 1.1 */
  HTTP1_BAD_METHOD,      /* longer than any method there is */
  HTTP1_BAD_TARGET,      /* in no form there is, or with bytes it must not have */
  HTTP1_LONG_TARGET,     /* more than HTTP1_TARGET_MAX */
  HTTP1_BAD_END,         /* a line that ends in a bare LF, or a bare CR */
  HTTP1_BAD_NAME,        /* field name: empty, not a token, or white space before the colon */
  HTTP1_BAD_VALUE,       /* field value with control characters */
  HTTP1_FOLDED,          /* a continuation line (obs-fold) */
  HTTP1_TOO_LARGE,       /* head longer than the caller allows */
  HTTP1_TOO_MANY,        /* more than HTTP_FIELDS_MAX fields */
  HTTP1_NO_HOST,         /* HTTP/1.1 without Host */
  HTTP1_BAD_HOST,        /* more than one, malformed, or another than the target's */
  HTTP1_BAD_LENGTH,      /* Content-Length twice, or not a number */
  HTTP1_BOTH_FRAMINGS,   /* Content-Length and Transfer-Encoding, or the latter in HTTP/1.0 */
  HTTP1_BAD_CODING,      /* Transfer-Encoding that does not end in one chunked */
  HTTP1_UNKNOWN_CODING,  /* a transfer coding before chunked */
  HTTP1_BAD_EXPECTATION, /* Expect with anything but 100-continue */
  HTTP1_BAD_UPGRADE,     /* Upgrade: websocket with a body or without its key */
  HTTP1_RESULTS,
};

/** http1_result_name: "bad-line", … */
const char *http1_result_name (enum http1_result result);
/** http1_result_status: what to answer a request with; 0 for OK and NEED_MORE. */
uint16_t http1_result_status (enum http1_result result);

/** http1_head_find: the length of the head at the start of @text, with its empty line; 0 if it is
 * not complete. *@scanned, 0 at first, remembers what has been looked at. *@result: NEED_MORE, or
 * BAD_END as soon as a line ends in a bare LF. */
size_t http1_head_find (const char *text, size_t len, size_t *scanned, enum http1_result *result);

enum http1_framing
{
  HTTP1_FRAMING_NONE, /* no body */
  HTTP1_FRAMING_LENGTH,
  HTTP1_FRAMING_CHUNKED,
  HTTP1_FRAMING_CLOSE, /* responses: until the connection ends */
};

struct http1_request
{
  struct http_text method;
  struct http_text target;    /* origin form, or "*" */
  struct http_text authority; /* of an absolute target, else of Host; empty without (HTTP/1.0) */
  uint8_t minor;              /* of the version: 0 or 1 */
  bool is_plain_scheme;       /* an absolute target said http: */
  bool is_connect;            /* authority form: nothing but the method is filled in */
  enum http1_framing framing;
  int64_t content_length; /* 0 without body, -1 with chunks */
  bool close;             /* Connection: close, or HTTP/1.0 without keep-alive */
  bool keep_alive;        /* Connection: keep-alive was said */
  bool expects_continue;
  bool accepts_trailers;
  bool websocket;
};

/** http1_request_parse: a whole head of exactly @len bytes, as http1_head_find() found it.
 * @fields: receives the end-to-end fields: all but Host, Content-Length, Expect, TE, Upgrade,
 * Trailer, HTTP2-Settings and the connection's own */
enum http1_result http1_request_parse (const char *text,
                                       size_t len,
                                       struct http1_request *out,
                                       struct http_fields *fields);

struct http1_response
{
  uint16_t status;
  uint8_t minor;
  enum http1_framing framing; /* as the fields have it: whether there is a body at all depends on
                                 the request and the status */
  int64_t content_length;     /* -1: not said */
  bool close;
  bool websocket;        /* Upgrade: websocket */
  uint32_t keep_alive_s; /* Keep-Alive: timeout=; 0: not said */
};

/** http1_response_parse: the same for a response. */
enum http1_result http1_response_parse (const char *text,
                                        size_t len,
                                        struct http1_response *out,
                                        struct http_fields *fields);

/** http1_trailers_parse: a trailer section of exactly @len bytes with its empty line. Fields that
 * must not stand there (RFC 9110 6.5.1) are left out. */
enum http1_result http1_trailers_parse (const char *text, size_t len, struct http_fields *fields);

/** http1_authority_split: host and port of "host[:port]"; false if malformed. @port is empty
 * without one. The host is checked for its characters only; an IPv6 address keeps its brackets. */
bool
http1_authority_split (struct http_text authority, struct http_text *host, struct http_text *port);
