/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Reading the chunked transfer coding (RFC 9112 7.1). Pure; bytes in any pieces. */

#include <stddef.h>
#include <stdint.h>

#define HTTP1_CHUNK_LINE_MAX 256u        /* size and extensions of a chunk */
#define HTTP1_CHUNK_EXTENSIONS_MAX 8192u /* extensions of all chunks of a body together */

enum http1_chunk_state
{
  HTTP1_CHUNK_SIZE,      /* hexadecimal digits */
  HTTP1_CHUNK_SPACE,     /* white space after them */
  HTTP1_CHUNK_EXTENSION, /* what follows up to CR */
  HTTP1_CHUNK_SIZE_LF,   /* the LF of that line */
  HTTP1_CHUNK_DATA,      /* `left` bytes */
  HTTP1_CHUNK_DATA_CR,   /* the CRLF after them */
  HTTP1_CHUNK_DATA_LF,
  HTTP1_CHUNK_TRAILERS, /* all chunks are over: the trailer section is the caller's */
  HTTP1_CHUNK_BROKEN,
};

struct http1_chunks
{
  enum http1_chunk_state state;
  uint32_t digits;     /* of the size */
  uint32_t line;       /* bytes of the line with the size */
  uint32_t extensions; /* bytes of extensions of the whole body */
  uint64_t left;
};

/** http1_chunks_init: before the first chunk. */
void http1_chunks_init (struct http1_chunks *chunks);

/** http1_chunks_next: read on at @data. Returns how many of the bytes were framing; at the byte
 * after them there is, by state:
 *   DATA      *@body > 0 bytes of the body: take any number of them and tell http1_chunks_take()
 *   TRAILERS  the trailer section
 *   BROKEN    what must not be there
 *   others    nothing: all was used up, more is needed */
size_t
http1_chunks_next (struct http1_chunks *chunks, const uint8_t *data, size_t len, size_t *body);
void http1_chunks_take (struct http1_chunks *chunks, size_t taken);
