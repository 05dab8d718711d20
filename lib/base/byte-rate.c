/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/byte-rate.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"

static const struct
{
  char letter;
  guint64 bytes;
} units[] = {
    {'G', 1000000000},
    {'M', 1000000},
    {'k', 1000},
};

static guint64
refuse (const char *text, GError **error)
{
  g_set_error (
      error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
      N_ ("“%s” is not a bandwidth; write bytes per second, for example 500k, 10M or 1.5M, at "
          "least 64k and at most 1000G"),
      text);
  return 0;
}

/* Up to twelve digits at @p, which moves on; FALSE when there is none, or more. */
static gboolean
read_digits (const char **p, guint64 *out, guint *count)
{
  const char *start = *p;

  for (*out = 0; g_ascii_isdigit (**p) && *p - start <= 12; (*p)++)
    *out = *out * 10 + (guint64)(**p - '0');
  *count = (guint)(*p - start);
  return *count > 0 && *count <= 12;
}

static guint64
read_unit (const char *text)
{
  if (*text == '\0')
    return 1;
  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_ascii_toupper (*text) == g_ascii_toupper (units[i].letter) && text[1] == '\0')
      return units[i].bytes;
  return 0;
}

guint64
funnel_byte_rate_parse (const char *text, GError **error)
{
  const char *p = text;
  guint64 whole, fraction = 0, unit, scale = 1, rate;
  guint digits = 0;

  if (!read_digits (&p, &whole, &digits))
    return refuse (text, error);
  if (*p == '.')
    {
      p++;
      if (!read_digits (&p, &fraction, &digits) || digits > 3)
        return refuse (text, error);
      while (digits-- > 0)
        scale *= 10;
    }
  unit = read_unit (p);
  if (unit == 0 || fraction * unit % scale != 0 || whole > FUNNEL_BYTE_RATE_MAX / unit)
    return refuse (text, error);
  rate = whole * unit + fraction * unit / scale;
  /* "64k" is what people mean by the least. */
  if (rate >= 64000 && rate < FUNNEL_BYTE_RATE_MIN)
    rate = FUNNEL_BYTE_RATE_MIN;
  if (rate < FUNNEL_BYTE_RATE_MIN || rate > FUNNEL_BYTE_RATE_MAX)
    return refuse (text, error);
  return rate;
}

char *
funnel_byte_rate_print (guint64 rate)
{
  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (rate >= units[i].bytes && rate % units[i].bytes == 0)
      return g_strdup_printf ("%" G_GUINT64_FORMAT "%c", rate / units[i].bytes, units[i].letter);
  return g_strdup_printf ("%" G_GUINT64_FORMAT, rate);
}
