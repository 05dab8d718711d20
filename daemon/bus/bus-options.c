/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/bus/bus-options.h"

#include "lib/base/error.h"
#include "lib/base/host.h"

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
                   "\"%s\" is not an absolute path", text);
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

/* One row per option: where it is allowed, its D-Bus type, where it goes. */
static const struct
{
  const char *key;
  guint methods;
  const char *type;
  gsize offset;
  Validator validator; /* of text */
} rows[] = {
    {"name", FUNNEL_OPTIONS_SHARE | FUNNEL_OPTIONS_UNSHARE, "s",
     G_STRUCT_OFFSET (FunnelOptions, name), check_name},
    {"kind", FUNNEL_OPTIONS_SHARE | FUNNEL_OPTIONS_UNSHARE, "s",
     G_STRUCT_OFFSET (FunnelOptions, kind), take_text},
    {"port", FUNNEL_OPTIONS_SHARE | FUNNEL_OPTIONS_UNSHARE, "q",
     G_STRUCT_OFFSET (FunnelOptions, port), NULL},
    {"target", FUNNEL_OPTIONS_UNSHARE, "s", G_STRUCT_OFFSET (FunnelOptions, target), take_text},
    {"foreground", FUNNEL_OPTIONS_SHARE, "b", G_STRUCT_OFFSET (FunnelOptions, foreground), NULL},
    {"certificate-file", FUNNEL_OPTIONS_SHARE, "s",
     G_STRUCT_OFFSET (FunnelOptions, certificate_file), check_path},
    {"key-file", FUNNEL_OPTIONS_SHARE, "s", G_STRUCT_OFFSET (FunnelOptions, key_file), check_path},
    {"if-match", FUNNEL_OPTIONS_SHARE | FUNNEL_OPTIONS_UNSHARE | FUNNEL_OPTIONS_RESET, "s",
     G_STRUCT_OFFSET (FunnelOptions, if_match), take_text},
    {"group", FUNNEL_OPTIONS_INSTALL, "s", G_STRUCT_OFFSET (FunnelOptions, group), take_text},
    {"hook", FUNNEL_OPTIONS_INSTALL, "s", G_STRUCT_OFFSET (FunnelOptions, hook), take_text},
};

static gboolean
take_option (FunnelOptions *out, guint row, GVariant *value, GError **error)
{
  switch (rows[row].type[0])
    {
    case 'b':
      G_STRUCT_MEMBER (gboolean, out, rows[row].offset) = g_variant_get_boolean (value);
      return TRUE;
    case 'q':
      G_STRUCT_MEMBER (guint16, out, rows[row].offset) = g_variant_get_uint16 (value);
      if (g_variant_get_uint16 (value) != 0)
        return TRUE;
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "%s: 0 is not a port; ports are 1 to 65535", rows[row].key);
      return FALSE;
    default:
      g_clear_pointer (&G_STRUCT_MEMBER (char *, out, rows[row].offset), g_free);
      return rows[row].validator (g_variant_get_string (value, NULL),
                                  &G_STRUCT_MEMBER (char *, out, rows[row].offset), error);
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
  g_clear_pointer (&options->name, g_free);
  g_clear_pointer (&options->kind, g_free);
  g_clear_pointer (&options->target, g_free);
  g_clear_pointer (&options->certificate_file, g_free);
  g_clear_pointer (&options->key_file, g_free);
  g_clear_pointer (&options->if_match, g_free);
  g_clear_pointer (&options->group, g_free);
  g_clear_pointer (&options->hook, g_free);
}

static gboolean
check_files (const FunnelOptions *options, FunnelShareKind kind, GError **error)
{
  const char *message = NULL;

  if ((options->certificate_file == NULL) != (options->key_file == NULL))
    message = "--cert-file and --key-file go together";
  else if (options->certificate_file != NULL && !funnel_share_kind_terminates (kind))
    message = "with --tcp the local server has the certificate; leave --cert-file and --key-file "
              "off, or use --tls-terminated-tcp";
  if (message == NULL)
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, message);
  return FALSE;
}

FunnelShareSpec *
funnel_options_to_spec (const FunnelOptions *options, const char *target, GError **error)
{
  g_autoptr (FunnelShareSpec) spec = g_new0 (FunnelShareSpec, 1);

  if (options->kind != NULL && !funnel_share_kind_from_text (options->kind, &spec->kind, error))
    return NULL;
  if (!check_files (options, spec->kind, error))
    return NULL;
  spec->name = g_strdup (options->name);
  spec->port = options->port != 0 ? options->port : DEFAULT_PORT;
  spec->target = g_strdup (target);
  spec->certificate_file = g_strdup (options->certificate_file);
  spec->key_file = g_strdup (options->key_file);
  spec->foreground = options->foreground;
  return g_steal_pointer (&spec);
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
  return TRUE;
}
