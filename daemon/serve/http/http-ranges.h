/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Range requests (RFC 9110 14.1.2). Pure, bounded, any thread. */

#include "daemon/serve/http/http-fields.h"

#define HTTP_RANGES_MAX 16u /* a request for more gets the whole */

/* Both ends included. */
struct http_range
{
  uint64_t first, last;
};

enum http_ranges_result
{
  HTTP_RANGES_IGNORE,        /* another unit, malformed, or abusive: answer with the whole */
  HTTP_RANGES_OK,            /* 206 */
  HTTP_RANGES_UNSATISFIABLE, /* 416 */
};

/**
 * http_ranges_parse: what the value of a Range field asks of @size bytes.
 * @out, @count: on OK the ranges that can be satisfied, in the order asked for, at least one
 *
 * Ranges that together are longer than the whole are ignored: nobody needs them, and they are how a
 * small request is made to cost much.
 */
enum http_ranges_result http_ranges_parse (struct http_text value,
                                           uint64_t size,
                                           struct http_range out[HTTP_RANGES_MAX],
                                           uint32_t *count);
