/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/client/phrase.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 8
#define DEPTH_MAX 16
#define TRIES_MAX 100000 /* of places where a phrase could fit, for one text */
#define TEXT_MAX 8192    /* bytes; more is shown as it is */

typedef struct
{
  const char *format;
  const char *domain;                /* whose it is; NULL our own */
  guint n;                           /* conversions */
  char *literals[ARGUMENTS_MAX + 1]; /* before, between and after them */
  gboolean numbers[ARGUMENTS_MAX];   /* they stand for digits */
  gsize weight;                      /* bytes of the literals: the most exact phrase wins */
} Phrase;

/* What a phrase's conversions stand for in a text. */
typedef struct
{
  const char *begin[ARGUMENTS_MAX];
  gsize len[ARGUMENTS_MAX];
} Fit;

typedef struct
{
  guint tries;
  guint depth;
} Work;

static char *translate (const char *text, Work *work);

/* --- The table --- */

/* The end of the conversion at @at; @position: 1 for %1$s, 0 for %s. */
static const char *
skip_conversion (const char *at, guint *position, gboolean *number)
{
  gsize digits = strspn (at + 1, "0123456789");

  *position = 0;
  if (digits > 0 && at[1 + digits] == '$')
    {
      *position = (guint)strtoul (at + 1, NULL, 10);
      at += digits + 1;
    }
  at += 1 + strspn (at + 1, "0123456789.-+ #hlz*");
  *number = *at != 's';
  return *at ? at + 1 : at;
}

/* A phrase that ends in a space is put in front of another text (g_prefix_error()). */
static Phrase *
compile (const char *format, const char *domain)
{
  Phrase *phrase = g_new0 (Phrase, 1);
  GString *literal = g_string_new (NULL);
  const char *at = format;
  guint position;

  phrase->format = format;
  phrase->domain = domain;
  while (*at)
    if (*at != '%' || at[1] == '%')
      {
        g_string_append_c (literal, *at);
        at += *at == '%' ? 2 : 1;
      }
    else
      {
        g_assert (phrase->n < ARGUMENTS_MAX);
        at = skip_conversion (at, &position, &phrase->numbers[phrase->n]);
        phrase->weight += literal->len;
        phrase->literals[phrase->n++] = g_string_free (literal, FALSE);
        literal = g_string_new (NULL);
      }
  phrase->weight += literal->len;
  phrase->literals[phrase->n] = g_string_free (literal, FALSE);
  if (g_str_has_suffix (format, " "))
    phrase->literals[++phrase->n] = g_strdup ("");
  return phrase;
}

static int
compare_phrases (gconstpointer a, gconstpointer b)
{
  const Phrase *left = *(const Phrase *const *)a, *right = *(const Phrase *const *)b;

  return left->weight > right->weight ? -1 : left->weight < right->weight;
}

/* What the libraries below the daemon say with words of ours in it. */
static const struct
{
  const char *domain;
  const char *format;
} foreign_phrases[] = {
    {"glib20", "Could not connect to %s: "},
    {"glib20", "Could not connect: "},
    {"glib20", "Error resolving “%s”: %s"},
    {"glib20", "Error binding to address %s: %s"},
    {"glib20", "Error receiving data: %s"},
    {"glib20", "Error sending data: %s"},
    {"glib20", "Error opening file “%s”: %s"},
    {"glib20", "Error opening file %s: %s"},
    {"glib20", "Error opening directory “%s”: %s"},
    {"glib20", "Failed to execute child process “%s” (%s)"},
    {"glib20", "Failed to open file “%s”: %s"},
    {"glib20", "Failed to create file “%s”: %s"},
    {"glib20", "Failed to read from file “%s”: %s"},
    {"glib20", "Failed to write file “%s”: write() failed: %s"},
    {"glib20", "Failed to write file “%s”: fsync() failed: %s"},
    {"glib-networking", "Error performing TLS handshake: %s"},
    {"glib-networking", "Error reading data from TLS socket: %s"},
    {"glib-networking", "Error writing data to TLS socket: %s"},
};

/* Made once, never freed. */
static const GPtrArray *
get_table (void)
{
  static GPtrArray *table;

  if (table)
    return table;
  table = g_ptr_array_new ();
  for (gsize i = 0; funnel_phrases[i]; i++)
    g_ptr_array_add (table, compile (funnel_phrases[i], NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (foreign_phrases); i++)
    g_ptr_array_add (table, compile (foreign_phrases[i].format, foreign_phrases[i].domain));
  g_ptr_array_sort (table, compare_phrases);
  return table;
}

/* --- Whether a phrase fits --- */

static gboolean fits_from (const Phrase *phrase, guint i, const char *at, Fit *fit, Work *work);

/* The literal after conversion @i stands at @at, and all that follows fits. */
static gboolean
fits_after (const Phrase *phrase, guint i, const char *at, Fit *fit, Work *work)
{
  const char *literal = phrase->literals[i + 1];

  return g_str_has_prefix (at, literal)
         && fits_from (phrase, i + 1, at + strlen (literal), fit, work);
}

/* A point may belong to the number, or to what follows. */
static gboolean
fits_number (const Phrase *phrase, guint i, const char *at, Fit *fit, Work *work)
{
  gsize sign = *at == '-' ? 1 : 0;
  gsize len = sign + strspn (at + sign, "0123456789");

  fit->len[i] = len;
  if (len == sign)
    return FALSE;
  if (fits_after (phrase, i, at + len, fit, work))
    return TRUE;
  fit->len[i] = len + 1 + strspn (at + len + (at[len] == '.'), "0123456789");
  return at[len] == '.' && fits_after (phrase, i, at + fit->len[i], fit, work);
}

/* Conversion @i begins at @at. Texts are as short as can be, but never empty. */
static gboolean
fits_from (const Phrase *phrase, guint i, const char *at, Fit *fit, Work *work)
{
  const char *literal, *end;

  if (i == phrase->n)
    return *at == '\0';
  literal = phrase->literals[i + 1];
  fit->begin[i] = at;
  if (phrase->numbers[i])
    return fits_number (phrase, i, at, fit, work);
  if (i + 1 == phrase->n)
    {
      gsize rest = strlen (at), tail = strlen (literal);

      fit->len[i] = rest - tail;
      return rest > tail && g_str_has_suffix (at, literal);
    }
  for (end = *at ? strstr (at + 1, literal) : NULL; end && work->tries > 0;
       end = *end ? strstr (end + 1, literal) : NULL)
    {
      work->tries--;
      fit->len[i] = (gsize)(end - at);
      if (fits_after (phrase, i, end, fit, work))
        return TRUE;
    }
  return FALSE;
}

static const Phrase *
find_phrase (const char *text, Fit *fit, Work *work)
{
  const GPtrArray *table = get_table ();

  for (guint i = 0; i < table->len; i++)
    {
      const Phrase *phrase = g_ptr_array_index (table, i);
      gsize head = strlen (phrase->literals[0]);

      if (strncmp (text, phrase->literals[0], head) == 0
          && fits_from (phrase, 0, text + head, fit, work))
        return phrase;
    }
  return NULL;
}

/* --- Translation --- */

/* @format with the texts in place of its conversions, in its own order if it numbers them; if it is
 * a beginning, with the last one behind it. */
static char *
fill (const char *format, char *const *texts, guint n)
{
  GString *out = g_string_new (NULL);
  guint next = 0, position;
  gboolean number;

  for (const char *at = format; *at;)
    if (*at != '%' || at[1] == '%')
      {
        g_string_append_c (out, *at);
        at += *at == '%' ? 2 : 1;
      }
    else
      {
        at = skip_conversion (at, &position, &number);
        position = position > 0 ? position - 1 : next++;
        if (position < n)
          g_string_append (out, texts[position]);
      }
  if (g_str_has_suffix (format, " ") && n > 0)
    g_string_append (out, texts[n - 1]);
  return g_string_free (out, FALSE);
}

static const char *
look_up (const Phrase *phrase)
{
  return phrase->domain ? dgettext (phrase->domain, phrase->format) : gettext (phrase->format);
}

/* NULL if no phrase fits. */
static char *
translate_phrase (const char *text, Work *work)
{
  char *texts[ARGUMENTS_MAX] = {NULL};
  Fit fit;
  const Phrase *phrase = find_phrase (text, &fit, work);
  char *out;

  if (!phrase)
    return NULL;
  for (guint i = 0; i < phrase->n; i++)
    {
      g_autofree char *argument = g_strndup (fit.begin[i], fit.len[i]);

      texts[i] = phrase->numbers[i] ? g_steal_pointer (&argument) : translate (argument, work);
    }
  out = fill (look_up (phrase), texts, phrase->n);
  for (guint i = 0; i < phrase->n; i++)
    g_free (texts[i]);
  return out;
}

/* What the libraries below the daemon say, such as "Connection refused". */
static char *
translate_foreign (const char *text)
{
  static const char *const domains[] = {"glib20", "libc", "glib-networking", "gnutls30"};

  for (gsize i = 0; i < G_N_ELEMENTS (domains); i++)
    {
      const char *found = dgettext (domains[i], text);

      if (found != text && g_utf8_validate (found, -1, NULL))
        return g_strdup (found);
    }
  return NULL;
}

static char *
translate_whole (const char *text, Work *work)
{
  char *out = translate_phrase (text, work);

  return out ? out : translate_foreign (text);
}

static char *
join (const char *left, const char *right, char separator)
{
  /* Translators: two parts of one sentence. */
  return separator == ';' ? g_strdup_printf (_ ("%s; %s"), left, right)
                          : g_strdup_printf (_ ("%s: %s"), left, right);
}

/* Texts are joined with ": " and "; ". Cut @text where what is before is known, or else where what
 * follows is; NULL if there is no such place. */
static char *
translate_joined (const char *text, Work *work)
{
  const char *first = NULL;
  g_autofree char *begin = NULL;
  g_autofree char *end = NULL;

  for (const char *at = strpbrk (text, ":;"); at; at = strpbrk (at + 1, ":;"))
    {
      g_autofree char *before = g_strndup (text, (gsize)(at - text));
      g_autofree char *left = at[1] == ' ' && at > text ? translate_whole (before, work) : NULL;
      g_autofree char *right = left ? translate (at + 2, work) : NULL;

      if (left)
        return join (left, right, *at);
      if (!first && at[1] == ' ')
        first = at;
    }
  /* What cannot be found behind the first joint is not behind a later one either. */
  if (!first)
    return NULL;
  begin = g_strndup (text, (gsize)(first - text));
  end = translate (first + 2, work);
  return strcmp (end, first + 2) != 0 ? join (begin, end, *first) : NULL;
}

/* With the full stop that a state puts behind a reason. */
static char *
translate_sentence (const char *text, Work *work)
{
  gsize len = strlen (text);
  g_autofree char *begin = NULL;
  g_autofree char *translated = NULL;

  if (len < 2 || text[len - 1] != '.')
    return NULL;
  begin = g_strndup (text, len - 1);
  translated = translate_whole (begin, work);
  return translated ? g_strconcat (translated, ".", NULL) : NULL;
}

/* NULL if nothing of it is known. */
static char *
translate_line (const char *text, Work *work)
{
  char *out = translate_whole (text, work);

  if (!out)
    out = translate_sentence (text, work);
  return out ? out : translate_joined (text, work);
}

static char *
translate (const char *text, Work *work)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  /* One word may be anybody's: a name, a path. */
  if (work->depth >= DEPTH_MAX || !strchr (text, ' '))
    return g_strdup (text);
  work->depth++;
  for (char **line = lines; *line; line++)
    {
      char *translated = translate_line (*line, work);

      if (!translated)
        continue;
      g_free (*line);
      *line = translated;
    }
  work->depth--;
  return g_strjoinv ("\n", lines);
}

char *
funnel_phrase_translate (const char *text)
{
  Work work = {.tries = TRIES_MAX};

  /* Without a catalogue even the empty text, where its header is, stays what it is. */
  if (!text || *gettext ("") == '\0' || strlen (text) > TEXT_MAX)
    return g_strdup (text ? text : "");
  return translate (text, &work);
}
