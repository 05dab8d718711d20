/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ClientHello reader: theory of operation.
 *
 * Goal: from whatever prefix of a visitor's bytes has arrived, say which name is wanted, or that
 * more is needed, or why it will never do.
 *
 * The bytes are three layers deep: records (5 byte header, up to 16384 bytes of payload) carry the
 * handshake stream, which carries one ClientHello, which carries extensions. A sender may cut the
 * stream into records anywhere, even inside a length field. So the parser pulls handshake bytes one
 * after the other through struct reader, which steps over record headers as they come.
 *
 * Everything is checked in the order of arrival, and a length as soon as its first byte is in. Thus
 * a result, once final, is the result of every longer input too, and a hello that cannot become
 * good is refused without waiting for the rest. Three things are judged late on purpose: the name
 * when it is complete (only then can "1.2.3." be told from "1.2.3.example"), the absence of a name
 * with the last byte (the reader of HELLO_NO_SNI wants the rest of the hello), and bytes that are
 * not TLS when there are enough of them to say what they are (at most 8).
 *
 * Limits: `need` is how many handshake bytes must at least still come. With it every record header
 * can be judged: a record beyond the message is malformed (nothing may follow a ClientHello before
 * the server has spoken), and a message that cannot end within HELLO_MAX is refused at once. Hence
 * HELLO_NEED_MORE is never returned for HELLO_MAX bytes.
 *
 * Cost: each byte is touched at most once, bodies of unknown extensions and random bytes not at
 * all. There is no state between calls; calling again for each byte of a slow visitor is bounded by
 * HELLO_MAX² / 12 steps over 1-byte records, some tens of milliseconds in the life of that visitor.
 */
#include "lib/wire/hello.h"

#include <assert.h>
#include <string.h>

#define RECORD_HEADER 5
#define RECORD_PAYLOAD_MAX 16384 /* RFC 8446 5.1 */
#define MESSAGE_HEADER 4
#define BODY_MIN                                                                                   \
  (2 + 32 + 1 + 2 + 2 + 2) /* version, random, no session id, one cipher, one compression */
#define EXTENSION_HEADER 4
#define RANDOM_LEN 32
#define SESSION_ID_MAX 32
#define SEEN_FEW 32 /* extension types remembered in a list; hellos of today carry about 20 */

enum
{
  CONTENT_CHANGE_CIPHER_SPEC = 20,
  CONTENT_HANDSHAKE = 22,
  CONTENT_HEARTBEAT = 24,
  MESSAGE_CLIENT_HELLO = 1,
  VERSION_MAJOR = 3,
  NAME_TYPE_HOST_NAME = 0,
  ECH_OUTER = 0,
};

enum
{
  EXTENSION_SERVER_NAME = 0,
  EXTENSION_ALPN = 16,
  EXTENSION_SUPPORTED_VERSIONS = 43,
  EXTENSION_ECH = 0xfe0d,
};

static const char *const result_names[] = {
    [HELLO_OK] = "ok",
    [HELLO_NEED_MORE] = "need-more",
    [HELLO_NO_SNI] = "no-sni",
    [HELLO_BAD_NAME] = "bad-name",
    [HELLO_IP_LITERAL] = "ip-literal",
    [HELLO_DUPLICATE] = "duplicate",
    [HELLO_MALFORMED] = "malformed",
    [HELLO_TOO_LARGE] = "too-large",
    [HELLO_SSLV2] = "sslv2",
    [HELLO_PLAIN_HTTP] = "plain-http",
    [HELLO_NOT_TLS] = "not-tls",
};
static_assert (sizeof result_names / sizeof result_names[0] == HELLO_NOT_TLS + 1,
               "one name per hello_result");

/* The handshake stream inside the records. Functions on it return false when they set `result`. */
struct reader
{
  const uint8_t *data;
  size_t len;
  size_t pos;
  size_t record_left; /* payload bytes of the current record not taken yet */
  size_t need;        /* handshake bytes still to come: a lower bound until is_sized, then exact */
  bool is_sized;      /* the message length is known */
  enum hello_result result; /* why reading stopped */
};

/* Extension types met so far. */
struct seen
{
  unsigned count;
  uint16_t few[SEEN_FEW];
  uint64_t many[65536 / 64]; /* cleared and used only when `few` overflows: hostile hellos */
};

static bool
stop (struct reader *reader, enum hello_result result)
{
  reader->result = result;
  return false;
}

/* Judge the length of a record from the bytes of it in @value; @missing more follow. Of the lengths
 * still possible, does one let the hello end in time? It ends with this record, or in a later one
 * at the price of at least one more header. */
static bool
check_record_length (struct reader *reader, size_t value, unsigned missing)
{
  size_t low = value << (8 * missing);
  size_t high = low | (((size_t)1 << (8 * missing)) - 1);
  size_t end = reader->pos + missing;

  if (low > RECORD_PAYLOAD_MAX || high == 0 || (reader->is_sized && low > reader->need))
    return stop (reader, HELLO_MALFORMED);
  if (high < reader->need)
    end += RECORD_HEADER + reader->need;
  else
    end += low > reader->need ? low : reader->need;
  return end <= HELLO_MAX || stop (reader, HELLO_TOO_LARGE);
}

/* Step over a record header. That there is room for it and for what is needed was seen to when the
 * length before it, of a record or of the message, was judged. */
static bool
open_record (struct reader *reader)
{
  size_t length = 0;

  for (unsigned i = 0; i < RECORD_HEADER; i++)
    {
      uint8_t byte;

      if (reader->pos == reader->len)
        return stop (reader, HELLO_NEED_MORE);
      byte = reader->data[reader->pos++];
      /* The minor version means nothing (RFC 8446 5.1). */
      if ((i == 0 && byte != CONTENT_HANDSHAKE) || (i == 1 && byte != VERSION_MAJOR))
        return stop (reader, HELLO_MALFORMED);
      if (i < 3)
        continue;
      length = length << 8 | byte;
      if (!check_record_length (reader, length, RECORD_HEADER - 1 - i))
        return false;
    }
  reader->record_left = length;
  return true;
}

/* Take @count handshake bytes, into @out unless that is NULL. The caller has made sure that so many
 * belong to the message. */
static bool
take (struct reader *reader, size_t count, uint8_t *out)
{
  while (count > 0)
    {
      size_t chunk = count;

      if (reader->record_left == 0 && !open_record (reader))
        return false;
      if (chunk > reader->record_left)
        chunk = reader->record_left;
      if (chunk > reader->len - reader->pos)
        chunk = reader->len - reader->pos;
      if (chunk == 0)
        return stop (reader, HELLO_NEED_MORE);
      if (out != NULL)
        {
          memcpy (out, reader->data + reader->pos, chunk);
          out += chunk;
        }
      reader->pos += chunk;
      reader->record_left -= chunk;
      reader->need -= chunk;
      count -= chunk;
    }
  return true;
}

/* Most of a hello is lengths and types, within one record: worth a short way. */
static bool
take_u8 (struct reader *reader, uint8_t *out)
{
  if (reader->record_left == 0 || reader->pos == reader->len)
    return take (reader, 1, out);
  *out = reader->data[reader->pos++];
  reader->record_left--;
  reader->need--;
  return true;
}

static bool
take_u16 (struct reader *reader, uint16_t *out)
{
  uint8_t high, low;

  if (!take_u8 (reader, &high) || !take_u8 (reader, &low))
    return false;
  *out = (uint16_t)(high << 8 | low);
  return true;
}

/* A length of @width bytes that must lie within @min and @max; judged from its first byte on. */
static bool
take_length (struct reader *reader, unsigned width, size_t min, size_t max, size_t *out)
{
  size_t value = 0;

  while (width-- > 0)
    {
      size_t low, high;
      uint8_t byte;

      if (!take_u8 (reader, &byte))
        return false;
      value = value << 8 | byte;
      low = value << (8 * width);
      high = low | (((size_t)1 << (8 * width)) - 1);
      if (low > max || high < min)
        return stop (reader, HELLO_MALFORMED);
    }
  *out = value;
  return true;
}

/* The same for the length of the message. */
static bool
check_message_length (struct reader *reader, size_t value, unsigned missing)
{
  size_t low = value << (8 * missing);
  size_t high = low | (((size_t)1 << (8 * missing)) - 1);

  if (high < BODY_MIN || missing + high < reader->record_left)
    return stop (reader, HELLO_MALFORMED);
  reader->need = missing + (low > BODY_MIN ? low : BODY_MIN);
  if (reader->need > reader->record_left && reader->pos + RECORD_HEADER + reader->need > HELLO_MAX)
    return stop (reader, HELLO_TOO_LARGE);
  return true;
}

/* Handshake header: type and length. */
static bool
read_message_header (struct reader *reader)
{
  size_t length = 0;
  uint8_t byte;

  if (!take_u8 (reader, &byte))
    return false;
  if (byte != MESSAGE_CLIENT_HELLO)
    return stop (reader, HELLO_MALFORMED);
  for (unsigned missing = 3; missing-- > 0;)
    {
      if (!take_u8 (reader, &byte))
        return false;
      length = length << 8 | byte;
      if (!check_message_length (reader, length, missing))
        return false;
    }
  reader->is_sized = true;
  return true;
}

/* Everything between the handshake header and the extensions. */
static bool
read_fixed_part (struct reader *reader, struct hello *out)
{
  size_t length, rest;
  uint8_t major, minor;

  if (!take_u8 (reader, &major))
    return false;
  if (major != VERSION_MAJOR)
    return stop (reader, HELLO_MALFORMED);
  if (!take_u8 (reader, &minor))
    return false;
  out->legacy_version = (uint16_t)(major << 8 | minor);
  if (!take (reader, RANDOM_LEN, NULL))
    return false;

  /* Behind the session id come at least 4 bytes of cipher suites and 2 of compression methods. */
  length = reader->need - 1 - 4 - 2;
  if (!take_length (reader, 1, 0, length < SESSION_ID_MAX ? length : SESSION_ID_MAX, &length)
      || !take (reader, length, NULL))
    return false;
  if (!take_length (reader, 2, 2, reader->need - 2 - 2, &length))
    return false;
  if (length % 2 != 0)
    return stop (reader, HELLO_MALFORMED);
  if (!take (reader, length, NULL))
    return false;
  if (!take_length (reader, 1, 1, reader->need - 1, &length))
    return false;
  /* What is left must be nothing, or a length and nothing, or a length and extensions. */
  rest = reader->need - length;
  if (rest != 0 && rest != 2 && rest < 2 + EXTENSION_HEADER)
    return stop (reader, HELLO_MALFORMED);
  return take (reader, length, NULL);
}

/* Whether @type was met before; remembers it. */
static bool
mark_seen (struct seen *seen, uint16_t type)
{
  uint64_t *word = &seen->many[type / 64];
  uint64_t bit = (uint64_t)1 << (type % 64);

  if (seen->count < SEEN_FEW)
    {
      for (unsigned i = 0; i < seen->count; i++)
        if (seen->few[i] == type)
          return true;
      seen->few[seen->count++] = type;
      return false;
    }
  if (seen->count == SEEN_FEW)
    {
      memset (seen->many, 0, sizeof seen->many);
      for (unsigned i = 0; i < SEEN_FEW; i++)
        seen->many[seen->few[i] / 64] |= (uint64_t)1 << (seen->few[i] % 64);
      seen->count++;
    }
  if ((*word & bit) != 0)
    return true;
  *word |= bit;
  return false;
}

static bool
judge_name (struct reader *reader, struct hello *out, enum host_name_result result)
{
  out->name_result = result;
  if (result == HOST_NAME_OK)
    return true;
  return stop (reader, result == HOST_NAME_IP_LITERAL ? HELLO_IP_LITERAL : HELLO_BAD_NAME);
}

/* server_name (RFC 6066 3): a list of typed names, in which only one type was ever defined. */
static bool
read_server_name (struct reader *reader, size_t left, struct hello *out)
{
  uint8_t text[HOST_NAME_MAX + 1];
  size_t length;
  uint8_t type;

  if (left < 5)
    return stop (reader, HELLO_MALFORMED);
  if (!take_length (reader, 2, left - 2, left - 2, &length) || !take_u8 (reader, &type))
    return false;
  if (type != NAME_TYPE_HOST_NAME)
    return stop (reader, HELLO_MALFORMED);
  left -= 5;
  if (!take_length (reader, 2, 0, left, &length))
    return false;
  left -= length;
  if (left > 0 && left < 3)
    return stop (reader, HELLO_MALFORMED);
  if (length > sizeof text) /* one byte of it may be the final dot */
    return judge_name (reader, out, HOST_NAME_TOO_LONG);
  if (!take (reader, length, text)
      || !judge_name (reader, out, host_name_normalize ((char *)text, length, out->name)))
    return false;
  if (left == 0)
    return true;
  if (!take_u8 (reader, &type))
    return false;
  return stop (reader, type == NAME_TYPE_HOST_NAME ? HELLO_DUPLICATE : HELLO_MALFORMED);
}

/* Values that mean nothing, sent to keep servers tolerant (RFC 8701). */
static bool
is_grease_alpn (const uint8_t *name, size_t len)
{
  return len == 2 && name[0] == name[1] && (name[0] & 0x0f) == 0x0a;
}

static void
keep_alpn (struct hello *out, const uint8_t *name, size_t len)
{
  static const char acme[] = "acme-tls/1";
  size_t used = 0;

  if (len == sizeof acme - 1 && memcmp (name, acme, len) == 0)
    out->has_acme_alpn = true;
  if (is_grease_alpn (name, len) || out->alpn_count == HELLO_ALPN_MAX)
    return;
  if (out->alpn_count > 0)
    {
      const struct hello_alpn *last = &out->alpn[out->alpn_count - 1];

      used = (size_t)last->offset + last->len;
    }
  if (len > sizeof out->alpn_bytes - used)
    return;
  memcpy (out->alpn_bytes + used, name, len);
  out->alpn[out->alpn_count].len = (uint8_t)len;
  out->alpn[out->alpn_count].offset = (uint16_t)used;
  out->alpn_count++;
}

static bool
read_alpn (struct reader *reader, size_t left, struct hello *out)
{
  uint8_t name[255];
  size_t length;

  if (left < 4)
    return stop (reader, HELLO_MALFORMED);
  left -= 2;
  if (!take_length (reader, 2, left, left, &length))
    return false;
  while (left > 0)
    {
      left--;
      if (!take_length (reader, 1, 1, left, &length))
        return false;
      if (!take (reader, length, name))
        return false;
      left -= length;
      keep_alpn (out, name, length);
    }
  return true;
}

static bool
read_supported_versions (struct reader *reader, size_t left, struct hello *out)
{
  size_t length;

  if (left < 3 || left % 2 != 1)
    return stop (reader, HELLO_MALFORMED);
  left--;
  if (!take_length (reader, 1, left, left, &length))
    return false;
  for (; left > 0; left -= 2)
    {
      uint16_t version;

      if (!take_u16 (reader, &version))
        return false;
      if (version == 0x0304)
        out->has_tls13 = true;
    }
  return true;
}

/* Only the outer form says that the name seen is not the one meant; an inner hello names it. */
static bool
read_ech (struct reader *reader, size_t left, struct hello *out)
{
  uint8_t type;

  if (left < 1)
    return stop (reader, HELLO_MALFORMED);
  if (!take_u8 (reader, &type))
    return false;
  if (type == ECH_OUTER)
    out->has_ech = true;
  return take (reader, left - 1, NULL);
}

static bool
read_extension (struct reader *reader, uint16_t type, size_t length, struct hello *out)
{
  switch (type)
    {
    case EXTENSION_SERVER_NAME:
      return read_server_name (reader, length, out);
    case EXTENSION_ALPN:
      return read_alpn (reader, length, out);
    case EXTENSION_SUPPORTED_VERSIONS:
      return read_supported_versions (reader, length, out);
    case EXTENSION_ECH:
      return read_ech (reader, length, out);
    default:
      return take (reader, length, NULL);
    }
}

static bool
read_extensions (struct reader *reader, struct hello *out)
{
  struct seen seen;
  size_t length;

  if (reader->need == 0) /* TLS 1.2 may leave the whole block out */
    return true;
  seen.count = 0;
  if (!take_length (reader, 2, reader->need - 2, reader->need - 2, &length))
    return false;
  while (reader->need > 0)
    {
      uint16_t type;

      if (!take_u16 (reader, &type))
        return false;
      if (mark_seen (&seen, type))
        return stop (reader, HELLO_DUPLICATE);
      if (!take_length (reader, 2, 0, reader->need - 2, &length))
        return false;
      if (reader->need > length && reader->need - length < EXTENSION_HEADER)
        return stop (reader, HELLO_MALFORMED);
      if (!read_extension (reader, type, length, out))
        return false;
    }
  return true;
}

/* Whether the @len bytes at @data are, or may become, the start of an HTTP request. */
static enum hello_result
judge_http (const uint8_t *data, size_t len)
{
  static const char methods[][9] = {"GET ",     "HEAD ",  "POST ",  "PUT ", "DELETE ",
                                    "OPTIONS ", "PATCH ", "TRACE ", "PRI ", "CONNECT "};

  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
    {
      size_t method_len = strlen (methods[i]);

      if (memcmp (data, methods[i], len < method_len ? len : method_len) == 0)
        return len < method_len ? HELLO_NEED_MORE : HELLO_PLAIN_HTTP;
    }
  return HELLO_NOT_TLS;
}

/* An SSLv2 hello: 15 bit length with the top bit set, message type 1, version 0.2 or 3.x. A real
 * one is far shorter than 512 bytes, which spares most junk the wait for its fourth byte. */
static enum hello_result
judge_sslv2 (const uint8_t *data, size_t len)
{
  if ((len > 2 && data[2] != 1) || (len > 3 && data[3] != 0 && data[3] != VERSION_MAJOR)
      || (len > 4 && data[3] == 0 && data[4] != 2))
    return HELLO_NOT_TLS;
  return len > 4 ? HELLO_SSLV2 : HELLO_NEED_MORE;
}

/* Tell from its first bytes what a connection begins with; HELLO_OK for a TLS handshake. */
static enum hello_result
judge_start (const uint8_t *data, size_t len)
{
  if (len == 0)
    return HELLO_NEED_MORE;
  if (data[0] == CONTENT_HANDSHAKE)
    return len > 1 && data[1] != VERSION_MAJOR ? HELLO_NOT_TLS : HELLO_OK;
  if (data[0] >= CONTENT_CHANGE_CIPHER_SPEC && data[0] <= CONTENT_HEARTBEAT)
    return HELLO_MALFORMED;
  if (data[0] == 0x80 || data[0] == 0x81)
    return judge_sslv2 (data, len);
  return judge_http (data, len);
}

enum hello_result
hello_parse (const uint8_t *data, size_t len, struct hello *out)
{
  struct reader reader = {
      .data = data,
      .len = len < HELLO_MAX ? len : HELLO_MAX,
      .need = MESSAGE_HEADER + BODY_MIN,
      .result = HELLO_OK,
  };
  enum hello_result start = judge_start (data, len);

  memset (out, 0, sizeof *out);
  out->name_result = HOST_NAME_EMPTY;
  if (start != HELLO_OK)
    return start;
  if (!read_message_header (&reader) || !read_fixed_part (&reader, out)
      || !read_extensions (&reader, out))
    {
      out->name[0] = '\0';
      return reader.result;
    }
  out->consumed = reader.pos;
  return out->name[0] == '\0' ? HELLO_NO_SNI : HELLO_OK;
}

const char *
hello_result_name (enum hello_result result)
{
  return result_names[result];
}
