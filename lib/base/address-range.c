/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/base/address-range.h"

#include "lib/base/error.h"

#include <glib/gi18n.h>
#include <string.h>

static gboolean
refuse_range (const char *text, GError **error)
{
  g_set_error (
      error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
      N_ ("\"%s\" is not an address range; type one such as 203.0.113.0/24, 2001:db8::/32 or "
          "a single address"),
      text);
  return FALSE;
}

/* Whether nothing is set beyond the prefix. */
static gboolean
is_prefix (const FunnelAddressRange *range)
{
  guint len = range->family == 4 ? 4 : 16;

  for (guint i = 0; i < len; i++)
    {
      guint kept = MIN (8, MAX (0, (gint)range->bits - (gint)i * 8));

      if ((range->ip[i] & (0xff >> kept)) != 0)
        return FALSE;
    }
  return TRUE;
}

gboolean
funnel_address_range_parse (const char *text, FunnelAddressRange *out, GError **error)
{
  const char *slash = strchr (text, '/');
  gsize len = slash != NULL ? (gsize)(slash - text) : strlen (text);
  struct address address;
  FunnelAddressRange range = {0};
  guint64 bits;

  if (!address_parse_ip (text, len, &address))
    return refuse_range (text, error);
  range.family = address.family;
  bits = address.family == 4 ? 32 : 128;
  if (slash != NULL && !g_ascii_string_to_unsigned (slash + 1, 10, 0, bits, &bits, NULL))
    return refuse_range (text, error);
  range.bits = (guint8)bits;
  memcpy (range.ip, address.ip, sizeof range.ip);
  if (!is_prefix (&range))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   N_ ("\"%s\" has address bits beyond its prefix of %u bits"), text, range.bits);
      return FALSE;
    }
  *out = range;
  return TRUE;
}

char *
funnel_address_range_print (const FunnelAddressRange *range)
{
  struct address address = {.family = range->family};
  char text[ADDRESS_TEXT_MAX];

  memcpy (address.ip, range->ip, sizeof address.ip);
  address_print_ip (&address, text);
  if (range->bits == (range->family == 4 ? 32 : 128))
    return g_strdup (text);
  return g_strdup_printf ("%s/%u", text, range->bits);
}

gboolean
funnel_address_range_contains (const FunnelAddressRange *range, const struct address *address)
{
  guint whole = range->bits / 8, rest = range->bits % 8;

  if (address->family != range->family || memcmp (address->ip, range->ip, whole) != 0)
    return FALSE;
  return rest == 0 || ((address->ip[whole] ^ range->ip[whole]) & (0xff00 >> rest) & 0xff) == 0;
}
