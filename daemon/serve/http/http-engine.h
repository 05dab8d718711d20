/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What all HTTP of a serve thread shares: the pool of exchanges, the connections to targets, the
 * date. Made with the loop and freed after its flows and watches. */

#include "daemon/serve/http/exchange.h"
#include "daemon/serve/http/http-date.h"
#include "daemon/serve/http/http2-session.h"
#include "daemon/serve/http/http2-upstream.h"
#include "daemon/serve/http/upstream-pool.h"

#define HTTP_EXCHANGES_MAX 8192u    /* in use at once; more requests are answered 503 */
#define HTTP_EXCHANGES_IDLE_MAX 16u /* kept for the next request */

struct http_engine
{
  struct http_exchange *idle;
  uint32_t idle_count, in_use;
  struct upstream_pool upstreams;
  struct http2_shared http2; /* with visitors */
  struct http2_targets http2_targets;
  uint64_t date_at; /* loop's milliseconds of the text below, in whole seconds */
  char date[HTTP_DATE_SIZE];
};

/** http_engine_new: NULL without memory. */
struct http_engine *http_engine_new (void);
/** http_engine_free: everything must have been given back. */
void http_engine_free (struct http_engine *engine);

/** http_engine_date: the present date as fields want it (RFC 9110 5.6.7). */
struct http_text http_engine_date (struct serve_loop *loop);
