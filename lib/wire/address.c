/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Address text, both ways. IPv4 and all printing are done by hand because they stand on the path of
 * every visitor (offer heads, PROXY headers); IPv6 text is rare and goes through inet_pton after a
 * check of its alphabet. */
#include "lib/wire/address.h"

#include <arpa/inet.h>
#include <string.h>

#define IP4_TEXT_MIN 7  /* "1.1.1.1" */
#define IP4_TEXT_MAX 15 /* "255.255.255.255" */
#define IP6_TEXT_MAX 45 /* with an IPv4 tail */

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* A decimal number of at most @limit, without leading zeros; returns the digits read, 0 if none. */
static size_t
read_decimal (const char *text, size_t len, uint32_t limit, uint32_t *out)
{
  uint32_t value = 0;
  size_t n = 0;

  while (n < len && text[n] >= '0' && text[n] <= '9')
    {
      if (n > 0 && value == 0)
        return 0;
      value = value * 10 + (uint32_t)(text[n] - '0');
      if (value > limit)
        return 0;
      n++;
    }
  *out = value;
  return n;
}

static bool
parse_ip4 (const char *text, size_t len, uint8_t ip[4])
{
  size_t pos = 0;

  if (len < IP4_TEXT_MIN || len > IP4_TEXT_MAX)
    return false;
  for (int i = 0; i < 4; i++)
    {
      uint32_t octet;
      size_t n;

      if (i > 0 && (pos == len || text[pos++] != '.'))
        return false;
      n = read_decimal (text + pos, len - pos, 255, &octet);
      if (n == 0)
        return false;
      ip[i] = (uint8_t)octet;
      pos += n;
    }
  return pos == len;
}

static bool
parse_ip6 (const char *text, size_t len, uint8_t ip[16])
{
  char copy[IP6_TEXT_MAX + 1];

  if (len < 2 || len > IP6_TEXT_MAX)
    return false;
  for (size_t i = 0; i < len; i++)
    {
      char c = text[i];
      bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

      /* This keeps out NUL, spaces and zone ids, whatever inet_pton thinks of them. */
      if (!is_hex && c != ':' && c != '.')
        return false;
    }
  memcpy (copy, text, len);
  copy[len] = '\0';
  return inet_pton (AF_INET6, copy, ip) == 1;
}

/* Take @ip (16 bytes) over, as IPv4 when it is a mapped one. */
static void
set_ip6 (struct address *address, const uint8_t ip[16])
{
  if (memcmp (ip, mapped_prefix, sizeof mapped_prefix) == 0)
    {
      address->family = 4;
      memcpy (address->ip, ip + sizeof mapped_prefix, 4);
      return;
    }
  address->family = 6;
  memcpy (address->ip, ip, 16);
}

static size_t
print_decimal (uint32_t value, char *out)
{
  char digits[10];
  size_t n = 0;

  do
    digits[n++] = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  for (size_t i = 0; i < n; i++)
    out[i] = digits[n - 1 - i];
  return n;
}

static size_t
print_hex_group (uint16_t group, char *out)
{
  static const char digits[] = "0123456789abcdef";
  size_t n = 0;

  for (int shift = 12; shift >= 0; shift -= 4)
    if (n > 0 || shift == 0 || (group >> shift) != 0)
      out[n++] = digits[(group >> shift) & 0xf];
  return n;
}

static size_t
print_ip4 (const uint8_t ip[4], char *out)
{
  size_t n = 0;

  for (int i = 0; i < 4; i++)
    {
      if (i > 0)
        out[n++] = '.';
      n += print_decimal (ip[i], out + n);
    }
  return n;
}

/* RFC 5952 4.2: the longest run of at least two zero groups, the first of equals. */
static void
find_zero_run (const uint16_t groups[8], int *start, int *count)
{
  *start = -1;
  *count = 1;
  for (int i = 0; i < 8; i++)
    {
      int n = 0;

      while (i + n < 8 && groups[i + n] == 0)
        n++;
      if (n > *count)
        {
          *start = i;
          *count = n;
        }
      i += n;
    }
}

static size_t
print_ip6 (const uint8_t ip[16], char *out)
{
  uint16_t groups[8];
  int run, run_len;
  size_t n = 0;

  for (int i = 0; i < 8; i++)
    groups[i] = (uint16_t)(ip[2 * i] << 8 | ip[2 * i + 1]);
  find_zero_run (groups, &run, &run_len);
  for (int i = 0; i < 8; i++)
    {
      if (i == run)
        {
          out[n++] = ':';
          out[n++] = ':';
          i += run_len - 1;
          continue;
        }
      if (i > 0 && out[n - 1] != ':')
        out[n++] = ':';
      n += print_hex_group (groups[i], out + n);
    }
  return n;
}

bool
address_parse_port (const char *text, size_t len, uint16_t *out)
{
  uint32_t port;

  if (len == 0 || read_decimal (text, len, 65535, &port) != len || port == 0)
    return false;
  *out = (uint16_t)port;
  return true;
}

size_t
address_print_port (uint16_t port, char out[ADDRESS_PORT_MAX])
{
  size_t n = print_decimal (port, out);

  out[n] = '\0';
  return n;
}

bool
address_parse_ip (const char *text, size_t len, struct address *out)
{
  struct address parsed = {0};
  uint8_t ip[16];

  if (parse_ip4 (text, len, parsed.ip))
    parsed.family = 4;
  else if (parse_ip6 (text, len, ip))
    set_ip6 (&parsed, ip);
  else
    return false;
  *out = parsed;
  return true;
}

bool
address_parse (const char *text, size_t len, struct address *out)
{
  struct address parsed = {0};
  const char *colon = memrchr (text, ':', len);
  size_t host_len;

  if (colon == NULL)
    return false;
  host_len = (size_t)(colon - text);
  if (host_len > 2 && text[0] == '[' && text[host_len - 1] == ']')
    {
      uint8_t ip[16];

      if (!parse_ip6 (text + 1, host_len - 2, ip))
        return false;
      set_ip6 (&parsed, ip);
    }
  else if (parse_ip4 (text, host_len, parsed.ip))
    parsed.family = 4;
  else
    return false;
  if (!address_parse_port (colon + 1, len - host_len - 1, &parsed.port))
    return false;
  *out = parsed;
  return true;
}

size_t
address_print_ip (const struct address *address, char out[ADDRESS_TEXT_MAX])
{
  size_t n = 0;

  if (address->family == 4)
    n = print_ip4 (address->ip, out);
  else if (address->family == 6)
    n = print_ip6 (address->ip, out);
  out[n] = '\0';
  return n;
}

size_t
address_print (const struct address *address, char out[ADDRESS_TEXT_MAX])
{
  size_t n = 0;

  if (address->family == 6)
    {
      out[n++] = '[';
      n += print_ip6 (address->ip, out + n);
      out[n++] = ']';
    }
  else
    n = address_print_ip (address, out);
  if (n > 0)
    {
      out[n++] = ':';
      n += print_decimal (address->port, out + n);
    }
  out[n] = '\0';
  return n;
}

bool
address_from_sockaddr (const struct sockaddr *sa, socklen_t len, struct address *out)
{
  struct address parsed = {0};
  sa_family_t family;

  if (len < sizeof family)
    return false;
  memcpy (&family, &sa->sa_family, sizeof family);
  if (family == AF_INET && len >= sizeof (struct sockaddr_in))
    {
      struct sockaddr_in in;

      memcpy (&in, sa, sizeof in);
      parsed.family = 4;
      parsed.port = ntohs (in.sin_port);
      memcpy (parsed.ip, &in.sin_addr, 4);
    }
  else if (family == AF_INET6 && len >= sizeof (struct sockaddr_in6))
    {
      struct sockaddr_in6 in6;

      memcpy (&in6, sa, sizeof in6);
      parsed.port = ntohs (in6.sin6_port);
      set_ip6 (&parsed, in6.sin6_addr.s6_addr);
    }
  else
    return false;
  *out = parsed;
  return true;
}

socklen_t
address_to_sockaddr (const struct address *address, struct sockaddr_storage *out)
{
  memset (out, 0, sizeof *out);
  if (address->family == 4)
    {
      struct sockaddr_in *in = (struct sockaddr_in *)out;

      in->sin_family = AF_INET;
      in->sin_port = htons (address->port);
      memcpy (&in->sin_addr, address->ip, 4);
      return sizeof *in;
    }
  if (address->family == 6)
    {
      struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

      in6->sin6_family = AF_INET6;
      in6->sin6_port = htons (address->port);
      memcpy (&in6->sin6_addr, address->ip, 16);
      return sizeof *in6;
    }
  return 0;
}

bool
address_equal_ip (const struct address *a, const struct address *b)
{
  if (a->family != b->family || a->family == 0)
    return false;
  return memcmp (a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}
