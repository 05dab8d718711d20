/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/http-ranges.h"

#include <string.h>

static const char unit[] = "bytes=";
#define UNIT_LEN (sizeof unit - 1)

/* One element of the list; a number that is too large is UINT64_MAX, which no size reaches. */
struct spec
{
  bool has_first, has_last;
  uint64_t first, last;
};

static bool
read_number (struct http_text *text, uint64_t *value)
{
  uint32_t digits = 0;

  *value = 0;
  while (digits < text->len && text->data[digits] >= '0' && text->data[digits] <= '9')
    {
      uint64_t digit = (uint64_t)(text->data[digits] - '0');

      *value = *value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *value * 10 + digit;
      digits++;
    }
  text->data += digits;
  text->len -= digits;
  return digits > 0;
}

static bool
read_spec (struct http_text text, struct spec *out)
{
  out->has_first = read_number (&text, &out->first);
  if (text.len == 0 || text.data[0] != '-')
    return false;
  text.data++;
  text.len--;
  out->has_last = read_number (&text, &out->last);
  if (text.len > 0 || (!out->has_first && !out->has_last))
    return false;
  return !out->has_first || !out->has_last || out->first <= out->last;
}

/* Whether @spec can be satisfied, and how. */
static bool
resolve (const struct spec *spec, uint64_t size, struct http_range *out)
{
  if (!spec->has_first)
    {
      out->first = spec->last < size ? size - spec->last : 0;
      out->last = size - 1;
      return spec->last > 0 && size > 0;
    }
  out->first = spec->first;
  out->last = spec->has_last && spec->last < size ? spec->last : size - 1;
  return spec->first < size;
}

static bool
is_unit (struct http_text value)
{
  for (size_t i = 0; i < UNIT_LEN; i++)
    if (i >= value.len || (value.data[i] | 0x20) != (unit[i] | 0x20))
      return false;
  return value.data[UNIT_LEN - 1] == '=';
}

/* The next element without white space; false at the end. May be empty. */
static bool
next_element (struct http_text *rest, struct http_text *element)
{
  const char *comma;

  if (rest->data == NULL)
    return false;
  comma = rest->len > 0 ? memchr (rest->data, ',', rest->len) : NULL;
  *element = *rest;
  if (comma != NULL)
    {
      element->len = (uint32_t)(comma - rest->data);
      rest->data = comma + 1;
      rest->len -= element->len + 1;
    }
  else
    *rest = (struct http_text) {NULL, 0};
  while (element->len > 0 && (element->data[0] == ' ' || element->data[0] == '\t'))
    {
      element->data++;
      element->len--;
    }
  while (element->len > 0
         && (element->data[element->len - 1] == ' ' || element->data[element->len - 1] == '\t'))
    element->len--;
  return true;
}

enum http_ranges_result
http_ranges_parse (struct http_text value,
                   uint64_t size,
                   struct http_range out[HTTP_RANGES_MAX],
                   uint32_t *count)
{
  struct http_text rest, element;
  uint32_t specs = 0;
  uint64_t total = 0;

  *count = 0;
  if (!is_unit (value))
    return HTTP_RANGES_IGNORE;
  rest = (struct http_text) {value.data + UNIT_LEN, value.len - (uint32_t)UNIT_LEN};
  while (next_element (&rest, &element))
    {
      struct spec spec;
      struct http_range range;

      if (element.len == 0)
        continue;
      if (!read_spec (element, &spec) || ++specs > HTTP_RANGES_MAX)
        return HTTP_RANGES_IGNORE;
      if (!resolve (&spec, size, &range))
        continue;
      if (range.last - range.first + 1 > size - total)
        return HTTP_RANGES_IGNORE;
      total += range.last - range.first + 1;
      out[(*count)++] = range;
    }
  if (specs == 0)
    return HTTP_RANGES_IGNORE;
  return *count > 0 ? HTTP_RANGES_OK : HTTP_RANGES_UNSATISFIABLE;
}
