/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/http-conditions.h"

#include "daemon/serve/http/http-date.h"

#include <string.h>

static bool
is_weak (struct http_text tag)
{
  return tag.len >= 2 && memcmp (tag.data, "W/", 2) == 0;
}

static struct http_text
without_weakness (struct http_text tag)
{
  if (is_weak (tag))
    return (struct http_text) {tag.data + 2, tag.len - 2};
  return tag;
}

static bool
same_tag (struct http_text a, struct http_text b, bool strong)
{
  if (strong && (is_weak (a) || is_weak (b)))
    return false;
  a = without_weakness (a);
  b = without_weakness (b);
  return a.len == b.len && memcmp (a.data, b.data, a.len) == 0;
}

/* The length of the entity tag (8.8.3) at the beginning of @text, or 0. A backslash escapes
 * nothing in it. */
static uint32_t
tag_len (struct http_text text)
{
  uint32_t i = is_weak (text) ? 2 : 0;

  if (i >= text.len || text.data[i] != '"')
    return 0;
  for (i++; i < text.len && text.data[i] != '"'; i++)
    if ((uint8_t)text.data[i] < 0x21 || text.data[i] == 0x7f)
      return 0;
  return i < text.len ? i + 1 : 0;
}

static uint32_t
skip_separators (struct http_text text, uint32_t at)
{
  while (at < text.len && (text.data[at] == ' ' || text.data[at] == '\t' || text.data[at] == ','))
    at++;
  return at;
}

static bool
list_has_tag (struct http_text list, struct http_text tag, bool strong)
{
  uint32_t at = skip_separators (list, 0);

  if (list.len - at == 1 && list.data[at] == '*')
    return true;
  while (at < list.len)
    {
      struct http_text rest = {list.data + at, list.len - at};
      uint32_t len = tag_len (rest);

      if (len == 0)
        return false;
      if (same_tag ((struct http_text) {rest.data, len}, tag, strong))
        return true;
      at = skip_separators (list, at + len);
    }
  return false;
}

/* Whether there is such a field; *@matches whether any of them has @tag. */
static bool
judge_tags (const struct http_fields *fields,
            enum http_name name,
            const char *tag,
            bool strong,
            bool *matches)
{
  struct http_text wanted = {tag, (uint32_t)strlen (tag)};
  bool is_there = false;

  *matches = false;
  for (uint32_t i = 0; i < fields->count; i++)
    if (fields->items[i].known == name)
      {
        is_there = true;
        *matches |= list_has_tag (http_field_value (&fields->items[i]), wanted, strong);
      }
  return is_there;
}

/* The date of the only field of that name, if there is one that is well-formed. */
static bool
find_date (const struct http_fields *fields, enum http_name name, int64_t now, int64_t *seconds)
{
  const struct http_field *found = NULL;

  for (uint32_t i = 0; i < fields->count; i++)
    {
      if (fields->items[i].known != name)
        continue;
      if (found != NULL)
        return false;
      found = &fields->items[i];
    }
  return found != NULL && http_date_parse (http_field_value (found), now, seconds);
}

enum http_condition
http_conditions_judge (const struct http_fields *fields, const struct http_validators *validators)
{
  int64_t date;
  bool matches;

  if (judge_tags (fields, HTTP_NAME_IF_MATCH, validators->etag, true, &matches))
    {
      if (!matches)
        return HTTP_CONDITION_FAILED;
    }
  else if (find_date (fields, HTTP_NAME_IF_UNMODIFIED_SINCE, validators->now, &date)
           && validators->modified > date)
    return HTTP_CONDITION_FAILED;
  if (judge_tags (fields, HTTP_NAME_IF_NONE_MATCH, validators->etag, false, &matches))
    return matches ? HTTP_CONDITION_NOT_MODIFIED : HTTP_CONDITION_PROCEED;
  if (find_date (fields, HTTP_NAME_IF_MODIFIED_SINCE, validators->now, &date)
      && validators->modified <= date)
    return HTTP_CONDITION_NOT_MODIFIED;
  return HTTP_CONDITION_PROCEED;
}

bool
http_conditions_range_applies (const struct http_fields *fields,
                               const struct http_validators *validators)
{
  struct http_text etag = {validators->etag, (uint32_t)strlen (validators->etag)};
  const struct http_field *found = NULL;
  struct http_text value;
  int64_t date;

  for (uint32_t i = 0; i < fields->count; i++)
    {
      if (fields->items[i].known != HTTP_NAME_IF_RANGE)
        continue;
      if (found != NULL)
        return false;
      found = &fields->items[i];
    }
  if (found == NULL)
    return true;
  value = http_field_value (found);
  if (tag_len (value) == value.len && value.len > 0)
    return same_tag (value, etag, true);
  return http_date_parse (value, validators->now, &date) && date == validators->modified
         && validators->modified < validators->now;
}
