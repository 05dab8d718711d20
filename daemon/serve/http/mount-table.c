/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/mount-table.h"

#include <string.h>

/* Where the clean path grows. */
struct path
{
  char *text;
  uint32_t len;
};

static int
hex_value (char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte at text[*at], decoded; *at moves behind it. The text was checked to be well-formed. */
static uint8_t
next_byte (struct http_text text, uint32_t *at)
{
  const char *p = text.data + *at;

  if (*p != '%')
    {
      (*at)++;
      return (uint8_t)*p;
    }
  *at += 3;
  return (uint8_t)(hex_value (p[1]) << 4 | hex_value (p[2]));
}

static bool
is_well_formed (struct http_text path)
{
  if (path.len == 0 || path.data[0] != '/')
    return false;
  for (uint32_t i = 0; i < path.len; i++)
    {
      uint8_t c = (uint8_t)path.data[i];

      if (c <= ' ' || c == 0x7f || c == '#')
        return false;
      if (c != '%')
        continue;
      if (path.len - i < 3 || hex_value (path.data[i + 1]) < 0 || hex_value (path.data[i + 2]) < 0
          || (path.data[i + 1] == '0' && path.data[i + 2] == '0'))
        return false;
    }
  return true;
}

enum segment
{
  SEGMENT_PLAIN,
  SEGMENT_DOT,
  SEGMENT_DOT_DOT,
  SEGMENT_BAD, /* not "..", but somebody may read it so */
};

/* A piece of a segment: the whole, or what stands between encoded slashes and backslashes. */
struct piece
{
  uint32_t dots;
  bool has_other;
  bool has_parameters;
};

static bool
is_dots (const struct piece *piece)
{
  return !piece->has_other && piece->dots >= 1 && piece->dots <= 2;
}

static enum segment
judge_segment (struct http_text segment)
{
  struct piece piece = {0};
  bool is_divided = false, has_dots = false;

  for (uint32_t at = 0; at < segment.len;)
    {
      uint8_t c = next_byte (segment, &at);

      if (c == '/' || c == '\\')
        {
          has_dots |= is_dots (&piece);
          is_divided = true;
          piece = (struct piece) {0};
        }
      else if (c == ';' && !piece.has_parameters)
        piece.has_parameters = true;
      else if (c == '.' && !piece.has_parameters)
        piece.dots++;
      else if (!piece.has_parameters)
        piece.has_other = true;
    }
  has_dots |= is_dots (&piece);
  if (!has_dots)
    return SEGMENT_PLAIN;
  if (is_divided || piece.has_parameters)
    return SEGMENT_BAD;
  return piece.dots == 1 ? SEGMENT_DOT : SEGMENT_DOT_DOT;
}

/* Takes the last segment away, and empty ones behind it; what is left ends with "/". */
static void
drop_segment (struct path *path)
{
  while (path->len > 1 && path->text[path->len - 1] == '/')
    path->len--;
  while (path->len > 1 && path->text[path->len - 1] != '/')
    path->len--;
}

/* Rules 3 and 4; the result has at least "/". */
static bool
clean_path (struct http_text path, struct path *out)
{
  uint32_t at = 1;

  out->text[0] = '/';
  out->len = 1;
  while (at < path.len)
    {
      const char *start = path.data + at;
      const char *slash = memchr (start, '/', path.len - at);
      struct http_text segment = {start, slash != NULL ? (uint32_t)(slash - start) : path.len - at};
      enum segment kind = judge_segment (segment);

      if (kind == SEGMENT_BAD)
        return false;
      if (kind == SEGMENT_DOT_DOT)
        drop_segment (out);
      if (kind == SEGMENT_PLAIN)
        {
          memcpy (out->text + out->len, segment.data, segment.len);
          out->len += segment.len;
          if (slash != NULL)
            out->text[out->len++] = '/';
        }
      at += segment.len + 1;
    }
  return true;
}

static uint32_t
skip_slashes (struct http_text text, uint32_t at)
{
  while (at < text.len && text.data[at] == '/')
    at++;
  return at;
}

/* How much of @path the canonical @mount_path covers; UINT32_MAX if it does not fit. */
static uint32_t
match_prefix (struct http_text path, const char *mount_path)
{
  uint32_t at = 0;

  if (strcmp (mount_path, "/") == 0)
    return 0;
  for (const char *p = mount_path; *p != '\0'; p++)
    {
      if (at >= path.len)
        return UINT32_MAX;
      if (*p == '/' && path.data[at] == '/')
        at = skip_slashes (path, at);
      else if (path.data[at] == '/' || next_byte (path, &at) != (uint8_t)*p || *p == '/')
        return UINT32_MAX;
    }
  return at == path.len || path.data[at] == '/' ? at : UINT32_MAX;
}

static void
split (struct http_text path, uint32_t prefix_len, struct mount_match *out)
{
  uint32_t rest = skip_slashes (path, prefix_len);

  out->prefix = (struct http_text) {path.data, prefix_len};
  if (rest > prefix_len)
    rest--;
  out->rest = (struct http_text) {path.data + rest, path.len - rest};
}

enum mount_result
mount_table_find (const GPtrArray *mounts,
                  struct http_text target,
                  char *room,
                  struct mount_match *out)
{
  const char *mark = memchr (target.data, '?', target.len);
  struct http_text path = {target.data, mark != NULL ? (uint32_t)(mark - target.data) : target.len};
  struct path clean = {.text = room};
  uint32_t prefix_len = 0;
  size_t best = 0;

  *out = (struct mount_match) {.query = {target.data + path.len, target.len - path.len}};
  if (target.len == 1 && target.data[0] == '*')
    return MOUNT_ASTERISK;
  if (!is_well_formed (path) || !clean_path (path, &clean))
    return MOUNT_BAD_PATH;
  path = (struct http_text) {clean.text, clean.len};
  for (guint i = 0; i < mounts->len; i++)
    {
      const FunnelServeMount *mount = g_ptr_array_index (mounts, i);
      uint32_t len = match_prefix (path, mount->path);

      if (len == UINT32_MAX || strlen (mount->path) <= best)
        continue;
      best = strlen (mount->path);
      prefix_len = len;
      out->mount = mount;
    }
  if (out->mount == NULL)
    return MOUNT_NONE;
  split (path, prefix_len, out);
  return MOUNT_FOUND;
}

static void
append (char *out, size_t cap, size_t *len, const char *text, size_t text_len)
{
  if (*len <= cap && text_len <= cap - *len && text_len > 0)
    memcpy (out + *len, text, text_len);
  *len += text_len;
}

size_t
mount_match_forward (const struct mount_match *match, char *out, size_t cap)
{
  const char *base = match->mount->base_path != NULL ? match->mount->base_path : "";
  struct http_text prefix = match->prefix;
  size_t base_len = strlen (base);
  size_t len = 0;
  bool keeps = match->mount->keep_prefix && prefix.len > 0;

  /* Slashes at the join are one. */
  if (base_len > 0 && base[base_len - 1] == '/' && (match->rest.len > 0 || keeps))
    base_len--;
  append (out, cap, &len, base, base_len);
  if (keeps)
    {
      uint32_t start = skip_slashes (prefix, 0) - 1;

      append (out, cap, &len, prefix.data + start, prefix.len - start);
    }
  append (out, cap, &len, match->rest.data, match->rest.len);
  if (len == 0)
    append (out, cap, &len, "/", 1);
  append (out, cap, &len, match->query.data, match->query.len);
  return len <= cap ? len : 0;
}

bool
mount_match_decode (const struct mount_match *match, char *out, bool *is_folder)
{
  struct http_text rest = match->rest;
  size_t len = 0;

  *is_folder = rest.len > 0 && rest.data[rest.len - 1] == '/';
  for (uint32_t at = 0; at < rest.len;)
    {
      bool is_separator = rest.data[at] == '/';
      uint8_t c = next_byte (rest, &at);

      if (c == '/' && !is_separator)
        return false;
      if (!is_separator || (len > 0 && out[len - 1] != '/'))
        out[len++] = (char)c;
    }
  while (len > 0 && out[len - 1] == '/')
    len--;
  out[len] = '\0';
  return true;
}
