/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-options.h"

#include <glib/gi18n.h>
#include <errno.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/error.h"
#include "lib/base/token.h"

/* What GOption writes into; kept apart from the result because the ports are still text here. */
typedef struct
{
  char *https;
  char *tcp;
  char *tls_terminated_tcp;
  char *wait;
  char *min_validity;
} RawOptions;

static void
raw_options_clear (RawOptions *raw)
{
  g_free (raw->https);
  g_free (raw->tcp);
  g_free (raw->tls_terminated_tcp);
  g_free (raw->wait);
  g_free (raw->min_validity);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RawOptions, raw_options_clear)

typedef struct
{
  FunnelCliFlags flag; /* 0: every command */
  const char *usage;
  const char *description;
} HelpRow;

static const HelpRow help_rows[] = {
    {FUNNEL_CLI_BG, "--bg", N_ ("share in the background: it stays when this command ends")},
    {FUNNEL_CLI_WAIT, "--wait=SECONDS", N_ ("how long to wait for the result (default: 20)")},
    {FUNNEL_CLI_KIND, "--https=PORT", N_ ("public port for HTTPS (default: 443)")},
    {FUNNEL_CLI_KIND, "--tcp=PORT",
     N_ ("pass raw TLS through to the target, which holds the certificate")},
    {FUNNEL_CLI_KIND, "--tls-terminated-tcp=PORT",
     N_ ("end TLS here, pass the plain bytes to the target")},
    {FUNNEL_CLI_NAME, "--name=NAME",
     N_ ("public name (default: the first one granted or assigned)")},
    {FUNNEL_CLI_CERTIFICATE, "--cert-file=FILE", N_ ("certificate chain, PEM; needs --key-file")},
    {FUNNEL_CLI_CERTIFICATE, "--key-file=FILE", N_ ("private key, PEM; needs --cert-file")},
    {FUNNEL_CLI_MIN_VALIDITY, "--min-validity=TIME",
     N_ ("renew it first if it is not valid for this long (30d, 12h)")},
    {FUNNEL_CLI_INSTALL, "--install=DIR",
     N_ ("keep the files in DIR/NAME current for a web server")},
    {FUNNEL_CLI_GROUP, "--group=GROUP", N_ ("with --install: GROUP may read the files")},
    {FUNNEL_CLI_HOOK, "--hook=COMMAND", N_ ("with --install: run COMMAND after each change")},
    {FUNNEL_CLI_UNINSTALL, "--uninstall=DIR", N_ ("end that, and remove the files")},
    {FUNNEL_CLI_ALLOW_USER, "--allow-user=USER", N_ ("USER may have the key from the local API")},
    {FUNNEL_CLI_DENY_USER, "--deny-user=USER", N_ ("USER may not any more")},
    {FUNNEL_CLI_FORGET, "--forget", N_ ("do not keep it current any more")},
    {FUNNEL_CLI_LIST, "--list", N_ ("show all certificates, who has them, and what is wrong")},
    {FUNNEL_CLI_CT_LOG, "--ct-log=URL",
     N_ ("look for the name in a CT log, or in the answer of a monitor")},
    {FUNNEL_CLI_DNS, "--dns=ADDRESS", N_ ("ask this DNS server for CAA records")},
    {FUNNEL_CLI_ISSUER, "--issuer=DOMAIN", N_ ("what CAA records call the certificate authority")},
    {FUNNEL_CLI_AUTHORITY, "--add", N_ ("try this authority after those that are set")},
    {FUNNEL_CLI_AUTHORITY, "--ca-file=FILE", N_ ("trust FILE, PEM, for the directory's own TLS")},
    {FUNNEL_CLI_AUTHORITY, "--eab=KID", N_ ("external account binding: the key's identifier")},
    {FUNNEL_CLI_AUTHORITY, "--eab-key-file=FILE", N_ ("and a file with the key, base64url")},
    {FUNNEL_CLI_AUTHORITY, "--profile=PROFILE", N_ ("certificate profile to ask for")},
    {FUNNEL_CLI_AUTHORITY, "--contact=MAIL", N_ ("mail address the authorities may write to")},
    {FUNNEL_CLI_REVOKE, "--revoke", N_ ("revoke this node's certificates too")},
    {FUNNEL_CLI_YES, "--yes", N_ ("do not ask")},
    {FUNNEL_CLI_JSON, "--json", N_ ("print JSON (see funnel(1))")},
    {FUNNEL_CLI_SYSTEM, "--system", N_ ("talk to a daemon on the system bus")},
    {0, "--help", N_ ("show help")},
};

/* What nearly every command takes. */
static gboolean
is_general (const HelpRow *row)
{
  return !row->flag || (row->flag & (FUNNEL_CLI_YES | FUNNEL_CLI_JSON | FUNNEL_CLI_SYSTEM));
}

static void
append_rows (GString *text, FunnelCliFlags allowed, gboolean general)
{
  for (gsize i = 0; i < G_N_ELEMENTS (help_rows); i++)
    if (is_general (&help_rows[i]) == general
        && (!help_rows[i].flag || (help_rows[i].flag & allowed)))
      g_string_append_printf (text, "  %-26s %s\n", help_rows[i].usage,
                              _ (help_rows[i].description));
}

char *
funnel_cli_options_help (FunnelCliFlags allowed)
{
  GString *text = g_string_new (NULL);

  append_rows (text, allowed, FALSE);
  funnel_cli_share_options_help (allowed, text);
  append_rows (text, allowed, TRUE);
  return g_string_free (text, FALSE);
}

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

/* Digits only, so that "+443", " 443" and "0x1bb" are not taken for something they were not meant
 * to be. */
static gboolean
parse_digits (const char *text, guint64 *value)
{
  if (!*text || strspn (text, "0123456789") != strlen (text))
    return FALSE;
  errno = 0;
  *value = g_ascii_strtoull (text, NULL, 10);
  return errno == 0;
}

guint16
funnel_cli_parse_port (const char *flag, const char *text, GError **error)
{
  guint64 port = 0;

  if (!parse_digits (text, &port) || port == 0)
    {
      refuse (error, _ ("invalid port \"%s\" for %s flag; a number from 1 to 65535 is needed"),
              text, flag);
      return 0;
    }
  if (port > G_MAXUINT16)
    {
      refuse (error, _ ("port number %s is too high for %s flag; the highest is 65535"), text,
              flag);
      return 0;
    }
  return (guint16)port;
}

static gboolean
take_kind (FunnelCliOptions *options, const RawOptions *raw, GError **error)
{
  const struct
  {
    const char *kind;
    const char *text;
  } kinds[]
      = {{"https", raw->https}, {"tcp", raw->tcp}, {"tls-terminated-tcp", raw->tls_terminated_tcp}};

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      if (!kinds[i].text)
        continue;
      if (options->kind)
        {
          refuse (error, _ ("only one of --https, --tcp and --tls-terminated-tcp can be given"));
          return FALSE;
        }
      options->kind = kinds[i].kind;
      options->port = funnel_cli_parse_port (kinds[i].kind, kinds[i].text, error);
      if (!options->port)
        return FALSE;
      options->given |= FUNNEL_CLI_KIND;
    }
  return TRUE;
}

static gboolean
take_wait (FunnelCliOptions *options, const char *text, GError **error)
{
  guint64 seconds = 0;

  options->wait_seconds = FUNNEL_CLI_WAIT_DEFAULT;
  if (!text)
    return TRUE;
  if (!parse_digits (text, &seconds) || seconds > FUNNEL_CLI_WAIT_MAX)
    {
      refuse (error,
              _ ("invalid time \"%s\" for wait flag; a number of seconds from 0 to %d is needed"),
              text, FUNNEL_CLI_WAIT_MAX);
      return FALSE;
    }
  options->wait_seconds = (guint)seconds;
  options->given |= FUNNEL_CLI_WAIT;
  return TRUE;
}

static gboolean
take_file (char **file, const char *flag, GError **error)
{
  char *absolute;

  if (!*file || strcmp (*file, "-") == 0)
    return TRUE;
  if (!**file)
    {
      refuse (error, _ ("the %s flag needs a file"), flag);
      return FALSE;
    }
  /* The daemon has a working directory of its own. */
  absolute = g_canonicalize_filename (*file, NULL);
  g_free (*file);
  *file = absolute;
  return TRUE;
}

static gboolean
take_certificate (FunnelCliOptions *options, GError **error)
{
  if (!options->certificate_file && !options->key_file)
    return TRUE;
  /* For sharing they are what there is, for "cert" where it goes. */
  if ((!options->certificate_file || !options->key_file)
      && g_strcmp0 (options->arguments[0], "cert") != 0)
    {
      refuse (error, _ ("--cert-file and --key-file belong together; %s is missing"),
              options->certificate_file ? "--key-file" : "--cert-file");
      return FALSE;
    }
  options->given |= FUNNEL_CLI_CERTIFICATE;
  return take_file (&options->certificate_file, "cert-file", error)
         && take_file (&options->key_file, "key-file", error);
}

static gboolean
take_authority (FunnelCliOptions *options, GError **error)
{
  if ((options->eab_kid == NULL) != (options->eab_key_file == NULL))
    {
      refuse (error, _ ("--eab and --eab-key-file belong together; %s is missing"),
              options->eab_kid ? "--eab-key-file" : "--eab");
      return FALSE;
    }
  if (options->add || options->ca_file || options->eab_kid || options->profile || options->contact)
    options->given |= FUNNEL_CLI_AUTHORITY;
  return take_file (&options->ca_file, "ca-file", error)
         && take_file (&options->eab_key_file, "eab-key-file", error);
}

static gboolean
take_simple (FunnelCliOptions *options, GError **error)
{
  if (options->name && !*options->name)
    {
      refuse (error, _ ("the name flag needs a host name"));
      return FALSE;
    }
  options->given
      |= (options->background ? FUNNEL_CLI_BG : 0) | (options->revoke ? FUNNEL_CLI_REVOKE : 0)
         | (options->name ? FUNNEL_CLI_NAME : 0) | (options->yes ? FUNNEL_CLI_YES : 0)
         | (options->json ? FUNNEL_CLI_JSON : 0) | (options->system ? FUNNEL_CLI_SYSTEM : 0);
  return TRUE;
}

static gboolean
take_min_validity (FunnelCliOptions *options, const char *text, GError **error)
{
  if (!text)
    return TRUE;
  options->given |= FUNNEL_CLI_MIN_VALIDITY;
  options->min_validity = funnel_duration_parse (text, error);
  if (!options->min_validity)
    g_prefix_error (error, _ ("min-validity flag: "));
  return options->min_validity != 0;
}

/* Flags of "cert" and "audit" that bring a text. */
static gboolean
take_texts (FunnelCliOptions *options, GError **error)
{
  const struct
  {
    FunnelCliFlags flag;
    const char *name;
    char **text;
    gboolean is_file;
  } rows[] = {
      {FUNNEL_CLI_INSTALL, "install", &options->install_folder, TRUE},
      {FUNNEL_CLI_UNINSTALL, "uninstall", &options->uninstall_folder, TRUE},
      {FUNNEL_CLI_GROUP, "group", &options->group, FALSE},
      {FUNNEL_CLI_HOOK, "hook", &options->hook, FALSE},
      {FUNNEL_CLI_ALLOW_USER, "allow-user", &options->allow_user, FALSE},
      {FUNNEL_CLI_DENY_USER, "deny-user", &options->deny_user, FALSE},
      {FUNNEL_CLI_CT_LOG, "ct-log", &options->ct_log, FALSE},
      {FUNNEL_CLI_DNS, "dns", &options->dns_server, FALSE},
      {FUNNEL_CLI_ISSUER, "issuer", &options->issuer, FALSE},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (!*rows[i].text)
        continue;
      options->given |= rows[i].flag;
      if (rows[i].is_file && !take_file (rows[i].text, rows[i].name, error))
        return FALSE;
      if (**rows[i].text)
        continue;
      refuse (error, _ ("the %s flag needs a value"), rows[i].name);
      return FALSE;
    }
  options->given
      |= (options->list ? FUNNEL_CLI_LIST : 0) | (options->forget ? FUNNEL_CLI_FORGET : 0);
  return TRUE;
}

static gboolean
parse_into (FunnelCliOptions *options,
            RawOptions *raw,
            FunnelCliShareRaw *share,
            char **arguments,
            GError **error)
{
  const GOptionEntry entries[] = {
      {"bg", 0, 0, G_OPTION_ARG_NONE, &options->background, NULL, NULL},
      {"https", 0, 0, G_OPTION_ARG_STRING, &raw->https, NULL, NULL},
      {"tcp", 0, 0, G_OPTION_ARG_STRING, &raw->tcp, NULL, NULL},
      {"tls-terminated-tcp", 0, 0, G_OPTION_ARG_STRING, &raw->tls_terminated_tcp, NULL, NULL},
      {"name", 0, 0, G_OPTION_ARG_STRING, &options->name, NULL, NULL},
      {"cert-file", 0, 0, G_OPTION_ARG_FILENAME, &options->certificate_file, NULL, NULL},
      {"key-file", 0, 0, G_OPTION_ARG_FILENAME, &options->key_file, NULL, NULL},
      {"wait", 0, 0, G_OPTION_ARG_STRING, &raw->wait, NULL, NULL},
      {"add", 0, 0, G_OPTION_ARG_NONE, &options->add, NULL, NULL},
      {"ca-file", 0, 0, G_OPTION_ARG_FILENAME, &options->ca_file, NULL, NULL},
      {"eab", 0, 0, G_OPTION_ARG_STRING, &options->eab_kid, NULL, NULL},
      {"eab-key-file", 0, 0, G_OPTION_ARG_FILENAME, &options->eab_key_file, NULL, NULL},
      {"profile", 0, 0, G_OPTION_ARG_STRING, &options->profile, NULL, NULL},
      {"contact", 0, 0, G_OPTION_ARG_STRING, &options->contact, NULL, NULL},
      {"revoke", 0, 0, G_OPTION_ARG_NONE, &options->revoke, NULL, NULL},
      {"min-validity", 0, 0, G_OPTION_ARG_STRING, &raw->min_validity, NULL, NULL},
      {"install", 0, 0, G_OPTION_ARG_FILENAME, &options->install_folder, NULL, NULL},
      {"uninstall", 0, 0, G_OPTION_ARG_FILENAME, &options->uninstall_folder, NULL, NULL},
      {"group", 0, 0, G_OPTION_ARG_STRING, &options->group, NULL, NULL},
      {"hook", 0, 0, G_OPTION_ARG_STRING, &options->hook, NULL, NULL},
      {"allow-user", 0, 0, G_OPTION_ARG_STRING, &options->allow_user, NULL, NULL},
      {"deny-user", 0, 0, G_OPTION_ARG_STRING, &options->deny_user, NULL, NULL},
      {"ct-log", 0, 0, G_OPTION_ARG_STRING, &options->ct_log, NULL, NULL},
      {"dns", 0, 0, G_OPTION_ARG_STRING, &options->dns_server, NULL, NULL},
      {"issuer", 0, 0, G_OPTION_ARG_STRING, &options->issuer, NULL, NULL},
      {"list", 0, 0, G_OPTION_ARG_NONE, &options->list, NULL, NULL},
      {"forget", 0, 0, G_OPTION_ARG_NONE, &options->forget, NULL, NULL},
      {"yes", 'y', 0, G_OPTION_ARG_NONE, &options->yes, NULL, NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options->json, NULL, NULL},
      {"system", 0, 0, G_OPTION_ARG_NONE, &options->system, NULL, NULL},
      {"help", 'h', 0, G_OPTION_ARG_NONE, &options->help, NULL, NULL},
      {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, NULL, NULL},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->arguments, NULL, NULL},
      G_OPTION_ENTRY_NULL,
  };
  g_autofree GOptionEntry *share_entries = funnel_cli_share_entries (share);
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  GStrv rest;
  g_autoptr (GError) parse_error = NULL;
  gboolean ok;

  g_ptr_array_add (argv, g_strdup ("funnel"));
  /* What follows -- is somebody else's command line. */
  for (; *arguments && strcmp (*arguments, "--") != 0; arguments++)
    g_ptr_array_add (argv, g_strdup (*arguments));
  if (*arguments)
    options->command = g_strdupv (arguments + 1);
  g_ptr_array_add (argv, NULL);
  rest = (GStrv)g_ptr_array_steal (argv, NULL);

  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_main_entries (context, share_entries, NULL);
  ok = g_option_context_parse_strv (context, &rest, &parse_error);
  g_strfreev (rest);
  if (!ok)
    refuse (error, "%s", parse_error->message);
  return ok;
}

static gboolean
take_share (FunnelCliOptions *options, FunnelCliShareRaw *raw, GError **error)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  guint given = 0;

  if (!funnel_cli_share_options_read (raw, &options->share, now, &given, error))
    return FALSE;
  options->given |= given;
  for (guint bit = 0; bit < G_N_ELEMENTS (options->share_flags); bit++)
    options->share_flags[bit] = funnel_cli_share_options_stray (raw, 1u << bit);
  if (options->command && !options->command[0])
    {
      refuse (error, _ ("-- is followed by a command, as in: funnel -- npm run dev"));
      return FALSE;
    }
  options->given |= options->command ? FUNNEL_CLI_COMMAND_LINE : 0;
  return take_file (&options->share.auth_file, "auth-file", error);
}

FunnelCliOptions *
funnel_cli_options_parse (char **arguments, GError **error)
{
  g_autoptr (FunnelCliOptions) options = g_new0 (FunnelCliOptions, 1);
  g_auto (RawOptions) raw = {0};
  g_auto (FunnelCliShareRaw) share = {0};

  if (!parse_into (options, &raw, &share, arguments, error))
    return NULL;
  if (!options->arguments)
    options->arguments = g_new0 (char *, 1);
  if (!take_kind (options, &raw, error) || !take_wait (options, raw.wait, error)
      || !take_certificate (options, error) || !take_authority (options, error)
      || !take_simple (options, error) || !take_min_validity (options, raw.min_validity, error)
      || !take_texts (options, error))
    return NULL;
  return take_share (options, &share, error) ? g_steal_pointer (&options) : NULL;
}

void
funnel_cli_options_free (FunnelCliOptions *options)
{
  g_free (options->name);
  g_free (options->certificate_file);
  g_free (options->key_file);
  g_free (options->ca_file);
  g_free (options->eab_kid);
  g_free (options->eab_key_file);
  g_free (options->profile);
  g_free (options->contact);
  g_free (options->install_folder);
  g_free (options->uninstall_folder);
  g_free (options->group);
  g_free (options->hook);
  g_free (options->allow_user);
  g_free (options->deny_user);
  g_free (options->ct_log);
  g_free (options->dns_server);
  g_free (options->issuer);
  g_strfreev (options->arguments);
  g_strfreev (options->command);
  funnel_cli_share_options_clear (&options->share);
  g_free (options);
}

gboolean
funnel_cli_options_check (const FunnelCliOptions *options,
                          FunnelCliFlags allowed,
                          const char *command,
                          GError **error)
{
  FunnelCliFlags stray = options->given & ~allowed;
  const char *usage = NULL;

  if (!stray)
    return TRUE;
  for (gsize i = 0; !usage && i < G_N_ELEMENTS (help_rows); i++)
    if (help_rows[i].flag & stray)
      usage = help_rows[i].usage;
  if (stray & FUNNEL_CLI_KIND)
    usage = options->kind;
  for (guint bit = 0; !usage && bit < G_N_ELEMENTS (options->share_flags); bit++)
    if (stray & (1u << bit))
      usage = options->share_flags[bit];
  if (!usage)
    {
      refuse (error, _ ("a command after -- means nothing to `%s`"), command);
      return FALSE;
    }
  while (*usage == '-')
    usage++;
  refuse (error, _ ("the %.*s flag means nothing to `%s`"), (int)strcspn (usage, "="), usage,
          command);
  return FALSE;
}

void
funnel_cli_scrub_tokens (char **argv)
{
  for (char **argument = argv; *argument; argument++)
    {
      char *token = strstr (*argument, FUNNEL_TOKEN_PREFIX);

      if (!token)
        continue;
      token += strlen (FUNNEL_TOKEN_PREFIX);
      memset (token, 'x', strlen (token));
    }
}
