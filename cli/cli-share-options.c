/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-share-options.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli-options.h"
#include "lib/base/duration.h"
#include "lib/base/error.h"
#include "lib/base/token.h"

#define NUMBER_MAX 1000000

#define AT(member) G_STRUCT_OFFSET (FunnelCliShareRaw, member)

static const struct
{
  const char *name;
  const char *value; /* how it is called in the help; NULL: a flag without value */
  GOptionArg type;
  gsize offset;
  FunnelCliFlags flag;
  const char *description;
} rows[] = {
    {"set-path", "PATH", G_OPTION_ARG_STRING, AT (set_path), FUNNEL_CLI_PATH,
     N_ ("answer only below PATH (default: /)")},
    {"host-header", "HOST", G_OPTION_ARG_STRING, AT (host_header), FUNNEL_CLI_TARGET,
     N_ ("Host the target gets: keep, target or a name (default: keep)")},
    {"keep-prefix", NULL, G_OPTION_ARG_NONE, AT (keep_prefix), FUNNEL_CLI_TARGET,
     N_ ("leave the PATH of --set-path on what the target gets")},
    {"listing", NULL, G_OPTION_ARG_NONE, AT (listing), FUNNEL_CLI_TARGET,
     N_ ("list the files of folders without index.html")},
    {"lan", NULL, G_OPTION_ARG_NONE, AT (lan), FUNNEL_CLI_PERMIT,
     N_ ("allow a target on another machine, with a private address")},
    {"force", NULL, G_OPTION_ARG_NONE, AT (force), FUNNEL_CLI_PERMIT,
     N_ ("allow a target that is refused as dangerous")},
    {"allow", "RANGES", G_OPTION_ARG_STRING_ARRAY, AT (allow), FUNNEL_CLI_ACCESS,
     N_ ("addresses that may come, as 203.0.113.0/24; \"any\": all")},
    {"deny", "RANGES", G_OPTION_ARG_STRING_ARRAY, AT (deny), FUNNEL_CLI_ACCESS,
     N_ ("addresses that may not come, whatever is allowed; \"none\"")},
    {"auth", "USER[:PASS]", G_OPTION_ARG_STRING, AT (auth), FUNNEL_CLI_ACCESS,
     N_ ("ask visitors for a password; without PASS it is asked for here; \"none\"")},
    {"auth-file", "FILE", G_OPTION_ARG_FILENAME, AT (auth_file), FUNNEL_CLI_ACCESS,
     N_ ("a file with USER:PASS")},
    {"max-conns", "N", G_OPTION_ARG_STRING, AT (max_conns), FUNNEL_CLI_ACCESS,
     N_ ("connections at once; 0: no limit")},
    {"rate", "N", G_OPTION_ARG_STRING, AT (rate), FUNNEL_CLI_ACCESS,
     N_ ("new connections a second; 0: no limit")},
    {"for", "TIME", G_OPTION_ARG_STRING, AT (duration), FUNNEL_CLI_END,
     N_ ("end by itself after TIME, as 90s, 30m, 2h or 7d; \"ever\"")},
    {"until", "WHEN", G_OPTION_ARG_STRING, AT (until), FUNNEL_CLI_END,
     N_ ("end by itself at WHEN, as 18:00 or \"2026-11-24 18:00\"")},
    {"proxy-protocol", "VERSION", G_OPTION_ARG_STRING, AT (proxy_protocol), FUNNEL_CLI_WIRE,
     N_ ("tell a TCP target the visitor's address in a PROXY header, 1 or 2")},
    {"alpn", "NAMES", G_OPTION_ARG_STRING_ARRAY, AT (alpn), FUNNEL_CLI_WIRE,
     N_ ("protocols --tls-terminated-tcp offers, best first")},
    {"port-env", NULL, G_OPTION_ARG_NONE, AT (port_env), FUNNEL_CLI_COMMAND_LINE,
     N_ ("with -- COMMAND: set PORT to the target's port for it")},
};

static void refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (
      error, g_error_new_valist (FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, format, args));
  va_end (args);
}

void
funnel_cli_share_raw_clear (FunnelCliShareRaw *raw)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (rows[i].type == G_OPTION_ARG_STRING_ARRAY)
        g_clear_pointer (&G_STRUCT_MEMBER (GStrv, raw, rows[i].offset), g_strfreev);
      else if (rows[i].type != G_OPTION_ARG_NONE)
        g_clear_pointer (&G_STRUCT_MEMBER (char *, raw, rows[i].offset), funnel_secret_free);
    }
}

void
funnel_cli_share_options_clear (FunnelCliShareOptions *options)
{
  g_clear_pointer (&options->path, g_free);
  g_clear_pointer (&options->host_header, g_free);
  g_clear_pointer (&options->allow, g_strfreev);
  g_clear_pointer (&options->deny, g_strfreev);
  g_clear_pointer (&options->auth_user, g_free);
  g_clear_pointer (&options->auth_password, funnel_secret_free);
  g_clear_pointer (&options->auth_file, g_free);
  g_clear_pointer (&options->alpn, g_strfreev);
}

GOptionEntry *
funnel_cli_share_entries (FunnelCliShareRaw *raw)
{
  GOptionEntry *entries = g_new0 (GOptionEntry, G_N_ELEMENTS (rows) + 1);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    entries[i] = (GOptionEntry) {.long_name = rows[i].name,
                                 .arg = rows[i].type,
                                 .arg_data = G_STRUCT_MEMBER_P (raw, rows[i].offset)};
  return entries;
}

static gboolean
is_given (const FunnelCliShareRaw *raw, gsize row)
{
  if (rows[row].type == G_OPTION_ARG_NONE)
    return G_STRUCT_MEMBER (gboolean, raw, rows[row].offset);
  return G_STRUCT_MEMBER (gpointer, raw, rows[row].offset) != NULL;
}

const char *
funnel_cli_share_options_stray (const FunnelCliShareRaw *raw, guint stray)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if ((rows[i].flag & stray) && is_given (raw, i))
      return rows[i].name;
  return NULL;
}

void
funnel_cli_share_options_help (guint allowed, GString *text)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *usage = rows[i].value != NULL
                                   ? g_strdup_printf ("--%s=%s", rows[i].name, rows[i].value)
                                   : g_strdup_printf ("--%s", rows[i].name);

      if (rows[i].flag & allowed)
        g_string_append_printf (text, "  %-26s %s\n", usage, _ (rows[i].description));
    }
}

/* "a,b" and "c" make a, b, c; the single word @nothing makes an empty list. */
static GStrv
split_list (char **texts, const char *nothing)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (char **text = texts; *text != NULL; text++)
    {
      g_auto (GStrv) words = g_strsplit_set (*text, ", \t", -1);

      for (char **word = words; *word != NULL; word++)
        if (**word != '\0' && g_strcmp0 (*word, nothing) != 0)
          g_strv_builder_add (builder, *word);
    }
  return g_strv_builder_end (builder);
}

static gboolean
read_lists (const FunnelCliShareRaw *raw, FunnelCliShareOptions *options, GError **error)
{
  if (raw->allow != NULL)
    options->allow = split_list (raw->allow, "any");
  if (raw->deny != NULL)
    options->deny = split_list (raw->deny, "none");
  if (raw->alpn != NULL)
    options->alpn = split_list (raw->alpn, NULL);
  /* An empty text is a slip, such as an unset variable; it must not open the share. */
  for (char **text = raw->allow; text != NULL && *text != NULL; text++)
    if (**text == '\0')
      {
        refuse (error,
                _ ("the allow flag needs addresses, such as 203.0.113.0/24; \"any\" for all"));
        return FALSE;
      }
  return TRUE;
}

static gboolean
read_number (const char *flag, const char *text, guint *out, gboolean *has, GError **error)
{
  guint64 value = 0;

  if (text == NULL)
    return TRUE;
  if (*text == '\0' || strspn (text, "0123456789") != strlen (text) || strlen (text) > 7
      || (value = g_ascii_strtoull (text, NULL, 10)) > NUMBER_MAX)
    {
      refuse (error, _ ("invalid number \"%s\" for %s flag; a whole number from 0 to %d is needed"),
              text, flag, NUMBER_MAX);
      return FALSE;
    }
  *out = (guint)value;
  *has = TRUE;
  return TRUE;
}

static gboolean
read_proxy_protocol (const char *text, FunnelCliShareOptions *options, GError **error)
{
  if (text == NULL)
    return TRUE;
  if (strcmp (text, "1") != 0 && strcmp (text, "2") != 0)
    {
      refuse (error, _ ("invalid PROXY protocol version \"%s\"; must be 1 or 2"), text);
      return FALSE;
    }
  options->has_proxy_protocol = TRUE;
  options->proxy_protocol = text[0] == '1' ? 1 : 2;
  return TRUE;
}

/* "18:00": the next time the clock shows it. */
static GDateTime *
parse_clock (const char *text, GDateTime *now)
{
  guint hour = 0, minute = 0;
  int used = 0;
  g_autoptr (GDateTime) today = NULL;

  if (sscanf (text, "%2u:%2u%n", &hour, &minute, &used) != 2 || text[used] != '\0' || hour > 23
      || minute > 59)
    return NULL;
  today = g_date_time_new (g_date_time_get_timezone (now), g_date_time_get_year (now),
                           g_date_time_get_month (now), g_date_time_get_day_of_month (now),
                           (int)hour, (int)minute, 0);
  if (today == NULL)
    return NULL;
  return g_date_time_compare (today, now) > 0 ? g_steal_pointer (&today)
                                              : g_date_time_add_days (today, 1);
}

static GDateTime *
parse_date (const char *text, GDateTime *now)
{
  g_autofree char *iso = g_strdup (text);
  char *space = strchr (iso, ' ');

  if (space != NULL)
    *space = 'T';
  if (strlen (iso) == strlen ("2026-11-24"))
    {
      g_autofree char *day = g_steal_pointer (&iso);

      iso = g_strconcat (day, "T00:00:00", NULL);
    }
  else if (strlen (iso) == strlen ("2026-11-24T18:00"))
    {
      g_autofree char *minute = g_steal_pointer (&iso);

      iso = g_strconcat (minute, ":00", NULL);
    }
  return g_date_time_new_from_iso8601 (iso, g_date_time_get_timezone (now));
}

gint64
funnel_cli_parse_until (const char *text, GDateTime *now, GError **error)
{
  g_autoptr (GDateTime) end = parse_clock (text, now);

  if (end == NULL)
    end = parse_date (text, now);
  if (end == NULL)
    refuse (error,
            _ ("invalid time \"%s\" for until flag; type one such as 18:00, 2026-11-24 or "
               "\"2026-11-24 18:00\""),
            text);
  else if (g_date_time_compare (end, now) <= 0)
    refuse (error, _ ("the time \"%s\" for until flag has passed"), text);
  else
    return g_date_time_to_unix (end);
  return 0;
}

static gboolean
read_end (const FunnelCliShareRaw *raw,
          FunnelCliShareOptions *options,
          GDateTime *now,
          GError **error)
{
  gint64 seconds = 0;

  if (raw->duration == NULL && raw->until == NULL)
    return TRUE;
  if (raw->duration != NULL && raw->until != NULL)
    {
      refuse (error, _ ("only one of --for and --until can be given"));
      return FALSE;
    }
  options->has_expires = TRUE;
  if (g_strcmp0 (raw->duration, "ever") == 0)
    return TRUE;
  if (raw->duration != NULL)
    {
      seconds = funnel_duration_parse (raw->duration, error);
      if (seconds == 0)
        {
          g_prefix_error (error, "for: ");
          return FALSE;
        }
      options->expires = (guint64)(g_date_time_to_unix (now) + seconds);
      return TRUE;
    }
  options->expires = (guint64)funnel_cli_parse_until (raw->until, now, error);
  return options->expires != 0;
}

gboolean
funnel_cli_split_auth (const char *text, char **user, char **password, GError **error)
{
  const char *colon = strchr (text, ':');

  if (colon == NULL || colon == text || colon[1] == '\0')
    {
      /* Not quoting what may be a password. */
      refuse (error, _ ("auth: a user and a password are needed, as USER:PASS"));
      return FALSE;
    }
  *user = g_strndup (text, (gsize)(colon - text));
  *password = g_strdup (colon + 1);
  return TRUE;
}

static gboolean
read_auth (FunnelCliShareRaw *raw, FunnelCliShareOptions *options, GError **error)
{
  if (raw->auth != NULL && raw->auth_file != NULL)
    {
      refuse (error, _ ("only one of --auth and --auth-file can be given"));
      return FALSE;
    }
  options->auth_file = g_steal_pointer (&raw->auth_file);
  if (raw->auth == NULL)
    return TRUE;
  if (strcmp (raw->auth, "none") == 0)
    options->auth_user = g_strdup ("");
  else if (strchr (raw->auth, ':') != NULL)
    return funnel_cli_split_auth (raw->auth, &options->auth_user, &options->auth_password, error);
  else if (raw->auth[0] == '\0')
    {
      refuse (error,
              _ ("the auth flag needs a user, as USER or USER:PASS; \"none\" for no password"));
      return FALSE;
    }
  else
    options->auth_user = g_strdup (raw->auth);
  return TRUE;
}

gboolean
funnel_cli_share_options_read (FunnelCliShareRaw *raw,
                               FunnelCliShareOptions *options,
                               GDateTime *now,
                               guint *given,
                               GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (is_given (raw, i))
      *given |= rows[i].flag;
  options->path = g_strdup (raw->set_path);
  options->host_header = g_strdup (raw->host_header);
  options->keep_prefix = raw->keep_prefix;
  options->listing = raw->listing;
  options->lan = raw->lan;
  options->force = raw->force;
  options->port_env = raw->port_env;
  return read_lists (raw, options, error)
         && read_number ("max-conns", raw->max_conns, &options->max_conns, &options->has_max_conns,
                         error)
         && read_number ("rate", raw->rate, &options->rate, &options->has_rate, error)
         && read_proxy_protocol (raw->proxy_protocol, options, error)
         && read_end (raw, options, now, error) && read_auth (raw, options, error);
}

static void
fill_flag (GVariantDict *dict, const char *key, gboolean value)
{
  if (value)
    g_variant_dict_insert (dict, key, "b", TRUE);
}

static void
fill_text (GVariantDict *dict, const char *key, const char *value)
{
  if (value != NULL)
    g_variant_dict_insert (dict, key, "s", value);
}

static void
fill_list (GVariantDict *dict, const char *key, GStrv value)
{
  if (value != NULL)
    g_variant_dict_insert_value (dict, key, g_variant_new_strv ((const char *const *)value, -1));
}

void
funnel_cli_share_options_fill (const FunnelCliShareOptions *options, GVariantDict *dict)
{
  fill_text (dict, "path", options->path);
  fill_text (dict, "host-header", options->host_header);
  fill_flag (dict, "keep-prefix", options->keep_prefix);
  fill_flag (dict, "listing", options->listing);
  fill_flag (dict, "lan", options->lan);
  fill_flag (dict, "force", options->force);
  fill_list (dict, "allow", options->allow);
  fill_list (dict, "deny", options->deny);
  fill_list (dict, "alpn", options->alpn);
  fill_text (dict, "auth-user", options->auth_user);
  fill_text (dict, "auth-password", options->auth_password);
  if (options->has_max_conns)
    g_variant_dict_insert (dict, "max-conns", "u", options->max_conns);
  if (options->has_rate)
    g_variant_dict_insert (dict, "rate", "u", options->rate);
  if (options->has_expires)
    g_variant_dict_insert (dict, "expires", "t", options->expires);
  if (options->has_proxy_protocol)
    g_variant_dict_insert (dict, "proxy-protocol", "u", options->proxy_protocol);
}

static void
scrub (char *auth)
{
  char *colon = strchr (auth, ':');

  if (colon != NULL)
    memset (colon + 1, 'x', strlen (colon + 1));
}

void
funnel_cli_scrub_passwords (char **argv)
{
  static const char flag[] = "--auth";

  for (char **argument = argv; *argument != NULL && strcmp (*argument, "--") != 0; argument++)
    {
      if (strcmp (*argument, flag) == 0 && argument[1] != NULL)
        scrub (argument[1]);
      else if (g_str_has_prefix (*argument, flag) && (*argument)[strlen (flag)] == '=')
        scrub (*argument + strlen (flag) + 1);
    }
}
