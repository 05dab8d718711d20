/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What http_parser makes of a request head that ours has accepted. */

#include "daemon/serve/http/http1-head.h"

/** head_witness_check: abort unless http_parser takes the head of exactly @len bytes too, and sees
 * the same method, target, framing and persistence. */
void head_witness_check (const char *text, size_t len, const struct http1_request *request);

/** head_witness_check_response: the same for a response. */
void
head_witness_check_response (const char *text, size_t len, const struct http1_response *response);

/** body_witness_check: abort unless http_parser takes the chunked body of exactly @len bytes, last
 * chunk and trailers included, and finds @total bytes in it. */
void body_witness_check (const char *text, size_t len, uint64_t total);
