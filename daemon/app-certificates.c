/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/app-certificates.h"

#include "lib/base/error.h"
#include "lib/base/token.h"

struct _FunnelAppCertificates
{
  FunnelSettings *settings;
  FunnelChallengeRoutes *routes;
  FunnelCertificateKeeper *keeper;
  GNetworkMonitor *monitor;
  gboolean linked;      /* as last seen */
  gconstpointer grants; /* likewise; only compared */
};

/* Members of a directory on D-Bus. */
static const struct
{
  const char *key;
  gsize offset;
  gboolean is_secret;
} members[] = {
    {"url", G_STRUCT_OFFSET (FunnelDirectory, url), FALSE},
    {"ca-file", G_STRUCT_OFFSET (FunnelDirectory, ca_file), FALSE},
    {"eab-kid", G_STRUCT_OFFSET (FunnelDirectory, eab_kid), FALSE},
    {"eab-key", G_STRUCT_OFFSET (FunnelDirectory, eab_key), TRUE},
    {"profile", G_STRUCT_OFFSET (FunnelDirectory, profile), FALSE},
};

static void
on_monitor_changed (GNetworkMonitor *monitor, gboolean available, FunnelAppCertificates *self)
{
  if (available)
    funnel_certificate_keeper_nudge (self->keeper);
}

FunnelAppCertificates *
funnel_app_certificates_new (FunnelStateDir *dir,
                             FunnelShareList *list,
                             const FunnelAuthority *override,
                             void (*changed) (gpointer user_data),
                             gpointer user_data)
{
  FunnelAppCertificates *self = g_new0 (FunnelAppCertificates, 1);

  self->settings = funnel_settings_new (dir);
  self->routes = funnel_challenge_routes_new (list, changed, user_data);
  self->keeper = funnel_certificate_keeper_new (funnel_state_dir_get_path (dir),
                                                &funnel_challenge_way, self->routes);
  funnel_certificate_keeper_set_authority (
      self->keeper, override != NULL ? override : funnel_settings_get_authority (self->settings));
  self->monitor = g_object_ref (g_network_monitor_get_default ());
  g_signal_connect (self->monitor, "network-changed", G_CALLBACK (on_monitor_changed), self);
  return self;
}

void
funnel_app_certificates_stop (FunnelAppCertificates *self)
{
  g_signal_handlers_disconnect_by_data (self->monitor, self);
  funnel_certificate_keeper_stop (self->keeper);
}

void
funnel_app_certificates_free (FunnelAppCertificates *self)
{
  if (self == NULL)
    return;
  funnel_app_certificates_stop (self);
  g_object_unref (self->keeper);
  funnel_challenge_routes_free (self->routes);
  funnel_settings_free (self->settings);
  g_object_unref (self->monitor);
  g_free (self);
}

FunnelCertificateKeeper *
funnel_app_certificates_get_keeper (FunnelAppCertificates *self)
{
  return self->keeper;
}

FunnelChallengeRoutes *
funnel_app_certificates_get_routes (FunnelAppCertificates *self)
{
  return self->routes;
}

void
funnel_app_certificates_follow (FunnelAppCertificates *self, FunnelIngressRuntime *ingress)
{
  FunnelIngress *model = ingress != NULL ? funnel_ingress_runtime_get_ingress (ingress) : NULL;
  gboolean linked = model != NULL && funnel_ingress_get_state (model) == FUNNEL_INGRESS_LINKED;
  gconstpointer grants = model != NULL ? funnel_ingress_get_grants (model) : NULL;

  funnel_challenge_routes_set_ingress (self->routes, ingress);
  if (linked == self->linked && grants == self->grants)
    return;
  self->linked = linked;
  self->grants = grants;
  funnel_certificate_keeper_nudge (self->keeper);
}

/* --- What the user sets --- */

static gboolean
take_member (FunnelDirectory *directory, const char *key, GVariant *value, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    {
      char **member = &G_STRUCT_MEMBER (char *, directory, members[i].offset);

      if (!g_str_equal (key, members[i].key))
        continue;
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        {
          funnel_secret_free (*member);
          *member = g_variant_dup_string (value, NULL);
          return TRUE;
        }
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "option \"%s\" must have the D-Bus type s", key);
      return FALSE;
    }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "option \"%s\" is unknown", key);
  return FALSE;
}

/* What is left out of a directory that is known stays as it is: nobody but us has the secret. */
static FunnelDirectory *
begin_directory (FunnelAppCertificates *self, GVariant *entry)
{
  const FunnelAuthority *authority = funnel_settings_get_authority (self->settings);
  const FunnelDirectory *known = NULL;
  FunnelDirectory *directory = g_new0 (FunnelDirectory, 1);
  const char *url = NULL, *kid = NULL;

  if (g_variant_lookup (entry, "url", "&s", &url))
    known = funnel_authority_find (authority, url);
  if (known != NULL && g_variant_lookup (entry, "eab-kid", "&s", &kid)
      && g_strcmp0 (known->eab_kid, kid) == 0)
    directory->eab_key = g_strdup (known->eab_key);
  return directory;
}

static FunnelDirectory *
read_directory (FunnelAppCertificates *self, GVariant *entry, GError **error)
{
  FunnelDirectory *directory = begin_directory (self, entry);
  GVariantIter iter;
  const char *key = NULL;
  GVariant *value = NULL;

  g_variant_iter_init (&iter, entry);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      gboolean ok = take_member (directory, key, value, error);

      g_variant_unref (value);
      if (!ok)
        {
          funnel_directory_free (directory);
          return NULL;
        }
    }
  return directory;
}

static gboolean
read_directories (FunnelAppCertificates *self,
                  GVariant *directories,
                  FunnelAuthority *authority,
                  GError **error)
{
  gsize n = g_variant_n_children (directories);

  if (n > 0)
    g_ptr_array_set_size (authority->directories, 0);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (directories, i);
      FunnelDirectory *directory = read_directory (self, entry, error);

      if (directory == NULL)
        return FALSE;
      g_ptr_array_add (authority->directories, directory);
    }
  return TRUE;
}

static gboolean
read_options (GVariant *options, FunnelAuthority *authority, GError **error)
{
  GVariantIter iter;
  const char *key = NULL;
  g_autoptr (GVariant) value = NULL;

  g_variant_iter_init (&iter, options);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    {
      if (!g_str_equal (key, "contact") || !g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        {
          g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                       "option \"%s\" is unknown, or not of the D-Bus type s", key);
          return FALSE;
        }
      g_free (authority->contact);
      authority->contact = g_variant_dup_string (value, NULL);
    }
  return TRUE;
}

gboolean
funnel_app_certificates_set (FunnelAppCertificates *self,
                             GVariant *directories,
                             GVariant *options,
                             GError **error)
{
  g_autoptr (FunnelAuthority) authority = funnel_authority_new ();

  if (!read_directories (self, directories, authority, error)
      || !read_options (options, authority, error)
      || !funnel_settings_set_authority (self->settings, authority, error))
    return FALSE;
  funnel_certificate_keeper_set_authority (self->keeper, authority);
  return TRUE;
}

static GVariant *
describe_directory (const FunnelDirectory *directory)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    {
      const char *text = G_STRUCT_MEMBER (char *, directory, members[i].offset);

      if (text != NULL && !members[i].is_secret)
        g_variant_dict_insert (&dict, members[i].key, "s", text);
    }
  return g_variant_dict_end (&dict);
}

GVariant *
funnel_app_certificates_describe (FunnelAppCertificates *self)
{
  const FunnelAuthority *authority = funnel_certificate_keeper_get_authority (self->keeper);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < authority->directories->len; i++)
    g_variant_builder_add_value (
        &builder, describe_directory (funnel_authority_get_directory (authority, i)));
  return g_variant_builder_end (&builder);
}

const char *
funnel_app_certificates_get_contact (FunnelAppCertificates *self)
{
  const char *contact = funnel_certificate_keeper_get_authority (self->keeper)->contact;

  return contact != NULL ? contact : "";
}

const char *
funnel_app_certificates_get_problem (FunnelAppCertificates *self)
{
  return funnel_settings_get_problem (self->settings);
}
