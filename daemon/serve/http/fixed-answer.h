/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the node's own answers (files, texts, redirects) have in common. The serve thread. */

#include "daemon/serve/http/exchange.h"

/** fixed_answer_method: whether @x asks by GET or HEAD. If not it has been answered: OPTIONS with
 * what is allowed, anything else with 405. */
bool fixed_answer_method (struct http_exchange *x);

/** fixed_answer_path: the path of @x as the visitor asked for it, for a Location field: without dot
 * segments, beginning with exactly one slash, and with everything encoded that a browser might take
 * for something else (a backslash for a slash) or that does not belong into a field.
 * @end: appended in front of the query: "" or "/"
 * In the arena; .data is NULL when that is full. */
struct http_text fixed_answer_path (struct http_exchange *x, const char *end);
