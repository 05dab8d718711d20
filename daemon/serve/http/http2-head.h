/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Field sections of HTTP/2 as they come, one field at a time, until they are complete: requests',
 * responses' and trailers (RFC 9113 8.1 to 8.3). nghttp2 has checked names, values, pseudo-fields
 * and connection-specific fields before; http2-head.c says what is checked here. */

#include "daemon/serve/http/exchange.h"

#include <nghttp2/nghttp2.h>

enum http2_pseudo
{
  HTTP2_PSEUDO_METHOD,
  HTTP2_PSEUDO_SCHEME,
  HTTP2_PSEUDO_AUTHORITY,
  HTTP2_PSEUDO_PATH,
  HTTP2_PSEUDO_PROTOCOL,
  HTTP2_PSEUDO_STATUS,
  HTTP2_PSEUDOS,
};

struct http2_head
{
  struct serve_buffer *buffer; /* holds the texts; NULL while nothing is collected */
  uint32_t size;               /* as counted against HTTP_HEAD_MAX */
  uint32_t count;              /* fields, Cookie ones as one */
  uint32_t cookie_size;        /* values of all Cookie fields, with what joins them */
  bool overflow; /* too large, or too many fields: what came later is not in the buffer */
};

/** http2_head_begin: a new section, dropping any unfinished one. False without memory. */
bool http2_head_begin (struct http2_head *head, struct serve_buffers *buffers);

/** http2_head_add: one field. False when the section is so large that no answer is worth it
 * (HTTP2_HEAD_ABUSE). */
bool http2_head_add (struct http2_head *head, struct http_text name, struct http_text value);

/* A section larger than HTTP_HEAD_MAX is refused with 431, one larger than this ends the
 * connection: decoding it costs us more than the visitor. */
#define HTTP2_HEAD_ABUSE (4u * HTTP_HEAD_MAX)

/** http2_head_request: fill the request of @x in; its texts go into the exchange's arena. @ended:
 * there is no body. Returns 0, or the status to refuse it with; then *@detail may name why. */
uint16_t http2_head_request (const struct http2_head *head,
                             struct http_exchange *x,
                             bool ended,
                             const char **detail);

/** http2_head_response: @status, and *@content_length (-1: not said). @fields: receives the
 * end-to-end fields; texts point into @head. False when it is no response. */
bool http2_head_response (const struct http2_head *head,
                          uint16_t *status,
                          int64_t *content_length,
                          struct http_fields *fields);

/** http2_head_trailers: @fields receives what may stand in a trailer section (RFC 9110 6.5.1);
 * texts point into @head. False when it was too large. */
bool http2_head_trailers (const struct http2_head *head, struct http_fields *fields);

/** http2_head_next: the field at *@at, 0 at first, and on to the next; false at the end. */
bool http2_head_next (const struct http2_head *head,
                      size_t *at,
                      struct http_text *name,
                      struct http_text *value);

/** http2_nv: a field as nghttp2 wants it; it copies, and puts names into lower case. */
nghttp2_nv http2_nv (struct http_text name, struct http_text value);
/** http2_head_nva: all fields, HTTP_FIELDS_MAX at most; returns their number. */
size_t http2_head_nva (const struct http2_head *head, nghttp2_nv *nva);

/** http2_head_end: give the buffer back. */
void http2_head_end (struct http2_head *head, struct serve_buffers *buffers);
