/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A thread's pool of equal buffers, held by a flow only while bytes wait in them. */

#include "lib/wire/hello.h"
#include "lib/wire/offer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Holds a whole offer with its hello, and likewise a whole TLS record (2^14 + 256 + 5 bytes). */
#define SERVE_BUFFER_SIZE (OFFER_HEAD_MAX + HELLO_MAX)
#define SERVE_BUFFERS_IDLE_MAX 16 /* kept for the next user; more are freed */

struct serve_buffer
{
  struct serve_buffer *next;
  uint32_t start, end; /* the bytes that wait: data[start..end) */
  uint8_t data[SERVE_BUFFER_SIZE];
};

struct serve_buffers
{
  struct serve_buffer *idle;
  uint32_t idle_count;
  uint32_t in_use;
};

/* Bytes that wait, in as many buffers as they need. Who appends must have bounded them: a window of
 * HTTP/2 does. */
struct serve_chain
{
  struct serve_buffer *first, *last; /* first is NULL when nothing waits; then last is undefined */
};

/** serve_buffer_get: an empty buffer, or NULL when there is no memory. */
struct serve_buffer *serve_buffer_get (struct serve_buffers *pool);

/** serve_buffer_put: give *@buffer back, if any, and set it to NULL. */
void serve_buffer_put (struct serve_buffers *pool, struct serve_buffer **buffer);

/** serve_buffers_clear: free the idle ones. All must have been put back. */
void serve_buffers_clear (struct serve_buffers *pool);

/** serve_buffer_len: bytes that wait in @buffer; 0 for NULL. */
static inline size_t
serve_buffer_len (const struct serve_buffer *buffer)
{
  return buffer != NULL ? buffer->end - buffer->start : 0;
}

/** serve_chain_append: put @len bytes at the end. Returns false when there is no memory; what
 * fitted is kept. */
bool serve_chain_append (struct serve_buffers *pool,
                         struct serve_chain *chain,
                         const uint8_t *data,
                         size_t len);

/** serve_chain_drop_first: give the first buffer back, with what is left in it. */
void serve_chain_drop_first (struct serve_buffers *pool, struct serve_chain *chain);
