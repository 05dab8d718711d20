/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: lines, each a condition's number and its value. */
#include "tests/fuzz/fuzz.h"

#include "daemon/serve/http/http-conditions.h"
#include "daemon/serve/http/http-date.h"

#include <string.h>

#define NOW 1792713600

static const enum http_name names[]
    = {HTTP_NAME_IF_MATCH, HTTP_NAME_IF_NONE_MATCH, HTTP_NAME_IF_MODIFIED_SINCE,
       HTTP_NAME_IF_UNMODIFIED_SINCE, HTTP_NAME_IF_RANGE};

/* What is read as a date is printed and read again as the same. */
static void
check_date (struct http_text value)
{
  int64_t seconds, again;
  char out[HTTP_DATE_SIZE];

  if (!http_date_parse (value, NOW, &seconds))
    return;
  REQUIRE (http_date_parse (http_date_print (seconds, out), NOW, &again));
  REQUIRE (again == seconds || seconds > 253402300799);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct http_validators validators = {.etag = "\"1a-2b\"", .modified = 784111777, .now = NOW};
  struct http_fields fields = {.count = 0};
  char *exact = malloc (size > 0 ? size : 1);
  bool has_tag = false;

  REQUIRE (exact != NULL);
  memcpy (exact, data, size);
  for (size_t at = 0; at + 1 < size && fields.count < HTTP_FIELDS_MAX;)
    {
      const char *line = exact + at + 1;
      const char *end = memchr (line, '\n', size - at - 1);
      size_t len = end != NULL ? (size_t)(end - line) : size - at - 1;
      enum http_name name = names[(uint8_t)exact[at] % 5];

      check_date ((struct http_text) {line, (uint32_t)len});
      has_tag |= memmem (line, len, "1a-2b", 5) != NULL || memchr (line, '*', len) != NULL;
      fields.items[fields.count++] = (struct http_field) {
          .name = "x", .name_len = 1, .value = line, .value_len = (uint16_t)len, .known = name};
      at += len + 2;
    }
  REQUIRE (http_conditions_judge (&fields, &validators) <= HTTP_CONDITION_FAILED);
  http_conditions_range_applies (&fields, &validators);
  validators.modified = INT64_MAX; /* later than any date: only a tag can make it "not modified" */
  REQUIRE (has_tag || http_conditions_judge (&fields, &validators) != HTTP_CONDITION_NOT_MODIFIED);
  free (exact);
  return 0;
}
