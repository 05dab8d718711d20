/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Offer heads, read and written: theory of operation.
 *
 * Both readers go through a head line by line, from its first byte, each time they are called: a
 * head is at most 1 KiB and nearly always arrives whole. Every complete line is judged before the
 * next is looked at, so a fault is found as soon as its line has ended, and a final result is that
 * of every longer input. The request line, being a constant, is judged byte by byte.
 *
 * Strictness is deliberate. The node listens where only the ingress should be able to connect, but
 * a hostile ingress, or a browser tricked into talking to that port, must find exactly one shape of
 * request that works: no LF line ends, no folded lines, no body, no Origin. */
#include "lib/wire/offer.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static const char request_line[] = "POST /v1/offer HTTP/1.1\r\n";
#define REQUEST_METHOD_LEN 5 /* "POST " */
#define REQUEST_PATH_LEN 15  /* "POST /v1/offer " */

static const char answer_start[] = "HTTP/1.1 ";
#define STATUS_END 12 /* "HTTP/1.1 101" */

static const char *const reason_texts[] = {
    [OFFER_REASON_NONE] = "none",
    [OFFER_REASON_NO_SHARE] = "no-share",
    [OFFER_REASON_NOT_ALLOWED] = "not-allowed",
    [OFFER_REASON_BUSY] = "busy",
    [OFFER_REASON_TARGET_DOWN] = "target-down",
    [OFFER_REASON_NAME_MISMATCH] = "name-mismatch",
    [OFFER_REASON_EXPIRED] = "expired",
    [OFFER_REASON_NOT_TLS] = "not-tls",
    [OFFER_REASON_RATE] = "rate",
    [OFFER_REASON_OTHER] = "other",
};
static_assert (sizeof reason_texts / sizeof reason_texts[0] == OFFER_REASON_OTHER + 1,
               "one text per offer_reason");

/* Headers that mean something to one of the readers. */
enum field
{
  FIELD_HOST,
  FIELD_CONNECTION,
  FIELD_UPGRADE,
  FIELD_SOURCE,
  FIELD_TARGET,
  FIELD_DESTINATION,
  FIELD_FLOW,
  FIELD_REASON,
  FIELD_ORIGIN,
  FIELD_REFERER,
  FIELD_CONTENT_LENGTH,
  FIELD_TRANSFER_ENCODING,
  FIELD_UNKNOWN,
};

#define FIELD_BIT(field) (1u << (field))
#define REQUEST_FIELDS                                                                             \
  (FIELD_BIT (FIELD_HOST) | FIELD_BIT (FIELD_CONNECTION) | FIELD_BIT (FIELD_UPGRADE)               \
   | FIELD_BIT (FIELD_SOURCE) | FIELD_BIT (FIELD_TARGET) | FIELD_BIT (FIELD_FLOW))
#define FORBIDDEN_FIELDS                                                                           \
  (FIELD_BIT (FIELD_ORIGIN) | FIELD_BIT (FIELD_REFERER) | FIELD_BIT (FIELD_CONTENT_LENGTH)         \
   | FIELD_BIT (FIELD_TRANSFER_ENCODING))
#define ACCEPT_FIELDS (FIELD_BIT (FIELD_CONNECTION) | FIELD_BIT (FIELD_UPGRADE))

static const char *const field_names[] = {
    [FIELD_HOST] = "Host",
    [FIELD_CONNECTION] = "Connection",
    [FIELD_UPGRADE] = "Upgrade",
    [FIELD_SOURCE] = "Funnel-Source",
    [FIELD_TARGET] = "Funnel-Target",
    [FIELD_DESTINATION] = "Funnel-Destination",
    [FIELD_FLOW] = "Funnel-Flow",
    [FIELD_REASON] = "Funnel-Reason",
    [FIELD_ORIGIN] = "Origin",
    [FIELD_REFERER] = "Referer",
    [FIELD_CONTENT_LENGTH] = "Content-Length",
    [FIELD_TRANSFER_ENCODING] = "Transfer-Encoding",
};
static_assert (sizeof field_names / sizeof field_names[0] == FIELD_UNKNOWN,
               "one name per known field");

/* Faults that belong to no known header; they stand where its name would. */
static const char fault_request_line[] = "request-line";
static const char fault_line_end[] = "line-end";
static const char fault_folded[] = "folded-line";
static const char fault_syntax[] = "header-syntax";

/* Bytes inside the head, not NUL-terminated. */
struct span
{
  const char *text;
  size_t len;
};

/* One header line. */
struct header
{
  enum field field;
  struct span value; /* without white space around it */
};

/* Lines of a head. */
struct lines
{
  const char *data;
  size_t len;
  size_t pos;
};

/* Where a head grows; once something did not fit, nothing more is written. */
struct text_sink
{
  char *out;
  size_t cap;
  size_t len;
  bool is_full;
};

static bool
span_is (struct span span, const char *text)
{
  size_t len = strlen (text);

  return span.len == len && strncasecmp (span.text, text, len) == 0;
}

/* token characters of RFC 9110 5.6.2 */
static bool
is_token_character (char c)
{
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
    return true;
  return c != '\0' && strchr ("!#$%&'*+-.^_`|~", c) != NULL;
}

static struct span
trim (struct span span)
{
  while (span.len > 0 && (span.text[0] == ' ' || span.text[0] == '\t'))
    {
      span.text++;
      span.len--;
    }
  while (span.len > 0 && (span.text[span.len - 1] == ' ' || span.text[span.len - 1] == '\t'))
    span.len--;
  return span;
}

/* Whether comma-separated @list has the member @word. */
static bool
list_has (struct span list, const char *word)
{
  while (list.len > 0)
    {
      const char *comma = memchr (list.text, ',', list.len);
      struct span member = {list.text, comma != NULL ? (size_t)(comma - list.text) : list.len};
      size_t used = member.len + (comma != NULL ? 1 : 0);

      if (span_is (trim (member), word))
        return true;
      list.text += used;
      list.len -= used;
    }
  return false;
}

static enum field
find_field (struct span name)
{
  for (int i = 0; i < FIELD_UNKNOWN; i++)
    if (span_is (name, field_names[i]))
      return (enum field)i;
  return FIELD_UNKNOWN;
}

/* The next line without its CRLF. OFFER_BAD_HEADER if it ends in a bare LF. */
static enum offer_result
next_line (struct lines *lines, struct span *line)
{
  const char *start = lines->data + lines->pos;
  const char *end = memchr (start, '\n', lines->len - lines->pos);

  if (end == NULL)
    return OFFER_NEED_MORE;
  if (end == start || end[-1] != '\r')
    return OFFER_BAD_HEADER;
  line->text = start;
  line->len = (size_t)(end - start) - 1;
  lines->pos += line->len + 2;
  return OFFER_OK;
}

/* Split a header line (RFC 9112 5). Returns what is wrong with it, or NULL. */
static const char *
split_header (struct span line, struct header *out)
{
  struct span name = {line.text, 0};

  if (line.text[0] == ' ' || line.text[0] == '\t')
    return fault_folded;
  while (name.len < line.len && is_token_character (line.text[name.len]))
    name.len++;
  if (name.len == 0 || name.len == line.len || line.text[name.len] != ':')
    return fault_syntax;
  out->value.text = line.text + name.len + 1;
  out->value.len = line.len - name.len - 1;
  for (size_t i = 0; i < out->value.len; i++)
    {
      unsigned char c = (unsigned char)out->value.text[i];

      if ((c < 0x20 && c != '\t') || c == 0x7f)
        return fault_syntax;
    }
  out->value = trim (out->value);
  out->field = find_field (name);
  return NULL;
}

/* The next header, or an empty line: *@is_end. */
static enum offer_result
next_header (struct lines *lines, struct header *header, bool *is_end, const char **fault)
{
  struct span line;
  enum offer_result result = next_line (lines, &line);

  *is_end = false;
  if (result != OFFER_OK)
    {
      *fault = fault_line_end;
      return result;
    }
  *is_end = line.len == 0;
  if (*is_end)
    return OFFER_OK;
  *fault = split_header (line, header);
  return *fault == NULL ? OFFER_OK : OFFER_BAD_HEADER;
}

static bool
is_flow (struct span text)
{
  if (text.len == 0 || text.len > OFFER_FLOW_MAX)
    return false;
  for (size_t i = 0; i < text.len; i++)
    {
      char c = text.text[i];

      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-'))
        return false;
    }
  return true;
}

/* "name:port" */
static bool
parse_target (struct span text, struct offer *out)
{
  const char *colon = memrchr (text.text, ':', text.len);
  size_t name_len;

  if (colon == NULL)
    return false;
  name_len = (size_t)(colon - text.text);
  return host_name_normalize (text.text, name_len, out->name) == HOST_NAME_OK
         && address_parse_port (colon + 1, text.len - name_len - 1, &out->port);
}

/* Take the value of a request header over; false if it is malformed. */
static bool
take_request_field (const struct header *header, struct offer *out)
{
  struct span value = header->value;

  switch (header->field)
    {
    case FIELD_HOST:
      return value.len > 0;
    case FIELD_CONNECTION:
      return list_has (value, "upgrade");
    case FIELD_UPGRADE:
      return span_is (value, "funnel");
    case FIELD_SOURCE:
      return address_parse (value.text, value.len, &out->source);
    case FIELD_TARGET:
      return parse_target (value, out);
    case FIELD_DESTINATION:
      return address_parse (value.text, value.len, &out->destination);
    case FIELD_FLOW:
      if (!is_flow (value))
        return false;
      memcpy (out->flow, value.text, value.len);
      out->flow[value.len] = '\0';
      return true;
    default:
      return true;
    }
}

/* The first of the @wanted headers that is not in @seen, or NULL. */
static const char *
find_missing (unsigned wanted, unsigned seen)
{
  for (int i = 0; i < FIELD_UNKNOWN; i++)
    if ((wanted & ~seen & FIELD_BIT (i)) != 0)
      return field_names[i];
  return NULL;
}

/* Compare what there is of the request line with the only right one. */
static enum offer_result
judge_request_line (const char *data, size_t len)
{
  size_t n = 0;

  while (n < len && n < sizeof request_line - 1 && data[n] == request_line[n])
    n++;
  if (n == sizeof request_line - 1)
    return OFFER_OK;
  if (n == len)
    return OFFER_NEED_MORE;
  if (n < REQUEST_METHOD_LEN)
    return OFFER_BAD_METHOD;
  return n < REQUEST_PATH_LEN ? OFFER_BAD_PATH : OFFER_BAD_HEADER;
}

static enum offer_result
read_request_headers (struct lines *lines, struct offer *out, const char **fault)
{
  unsigned seen = 0;

  for (;;)
    {
      struct header header;
      bool is_end;
      enum offer_result result = next_header (lines, &header, &is_end, fault);

      if (result != OFFER_OK)
        return result;
      if (is_end)
        break;
      if (header.field == FIELD_UNKNOWN)
        continue;
      *fault = field_names[header.field];
      if (((seen | FORBIDDEN_FIELDS) & FIELD_BIT (header.field)) != 0
          || !take_request_field (&header, out))
        return OFFER_BAD_HEADER;
      seen |= FIELD_BIT (header.field);
    }
  *fault = find_missing (REQUEST_FIELDS, seen);
  return *fault == NULL ? OFFER_OK : OFFER_BAD_HEADER;
}

/* "HTTP/1.1 101 Switching Protocols"; the phrase may be empty, the space before it may not be
 * missing. */
static bool
parse_status_line (struct span line, uint16_t *status)
{
  unsigned value = 0;

  if (line.len <= STATUS_END || memcmp (line.text, answer_start, sizeof answer_start - 1) != 0
      || line.text[STATUS_END] != ' ')
    return false;
  for (size_t i = sizeof answer_start - 1; i < STATUS_END; i++)
    {
      if (line.text[i] < '0' || line.text[i] > '9')
        return false;
      value = value * 10 + (unsigned)(line.text[i] - '0');
    }
  for (size_t i = STATUS_END; i < line.len; i++)
    if ((unsigned char)line.text[i] < 0x20 && line.text[i] != '\t')
      return false;
  *status = (uint16_t)value;
  return value >= 100 && value <= 599;
}

/* Read the headers of an answer; *@reason is OTHER when the header is missing. */
static enum offer_result
read_answer_headers (struct lines *lines, uint16_t status, enum offer_reason *reason)
{
  unsigned seen = 0;

  *reason = OFFER_REASON_OTHER;
  for (;;)
    {
      struct header header;
      const char *fault;
      bool is_end;
      enum offer_result result = next_header (lines, &header, &is_end, &fault);

      if (result != OFFER_OK)
        return result;
      if (is_end)
        break;
      if (header.field == FIELD_UNKNOWN)
        continue;
      if ((seen & FIELD_BIT (header.field)) != 0)
        return OFFER_BAD_HEADER;
      seen |= FIELD_BIT (header.field);
      if (header.field == FIELD_REASON)
        *reason = offer_reason_from_text (header.value.text, header.value.len);
      if (status == 101
          && ((header.field == FIELD_CONNECTION && !list_has (header.value, "upgrade"))
              || (header.field == FIELD_UPGRADE && !span_is (header.value, "funnel"))
              || header.field == FIELD_CONTENT_LENGTH || header.field == FIELD_TRANSFER_ENCODING))
        return OFFER_BAD_HEADER;
    }
  if (status == 101 && find_missing (ACCEPT_FIELDS, seen) != NULL)
    return OFFER_BAD_HEADER;
  return OFFER_OK;
}

static enum offer_result
read_answer (struct lines *lines, struct offer_answer *out)
{
  struct span line;
  enum offer_result result = next_line (lines, &line);

  if (result != OFFER_OK)
    return result;
  if (!parse_status_line (line, &out->status))
    return OFFER_BAD_HEADER;
  result = read_answer_headers (lines, out->status, &out->reason);
  if (result != OFFER_OK)
    return result;
  out->consumed = lines->pos;
  if (out->status == 101)
    out->kind = OFFER_ANSWER_ACCEPTED;
  else if (out->status == 403)
    out->kind = OFFER_ANSWER_REFUSED;
  else
    out->kind = OFFER_ANSWER_ERROR;
  if (out->kind != OFFER_ANSWER_REFUSED)
    out->reason = OFFER_REASON_NONE;
  return OFFER_OK;
}

static void
put_bytes (struct text_sink *sink, const char *bytes, size_t len)
{
  if (sink->is_full || len > sink->cap - sink->len)
    {
      sink->is_full = true;
      return;
    }
  memcpy (sink->out + sink->len, bytes, len);
  sink->len += len;
}

static void
put_string (struct text_sink *sink, const char *text)
{
  put_bytes (sink, text, strlen (text));
}

static size_t
finish (const struct text_sink *sink)
{
  return sink->is_full ? 0 : sink->len;
}

size_t
offer_write (const struct offer *offer, char *out, size_t cap)
{
  struct text_sink sink = {.out = out, .cap = cap};
  struct span flow = {offer->flow, strnlen (offer->flow, sizeof offer->flow)};
  char address[ADDRESS_TEXT_MAX];
  char port[ADDRESS_PORT_MAX];

  if (offer->source.family == 0 || offer->source.port == 0 || offer->name[0] == '\0'
      || offer->port == 0 || (offer->destination.family != 0 && offer->destination.port == 0)
      || !is_flow (flow))
    return 0;
  put_string (&sink, request_line);
  put_string (&sink, "Host: funnel\r\nConnection: Upgrade\r\nUpgrade: funnel\r\nFunnel-Source: ");
  put_bytes (&sink, address, address_print (&offer->source, address));
  put_string (&sink, "\r\nFunnel-Target: ");
  put_string (&sink, offer->name);
  put_bytes (&sink, ":", 1);
  put_bytes (&sink, port, address_print_port (offer->port, port));
  if (offer->destination.family != 0)
    {
      put_string (&sink, "\r\nFunnel-Destination: ");
      put_bytes (&sink, address, address_print (&offer->destination, address));
    }
  put_string (&sink, "\r\nFunnel-Flow: ");
  put_bytes (&sink, flow.text, flow.len);
  put_string (&sink, "\r\n\r\n");
  return finish (&sink);
}

enum offer_result
offer_parse (const char *data,
             size_t len,
             struct offer *out,
             size_t *consumed,
             const char **bad_field)
{
  struct lines lines = {data, len < OFFER_HEAD_MAX ? len : OFFER_HEAD_MAX, sizeof request_line - 1};
  const char *fault = fault_request_line;
  enum offer_result result = judge_request_line (data, len);

  memset (out, 0, sizeof *out);
  if (result == OFFER_OK)
    result = read_request_headers (&lines, out, &fault);
  if (result == OFFER_OK)
    *consumed = lines.pos;
  if (result == OFFER_BAD_HEADER && bad_field != NULL)
    *bad_field = fault;
  if (result == OFFER_NEED_MORE && len >= OFFER_HEAD_MAX)
    return OFFER_TOO_LARGE;
  return result;
}

size_t
offer_answer_write_accept (char out[OFFER_ANSWER_MAX])
{
  struct text_sink sink = {.out = out, .cap = OFFER_ANSWER_MAX};

  put_string (&sink, "HTTP/1.1 101 Switching Protocols\r\n"
                     "Connection: Upgrade\r\n"
                     "Upgrade: funnel\r\n"
                     "\r\n");
  return finish (&sink);
}

size_t
offer_answer_write_refuse (enum offer_reason reason, char out[OFFER_ANSWER_MAX])
{
  struct text_sink sink = {.out = out, .cap = OFFER_ANSWER_MAX};

  put_string (&sink, "HTTP/1.1 403 Forbidden\r\nFunnel-Reason: ");
  put_string (&sink, offer_reason_text (reason));
  put_string (&sink, "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  return finish (&sink);
}

size_t
offer_answer_write_error (enum offer_result result,
                          const char *bad_field,
                          char out[OFFER_ANSWER_MAX])
{
  struct text_sink sink = {.out = out, .cap = OFFER_ANSWER_MAX};

  if (result == OFFER_BAD_METHOD)
    put_string (&sink, "HTTP/1.1 405 Method Not Allowed\r\nAllow: POST\r\n");
  else if (result == OFFER_BAD_PATH)
    put_string (&sink, "HTTP/1.1 404 Not Found\r\n");
  else
    put_string (&sink, "HTTP/1.1 400 Bad Request\r\n");
  if (result == OFFER_BAD_HEADER && bad_field != NULL)
    {
      put_string (&sink, "Funnel-Field: ");
      put_string (&sink, bad_field);
      put_string (&sink, "\r\n");
    }
  put_string (&sink, "Content-Length: 0\r\nConnection: close\r\n\r\n");
  return finish (&sink);
}

enum offer_result
offer_answer_parse (const char *data, size_t len, struct offer_answer *out)
{
  struct lines lines = {data, len < OFFER_ANSWER_MAX ? len : OFFER_ANSWER_MAX, 0};
  size_t start_len = sizeof answer_start - 1;
  enum offer_result result;

  memset (out, 0, sizeof *out);
  /* What does not even begin as an answer is not waited for. */
  if (memcmp (data, answer_start, len < start_len ? len : start_len) != 0)
    return OFFER_BAD_HEADER;
  result = read_answer (&lines, out);
  if (result == OFFER_NEED_MORE && len >= OFFER_ANSWER_MAX)
    return OFFER_TOO_LARGE;
  return result;
}

const char *
offer_reason_text (enum offer_reason reason)
{
  return reason_texts[reason];
}

enum offer_reason
offer_reason_from_text (const char *text, size_t len)
{
  for (int i = OFFER_REASON_NO_SHARE; i < OFFER_REASON_OTHER; i++)
    if (len == strlen (reason_texts[i]) && memcmp (text, reason_texts[i], len) == 0)
      return (enum offer_reason)i;
  return OFFER_REASON_OTHER;
}
