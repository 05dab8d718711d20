/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/wire/proxy-header.h"

#include <string.h>

#define UNIQUE_ID_MAX 128 /* bytes, by the specification */

enum
{
  TLV_ALPN = 0x01,
  TLV_AUTHORITY = 0x02,
  TLV_CRC32C = 0x03,
  TLV_UNIQUE_ID = 0x05,
  TLV_TLS = 0x20,
  TLV_TLS_VERSION = 0x21,
  TLV_TLS_CIPHER = 0x23,
};

enum
{
  VERSION_2_PROXY = 0x21,
  FAMILY_UNSPEC = 0x00,
  FAMILY_TCP4 = 0x11,
  FAMILY_TCP6 = 0x21,
};

#define CLIENT_USED_TLS 0x01
#define VERIFIED_NOTHING 1u /* anything but 0, which means a verified certificate */
#define CRC32C_POLYNOMIAL 0x82f63b78u

static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* Where the header grows; once something did not fit, nothing more is written. */
struct sink
{
  uint8_t *out;
  size_t cap;
  size_t len;
  bool is_full;
};

static void
put (struct sink *sink, const void *bytes, size_t len)
{
  if (sink->is_full || len > sink->cap - sink->len)
    {
      sink->is_full = true;
      return;
    }
  if (len > 0)
    memcpy (sink->out + sink->len, bytes, len);
  sink->len += len;
}

static void
put_u8 (struct sink *sink, uint8_t value)
{
  put (sink, &value, 1);
}

static void
put_u16 (struct sink *sink, uint16_t value)
{
  uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

  put (sink, bytes, 2);
}

static void
put_text (struct sink *sink, const char *text)
{
  put (sink, text, strlen (text));
}

static void
put_tlv (struct sink *sink, uint8_t type, const void *value, size_t len)
{
  if (len > UINT16_MAX)
    {
      sink->is_full = true;
      return;
    }
  put_u8 (sink, type);
  put_u16 (sink, (uint16_t)len);
  put (sink, value, len);
}

static void
put_text_tlv (struct sink *sink, uint8_t type, const char *text)
{
  put_tlv (sink, type, text, strlen (text));
}

static void
put_length (struct sink *sink, size_t at)
{
  size_t len = sink->len - at - 2;

  if (sink->is_full || len > UINT16_MAX)
    {
      sink->is_full = true;
      return;
    }
  sink->out[at] = (uint8_t)(len >> 8);
  sink->out[at + 1] = (uint8_t)len;
}

static void
put_tls (struct sink *sink, const struct proxy_header_tls *tls)
{
  size_t length_at;

  put_u8 (sink, TLV_TLS);
  length_at = sink->len;
  put_u16 (sink, 0);
  put_u8 (sink, CLIENT_USED_TLS);
  put_u16 (sink, 0);
  put_u16 (sink, VERIFIED_NOTHING);
  put_text_tlv (sink, TLV_TLS_VERSION, tls->version);
  if (tls->cipher != NULL)
    put_text_tlv (sink, TLV_TLS_CIPHER, tls->cipher);
  put_length (sink, length_at);
}

static uint32_t
crc32c (const uint8_t *data, size_t len)
{
  uint32_t crc = 0xffffffffu;

  for (size_t i = 0; i < len; i++)
    {
      crc ^= data[i];
      for (int bit = 0; bit < 8; bit++)
        crc = (crc >> 1) ^ ((crc & 1) != 0 ? CRC32C_POLYNOMIAL : 0);
    }
  return ~crc;
}

static void
put_ip6 (struct sink *sink, const struct address *address)
{
  static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

  if (address->family == 4)
    {
      put (sink, mapped_prefix, sizeof mapped_prefix);
      put (sink, address->ip, 4);
    }
  else
    put (sink, address->ip, 16);
}

static uint8_t
choose_family (const struct proxy_header *header)
{
  if (header->source.family == 0 || header->destination.family == 0)
    return FAMILY_UNSPEC;
  if (header->source.family == 4 && header->destination.family == 4)
    return FAMILY_TCP4;
  return FAMILY_TCP6;
}

static void
put_addresses (struct sink *sink, const struct proxy_header *header, uint8_t family)
{
  if (family == FAMILY_UNSPEC)
    return;
  if (family == FAMILY_TCP4)
    {
      put (sink, header->source.ip, 4);
      put (sink, header->destination.ip, 4);
    }
  else
    {
      put_ip6 (sink, &header->source);
      put_ip6 (sink, &header->destination);
    }
  put_u16 (sink, header->source.port);
  put_u16 (sink, header->destination.port);
}

size_t
proxy_header_write_v1 (const struct proxy_header *header, uint8_t *out, size_t cap)
{
  struct sink sink = {.out = out, .cap = cap};
  char ip[ADDRESS_TEXT_MAX];
  char port[ADDRESS_PORT_MAX];

  if (header->source.family == 0 || header->source.family != header->destination.family)
    put_text (&sink, "PROXY UNKNOWN\r\n");
  else
    {
      put_text (&sink, header->source.family == 4 ? "PROXY TCP4 " : "PROXY TCP6 ");
      put (&sink, ip, address_print_ip (&header->source, ip));
      put_u8 (&sink, ' ');
      put (&sink, ip, address_print_ip (&header->destination, ip));
      put_u8 (&sink, ' ');
      put (&sink, port, address_print_port (header->source.port, port));
      put_u8 (&sink, ' ');
      put (&sink, port, address_print_port (header->destination.port, port));
      put_text (&sink, "\r\n");
    }
  return sink.is_full ? 0 : sink.len;
}

/* The last four bytes, 0 so far, become the checksum of the whole. */
static void
fill_checksum (struct sink *sink)
{
  uint32_t crc = crc32c (sink->out, sink->len);

  for (int i = 0; i < 4; i++)
    sink->out[sink->len - 4 + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
}

size_t
proxy_header_write_v2 (const struct proxy_header *header, uint8_t *out, size_t cap)
{
  struct sink sink = {.out = out, .cap = cap};
  uint8_t family = choose_family (header);
  size_t length_at;

  put (&sink, signature, sizeof signature);
  put_u8 (&sink, VERSION_2_PROXY);
  put_u8 (&sink, family);
  length_at = sink.len;
  put_u16 (&sink, 0);
  put_addresses (&sink, header, family);
  if (header->alpn != NULL)
    put_tlv (&sink, TLV_ALPN, header->alpn, header->alpn_len);
  if (header->authority != NULL)
    put_text_tlv (&sink, TLV_AUTHORITY, header->authority);
  if (header->unique_id != NULL)
    {
      if (strlen (header->unique_id) > UNIQUE_ID_MAX)
        return 0;
      put_text_tlv (&sink, TLV_UNIQUE_ID, header->unique_id);
    }
  if (header->tls != NULL)
    put_tls (&sink, header->tls);
  if (header->checksum)
    put_tlv (&sink, TLV_CRC32C, "\0\0\0", sizeof (uint32_t));
  put_length (&sink, length_at);
  if (sink.is_full)
    return 0;
  if (header->checksum)
    fill_checksum (&sink);
  return sink.len;
}
