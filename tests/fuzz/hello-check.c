/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/hello-check.h"

#include "lib/wire/hello.h"
#include "tests/fuzz/fuzz.h"

#include <stdbool.h>
#include <string.h>

#define RECORD_HEADER 5

static bool
is_complete (enum hello_result result)
{
  return result == HELLO_OK || result == HELLO_NO_SNI;
}

static void
check_same (const struct hello *a, const struct hello *b)
{
  REQUIRE (strcmp (a->name, b->name) == 0);
  REQUIRE (a->name_result == b->name_result);
  REQUIRE (a->legacy_version == b->legacy_version);
  REQUIRE (a->has_tls13 == b->has_tls13);
  REQUIRE (a->has_ech == b->has_ech);
  REQUIRE (a->has_acme_alpn == b->has_acme_alpn);
  REQUIRE (a->alpn_count == b->alpn_count);
  REQUIRE (memcmp (a->alpn, b->alpn, sizeof a->alpn) == 0);
  REQUIRE (memcmp (a->alpn_bytes, b->alpn_bytes, sizeof a->alpn_bytes) == 0);
}

static void
check_fields (enum hello_result result, const struct hello *hello, size_t len)
{
  REQUIRE (result <= HELLO_NOT_TLS);
  REQUIRE (hello_result_name (result) != NULL);
  REQUIRE ((hello->name[0] != '\0') == (result == HELLO_OK));
  REQUIRE ((hello->consumed > 0) == is_complete (result));
  REQUIRE (hello->consumed <= len && hello->consumed <= HELLO_MAX);
  REQUIRE (result != HELLO_NEED_MORE || len < HELLO_MAX);
  REQUIRE (result != HELLO_IP_LITERAL || hello->name_result == HOST_NAME_IP_LITERAL);
  REQUIRE (hello->alpn_count <= HELLO_ALPN_MAX);
  for (int i = 0; i < hello->alpn_count; i++)
    REQUIRE (hello->alpn[i].len > 0
             && (size_t)hello->alpn[i].offset + hello->alpn[i].len <= sizeof hello->alpn_bytes);
  if (result == HELLO_OK)
    {
      char again[HOST_NAME_MAX + 1];

      REQUIRE (host_name_normalize (hello->name, strlen (hello->name), again) == HOST_NAME_OK);
      REQUIRE (strcmp (again, hello->name) == 0);
    }
}

static enum hello_result
parse_prefix (const uint8_t *data, size_t len, struct hello *hello)
{
  uint8_t *exact = malloc (len > 0 ? len : 1);
  enum hello_result result;

  REQUIRE (exact != NULL);
  memcpy (exact, data, len);
  result = hello_parse (exact, len, hello);
  free (exact);
  check_fields (result, hello, len);
  return result;
}

/* Going from shorter to longer inputs, a final result never changes, and is @result in the end. */
static void
check_prefixes (const uint8_t *data, size_t len, enum hello_result result)
{
  enum hello_result previous = HELLO_NEED_MORE;

  for (size_t n = 0; n < len; n += prefix_step (len))
    {
      struct hello partial;
      enum hello_result now = parse_prefix (data, n, &partial);

      REQUIRE (previous == HELLO_NEED_MORE || now == previous);
      previous = now;
    }
  REQUIRE (previous == HELLO_NEED_MORE || previous == result);
}

/* Copy the handshake bytes of the records in @data to @out, up to the end of the first message; the
 * last record may be cut off. */
static size_t
strip_records (const uint8_t *data, size_t len, uint8_t *out)
{
  size_t used = 0;

  for (size_t pos = 0; pos + RECORD_HEADER < len;)
    {
      size_t chunk = (size_t)(data[pos + 3] << 8 | data[pos + 4]);

      pos += RECORD_HEADER;
      if (chunk > len - pos)
        chunk = len - pos;
      memcpy (out + used, data + pos, chunk);
      used += chunk;
      pos += chunk;
      if (used >= 4)
        {
          size_t whole = 4 + ((size_t)out[1] << 16 | (size_t)out[2] << 8 | out[3]);

          if (used >= whole)
            return whole;
        }
    }
  return used;
}

/* What the message says does not depend on how records cut it, as long as it still fits. */
static void
check_records (const uint8_t *data,
               size_t len,
               size_t record_size,
               enum hello_result result,
               const struct hello *hello)
{
  static uint8_t message[HELLO_MAX];
  static uint8_t records[HELLO_MAX * (RECORD_HEADER + 1)];
  size_t message_len = strip_records (data, len, message);
  size_t used = 0;
  struct hello again;
  enum hello_result cut;

  for (size_t pos = 0; pos < message_len; pos += record_size)
    {
      size_t chunk = message_len - pos < record_size ? message_len - pos : record_size;
      uint8_t header[RECORD_HEADER] = {22, 3, 3, (uint8_t)(chunk >> 8), (uint8_t)chunk};

      memcpy (records + used, header, RECORD_HEADER);
      memcpy (records + used + RECORD_HEADER, message + pos, chunk);
      used += RECORD_HEADER + chunk;
    }
  cut = parse_prefix (records, used, &again);
  if (cut == HELLO_TOO_LARGE)
    return;
  REQUIRE (cut == result);
  check_same (&again, hello);
  REQUIRE (!is_complete (result) || again.consumed == used);
}

void
hello_check (const uint8_t *data, size_t len, size_t record_size)
{
  struct hello hello, again;
  enum hello_result result = parse_prefix (data, len, &hello);

  check_prefixes (data, len, result);
  if (is_complete (result))
    {
      REQUIRE (parse_prefix (data, hello.consumed, &again) == result);
      check_same (&again, &hello);
      REQUIRE (parse_prefix (data, hello.consumed - 1, &again) == HELLO_NEED_MORE);
      check_records (data, hello.consumed, record_size, result, &hello);
    }
  else if (result == HELLO_BAD_NAME || result == HELLO_IP_LITERAL || result == HELLO_DUPLICATE)
    check_records (data, len < HELLO_MAX ? len : HELLO_MAX, record_size, result, &hello);
}
