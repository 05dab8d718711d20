/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: what a visitor sent after the handshake: a request's head, and perhaps a chunked body. */
#include "tests/fuzz/fuzz.h"

#include "daemon/serve/http/http1-chunk.h"
#include "daemon/serve/http/http1-head.h"
#include "tests/fuzz/head-witness.h"

#include <string.h>

static void
check_texts (const char *text, size_t len, const struct http_fields *fields)
{
  REQUIRE (fields->count <= HTTP_FIELDS_MAX);
  for (uint32_t i = 0; i < fields->count; i++)
    {
      const struct http_field *field = &fields->items[i];

      REQUIRE (field->name_len > 0 && field->name >= text);
      REQUIRE (field->value + field->value_len <= text + len);
      REQUIRE (memchr (field->value, '\r', field->value_len) == NULL);
      REQUIRE (memchr (field->value, '\n', field->value_len) == NULL);
      REQUIRE (memchr (field->value, '\0', field->value_len) == NULL);
      REQUIRE (field->known == http_name_find (field->name, field->name_len));
      REQUIRE (field->known != HTTP_NAME_CONTENT_LENGTH && field->known != HTTP_NAME_CONNECTION
               && field->known != HTTP_NAME_TRANSFER_ENCODING && field->known != HTTP_NAME_HOST);
    }
}

/* Reads a chunked body in pieces of @step bytes. Returns the length up to the trailer section, 0 if
 * it is broken or not complete. */
static size_t
read_chunks (const uint8_t *data, size_t size, size_t step, uint64_t *total, bool *broken)
{
  struct http1_chunks chunks;
  size_t at = 0, end = 0;

  http1_chunks_init (&chunks);
  *total = 0;
  while (at < size)
    {
      size_t body, framing;

      if (at == end)
        end = at + step < size ? at + step : size;
      framing = http1_chunks_next (&chunks, data + at, end - at, &body);
      REQUIRE (framing + body <= end - at);
      at += framing;
      if (chunks.state == HTTP1_CHUNK_TRAILERS || chunks.state == HTTP1_CHUNK_BROKEN)
        break;
      REQUIRE (framing + body > 0);
      *total += body;
      at += body;
      if (body > 0)
        http1_chunks_take (&chunks, body);
    }
  *broken = chunks.state == HTTP1_CHUNK_BROKEN;
  return chunks.state == HTTP1_CHUNK_TRAILERS ? at : 0;
}

static void
check_trailers (const uint8_t *data, size_t size, size_t chunks, uint64_t total)
{
  const char *text = (const char *)data + chunks;
  struct http_fields fields;
  enum http1_result result;
  size_t scanned = 0, len;

  if (size - chunks >= 2 && memcmp (text, "\r\n", 2) == 0)
    {
      body_witness_check ((const char *)data, chunks + 2, total);
      return;
    }
  len = http1_head_find (text, size - chunks, &scanned, &result);
  if (len == 0 || http1_trailers_parse (text, len, &fields) != HTTP1_OK)
    return;
  check_texts (text, len, &fields);
  for (uint32_t i = 0; i < fields.count; i++)
    if (fields.items[i].known != HTTP_NAME_OTHER)
      return; /* http_parser looks into fields that we leave out or alone */
}

static void
check_body (const uint8_t *data, size_t size)
{
  uint64_t total, again;
  bool broken, broken_again;
  size_t len = read_chunks (data, size, size > 0 ? size : 1, &total, &broken);

  REQUIRE (len == read_chunks (data, size, 1, &again, &broken_again));
  REQUIRE (broken == broken_again && (len == 0 || total == again));
  if (len > 0)
    check_trailers (data, size, len, total);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  size_t scanned = 0, len = 0, by_bytes = 0;
  enum http1_result result, found, step_result = HTTP1_NEED_MORE;
  struct http1_request request;
  struct http_fields fields;

  if (size > 0)
    len = http1_head_find (text, size, &scanned, &found);
  else
    found = HTTP1_NEED_MORE;
  scanned = 0;
  for (size_t n = 1; n <= size && by_bytes == 0 && step_result == HTTP1_NEED_MORE; n++)
    by_bytes = http1_head_find (text, n, &scanned, &step_result);
  REQUIRE (len == by_bytes && found == step_result);
  if (len == 0)
    return 0;
  result = http1_request_parse (text, len, &request, &fields);
  REQUIRE (result < HTTP1_RESULTS && result != HTTP1_NEED_MORE);
  REQUIRE ((result == HTTP1_OK) == (http1_result_status (result) == 0));
  if (result == HTTP1_OK)
    {
      check_texts (text, len, &fields);
      REQUIRE (request.is_connect || request.target.len > 0);
      REQUIRE (!request.websocket || request.framing == HTTP1_FRAMING_NONE);
      head_witness_check (text, len, &request);
      if (request.framing == HTTP1_FRAMING_CHUNKED)
        check_body (data + len, size - len);
    }
  return 0;
}
