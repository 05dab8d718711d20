/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Conditional requests (RFC 9110 13), judged in the order of 13.2.2. Pure, any thread. */

#include "daemon/serve/http/http-fields.h"

#define HTTP_ETAG_SIZE 64

/* What is known of a representation that exists. */
struct http_validators
{
  char etag[HTTP_ETAG_SIZE]; /* with its quotes, and W/ if weak */
  int64_t modified;          /* Unix seconds */
  int64_t now;               /* the same; a date is a strong validator when it lies before it */
};

enum http_condition
{
  HTTP_CONDITION_PROCEED,
  HTTP_CONDITION_NOT_MODIFIED, /* 304 */
  HTTP_CONDITION_FAILED,       /* 412 */
};

/** http_conditions_judge: what If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since
 * of a GET or HEAD request say. Dates that are malformed or stand twice are ignored, entity tags
 * that are malformed match nothing. */
enum http_condition
http_conditions_judge (const struct http_fields *fields, const struct http_validators *validators);

/** http_conditions_range_applies: whether Range is to be honoured: there is no If-Range, or it
 * names this very representation (strong comparison). */
bool http_conditions_range_applies (const struct http_fields *fields,
                                    const struct http_validators *validators);
