/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/wire/proxy-header.h"

#include <glib.h>
#include <string.h>

static struct address
ip_port (const char *text)
{
  struct address address;

  g_assert_true (address_parse (text, strlen (text), &address));
  return address;
}

static void
test_v1 (void)
{
  static const struct
  {
    const char *source, *destination, *line;
  } rows[] = {
      {"203.0.113.9:51514", "198.51.100.1:443",
       "PROXY TCP4 203.0.113.9 198.51.100.1 51514 443\r\n"},
      {"[2001:db8::9]:1", "[2001:db8::1]:65535", "PROXY TCP6 2001:db8::9 2001:db8::1 1 65535\r\n"},
      {"203.0.113.9:51514", "[2001:db8::1]:443", "PROXY UNKNOWN\r\n"},
      {"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
       "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
       "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "65535 65535\r\n"},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      struct proxy_header header = {ip_port (rows[i].source), ip_port (rows[i].destination),
                                    .authority = "ignored.example"};
      size_t len = strlen (rows[i].line);
      uint8_t out[PROXY_HEADER_MAX];

      g_assert_cmpuint (len, <=, 107); /* the specification's limit for a line */
      g_assert_cmpuint (proxy_header_write_v1 (&header, out, sizeof out), ==, len);
      g_assert_cmpmem (out, len, rows[i].line, len);
      g_assert_cmpuint (proxy_header_write_v1 (&header, out, len), ==, len);
      for (size_t cap = 0; cap < len; cap++)
        g_assert_cmpuint (proxy_header_write_v1 (&header, out, cap), ==, 0);
    }
}

static void
test_v1_unset (void)
{
  struct proxy_header header = {0};
  uint8_t out[PROXY_HEADER_MAX];

  g_assert_cmpuint (proxy_header_write_v1 (&header, out, sizeof out), ==, 15);
  g_assert_cmpmem (out, 15, "PROXY UNKNOWN\r\n", 15);
}

/* @expected stands without the signature. */
static void
assert_v2 (const struct proxy_header *header, const void *expected, size_t expected_len)
{
  static const uint8_t signature[12]
      = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
  size_t len = sizeof signature + expected_len;
  uint8_t out[PROXY_HEADER_MAX];

  g_assert_cmpuint (proxy_header_write_v2 (header, out, sizeof out), ==, len);
  g_assert_cmpmem (out, sizeof signature, signature, sizeof signature);
  g_assert_cmpmem (out + sizeof signature, len - sizeof signature, expected, expected_len);
  g_assert_cmpuint (proxy_header_write_v2 (header, out, len), ==, len);
  for (size_t cap = 0; cap < len; cap++)
    {
      uint8_t *exact = g_malloc (cap > 0 ? cap : 1);

      g_assert_cmpuint (proxy_header_write_v2 (header, exact, cap), ==, 0);
      g_free (exact);
    }
}

static void
test_v2_ip4 (void)
{
  static const uint8_t expected[]
      = {0x21, 0x11, 0, 12, 203, 0, 113, 9, 198, 51, 100, 1, 0xc9, 0x3a, 0x01, 0xbb};
  struct proxy_header header = {ip_port ("203.0.113.9:51514"), ip_port ("198.51.100.1:443")};

  assert_v2 (&header, expected, sizeof expected);
}

static void
test_v2_ip6 (void)
{
  static const char expected[] = "\x21\x21\x00\x24"
                                 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"
                                 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0"
                                 "\x00\x01\x01\xbb";
  struct proxy_header header = {ip_port ("[2001:db8::9]:1"), ip_port ("[2001:db8::]:443")};

  assert_v2 (&header, expected, sizeof expected - 1);
}

static void
test_v2_mixed (void)
{
  static const uint8_t expected[] = {
      0x21, 0x21, 0,    36,                                                 /* */
      0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 9, /* mapped */
      0x20, 1,    13,   0xb8, 0, 0, 0, 0, 0, 0, 0,    0,    0,   0, 0,   1, /* */
      0xc9, 0x3a, 0x01, 0xbb,
  };
  struct proxy_header header = {ip_port ("203.0.113.9:51514"), ip_port ("[2001:db8::1]:443")};

  assert_v2 (&header, expected, sizeof expected);
}

static void
test_v2_unset (void)
{
  struct proxy_header header = {.source = ip_port ("203.0.113.9:51514"), .authority = "a.b"};

  assert_v2 (&header,
             "\x21\x00\x00\x06\x02\x00\x03"
             "a.b",
             10);
}

static void
test_v2_tlvs (void)
{
  static const char expected[] = "\x21\x11\x00\x32"
                                 "\xcb\x00\x71\x09\xc6\x33\x64\x01\xc9\x3a\x01\xbb"
                                 "\x01\x00\x08http/1.1"
                                 "\x02\x00\x12laptop.example.org"
                                 "\x05\x00\x03"
                                 "1a2";
  struct proxy_header header = {ip_port ("203.0.113.9:51514"),
                                ip_port ("198.51.100.1:443"),
                                .authority = "laptop.example.org",
                                .alpn = (const uint8_t *)"http/1.1",
                                .alpn_len = 8,
                                .unique_id = "1a2"};

  assert_v2 (&header, expected, sizeof expected - 1);
}

static void
test_v2_tls (void)
{
  static const char expected[] = "\x21\x11\x00\x38"
                                 "\xcb\x00\x71\x09\xc6\x33\x64\x01\xc9\x3a\x01\xbb"
                                 "\x20\x00\x29\x01\x00\x00\x00\x01"
                                 "\x21\x00\x07TLSv1.3"
                                 "\x23\x00\x17TLS_AES_128_GCM_SHA256_";
  struct proxy_header_tls tls = {"TLSv1.3", "TLS_AES_128_GCM_SHA256_"};
  struct proxy_header header
      = {ip_port ("203.0.113.9:51514"), ip_port ("198.51.100.1:443"), .tls = &tls};
  uint8_t out[PROXY_HEADER_MAX];

  assert_v2 (&header, expected, sizeof expected - 1);
  tls.cipher = NULL;
  g_assert_cmpuint (proxy_header_write_v2 (&header, out, sizeof out), ==, 16 + 12 + 3 + 5 + 10);
}

/* CRC-32C as RFC 3720 B.4 has it, bit by bit from the definition: the test's own. */
static guint32
reflected_crc (const uint8_t *data, size_t len)
{
  guint32 crc = ~0u;

  for (size_t bit = 0; bit < len * 8; bit++)
    {
      guint32 in = (data[bit / 8] >> (bit % 8)) & 1;

      crc = ((crc ^ in) & 1) != 0 ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
    }
  return ~crc;
}

static void
test_v2_checksum (void)
{
  struct proxy_header header = {ip_port ("203.0.113.9:51514"), ip_port ("198.51.100.1:443"),
                                .authority = "laptop.example.org", .checksum = true};
  uint8_t out[PROXY_HEADER_MAX];
  size_t len = proxy_header_write_v2 (&header, out, sizeof out);
  guint32 sent;

  g_assert_cmphex (reflected_crc ((const uint8_t *)"123456789", 9), ==, 0xe3069283);
  g_assert_cmpuint (len, ==, 16 + 12 + 3 + 18 + 3 + 4);
  g_assert_cmpmem (out + len - 7, 3, "\x03\x00\x04", 3);
  memcpy (&sent, out + len - 4, 4);
  memset (out + len - 4, 0, 4);
  g_assert_cmphex (GUINT32_FROM_BE (sent), ==, reflected_crc (out, len));
  for (size_t cap = 0; cap < len; cap++)
    g_assert_cmpuint (proxy_header_write_v2 (&header, out, cap), ==, 0);
}

static void
test_v2_limits (void)
{
  char id[130];
  char *name = g_strnfill (70000, 'a');
  uint8_t *out = g_malloc (200000);
  struct proxy_header header
      = {ip_port ("203.0.113.9:51514"), ip_port ("198.51.100.1:443"), .unique_id = id};

  memset (id, 'x', sizeof id);
  id[128] = '\0';
  g_assert_cmpuint (proxy_header_write_v2 (&header, out, PROXY_HEADER_MAX), ==, 16 + 12 + 3 + 128);
  id[128] = 'x';
  id[129] = '\0';
  g_assert_cmpuint (proxy_header_write_v2 (&header, out, PROXY_HEADER_MAX), ==, 0);
  header.unique_id = NULL;
  header.authority = name; /* one value too long for its length field */
  g_assert_cmpuint (proxy_header_write_v2 (&header, out, 200000), ==, 0);
  name[65535] = '\0'; /* fits its own field, not that of the header */
  g_assert_cmpuint (proxy_header_write_v2 (&header, out, 200000), ==, 0);
  name[65535 - 15] = '\0'; /* 12 bytes of addresses and 3 of the value's head */
  g_assert_cmpuint (proxy_header_write_v2 (&header, out, 200000), ==, 16 + 65535);
  g_free (name);
  g_free (out);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/proxy-header/v1", test_v1);
  g_test_add_func ("/wire/proxy-header/v1-unset", test_v1_unset);
  g_test_add_func ("/wire/proxy-header/v2-ip4", test_v2_ip4);
  g_test_add_func ("/wire/proxy-header/v2-ip6", test_v2_ip6);
  g_test_add_func ("/wire/proxy-header/v2-mixed", test_v2_mixed);
  g_test_add_func ("/wire/proxy-header/v2-unset", test_v2_unset);
  g_test_add_func ("/wire/proxy-header/v2-tlvs", test_v2_tlvs);
  g_test_add_func ("/wire/proxy-header/v2-tls", test_v2_tls);
  g_test_add_func ("/wire/proxy-header/v2-checksum", test_v2_checksum);
  g_test_add_func ("/wire/proxy-header/v2-limits", test_v2_limits);
  return g_test_run ();
}
