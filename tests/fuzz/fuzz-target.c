/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: the kind of a share in the first byte, then a target as somebody typed it. */
#include "tests/fuzz/fuzz.h"

#include "daemon/model/target-guard.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

/* Whatever was typed, without permission a share leads nowhere but to this machine. */
static void
check_is_local (const struct sockaddr_storage *address)
{
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

  if (address->ss_family == AF_INET)
    REQUIRE (ntohl (v4->sin_addr.s_addr) >> 24 == 127 && v4->sin_port != 0);
  else if (address->ss_family == AF_INET6)
    REQUIRE (IN6_IS_ADDR_LOOPBACK (&v6->sin6_addr) && v6->sin6_port != 0);
  else
    REQUIRE (address->ss_family == AF_UNIX);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FunnelShareKind kind = size > 0 ? data[0] % 3 : 0;
  char *text = size > 0 ? g_strndup ((const char *)data + 1, size - 1) : g_strdup ("");
  GError *error = NULL;
  FunnelTarget *target = funnel_target_parse (text, kind, &error);

  REQUIRE ((target == NULL) == (error != NULL));
  if (target != NULL)
    {
      const FunnelTargetPermission none = {0};
      FunnelTarget *again = funnel_target_parse (target->text, kind, NULL);

      REQUIRE (target->n_addresses <= FUNNEL_TARGET_ADDRESSES_MAX);
      if (funnel_target_guard (target, &none, NULL) && funnel_target_connects (target))
        REQUIRE (target->n_addresses > 0);
      for (guint i = 0; i < target->n_addresses; i++)
        if (funnel_target_guard (target, &none, NULL))
          check_is_local (&target->addresses[i]);
      REQUIRE (again != NULL && strcmp (again->text, target->text) == 0);
      REQUIRE (again->n_addresses == target->n_addresses);
      funnel_target_free (again);
      funnel_target_free (target);
    }
  g_clear_error (&error);
  g_free (text);
  return 0;
}
