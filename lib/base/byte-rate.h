/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Bandwidth as people type it: bytes per second, "500k", "10M", "1.5M", "1G" (powers of 1000). */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_BYTE_RATE_MIN ((guint64)65536)
#define FUNNEL_BYTE_RATE_MAX ((guint64)1000000000000)

/** funnel_byte_rate_parse: bytes per second, or 0 and FUNNEL_ERROR_INVALID_ARGUMENT saying what to
 * type. */
guint64 funnel_byte_rate_parse (const char *text, GError **error);

/** funnel_byte_rate_print: the shortest text that reads back as exactly @rate. */
char *funnel_byte_rate_print (guint64 rate);

G_END_DECLS
