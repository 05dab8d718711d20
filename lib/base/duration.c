/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/duration.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"

static const struct
{
  char letter;
  gint64 seconds;
} units[] = {
    {'w', 7 * 24 * 3600}, {'d', 24 * 3600}, {'h', 3600}, {'m', 60}, {'s', 1},
};

static gint64
refuse (const char *text, GError **error)
{
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               N_ ("“%s” is not a duration; write for example 30m, 12h, 1h30m or 7d"), text);
  return 0;
}

gint64
funnel_duration_parse (const char *text, GError **error)
{
  const char *p = text;
  gint64 total = 0;
  guint unit = 0;

  while (*p)
    {
      gint64 number = 0;
      const char *digits = p;

      for (; g_ascii_isdigit (*p) && p - digits < 9; p++)
        number = number * 10 + (*p - '0');
      if (p == digits)
        return refuse (text, error);
      while (unit < G_N_ELEMENTS (units) && units[unit].letter != *p)
        unit++;
      if (unit == G_N_ELEMENTS (units))
        return refuse (text, error);
      total += number * units[unit++].seconds;
      p++;
    }
  if (total <= 0 || total > FUNNEL_DURATION_MAX)
    return refuse (text, error);
  return total;
}

char *
funnel_duration_print (gint64 seconds)
{
  GString *out = g_string_new (NULL);
  guint parts = 0;

  for (guint i = 0; i < G_N_ELEMENTS (units) && parts < 2; i++)
    {
      gint64 count = seconds > 0 ? seconds / units[i].seconds : 0;

      /* "2d" and "2d 5h", but not "2d 3s": a gap ends the text. */
      if (count == 0 && parts > 0)
        break;
      if (count == 0)
        continue;
      g_string_append_printf (out, "%s%" G_GINT64_FORMAT "%c", parts ? " " : "", count,
                              units[i].letter);
      seconds -= count * units[i].seconds;
      parts++;
    }
  if (parts == 0)
    g_string_assign (out, "0s");
  return g_string_free (out, FALSE);
}
