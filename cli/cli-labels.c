/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-labels.h"

#include <glib/gi18n.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/json-read.h"
#include "lib/client/phrase.h"

#define TEXT_MAX 1000   /* bytes of one text from the daemon; more is cut */
#define FIELD_COLUMNS 9 /* of a name; a longer one takes what it needs */

char *
funnel_label_clean (const char *text)
{
  return funnel_text_one_line (text ? text : "", TEXT_MAX);
}

char *
funnel_label_say (const char *text)
{
  g_autofree char *translated = funnel_phrase_translate (text);

  return funnel_label_clean (translated);
}

static guint
text_width (const char *text, gsize len)
{
  guint width = 0;

  for (const char *at = text; at < text + len; at = g_utf8_next_char (at))
    {
      gunichar c = g_utf8_get_char (at);

      if (!g_unichar_iszerowidth (c))
        width += g_unichar_iswide (c) ? 2 : 1;
    }
  return width;
}

char *
funnel_label_field (const char *name, const char *value)
{
  guint width = text_width (name, strlen (name));
  guint padding = width < FIELD_COLUMNS ? FIELD_COLUMNS - width : 0;

  if (!value || !*value)
    return g_strdup ("");
  return g_strdup_printf ("|-- %s%*s %s\n", name, (int)padding, "", value);
}

gboolean
funnel_label_is_active (const char *state)
{
  return g_strcmp0 (state, "active") == 0;
}

const char *
funnel_label_headline (const char *state, gboolean was_active)
{
  if (funnel_label_is_active (state))
    return _ ("Available on the internet:");
  return was_active ? _ ("Not on the internet right now:") : _ ("Not on the internet yet:");
}

char *
funnel_label_target (const char *kind, const char *target)
{
  g_autofree char *clean = funnel_label_clean (target);

  if (g_strcmp0 (kind, "tcp") == 0)
    return g_strdup_printf (_ ("forward %s (TLS passed through)"), clean);
  if (g_strcmp0 (kind, "tls-terminated-tcp") == 0)
    return g_strdup_printf (_ ("forward %s (TLS ends here)"), clean);
  if (clean[0] == '/')
    return g_strdup_printf (_ ("path %s"), clean);
  if (g_str_has_prefix (clean, "text:"))
    return g_strdup_printf (_ ("text \"%s\""), clean + strlen ("text:"));
  return g_strdup_printf (_ ("proxy %s"), clean);
}

char *
funnel_label_state (const FunnelCliShareText *share)
{
  g_autofree char *state = funnel_label_clean (share->state);
  g_autofree char *reason = funnel_label_say (share->reason);

  if (!*state)
    return g_strdup (_ ("unknown"));
  return *reason ? g_strdup_printf (_ ("%s: %s"), state, reason) : g_steal_pointer (&state);
}

char *
funnel_label_line (const FunnelCliShareText *share)
{
  g_autofree char *state = funnel_label_state (share);
  g_autofree char *next = funnel_label_say (share->next_step);
  g_autofree char *url = funnel_label_clean (share->url);

  if (funnel_label_is_active (share->state))
    return g_strdup_printf ("%s %s", funnel_label_headline (share->state, FALSE), url);
  return *next ? g_strdup_printf (_ ("%s | next: %s"), state, next) : g_steal_pointer (&state);
}

char *
funnel_label_block (const FunnelCliShareText *share, gboolean was_active, const char *footer)
{
  GString *text = g_string_new (NULL);
  g_autofree char *url = funnel_label_clean (share->url);
  g_autofree char *target = funnel_label_target (share->kind, share->target);

  g_string_append_printf (text, "%s\n%s\n|-- %s\n",
                          funnel_label_headline (share->state, was_active), url, target);
  if (!funnel_label_is_active (share->state))
    {
      g_autofree char *state = funnel_label_state (share);
      g_autofree char *next = funnel_label_say (share->next_step);

      g_string_append_printf (text, "\n%s\n", state);
      if (*next)
        {
          g_string_append_printf (text, _ ("next: %s"), next);
          g_string_append_c (text, '\n');
        }
    }
  if (footer)
    g_string_append_printf (text, "\n%s\n", footer);
  return g_string_free (text, FALSE);
}

char *
funnel_label_disable (const char *kind, guint16 port, const char *name, const char *path)
{
  GString *text = g_string_new (NULL);
  g_autofree char *clean_name = funnel_label_clean (name), *clean_path = funnel_label_clean (path);

  g_string_append_printf (text, "funnel --%s=%u", kind && *kind ? kind : "https", port);
  if (*clean_name)
    g_string_append_printf (text, " --name=%s", clean_name);
  if (*clean_path)
    {
      g_autofree char *quoted = g_shell_quote (clean_path);
      gboolean plain
          = clean_path[strspn (clean_path, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "/._-")] == '\0';

      g_string_append_printf (text, " --set-path=%s", plain ? clean_path : quoted);
    }
  g_string_append (text, " off");
  return g_string_free (text, FALSE);
}

typedef struct
{
  const char *reason;
  guint64 count;
} Count;

static int
compare_counts (gconstpointer a, gconstpointer b)
{
  const Count *left = a, *right = b;

  if (left->count != right->count)
    return left->count > right->count ? -1 : 1;
  return strcmp (left->reason, right->reason);
}

char *
funnel_label_counts (GVariant *counts)
{
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (Count));
  g_autoptr (GString) text = g_string_new (NULL);
  GVariantIter iter;
  Count row;

  if (!counts || !g_variant_is_of_type (counts, G_VARIANT_TYPE ("a{st}")))
    return NULL;
  g_variant_iter_init (&iter, counts);
  while (g_variant_iter_next (&iter, "{&st}", &row.reason, &row.count))
    if (row.count > 0)
      g_array_append_val (rows, row);
  if (rows->len == 0)
    return NULL;
  g_array_sort (rows, compare_counts);
  for (guint i = 0; i < rows->len; i++)
    {
      const Count *at = &g_array_index (rows, Count, i);
      g_autofree char *reason = funnel_label_clean (at->reason);
      g_string_append_printf (text, "%s%s %" G_GUINT64_FORMAT, i ? ", " : "", reason, at->count);
    }
  return g_strdup (text->str);
}

char *
funnel_label_grants (GVariant *grants)
{
  g_autoptr (GString) text = g_string_new (NULL);
  GVariantIter iter;
  const char *name;
  GVariantIter *ports;

  if (!grants || !g_variant_is_of_type (grants, G_VARIANT_TYPE ("a{saq}")))
    return NULL;
  g_variant_iter_init (&iter, grants);
  while (g_variant_iter_loop (&iter, "{&saq}", &name, &ports))
    {
      g_autofree char *clean = funnel_label_clean (name);
      const char *separator = "";
      guint16 port;

      g_string_append_printf (text, "%s%s (", text->len ? ", " : "", clean);
      while (g_variant_iter_next (ports, "q", &port))
        {
          g_string_append_printf (text, "%s%u", separator, port);
          separator = ", ";
        }
      g_string_append_c (text, ')');
    }
  return text->len ? g_strdup (text->str) : NULL;
}

char *
funnel_label_age (guint64 then, gint64 now)
{
  g_autofree char *duration = NULL;

  if (then == 0)
    return g_strdup (_ ("never"));
  duration = funnel_duration_print (now - (gint64)then);
  return g_strdup_printf (_ ("%s ago"), duration);
}

guint
funnel_label_rows (const char *text, guint columns)
{
  guint rows = 0;

  while (*text)
    {
      gsize len = strcspn (text, "\n");
      guint width = text_width (text, len);

      rows += columns && width ? (width + columns - 1) / columns : 1;
      text += len + (text[len] ? 1 : 0);
    }
  return rows;
}

static char *
format_time (gint64 seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (seconds);

  return time ? g_date_time_format (time, "%Y-%m-%d %H:%M") : g_strdup ("?");
}

char *
funnel_label_certificate (GVariant *certificate)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *issuer = NULL, *problem = NULL;
  gint64 not_after = 0, renew_at = 0;
  g_autofree char *end = NULL;
  g_autofree char *renewal = NULL;
  g_autofree char *clean_issuer = NULL;
  g_autofree char *clean_problem = NULL;

  if (!certificate || !g_variant_lookup (certificate, "issuer", "&s", &issuer)
      || !g_variant_lookup (certificate, "not-after", "x", &not_after))
    return NULL;
  end = format_time (not_after);
  clean_issuer = funnel_label_clean (issuer);
  g_string_append_printf (text, _ ("%s, until %s"), clean_issuer, end);
  if (g_variant_lookup (certificate, "renew-at", "x", &renew_at))
    {
      renewal = format_time (renew_at);
      g_string_append_printf (text, _ (", renewed from %s"), renewal);
    }
  if (g_variant_lookup (certificate, "problem", "&s", &problem))
    {
      clean_problem = funnel_label_say (problem);
      g_string_append_printf (text, _ ("; PROBLEM: %s"), clean_problem);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
funnel_label_request (const FunnelCliRequest *request)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (request->time / G_USEC_PER_SEC);
  g_autofree char *clock = time ? g_date_time_format (time, "%H:%M:%S") : g_strdup ("?");
  g_autofree char *source = funnel_label_clean (request->source);
  g_autofree char *method = funnel_label_clean (request->method);
  g_autofree char *path = funnel_label_clean (request->path);
  g_autofree char *size = g_format_size (request->bytes);
  g_autofree char *status
      = request->status ? g_strdup_printf ("%u", request->status) : g_strdup (_ ("unanswered"));
  char *port = strrchr (source, ':');

  if (port)
    *port = '\0';
  return g_strdup_printf ("%s %s %s %s %s%s %s %ums", clock, source, method, path, status,
                          request->complete || !request->status ? "" : _ (" (cut short)"), size,
                          request->ms);
}

static gboolean
lookup_flag (GVariant *map, const char *key)
{
  gboolean value = FALSE;

  return g_variant_lookup (map, key, "b", &value) && value;
}

static const char *
lookup_text (GVariant *map, const char *key)
{
  const char *value = "";

  g_variant_lookup (map, key, "&s", &value);
  return value;
}

char *
funnel_label_mount (GVariant *mount, gboolean with_path)
{
  static const char *const flags[] = {"keep-prefix", "listing", "lan", "force"};
  const char *kind = lookup_text (mount, "kind"), *host = lookup_text (mount, "host-header");
  g_autofree char *path = funnel_label_clean (lookup_text (mount, "path"));
  g_autofree char *target = funnel_label_clean (lookup_text (mount, "target"));
  g_autofree char *problem = funnel_label_say (lookup_text (mount, "problem"));
  GString *text = g_string_new (NULL);

  if (with_path)
    g_string_append_printf (text, "%-9s ", path);
  /* Texts and redirects say by themselves what they are. */
  if (g_str_equal (kind, "text") || g_str_equal (kind, "redirect"))
    g_string_append (text, target);
  else
    g_string_append_printf (text, "%s %s", kind, target);
  if (*host && !g_str_equal (host, "keep"))
    g_string_append_printf (text, ", host-header %s", host);
  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    if (lookup_flag (mount, flags[i]))
      g_string_append_printf (text, ", %s", flags[i]);
  if (*problem)
    g_string_append_printf (text, _ ("; DOWN: %s"), problem);
  return g_string_free (text, FALSE);
}

static void
append_ranges (GString *text, GVariant *access, const char *key)
{
  g_autofree const char **ranges = NULL;
  g_autofree char *joined = NULL;
  g_autofree char *clean = NULL;

  if (!g_variant_lookup (access, key, "^a&s", &ranges) || !ranges[0])
    return;
  joined = g_strjoinv (", ", (GStrv)ranges);
  clean = funnel_label_clean (joined);
  if (text->len)
    g_string_append (text, "; ");
  g_string_append_printf (text, g_str_equal (key, "allow") ? _ ("only %s") : _ ("not %s"), clean);
}

char *
funnel_label_access (GVariant *access)
{
  GString *text = g_string_new (NULL);
  guint32 max_conns = 0, rate = 0;
  g_autofree char *user = NULL;

  if (!access)
    return g_string_free (text, FALSE);
  append_ranges (text, access, "allow");
  append_ranges (text, access, "deny");
  user = funnel_label_clean (lookup_text (access, "auth-user"));
  if (*user)
    g_string_append_printf (text, _ ("%spassword of %s"), text->len ? "; " : "", user);
  if (lookup_flag (access, "public"))
    g_string_append_printf (text, _ ("%sanyone on the internet"), text->len ? "; " : "");
  if (g_variant_lookup (access, "max-conns", "u", &max_conns) && max_conns)
    g_string_append_printf (text, _ ("; at most %u connections"), max_conns);
  if (g_variant_lookup (access, "rate", "u", &rate) && rate)
    g_string_append_printf (text, _ ("; %u new ones a second"), rate);
  return g_string_free (text, FALSE);
}

char *
funnel_label_end (guint64 expires, gint64 now)
{
  g_autofree char *when = NULL;
  g_autofree char *left = NULL;

  if (!expires)
    return NULL;
  when = format_time ((gint64)expires);
  if ((gint64)expires <= now)
    return g_strdup_printf (_ ("over since %s"), when);
  left = funnel_duration_print ((gint64)expires - now);
  return g_strdup_printf (_ ("in %s, at %s"), left, when);
}
