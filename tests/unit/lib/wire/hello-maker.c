/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/lib/wire/hello-maker.h"

#include <string.h>

enum hello_result
parse (const uint8_t *data, size_t len, struct hello *out)
{
  uint8_t *exact = g_memdup2 (data, len > 0 ? len : 1);
  enum hello_result result = hello_parse (exact, len, out);

  g_free (exact);
  return result;
}

enum hello_result
parse_every_prefix (const uint8_t *data, size_t len, struct hello *out, size_t *decided)
{
  enum hello_result final = parse (data, len, out);
  gboolean is_decided = FALSE;

  *decided = len + 1;
  for (size_t n = 0; n <= len; n++)
    {
      struct hello partial;
      enum hello_result result = parse (data, n, &partial);

      if (!is_decided && result != HELLO_NEED_MORE)
        {
          is_decided = TRUE;
          *decided = n;
        }
      g_assert_cmpstr (hello_result_name (result), ==,
                       hello_result_name (is_decided ? final : HELLO_NEED_MORE));
      if (result != HELLO_OK)
        g_assert_cmpstr (partial.name, ==, "");
    }
  return final;
}

char *
join_alpn (const struct hello *hello)
{
  GString *list = g_string_new (NULL);

  for (int i = 0; i < hello->alpn_count; i++)
    {
      if (i > 0)
        g_string_append_c (list, ',');
      g_string_append_len (list, (const char *)hello->alpn_bytes + hello->alpn[i].offset,
                           hello->alpn[i].len);
    }
  return g_string_free (list, FALSE);
}

void
put_u8 (GByteArray *bytes, unsigned value)
{
  uint8_t byte = (uint8_t)value;

  g_byte_array_append (bytes, &byte, 1);
}

void
put_u16 (GByteArray *bytes, unsigned value)
{
  put_u8 (bytes, value >> 8);
  put_u8 (bytes, value);
}

void
put_zeros (GByteArray *bytes, size_t count)
{
  while (count-- > 0)
    put_u8 (bytes, 0);
}

void
put_extension (GByteArray *bytes, unsigned type, const void *body, size_t len)
{
  put_u16 (bytes, type);
  put_u16 (bytes, (unsigned)len);
  g_byte_array_append (bytes, body, (guint)len);
}

void
put_name (GByteArray *bytes, const char *name, size_t len)
{
  put_u16 (bytes, 0);
  put_u16 (bytes, (unsigned)len + 5);
  put_u16 (bytes, (unsigned)len + 3);
  put_u8 (bytes, 0);
  put_u16 (bytes, (unsigned)len);
  g_byte_array_append (bytes, (const uint8_t *)name, (guint)len);
}

GByteArray *
make_message (const GByteArray *extensions)
{
  GByteArray *message = g_byte_array_new ();
  size_t len;

  put_u8 (message, 1);
  put_zeros (message, 3);
  put_u16 (message, 0x0303);
  put_zeros (message, 32);
  put_u8 (message, 2);
  put_zeros (message, 2);
  put_u16 (message, 4);
  put_u16 (message, 0x1301);
  put_u16 (message, 0x1302);
  put_u8 (message, 1);
  put_u8 (message, 0);
  if (extensions != NULL)
    {
      put_u16 (message, extensions->len);
      g_byte_array_append (message, extensions->data, extensions->len);
    }
  len = message->len - 4;
  message->data[1] = (uint8_t)(len >> 16);
  message->data[2] = (uint8_t)(len >> 8);
  message->data[3] = (uint8_t)len;
  return message;
}

GByteArray *
make_records (const uint8_t *message, size_t len, size_t size)
{
  GByteArray *records = g_byte_array_new ();

  for (size_t pos = 0; pos < len; pos += size)
    {
      size_t chunk = MIN (size, len - pos);

      put_u8 (records, 22);
      put_u16 (records, 0x0301);
      put_u16 (records, (unsigned)chunk);
      g_byte_array_append (records, message + pos, (guint)chunk);
    }
  return records;
}

GByteArray *
make_hello (GByteArray *extensions)
{
  GByteArray *message = make_message (extensions);
  GByteArray *records = make_records (message->data, message->len, 16384);

  g_byte_array_unref (message);
  if (extensions != NULL)
    g_byte_array_unref (extensions);
  return records;
}

GByteArray *
strip_records (const uint8_t *data, size_t len)
{
  GByteArray *message = g_byte_array_new ();

  for (size_t pos = 0; pos < len;)
    {
      size_t chunk = (size_t)(data[pos + 3] << 8 | data[pos + 4]);

      g_byte_array_append (message, data + pos + 5, (guint)chunk);
      pos += 5 + chunk;
    }
  return message;
}

void
assert_result (GByteArray *hello, enum hello_result expected, enum host_name_result name_result)
{
  static const size_t sizes[] = {16384, 1, 2, 7, 100};
  GByteArray *message = strip_records (hello->data, hello->len);

  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      GByteArray *records = make_records (message->data, message->len, sizes[i]);
      struct hello out;
      size_t decided;

      g_assert_cmpstr (
          hello_result_name (parse_every_prefix (records->data, records->len, &out, &decided)), ==,
          hello_result_name (expected));
      if (expected == HELLO_BAD_NAME || expected == HELLO_IP_LITERAL)
        g_assert_cmpint (out.name_result, ==, name_result);
      if (expected == HELLO_OK || expected == HELLO_NO_SNI)
        {
          g_assert_cmpuint (decided, ==, records->len);
          g_assert_cmpuint (out.consumed, ==, records->len);
        }
      g_byte_array_unref (records);
    }
  g_byte_array_unref (message);
  g_byte_array_unref (hello);
}
