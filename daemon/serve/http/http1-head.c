/* SPDX-License-Identifier: GPL-3.0-or-later */

/* HTTP/1 heads, read once and strictly.
 *
 * Why not http_parser, the one Debian 12 has: its maintainers have given it up; it takes bare LF
 * for the end of a line, folded lines, and any name that begins with Transfer-Encoding for it; and
 * a second, strict reader in front of it would have to find every line and every field itself: two
 * readers of one head are what request smuggling lives of. So there is one reader, and http_parser
 * is its witness: the fuzzers demand that what is accepted here means the same to it.
 *
 * Strict means: lines end in CRLF and nothing else; a name is a token with the colon right behind
 * it; a value has no control characters but tab; no folded lines; one Content-Length at most, in
 * digits; Transfer-Encoding is exactly "chunked", never together with Content-Length and never in
 * HTTP/1.0; one Host in HTTP/1.1, equal to the authority of an absolute target (RFC 9112 2.2, 3.2,
 * 5, 6). A target is visible ASCII. The only latitude is one empty line in front of a request (2.2)
 * and, in a response, a status line without reason (4).
 *
 * Order. Framing is judged after all fields are read, so the first malformed line names the error.
 * O(length); a head is looked at twice, once for its end and once for its content. */

#include "daemon/serve/http/http1-head.h"

#include <assert.h>
#include <string.h>

static const struct
{
  const char *name;
  uint16_t status;
} results[] = {
    [HTTP1_OK] = {"ok", 0},
    [HTTP1_NEED_MORE] = {"need-more", 0},
    [HTTP1_BAD_LINE] = {"bad-line", 400},
    [HTTP1_BAD_VERSION] = {"bad-version", 505},
    [HTTP1_BAD_METHOD] = {"bad-method", 501},
    [HTTP1_BAD_TARGET] = {"bad-target", 400},
    [HTTP1_LONG_TARGET] = {"long-target", 414},
    [HTTP1_BAD_END] = {"bad-end", 400},
    [HTTP1_BAD_NAME] = {"bad-name", 400},
    [HTTP1_BAD_VALUE] = {"bad-value", 400},
    [HTTP1_FOLDED] = {"folded", 400},
    [HTTP1_TOO_LARGE] = {"too-large", 431},
    [HTTP1_TOO_MANY] = {"too-many", 431},
    [HTTP1_NO_HOST] = {"no-host", 400},
    [HTTP1_BAD_HOST] = {"bad-host", 400},
    [HTTP1_BAD_LENGTH] = {"bad-length", 400},
    [HTTP1_BOTH_FRAMINGS] = {"both-framings", 400},
    [HTTP1_BAD_CODING] = {"bad-coding", 400},
    [HTTP1_UNKNOWN_CODING] = {"unknown-coding", 501},
    [HTTP1_BAD_EXPECTATION] = {"bad-expectation", 417},
    [HTTP1_BAD_UPGRADE] = {"bad-upgrade", 400},
};
static_assert (sizeof results / sizeof results[0] == HTTP1_RESULTS, "a row per result");

#define LENGTH_DIGITS_MAX 18u

/* tchar of RFC 9110 5.6.2. */
static const bool is_token[256] = {
    ['!'] = true,         ['#'] = true,         ['$'] = true,         ['%'] = true, ['&'] = true,
    ['\''] = true,        ['*'] = true,         ['+'] = true,         ['-'] = true, ['.'] = true,
    ['^'] = true,         ['_'] = true,         ['`'] = true,         ['|'] = true, ['~'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

/* What a field value may consist of. */
static const bool is_value[256] = {
    ['\t'] = true,
    [' ' ... '~'] = true,
    [0x80 ... 0xff] = true,
};

/* Reads lines off a head. */
struct reader
{
  const char *at, *end;
};

const char *
http1_result_name (enum http1_result result)
{
  return results[result].name;
}

uint16_t
http1_result_status (enum http1_result result)
{
  return results[result].status;
}

size_t
http1_head_find (const char *text, size_t len, size_t *scanned, enum http1_result *result)
{
  const char *at = text + *scanned;
  const char *lf;

  *result = HTTP1_NEED_MORE;
  while ((lf = memchr (at, '\n', (size_t)(text + len - at))) != NULL)
    {
      size_t line = (size_t)(lf - text);

      at = lf + 1;
      *scanned = line + 1;
      if (line == 0 || text[line - 1] != '\r')
        {
          *result = HTTP1_BAD_END;
          return 0;
        }
      /* The line is empty when the one before it ends right in front of its CR; the very first
       * line may be empty (RFC 9112 2.2). */
      if (line >= 3 && text[line - 2] == '\n')
        return line + 1;
    }
  *scanned = len;
  return 0;
}

/* The next line without its CRLF; the head is known to have one. */
static struct http_text
next_line (struct reader *reader)
{
  const char *lf = memchr (reader->at, '\n', (size_t)(reader->end - reader->at));
  struct http_text line = {reader->at, 0};

  if (lf == NULL || lf == reader->at)
    {
      reader->at = reader->end;
      return line;
    }
  line.len = (uint32_t)(lf - 1 - reader->at);
  reader->at = lf + 1;
  return line;
}

static bool
is_all (struct http_text text, const bool allowed[256])
{
  for (uint32_t i = 0; i < text.len; i++)
    if (!allowed[(unsigned char)text.data[i]])
      return false;
  return true;
}

static struct http_text
trim (struct http_text text)
{
  while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
    {
      text.data++;
      text.len--;
    }
  while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
    text.len--;
  return text;
}

static enum http1_result
read_field (struct http_text line, struct http_fields *fields)
{
  struct http_text name = {line.data, 0};
  struct http_text value;

  if (line.data[0] == ' ' || line.data[0] == '\t')
    return HTTP1_FOLDED;
  while (name.len < line.len && is_token[(unsigned char)line.data[name.len]])
    name.len++;
  if (name.len == 0 || name.len == line.len || line.data[name.len] != ':')
    return memchr (line.data, '\r', line.len) != NULL ? HTTP1_BAD_END : HTTP1_BAD_NAME;
  value = trim ((struct http_text) {line.data + name.len + 1, line.len - name.len - 1});
  if (!is_all (value, is_value))
    return memchr (value.data, '\r', value.len) != NULL ? HTTP1_BAD_END : HTTP1_BAD_VALUE;
  return http_fields_add (fields, name, value) ? HTTP1_OK : HTTP1_TOO_MANY;
}

static enum http1_result
read_fields (struct reader *reader, struct http_fields *fields)
{
  enum http1_result result = HTTP1_OK;

  fields->count = 0;
  while (result == HTTP1_OK && reader->at < reader->end)
    {
      struct http_text line = next_line (reader);

      if (line.len == 0)
        break;
      result = read_field (line, fields);
    }
  return result;
}

/* --- what fields say together --- */

struct framing
{
  uint32_t lengths, codings;
  int64_t content_length;
  bool chunked, unknown_coding, bad_coding, bad_length;
};

static void
note_length (struct framing *framing, struct http_text value)
{
  int64_t length = 0;

  framing->lengths++;
  if (value.len == 0 || value.len > LENGTH_DIGITS_MAX)
    framing->bad_length = true;
  for (uint32_t i = 0; i < value.len && !framing->bad_length; i++)
    if (value.data[i] < '0' || value.data[i] > '9')
      framing->bad_length = true;
    else
      length = length * 10 + (value.data[i] - '0');
  framing->content_length = length;
}

/* Other readers see other things in a list with empty elements, so "chunked" stands alone. */
static void
note_coding (struct framing *framing, struct http_text value)
{
  struct http_text element;

  framing->codings++;
  if (framing->codings == 1 && http_text_is (value, HTTP_TEXT ("chunked")))
    {
      framing->chunked = true;
      return;
    }
  framing->bad_coding |= framing->chunked; /* chunked must be the last, and once */
  framing->chunked = false;
  while (http_list_next (&value, &element))
    {
      framing->bad_coding |= framing->chunked;
      framing->chunked = http_text_is (element, HTTP_TEXT ("chunked"));
      framing->unknown_coding |= !framing->chunked;
    }
  framing->bad_coding |= !framing->unknown_coding;
}

static enum http1_result
judge_framing (const struct framing *framing, uint8_t minor)
{
  if (framing->lengths > 1 || framing->bad_length)
    return HTTP1_BAD_LENGTH;
  if (framing->codings > 0 && (framing->lengths > 0 || minor == 0))
    return HTTP1_BOTH_FRAMINGS;
  if (framing->codings > 0 && (framing->bad_coding || !framing->chunked))
    return HTTP1_BAD_CODING;
  return framing->unknown_coding ? HTTP1_UNKNOWN_CODING : HTTP1_OK;
}

struct connection_options
{
  bool close, keep_alive, upgrade;
  bool names_others; /* fields of this connection only */
};

static void
note_connection (struct connection_options *options, struct http_text value)
{
  struct http_text element;

  while (http_list_next (&value, &element))
    if (http_text_is (element, HTTP_TEXT ("close")))
      options->close = true;
    else if (http_text_is (element, HTTP_TEXT ("keep-alive")))
      options->keep_alive = true;
    else if (http_text_is (element, HTTP_TEXT ("upgrade")))
      options->upgrade = true;
    else
      options->names_others = true;
}

static bool
list_has (struct http_text value, struct http_text wanted)
{
  struct http_text element;

  while (http_list_next (&value, &element))
    if (http_text_is (element, wanted))
      return true;
  return false;
}

static bool
is_of_connection (const struct http_field *field)
{
  switch (field->known)
    {
    case HTTP_NAME_CONNECTION:
    case HTTP_NAME_CONTENT_LENGTH:
    case HTTP_NAME_EXPECT:
    case HTTP_NAME_HOST:
    case HTTP_NAME_HTTP2_SETTINGS:
    case HTTP_NAME_KEEP_ALIVE:
    case HTTP_NAME_PROXY_CONNECTION:
    case HTTP_NAME_TE:
    case HTTP_NAME_TRAILER:
    case HTTP_NAME_TRANSFER_ENCODING:
    case HTTP_NAME_UPGRADE:
      return true;
    default:
      return false;
    }
}

static bool
is_nominated (const struct http_fields *fields, const struct http_field *field)
{
  for (uint32_t i = 0; i < fields->count; i++)
    if (fields->items[i].known == HTTP_NAME_CONNECTION
        && list_has (http_field_value (&fields->items[i]), http_field_name (field)))
      return true;
  return false;
}

/* Leaves only what is end to end. */
static void
strip (struct http_fields *fields, const struct connection_options *options)
{
  uint32_t kept = 0;

  /* Names that Connection lists go first, while it can still be read. */
  if (options->names_others)
    for (uint32_t i = 0; i < fields->count; i++)
      if (!is_of_connection (&fields->items[i]) && is_nominated (fields, &fields->items[i]))
        fields->items[i].known = HTTP_NAME_KEEP_ALIVE;
  for (uint32_t i = 0; i < fields->count; i++)
    if (!is_of_connection (&fields->items[i]))
      fields->items[kept++] = fields->items[i];
  fields->count = kept;
}

/* --- requests --- */

static bool
is_visible (struct http_text text)
{
  for (uint32_t i = 0; i < text.len; i++)
    if (text.data[i] <= ' ' || text.data[i] >= 0x7f || text.data[i] == '#')
      return false;
  return true;
}

bool
http1_authority_split (struct http_text authority, struct http_text *host, struct http_text *port)
{
  uint32_t i = 0;

  if (authority.len > 0 && authority.data[0] == '[')
    {
      const char *end = memchr (authority.data, ']', authority.len);

      if (end == NULL)
        return false;
      i = (uint32_t)(end - authority.data) + 1;
    }
  else
    while (i < authority.len && authority.data[i] != ':')
      i++;
  *host = (struct http_text) {authority.data, i};
  *port = (struct http_text) {authority.data + i, 0};
  for (uint32_t k = 0; k < host->len; k++)
    if (strchr ("/\\@?#,\"<>", host->data[k]) != NULL || host->data[k] <= ' '
        || host->data[k] >= 0x7f)
      return false;
  if (i == authority.len)
    return i > 0;
  if (authority.data[i] != ':' || authority.len - i > 6)
    return false;
  *port = (struct http_text) {authority.data + i + 1, authority.len - i - 1};
  for (uint32_t k = 0; k < port->len; k++)
    if (port->data[k] < '0' || port->data[k] > '9')
      return false;
  return i > 0;
}

static bool
starts_with (struct http_text text, struct http_text start)
{
  return text.len >= start.len && http_text_is ((struct http_text) {text.data, start.len}, start);
}

/* "http://host/path" */
static enum http1_result
read_absolute (struct http_text target, struct http1_request *out)
{
  uint32_t scheme = starts_with (target, HTTP_TEXT ("https://"))  ? 8
                    : starts_with (target, HTTP_TEXT ("http://")) ? 7
                                                                  : 0;
  struct http_text host, port;
  uint32_t i = scheme;

  if (scheme == 0)
    return HTTP1_BAD_TARGET;
  while (i < target.len && target.data[i] != '/' && target.data[i] != '?')
    i++;
  out->is_plain_scheme = scheme == 7;
  out->authority = (struct http_text) {target.data + scheme, i - scheme};
  if (!http1_authority_split (out->authority, &host, &port))
    return HTTP1_BAD_TARGET;
  if (i == target.len)
    out->target = HTTP_TEXT ("/");
  else if (target.data[i] == '/')
    out->target = (struct http_text) {target.data + i, target.len - i};
  else
    return HTTP1_BAD_TARGET; /* "https://host?query": nobody sends it, and it has no path to match
                              */
  return HTTP1_OK;
}

static enum http1_result
read_target (struct http_text target, struct http1_request *out)
{
  if (target.len == 0 || !is_visible (target))
    return HTTP1_BAD_TARGET;
  if (target.len > HTTP1_TARGET_MAX)
    return HTTP1_LONG_TARGET;
  out->target = target;
  if (http_text_is (out->method, HTTP_TEXT ("CONNECT")))
    {
      out->is_connect = true;
      return HTTP1_OK;
    }
  if (target.data[0] == '/')
    return HTTP1_OK;
  if (target.len == 1 && target.data[0] == '*')
    return http_text_is (out->method, HTTP_TEXT ("OPTIONS")) ? HTTP1_OK : HTTP1_BAD_TARGET;
  return read_absolute (target, out);
}

static enum http1_result
read_version (struct http_text version, uint8_t *minor)
{
  if (version.len != 8 || memcmp (version.data, "HTTP/", 5) != 0 || version.data[6] != '.'
      || version.data[5] < '0' || version.data[5] > '9' || version.data[7] < '0'
      || version.data[7] > '9')
    return HTTP1_BAD_LINE;
  if (version.data[5] != '1' || version.data[7] > '1')
    return HTTP1_BAD_VERSION;
  *minor = (uint8_t)(version.data[7] - '0');
  return HTTP1_OK;
}

static enum http1_result
read_request_line (struct http_text line, struct http1_request *out)
{
  const char *end = line.data + line.len;
  const char *at = line.data;
  const char *space;
  enum http1_result result;

  if (memchr (line.data, '\r', line.len) != NULL)
    return HTTP1_BAD_END;
  while (at < end && is_token[(unsigned char)*at])
    at++;
  out->method = (struct http_text) {line.data, (uint32_t)(at - line.data)};
  if (out->method.len == 0 || at == end || *at != ' ')
    return HTTP1_BAD_LINE;
  if (out->method.len > HTTP1_METHOD_MAX)
    return HTTP1_BAD_METHOD;
  at++;
  space = memchr (at, ' ', (size_t)(end - at));
  if (space == NULL)
    return HTTP1_BAD_LINE;
  result = read_version ((struct http_text) {space + 1, (uint32_t)(end - space - 1)}, &out->minor);
  if (result == HTTP1_OK)
    result = read_target ((struct http_text) {at, (uint32_t)(space - at)}, out);
  return result;
}

struct request_facts
{
  struct framing framing;
  struct connection_options connection;
  uint32_t hosts;
  struct http_text host;
  bool upgrades_to_websocket, has_key, bad_expectation;
};

static void
note_request_field (struct request_facts *facts,
                    struct http1_request *out,
                    const struct http_field *field)
{
  struct http_text value = http_field_value (field);

  switch (field->known)
    {
    case HTTP_NAME_HOST:
      facts->hosts++;
      facts->host = value;
      break;
    case HTTP_NAME_CONTENT_LENGTH:
      note_length (&facts->framing, value);
      break;
    case HTTP_NAME_TRANSFER_ENCODING:
      note_coding (&facts->framing, value);
      break;
    case HTTP_NAME_CONNECTION:
      note_connection (&facts->connection, value);
      break;
    case HTTP_NAME_EXPECT:
      if (http_text_is (value, HTTP_TEXT ("100-continue")))
        out->expects_continue = true;
      else
        facts->bad_expectation = true;
      break;
    case HTTP_NAME_TE:
      if (list_has (value, HTTP_TEXT ("trailers")))
        out->accepts_trailers = true;
      break;
    case HTTP_NAME_UPGRADE:
      if (list_has (value, HTTP_TEXT ("websocket")))
        facts->upgrades_to_websocket = true;
      break;
    case HTTP_NAME_SEC_WEBSOCKET_KEY:
      facts->has_key = value.len > 0;
      break;
    default:
      break;
    }
}

static enum http1_result
judge_host (const struct request_facts *facts, struct http1_request *out)
{
  struct http_text host, port;

  if (facts->hosts == 0)
    return out->minor == 0 ? HTTP1_OK : HTTP1_NO_HOST;
  if (facts->hosts > 1 || !http1_authority_split (facts->host, &host, &port))
    return HTTP1_BAD_HOST;
  if (out->authority.len > 0 && !http_text_is (out->authority, facts->host))
    return HTTP1_BAD_HOST;
  out->authority = facts->host;
  return HTTP1_OK;
}

static enum http1_result
judge_upgrade (const struct request_facts *facts, struct http1_request *out)
{
  if (!facts->upgrades_to_websocket || !facts->connection.upgrade || out->minor == 0)
    return HTTP1_OK;
  if (!http_text_is (out->method, HTTP_TEXT ("GET")))
    return HTTP1_OK;
  if (!facts->has_key || out->framing != HTTP1_FRAMING_NONE)
    return HTTP1_BAD_UPGRADE;
  out->websocket = true;
  return HTTP1_OK;
}

static enum http1_result
judge_request (const struct request_facts *facts, struct http1_request *out)
{
  enum http1_result result = judge_framing (&facts->framing, out->minor);

  if (result == HTTP1_OK)
    result = judge_host (facts, out);
  if (result != HTTP1_OK)
    return result;
  if (facts->framing.chunked)
    {
      out->framing = HTTP1_FRAMING_CHUNKED;
      out->content_length = -1;
    }
  else if (facts->framing.lengths > 0 && facts->framing.content_length > 0)
    {
      out->framing = HTTP1_FRAMING_LENGTH;
      out->content_length = facts->framing.content_length;
    }
  out->keep_alive = facts->connection.keep_alive;
  out->close = facts->connection.close || (out->minor == 0 && !out->keep_alive);
  if (out->minor == 0 || out->framing == HTTP1_FRAMING_NONE)
    out->expects_continue = false;
  else if (facts->bad_expectation)
    return HTTP1_BAD_EXPECTATION;
  return judge_upgrade (facts, out);
}

enum http1_result
http1_request_parse (const char *text,
                     size_t len,
                     struct http1_request *out,
                     struct http_fields *fields)
{
  struct reader reader = {text, text + len};
  struct request_facts facts = {0};
  struct http_text line;
  enum http1_result result;

  *out = (struct http1_request) {0};
  fields->count = 0;
  line = next_line (&reader);
  if (line.len == 0)
    line = next_line (&reader); /* RFC 9112 2.2 */
  result = read_request_line (line, out);
  if (result == HTTP1_OK)
    result = read_fields (&reader, fields);
  if (result != HTTP1_OK)
    return result;
  for (uint32_t i = 0; i < fields->count; i++)
    note_request_field (&facts, out, &fields->items[i]);
  result = judge_request (&facts, out);
  strip (fields, &facts.connection);
  return result;
}

/* --- responses --- */

static enum http1_result
read_status_line (struct http_text line, struct http1_response *out)
{
  enum http1_result result;

  if (line.len < 12 || line.data[8] != ' ')
    return HTTP1_BAD_LINE;
  result = read_version ((struct http_text) {line.data, 8}, &out->minor);
  if (result != HTTP1_OK)
    return result;
  for (int i = 9; i < 12; i++)
    if (line.data[i] < '0' || line.data[i] > '9')
      return HTTP1_BAD_LINE;
  out->status
      = (uint16_t)((line.data[9] - '0') * 100 + (line.data[10] - '0') * 10 + (line.data[11] - '0'));
  if (out->status < 100 || out->status > 599)
    return HTTP1_BAD_LINE;
  if (line.len > 12
      && (line.data[12] != ' '
          || !is_all ((struct http_text) {line.data + 12, line.len - 12}, is_value)))
    return HTTP1_BAD_LINE;
  return HTTP1_OK;
}

/* Keep-Alive: timeout=5, max=100 */
static uint32_t
read_timeout (struct http_text value)
{
  struct http_text element;
  uint32_t seconds = 0;

  while (http_list_next (&value, &element))
    {
      if (!starts_with (element, HTTP_TEXT ("timeout=")) || element.len > 8 + 6)
        continue;
      for (uint32_t i = 8; i < element.len && element.data[i] >= '0' && element.data[i] <= '9'; i++)
        seconds = seconds * 10 + (uint32_t)(element.data[i] - '0');
    }
  return seconds;
}

static void
note_response_field (struct framing *framing,
                     struct connection_options *connection,
                     struct http1_response *out,
                     const struct http_field *field)
{
  struct http_text value = http_field_value (field);

  switch (field->known)
    {
    case HTTP_NAME_CONTENT_LENGTH:
      note_length (framing, value);
      break;
    case HTTP_NAME_TRANSFER_ENCODING:
      note_coding (framing, value);
      break;
    case HTTP_NAME_CONNECTION:
      note_connection (connection, value);
      break;
    case HTTP_NAME_KEEP_ALIVE:
      out->keep_alive_s = read_timeout (value);
      break;
    case HTTP_NAME_UPGRADE:
      if (list_has (value, HTTP_TEXT ("websocket")))
        out->websocket = true;
      break;
    default:
      break;
    }
}

enum http1_result
http1_response_parse (const char *text,
                      size_t len,
                      struct http1_response *out,
                      struct http_fields *fields)
{
  struct reader reader = {text, text + len};
  struct framing framing = {0};
  struct connection_options connection = {0};
  enum http1_result result;

  *out = (struct http1_response) {.content_length = -1};
  fields->count = 0;
  result = read_status_line (next_line (&reader), out);
  if (result == HTTP1_OK)
    result = read_fields (&reader, fields);
  if (result != HTTP1_OK)
    return result;
  for (uint32_t i = 0; i < fields->count; i++)
    note_response_field (&framing, &connection, out, &fields->items[i]);
  result = judge_framing (&framing, out->minor);
  out->close = connection.close || (out->minor == 0 && !connection.keep_alive);
  out->framing = framing.chunked       ? HTTP1_FRAMING_CHUNKED
                 : framing.lengths > 0 ? HTTP1_FRAMING_LENGTH
                                       : HTTP1_FRAMING_CLOSE;
  if (framing.lengths > 0)
    out->content_length = framing.content_length;
  strip (fields, &connection);
  return result;
}

/* --- trailers --- */

/* Framing, routing, authentication and what says how to read the content make no sense there. */
static bool
is_fit_for_trailers (const struct http_field *field)
{
  switch (field->known)
    {
    case HTTP_NAME_AUTHORIZATION:
    case HTTP_NAME_CONTENT_TYPE:
    case HTTP_NAME_COOKIE:
    case HTTP_NAME_FORWARDED:
    case HTTP_NAME_RANGE:
    case HTTP_NAME_X_FORWARDED_FOR:
    case HTTP_NAME_X_FORWARDED_HOST:
    case HTTP_NAME_X_FORWARDED_PORT:
    case HTTP_NAME_X_FORWARDED_PROTO:
    case HTTP_NAME_X_REAL_IP:
      return false;
    default:
      return !is_of_connection (field);
    }
}

enum http1_result
http1_trailers_parse (const char *text, size_t len, struct http_fields *fields)
{
  struct reader reader = {text, text + len};
  enum http1_result result = read_fields (&reader, fields);
  uint32_t kept = 0;

  for (uint32_t i = 0; i < fields->count; i++)
    if (is_fit_for_trailers (&fields->items[i]))
      fields->items[kept++] = fields->items[i];
  fields->count = kept;
  return result;
}
