/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: a size in the first eight bytes, then the value of a Range field. */
#include "tests/fuzz/fuzz.h"

#include "daemon/serve/http/http-ranges.h"

#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct http_range ranges[HTTP_RANGES_MAX];
  struct http_text value;
  uint32_t count;
  uint64_t total = 0, length;
  enum http_ranges_result result;

  if (size < sizeof length)
    return 0;
  memcpy (&length, data, sizeof length);
  value = (struct http_text) {(const char *)data + sizeof length, (uint32_t)(size - sizeof length)};
  result = http_ranges_parse (value, length, ranges, &count);
  REQUIRE (count <= HTTP_RANGES_MAX);
  REQUIRE (result != HTTP_RANGES_OK || count > 0);
  for (uint32_t i = 0; result == HTTP_RANGES_OK && i < count; i++)
    {
      REQUIRE (ranges[i].first <= ranges[i].last && ranges[i].last < length);
      REQUIRE (ranges[i].last - ranges[i].first + 1 <= length - total);
      total += ranges[i].last - ranges[i].first + 1;
    }
  return 0;
}
