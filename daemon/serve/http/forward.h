/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a target is told: the request's head as the proxy sends it on. */

#include "daemon/serve/http/exchange.h"

#define FORWARD_KEY_LEN 24u /* Sec-WebSocket-Key: 16 bytes in base64 */

/** forward_head: the head for @x's mount, HTTP/1.1.
 * @key: Sec-WebSocket-Key, if the visitor sent none; NULL otherwise
 * Returns its length, or 0 if it does not fit. */
size_t forward_head (const struct http_exchange *x, const char *key, char *out, size_t room);

/** forward_is_ours: whether a field named @name says what only the node may say to a target. */
bool forward_is_ours (struct http_text name);
