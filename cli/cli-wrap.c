/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-wrap.h"

#include <string.h>

/* In characters; the languages of the catalogues have none that is two columns wide. */
static gsize
width_of (const char *text, gsize bytes)
{
  return (gsize)g_utf8_strlen (text, (gssize)bytes);
}

/* Bytes up to where the text of @line begins: after its indentation and, if there are two, after
 * the first column. */
static gsize
text_offset (const char *line)
{
  gsize first = strspn (line, " ");
  const char *gap = first > 0 ? strstr (line + first, "  ") : NULL;

  return gap != NULL ? (gsize)(gap - line) + strspn (gap, " ") : first;
}

static void
append_line (GString *out, const char *line)
{
  gsize start = text_offset (line);
  gsize indent = width_of (line, start);
  gsize column = indent;
  const char *separator = "";

  g_string_append_len (out, line, (gssize)start);
  for (const char *word = line + start; *word != '\0';)
    {
      gsize bytes = strcspn (word, " ");
      gsize width = width_of (word, bytes);

      if (*separator != '\0' && column + 1 + width > FUNNEL_CLI_COLUMNS)
        {
          g_string_append_printf (out, "\n%*s", (int)indent, "");
          separator = "";
          column = indent;
        }
      g_string_append (out, separator);
      g_string_append_len (out, word, (gssize)bytes);
      column += strlen (separator) + width;
      separator = " ";
      word += bytes + strspn (word + bytes, " ");
    }
}

char *
funnel_cli_wrap (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *out = g_string_new (NULL);

  for (char **line = lines; *line != NULL; line++)
    {
      if (line != lines)
        g_string_append_c (out, '\n');
      if (width_of (*line, strlen (*line)) > FUNNEL_CLI_COLUMNS)
        append_line (out, *line);
      else
        g_string_append (out, *line);
    }
  return g_string_free (out, FALSE);
}
