/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Address ranges as people type them, for access rules. */

#include "lib/wire/address.h"

#include <glib.h>

G_BEGIN_DECLS

/* An address range; IPv4-mapped IPv6 does not occur. */
typedef struct
{
  guint8 family; /* 4 or 6 */
  guint8 bits;
  guint8 ip[16]; /* network order; bits beyond the prefix are 0 */
} FunnelAddressRange;

/** funnel_address_range_parse: "203.0.113.0/24", "2001:db8::/32" or a single address. FALSE and
 * FUNNEL_ERROR_INVALID_ARGUMENT naming what is wrong. */
gboolean funnel_address_range_parse (const char *text, FunnelAddressRange *out, GError **error);
/** funnel_address_range_print: canonical text, a single address without prefix; caller frees. */
char *funnel_address_range_print (const FunnelAddressRange *range);
/** funnel_address_range_contains: whether @address is in it; its port does not matter. */
gboolean
funnel_address_range_contains (const FunnelAddressRange *range, const struct address *address);

G_END_DECLS
