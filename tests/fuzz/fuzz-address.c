/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: an address as text, with or without a port. */
#include "tests/fuzz/fuzz.h"

#include "lib/wire/address.h"

#include <arpa/inet.h>
#include <string.h>

static void
check_sockaddr (const struct address *address)
{
  struct sockaddr_storage storage;
  struct address again;
  socklen_t len = address_to_sockaddr (address, &storage);

  REQUIRE (len > 0);
  REQUIRE (address_from_sockaddr ((struct sockaddr *)&storage, len, &again));
  REQUIRE (memcmp (&again, address, sizeof again) == 0);
}

static void
check_with_port (const struct address *address)
{
  char text[ADDRESS_TEXT_MAX];
  size_t len = address_print (address, text);
  struct address again;

  REQUIRE (len > 0 && len < sizeof text && strlen (text) == len);
  REQUIRE (address->port > 0);
  REQUIRE (address_parse (text, len, &again));
  REQUIRE (memcmp (&again, address, sizeof again) == 0);
  check_sockaddr (address);
}

/* What we take, the C library takes too, and as the same address. */
static void
check_ip (const struct address *address, const char *source, size_t source_len)
{
  char text[ADDRESS_TEXT_MAX];
  uint8_t libc[16];
  size_t len = address_print_ip (address, text);
  struct address again;

  REQUIRE (len > 0 && len < sizeof text && strlen (text) == len);
  REQUIRE (address->port == 0);
  REQUIRE (address_parse_ip (text, len, &again));
  REQUIRE (memcmp (&again, address, sizeof again) == 0);
  REQUIRE (address_equal_ip (&again, address));
  REQUIRE (inet_pton (address->family == 4 ? AF_INET : AF_INET6, text, libc) == 1);
  REQUIRE (memcmp (libc, address->ip, address->family == 4 ? 4 : 16) == 0);
  REQUIRE (source_len < sizeof text);
  memcpy (text, source, source_len);
  text[source_len] = '\0';
  REQUIRE (inet_pton (AF_INET, text, libc) == 1 || inet_pton (AF_INET6, text, libc) == 1);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  struct address address;

  if (address_parse (text, size, &address))
    check_with_port (&address);
  if (address_parse_ip (text, size, &address))
    check_ip (&address, text, size);
  return 0;
}
