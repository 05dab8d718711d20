/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/rules.h"

#include "lib/base/json-read.h"

char *
funnel_rules_dup_ranges (GVariant *access, const char *key)
{
  g_autofree const char **ranges = NULL;
  g_autofree char *joined = NULL;

  if (!access || !g_variant_lookup (access, key, "^a&s", &ranges))
    return g_strdup ("");
  joined = g_strjoinv (", ", (GStrv)ranges);
  /* Not cut: what is not shown would be lost when the rest is changed. */
  return funnel_text_one_line (joined, G_MAXSIZE);
}

char *
funnel_rules_dup_limit (GVariant *access, const char *key)
{
  guint32 limit = 0;

  if (!access || !g_variant_lookup (access, key, "u", &limit) || limit == 0)
    return g_strdup ("");
  return g_strdup_printf ("%u", limit);
}

GVariant *
funnel_rules_read_ranges (const char *text)
{
  g_auto (GStrv) words = g_strsplit_set (text, ",; \t\n", -1);
  GVariantBuilder ranges;

  g_variant_builder_init (&ranges, G_VARIANT_TYPE_STRING_ARRAY);
  for (char **at = words; *at; at++)
    if (**at)
      g_variant_builder_add (&ranges, "s", *at);
  return g_variant_builder_end (&ranges);
}

GVariant *
funnel_rules_read_limit (const char *text)
{
  g_autofree char *clean = g_strstrip (g_strdup (text));
  guint64 limit = 0;

  if (*clean && !g_ascii_string_to_unsigned (clean, 10, 0, G_MAXUINT32, &limit, NULL))
    return NULL;
  return g_variant_new_uint32 ((guint32)limit);
}
