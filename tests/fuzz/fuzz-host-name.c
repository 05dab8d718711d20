/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: a host name as anybody may write it. */
#include "tests/fuzz/fuzz.h"

#include "lib/wire/address.h"
#include "lib/wire/host-name.h"

#include <string.h>

static void
check_canonical (const char *name)
{
  size_t len = strlen (name);
  char again[HOST_NAME_MAX + 1];
  char dotted[HOST_NAME_MAX + 2];
  struct address address;

  REQUIRE (len > 0 && len <= HOST_NAME_MAX);
  REQUIRE (strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == len);
  REQUIRE (name[0] != '.' && name[len - 1] != '.' && strstr (name, "..") == NULL);
  REQUIRE (!address_parse_ip (name, len, &address));
  REQUIRE (host_name_normalize (name, len, again) == HOST_NAME_OK);
  REQUIRE (strcmp (again, name) == 0);
  memcpy (dotted, name, len);
  dotted[len] = '.';
  REQUIRE (host_name_normalize (dotted, len + 1, again) == HOST_NAME_OK);
  REQUIRE (strcmp (again, name) == 0);
  REQUIRE (host_name_is_within (name, name));
  for (const char *dot = strchr (name, '.'); dot != NULL; dot = strchr (dot + 1, '.'))
    {
      REQUIRE (host_name_is_within (name, dot + 1));
      REQUIRE (!host_name_is_within (name, dot));
      REQUIRE (!host_name_is_within (dot + 1, name));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  char name[HOST_NAME_MAX + 1] = "untouched";
  enum host_name_result result = host_name_normalize ((const char *)data, size, name);

  REQUIRE (result <= HOST_NAME_IP_LITERAL);
  REQUIRE (host_name_result_text (result) != NULL);
  if (result == HOST_NAME_OK)
    check_canonical (name);
  else
    REQUIRE (strcmp (name, "untouched") == 0);
  return 0;
}
