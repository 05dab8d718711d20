/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The rules of a share as people read and type them. What is allowed is for the daemon to say. */

#include <glib.h>

G_BEGIN_DECLS

/** funnel_rules_dup_ranges: "192.0.2.0/24, 2001:db8::/32" from @key of Access (a{sv}, or NULL), a
 * list; "" for none. */
char *funnel_rules_dup_ranges (GVariant *access, const char *key);
/** funnel_rules_dup_limit: "200" from @key of Access, a number; "" for no limit. */
char *funnel_rules_dup_limit (GVariant *access, const char *key);

/** funnel_rules_read_ranges: as (floating) of what stands between commas, semicolons and spaces. */
GVariant *funnel_rules_read_ranges (const char *text);
/** funnel_rules_read_limit: u (floating); 0 for an empty @text. NULL when it is no number, or too
 * large a one. */
GVariant *funnel_rules_read_limit (const char *text);

G_END_DECLS
