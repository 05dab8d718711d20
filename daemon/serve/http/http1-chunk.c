/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Strict where readers have differed, which is what smuggling lives of: a size is 1 to 15 digits
 * without sign or "0x"; lines end in CRLF only; after the data comes CRLF and nothing else. White
 * space is taken before and inside extensions only ("BWS"). Extensions are skipped, but hold no
 * control characters, and are limited in sum, so that tiny chunks with long extensions cost the
 * sender. */

#include "daemon/serve/http/http1-chunk.h"

#include <stdbool.h>

#define DIGITS_MAX 15u

void
http1_chunks_init (struct http1_chunks *chunks)
{
  *chunks = (struct http1_chunks) {.state = HTTP1_CHUNK_SIZE};
}

static int
digit_value (uint8_t byte)
{
  if (byte >= '0' && byte <= '9')
    return byte - '0';
  if (byte >= 'a' && byte <= 'f')
    return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F')
    return byte - 'A' + 10;
  return -1;
}

static enum http1_chunk_state
read_size (struct http1_chunks *chunks, uint8_t byte)
{
  int value = digit_value (byte);

  if (value >= 0)
    {
      chunks->left = chunks->left << 4 | (unsigned int)value;
      return ++chunks->digits <= DIGITS_MAX ? HTTP1_CHUNK_SIZE : HTTP1_CHUNK_BROKEN;
    }
  if (chunks->digits == 0)
    return HTTP1_CHUNK_BROKEN;
  if (byte == '\r')
    return HTTP1_CHUNK_SIZE_LF;
  if (byte == ';')
    return HTTP1_CHUNK_EXTENSION;
  return byte == ' ' || byte == '\t' ? HTTP1_CHUNK_SPACE : HTTP1_CHUNK_BROKEN;
}

/* Between the size and the semicolon of an extension. */
static enum http1_chunk_state
read_space (struct http1_chunks *chunks, uint8_t byte)
{
  if (++chunks->line > HTTP1_CHUNK_LINE_MAX)
    return HTTP1_CHUNK_BROKEN;
  if (byte == '\r')
    return HTTP1_CHUNK_SIZE_LF;
  if (byte == ';')
    return HTTP1_CHUNK_EXTENSION;
  return byte == ' ' || byte == '\t' ? HTTP1_CHUNK_SPACE : HTTP1_CHUNK_BROKEN;
}

static enum http1_chunk_state
read_extension (struct http1_chunks *chunks, uint8_t byte)
{
  chunks->extensions++;
  if (++chunks->line > HTTP1_CHUNK_LINE_MAX || chunks->extensions > HTTP1_CHUNK_EXTENSIONS_MAX)
    return HTTP1_CHUNK_BROKEN;
  if (byte == '\r')
    return HTTP1_CHUNK_SIZE_LF;
  return byte == '\t' || (byte >= ' ' && byte != 0x7f) ? HTTP1_CHUNK_EXTENSION : HTTP1_CHUNK_BROKEN;
}

static enum http1_chunk_state
end_line (struct http1_chunks *chunks, uint8_t byte)
{
  if (byte != '\n')
    return HTTP1_CHUNK_BROKEN;
  return chunks->left > 0 ? HTTP1_CHUNK_DATA : HTTP1_CHUNK_TRAILERS;
}

static enum http1_chunk_state
end_data (struct http1_chunks *chunks, uint8_t byte)
{
  if (byte != '\n')
    return HTTP1_CHUNK_BROKEN;
  chunks->digits = chunks->line = 0;
  return HTTP1_CHUNK_SIZE;
}

static enum http1_chunk_state
step (struct http1_chunks *chunks, uint8_t byte)
{
  switch (chunks->state)
    {
    case HTTP1_CHUNK_SIZE:
      return read_size (chunks, byte);
    case HTTP1_CHUNK_SPACE:
      return read_space (chunks, byte);
    case HTTP1_CHUNK_EXTENSION:
      return read_extension (chunks, byte);
    case HTTP1_CHUNK_SIZE_LF:
      return end_line (chunks, byte);
    case HTTP1_CHUNK_DATA_CR:
      return byte == '\r' ? HTTP1_CHUNK_DATA_LF : HTTP1_CHUNK_BROKEN;
    case HTTP1_CHUNK_DATA_LF:
      return end_data (chunks, byte);
    default:
      return HTTP1_CHUNK_BROKEN;
    }
}

static bool
is_framing (enum http1_chunk_state state)
{
  return state != HTTP1_CHUNK_DATA && state != HTTP1_CHUNK_TRAILERS && state != HTTP1_CHUNK_BROKEN;
}

size_t
http1_chunks_next (struct http1_chunks *chunks, const uint8_t *data, size_t len, size_t *body)
{
  size_t i = 0;

  while (i < len && is_framing (chunks->state))
    chunks->state = step (chunks, data[i++]);
  *body = 0;
  if (chunks->state == HTTP1_CHUNK_DATA)
    *body = len - i < chunks->left ? len - i : (size_t)chunks->left;
  return i;
}

void
http1_chunks_take (struct http1_chunks *chunks, size_t taken)
{
  chunks->left -= taken;
  if (chunks->left == 0)
    chunks->state = HTTP1_CHUNK_DATA_CR;
}
