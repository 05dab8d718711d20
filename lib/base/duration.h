/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Durations as people type them: "90s", "30m", "1h30m", "7d", "2w". */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_DURATION_MAX ((gint64)10 * 366 * 24 * 3600) /* seconds: ten years */

/** funnel_duration_parse: seconds (1 … FUNNEL_DURATION_MAX), or 0 and FUNNEL_ERROR_INVALID_ARGUMENT
 * saying what to type. Every number needs its unit, larger units first. */
gint64 funnel_duration_parse (const char *text, GError **error);

/** funnel_duration_print: the two largest units, "1h 30m"; "0s" for nothing or less. */
char *funnel_duration_print (gint64 seconds);

G_END_DECLS
