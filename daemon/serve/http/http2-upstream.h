/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Targets that are spoken to in HTTP/2 without TLS ("h2c" with prior knowledge, RFC 9113 3.3),
 * which is what gRPC servers want. An answerer like proxy.c; http2-upstream.c tells how. */

#include "daemon/serve/http/exchange.h"

#include <nghttp2/nghttp2.h>

struct http2_target;

/* What the serve thread's connections of this kind share. */
struct http2_targets
{
  nghttp2_session_callbacks *callbacks;
  nghttp2_option *options;
  struct http2_target *first;
};

/** http2_targets_init: 0 or -errno. http2_targets_clear: after all connections; harmless when init
 * failed. */
int http2_targets_init (struct http2_targets *targets);
void http2_targets_clear (struct http2_targets *targets);

/** http2_upstream_wants: whether @x, whose mount is chosen, is for this answerer: the mount says
 * h2c, or the visitor makes a gRPC call over HTTP/2 to a target without TLS. */
bool http2_upstream_wants (const struct http_exchange *x);

extern const struct http_answerer http2_upstream;
