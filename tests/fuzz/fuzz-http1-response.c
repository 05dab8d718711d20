/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: what a target answered: a response's head. */
#include "tests/fuzz/fuzz.h"

#include "daemon/serve/http/http1-head.h"
#include "tests/fuzz/head-witness.h"

#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  size_t scanned = 0, len = 0;
  enum http1_result result = HTTP1_NEED_MORE;
  struct http1_response response;
  struct http_fields fields;

  if (size > 0)
    len = http1_head_find (text, size, &scanned, &result);
  if (len == 0)
    return 0;
  result = http1_response_parse (text, len, &response, &fields);
  REQUIRE (result < HTTP1_RESULTS && result != HTTP1_NEED_MORE);
  if (result != HTTP1_OK)
    return 0;
  REQUIRE (response.status >= 100 && response.status <= 599);
  REQUIRE (response.framing != HTTP1_FRAMING_LENGTH || response.content_length >= 0);
  for (uint32_t i = 0; i < fields.count; i++)
    {
      const struct http_field *field = &fields.items[i];

      REQUIRE (field->name >= text && field->value + field->value_len <= text + len);
      REQUIRE (memchr (field->value, '\n', field->value_len) == NULL);
      REQUIRE (field->known != HTTP_NAME_TRANSFER_ENCODING
               && field->known != HTTP_NAME_CONTENT_LENGTH);
    }
  head_witness_check_response (text, len, &response);
  return 0;
}
