/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the load generator asks of the far end. The order travels in the 32 random bytes of a real
 * TLS 1.3 ClientHello, so that it passes every proxy untouched and each connection can ask for
 * something else. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_HELLO_LEN 517 /* bytes on the wire: the size browsers padded to for years */

enum order_kind
{
  ORDER_REPLY, /* send count bytes, then end as `closer` says */
  ORDER_SINK,  /* read count bytes, answer with their number in 8 bytes, end */
  ORDER_KINDS,
};

enum order_closer
{
  ORDER_CLOSER_VISITOR,
  ORDER_CLOSER_NODE,
  ORDER_CLOSERS,
};

struct order
{
  enum order_kind kind;
  enum order_closer closer;
  uint64_t count;
};

/** order_write_hello: a complete ClientHello for @name (at most 200 bytes) carrying @order. */
void order_write_hello (const struct order *order, const char *name, uint8_t out[ORDER_HELLO_LEN]);

/** order_set: put another order into a hello already written. */
void order_set (const struct order *order, uint8_t hello[ORDER_HELLO_LEN]);

/** order_read: the order in a complete hello; false if these bytes are no hello of this bench. */
bool order_read (const uint8_t hello[ORDER_HELLO_LEN], struct order *out);
