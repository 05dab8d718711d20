/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/bus/bus-options.h"

#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/base/password.h"
#include "lib/base/token.h"

#include <glib/gi18n.h>
#include <string.h>

#define DEFAULT_PORT 443

typedef gboolean (*Validator) (const char *text, char **out, GError **error);

static gboolean
check_name (const char *text, char **out, GError **error)
{
  *out = funnel_host_normalize (text, error);
  return *out != NULL;
}

static gboolean
check_path (const char *text, char **out, GError **error)
{
  if (!g_path_is_absolute (text))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   N_ ("\"%s\" is not an absolute path"), text);
      return FALSE;
    }
  *out = g_strdup (text);
  return TRUE;
}

static gboolean
take_text (const char *text, char **out, GError **error)
{
  *out = g_strdup (text);
  return TRUE;
}

static gboolean
check_mount (const char *text, char **out, GError **error)
{
  *out = funnel_mount_path_normalize (text, error);
  return *out != NULL;
}

#define SHARE FUNNEL_OPTIONS_SHARE
#define UNSHARE FUNNEL_OPTIONS_UNSHARE
#define RESET FUNNEL_OPTIONS_RESET
#define ACCESS FUNNEL_OPTIONS_ACCESS
#define IMPORT FUNNEL_OPTIONS_IMPORT
#define AT(member) G_STRUCT_OFFSET (FunnelOptions, member)

/* One row per option: where it is allowed, its D-Bus type, where it goes, how text is checked, and
 * which of a share's settings it gives. */
static const struct
{
  const char *key;
  guint methods;
  const char *type;
  gsize offset;
  Validator validator;
  guint gives;
} rows[] = {
    {"name", SHARE | UNSHARE | FUNNEL_OPTIONS_DOCTOR, "s", AT (name), check_name, 0},
    {"kind", SHARE | UNSHARE, "s", AT (kind), take_text, 0},
    {"port", SHARE | UNSHARE, "q", AT (port), NULL, 0},
    {"path", SHARE | UNSHARE, "s", AT (path), check_mount, 0},
    {"target", UNSHARE, "s", AT (target), take_text, 0},
    {"dry-run", UNSHARE | IMPORT, "b", AT (dry_run), NULL, 0},
    {"foreground", SHARE, "b", AT (foreground), NULL, 0},
    {"command", SHARE, "s", AT (command), take_text, 0},
    {"lan", SHARE | IMPORT, "b", AT (lan), NULL, 0},
    {"force", SHARE | IMPORT, "b", AT (force), NULL, 0},
    {"host-header", SHARE, "s", AT (host_header), take_text, 0},
    {"keep-prefix", SHARE, "b", AT (keep_prefix), NULL, 0},
    {"listing", SHARE, "b", AT (listing), NULL, 0},
    {"allow", SHARE | ACCESS, "as", AT (allow), NULL, FUNNEL_SHARE_GIVES_ALLOW},
    {"deny", SHARE | ACCESS, "as", AT (deny), NULL, FUNNEL_SHARE_GIVES_DENY},
    {"max-conns", SHARE | ACCESS, "u", AT (max_conns), NULL, FUNNEL_SHARE_GIVES_MAX_CONNS},
    {"rate", SHARE | ACCESS, "u", AT (rate), NULL, FUNNEL_SHARE_GIVES_RATE},
    {"auth-user", SHARE | ACCESS, "s", AT (auth_user), take_text, FUNNEL_SHARE_GIVES_AUTH},
    {"auth-password", SHARE | ACCESS, "s", AT (auth_password), take_text, FUNNEL_SHARE_GIVES_AUTH},
    {"expires", SHARE, "t", AT (expires), NULL, FUNNEL_SHARE_GIVES_EXPIRES},
    {"proxy-protocol", SHARE, "u", AT (proxy_protocol), NULL, FUNNEL_SHARE_GIVES_PROXY_PROTOCOL},
    {"alpn", SHARE, "as", AT (alpn), NULL, FUNNEL_SHARE_GIVES_ALPN},
    {"certificate-file", SHARE, "s", AT (certificate_file), check_path,
     FUNNEL_SHARE_GIVES_CERTIFICATE},
    {"key-file", SHARE, "s", AT (key_file), check_path, FUNNEL_SHARE_GIVES_CERTIFICATE},
    {"if-match", SHARE | UNSHARE | RESET | IMPORT, "s", AT (if_match), take_text, 0},
    {"client-version", FUNNEL_OPTIONS_DOCTOR, "s", AT (client_version), take_text, 0},
    {"group", FUNNEL_OPTIONS_INSTALL, "s", AT (group), take_text, 0},
    {"hook", FUNNEL_OPTIONS_INSTALL, "s", AT (hook), take_text, 0},
};

static gboolean
take_port (FunnelOptions *out, guint row, guint16 port, GError **error)
{
  G_STRUCT_MEMBER (guint16, out, rows[row].offset) = port;
  if (port != 0)
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               N_ ("%s: 0 is not a port; ports are 1 to 65535"), rows[row].key);
  return FALSE;
}

static gboolean
take_option (FunnelOptions *out, guint row, GVariant *value, GError **error)
{
  gsize offset = rows[row].offset;

  out->gives |= rows[row].gives;
  switch (rows[row].type[0])
    {
    case 'a':
      g_clear_pointer (&G_STRUCT_MEMBER (GStrv, out, offset), g_strfreev);
      G_STRUCT_MEMBER (GStrv, out, offset) = g_variant_dup_strv (value, NULL);
      return TRUE;
    case 'b':
      G_STRUCT_MEMBER (gboolean, out, offset) = g_variant_get_boolean (value);
      return TRUE;
    case 'q':
      return take_port (out, row, g_variant_get_uint16 (value), error);
    case 't':
      G_STRUCT_MEMBER (guint64, out, offset) = g_variant_get_uint64 (value);
      return TRUE;
    case 'u':
      G_STRUCT_MEMBER (guint, out, offset) = g_variant_get_uint32 (value);
      return TRUE;
    default:
      g_clear_pointer (&G_STRUCT_MEMBER (char *, out, offset), g_free);
      return rows[row].validator (g_variant_get_string (value, NULL),
                                  &G_STRUCT_MEMBER (char *, out, offset), error);
    }
}

static gboolean
parse_option (FunnelOptions *out,
              FunnelOptionsMethod method,
              const char *key,
              GVariant *value,
              GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (strcmp (rows[i].key, key) != 0 || (rows[i].methods & method) == 0)
        continue;
      if (g_variant_is_of_type (value, G_VARIANT_TYPE (rows[i].type)))
        return take_option (out, i, value, error);
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "option \"%s\" must have the D-Bus type %s, not %s", key, rows[i].type,
                   g_variant_get_type_string (value));
      return FALSE;
    }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "option \"%s\" is unknown", key);
  return FALSE;
}

gboolean
funnel_options_parse (GVariant *options,
                      FunnelOptionsMethod method,
                      FunnelOptions *out,
                      GError **error)
{
  GVariantIter iter;
  const char *key = NULL;
  GVariant *value = NULL;

  *out = (FunnelOptions) {0};
  g_variant_iter_init (&iter, options);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      gboolean ok = parse_option (out, method, key, value, error);

      g_variant_unref (value);
      if (!ok)
        return FALSE;
    }
  return TRUE;
}

void
funnel_options_clear (FunnelOptions *options)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (rows[i].type[0] == 's')
        g_clear_pointer (&G_STRUCT_MEMBER (char *, options, rows[i].offset), funnel_secret_free);
      else if (rows[i].type[0] == 'a')
        g_clear_pointer (&G_STRUCT_MEMBER (GStrv, options, rows[i].offset), g_strfreev);
    }
}

static gboolean
refuse (GError **error, const char *message)
{
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, message);
  return FALSE;
}

/* An empty user name takes the password away. */
static gboolean
take_auth (const FunnelOptions *options, FunnelShareAccess *out, GError **error)
{
  const char *user = options->auth_user, *password = options->auth_password;

  if (user != NULL && user[0] == '\0' && password == NULL)
    return TRUE;
  if (user == NULL || password == NULL)
    return (user == NULL && password == NULL)
           || refuse (error, "auth-user and auth-password go together");
  out->auth_user = g_strdup (user);
  out->auth_hash = funnel_password_hash (password, error);
  return out->auth_hash != NULL;
}

gboolean
funnel_options_to_access (const FunnelOptions *options, FunnelShareAccess *out, GError **error)
{
  const FunnelShareAccess given = {.allow = options->allow,
                                   .deny = options->deny,
                                   .max_conns = options->max_conns,
                                   .rate = options->rate};

  funnel_share_access_copy (&given, out);
  return take_auth (options, out, error);
}

static FunnelMountSpec *
make_mount (const FunnelOptions *options, const char *target)
{
  FunnelMountSpec *mount
      = funnel_mount_spec_new (options->path != NULL ? options->path : "/", target);

  mount->lan = options->lan;
  mount->force = options->force;
  mount->host_header = g_strdup (options->host_header);
  mount->keep_prefix = options->keep_prefix;
  mount->listing = options->listing;
  return mount;
}

FunnelShareSpec *
funnel_options_to_spec (const FunnelOptions *options, const char *target, GError **error)
{
  g_autoptr (FunnelShareSpec) spec = funnel_share_spec_new ();

  if (options->kind != NULL && !funnel_share_kind_from_text (options->kind, &spec->kind, error))
    return NULL;
  funnel_share_access_clear (&spec->access);
  if (!funnel_options_to_access (options, &spec->access, error))
    return NULL;
  if (options->expires > G_MAXINT32 * (guint64)1000)
    {
      refuse (error, N_ ("expires: the time is too far away; 0 is never"));
      return NULL;
    }
  spec->name = g_strdup (options->name);
  spec->port = options->port != 0 ? options->port : DEFAULT_PORT;
  spec->certificate_file = g_strdup (options->certificate_file);
  spec->key_file = g_strdup (options->key_file);
  spec->foreground = options->foreground;
  spec->command = g_strdup (options->command);
  spec->expires = (gint64)options->expires;
  spec->proxy_protocol = options->proxy_protocol;
  spec->alpn = options->alpn != NULL && options->alpn[0] != NULL ? g_strdupv (options->alpn) : NULL;
  funnel_mounts_put (spec->mounts, make_mount (options, target));
  return funnel_share_spec_check (spec, error) ? g_steal_pointer (&spec) : NULL;
}

gboolean
funnel_options_to_filter (const FunnelOptions *options, FunnelShareFilter *out, GError **error)
{
  *out = (FunnelShareFilter) {0};
  if (options->kind != NULL)
    {
      out->has_kind = TRUE;
      if (!funnel_share_kind_from_text (options->kind, &out->kind, error))
        return FALSE;
    }
  out->name = g_strdup (options->name);
  out->port = options->port;
  out->target = g_strdup (options->target);
  out->path = g_strdup (options->path);
  return TRUE;
}
