/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/local-certificates.h"

#include "daemon/certificate-wishes.h"
#include "daemon/install/install-files.h"
#include "daemon/local-faces.h"
#include "lib/base/error.h"
#include "lib/base/host.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

struct _FunnelLocalCertificates
{
  FunnelStateDir *dir;
  FunnelCertificateKeeper *keeper;
  void (*changed) (gpointer user_data);
  gpointer user_data;

  FunnelCertificateWishes *wishes;
  char *problem;       /* why what was asked for cannot be read; NULL it can */
  GPtrArray *installs; /* FunnelInstall* */
  FunnelLocalFaces *faces;
  GCancellable *ending;
};

/* --- Wishes --- */

static gboolean
check_store (FunnelLocalCertificates *self, GError **error)
{
  if (self->problem == NULL)
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, self->problem);
  return FALSE;
}

static gboolean
save (FunnelLocalCertificates *self, GError **error)
{
  if (!check_store (self, error))
    return FALSE;
  g_ptr_array_set_size (self->wishes->installs, 0);
  for (guint i = 0; i < self->installs->len; i++)
    g_ptr_array_add (self->wishes->installs, funnel_install_spec_copy (funnel_install_get_spec (
                                                 g_ptr_array_index (self->installs, i))));
  return funnel_certificate_wishes_save (self->wishes, self->dir, error);
}

static gboolean
find_name (FunnelLocalCertificates *self, const char *name, guint *index)
{
  return g_ptr_array_find_with_equal_func (self->wishes->names, name, g_str_equal, index);
}

/* @name is kept current from now on. */
static gboolean
keep (FunnelLocalCertificates *self, const char *name, GError **error)
{
  if (find_name (self, name, NULL))
    return TRUE;
  if (self->wishes->names->len >= FUNNEL_WISHES_NAMES_MAX)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                   N_ ("%d names are kept already; take one away with: funnel cert NAME --forget"),
                   FUNNEL_WISHES_NAMES_MAX);
      return FALSE;
    }
  g_ptr_array_add (self->wishes->names, g_strdup (name));
  if (!save (self, error))
    {
      g_ptr_array_set_size (self->wishes->names, (gint)self->wishes->names->len - 1);
      return FALSE;
    }
  funnel_certificate_keeper_want (self->keeper, name);
  return TRUE;
}

/* --- The local API's source --- */

static gboolean
source_get_pair (gpointer owner, const char *name, const char **chain, const char **key)
{
  FunnelLocalCertificates *self = owner;
  FunnelCertificate *certificate = funnel_certificate_keeper_get (self->keeper, name);

  if (certificate == NULL)
    return FALSE;
  *chain = funnel_certificate_get_chain_pem (certificate);
  *key = funnel_certificate_get_key_pem (certificate);
  return TRUE;
}

static GStrv
source_list_names (gpointer owner)
{
  FunnelLocalCertificates *self = owner;

  return funnel_certificate_keeper_list (self->keeper);
}

static gboolean
source_knows (gpointer owner, const char *name)
{
  FunnelLocalCertificates *self = owner;

  return funnel_certificate_keeper_get_status (self->keeper, name)->state != FUNNEL_KEPT_NONE;
}

static gboolean
source_may_read (gpointer owner, uid_t uid, const char *name)
{
  FunnelLocalCertificates *self = owner;

  return funnel_cert_access_may_read (self->wishes->access, uid, geteuid (), name);
}

static const FunnelLocalSource local_source = {
    .get_pair = source_get_pair,
    .list_names = source_list_names,
    .knows = source_knows,
    .may_read = source_may_read,
};

/* --- Installs --- */

static void
on_install_changed (gpointer user_data)
{
  FunnelLocalCertificates *self = user_data;
  g_autoptr (GError) error = NULL;

  /* What a hook was told is remembered. */
  if (!save (self, &error))
    g_warning ("%s", error->message);
  self->changed (self->user_data);
}

static gboolean
find_install (FunnelLocalCertificates *self, const char *name, const char *folder, guint *index)
{
  for (*index = 0; *index < self->installs->len; (*index)++)
    {
      const FunnelInstallSpec *spec
          = funnel_install_get_spec (g_ptr_array_index (self->installs, *index));

      if (strcmp (spec->name, name) == 0 && strcmp (spec->folder, folder) == 0)
        return TRUE;
    }
  return FALSE;
}

static void
on_keeper_changed (FunnelCertificateKeeper *keeper, const char *name, FunnelLocalCertificates *self)
{
  for (guint i = 0; i < self->installs->len; i++)
    {
      FunnelInstall *install = g_ptr_array_index (self->installs, i);

      if (strcmp (funnel_install_get_spec (install)->name, name) == 0)
        funnel_install_set_certificate (install, funnel_certificate_keeper_get (keeper, name));
    }
}

static void
on_keeper_status (FunnelCertificateKeeper *keeper, const char *name, FunnelLocalCertificates *self)
{
  self->changed (self->user_data);
}

static void
resume (FunnelLocalCertificates *self)
{
  for (guint i = 0; i < self->wishes->names->len; i++)
    funnel_certificate_keeper_want (self->keeper, g_ptr_array_index (self->wishes->names, i));
  for (guint i = 0; i < self->wishes->installs->len; i++)
    {
      const FunnelInstallSpec *spec = g_ptr_array_index (self->wishes->installs, i);
      FunnelInstall *install = funnel_install_new (spec, on_install_changed, self);

      g_ptr_array_add (self->installs, install);
      funnel_install_set_certificate (install,
                                      funnel_certificate_keeper_get (self->keeper, spec->name));
    }
}

typedef struct
{
  FunnelLocalCertificates *owner;
  FunnelInstallSpec *spec;
  FunnelInstall *install;
} InstallCall;

static void
install_call_free (gpointer data)
{
  InstallCall *call = data;

  g_clear_pointer (&call->install, funnel_install_free);
  funnel_install_spec_free (call->spec);
  g_free (call);
}

static void
ignore_change (gpointer user_data)
{
}

/* The attempt showed that it works: from now on it is one of ours. Takes @trial. */
static gboolean
adopt (FunnelLocalCertificates *self, FunnelInstall *trial, GError **error)
{
  const FunnelInstallSpec *spec = funnel_install_get_spec (trial);
  guint index = 0;

  if (find_install (self, spec->name, spec->folder, &index))
    g_ptr_array_remove_index (self->installs, index);
  g_ptr_array_add (self->installs, trial);
  if (!save (self, error))
    {
      g_ptr_array_remove (self->installs, trial);
      return FALSE;
    }
  funnel_install_follow (trial, on_install_changed, self);
  /* It may have been renewed meanwhile. */
  funnel_install_set_certificate (trial, funnel_certificate_keeper_get (self->keeper, spec->name));
  return TRUE;
}

static void
settle_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  InstallCall *call = g_task_get_task_data (task);
  GError *error = NULL;
  g_autofree char *problem = NULL;

  if (g_task_return_error_if_cancelled (task))
    return;
  problem = g_strdup (funnel_install_get_problem (call->install));
  if (funnel_install_get_leaf (call->install) == NULL)
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "%s", problem);
  else if (adopt (call->owner, g_steal_pointer (&call->install), &error))
    {
      call->owner->changed (call->owner->user_data);
      g_task_return_pointer (task, problem != NULL ? g_steal_pointer (&problem) : g_strdup (""),
                             g_free);
    }
  else
    g_task_return_error (task, error);
}

static void
install_obtain_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  InstallCall *call = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (FunnelCertificate) certificate
      = funnel_local_certificates_obtain_finish (result, &error);

  if (certificate == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  call->install = funnel_install_new (call->spec, ignore_change, NULL);
  funnel_install_set_certificate (call->install, certificate);
  funnel_install_settle_async (call->install, NULL, settle_cb, g_steal_pointer (&task));
}

void
funnel_local_certificates_install_async (FunnelLocalCertificates *self,
                                         const FunnelInstallSpec *spec,
                                         GAsyncReadyCallback callback,
                                         gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, self->ending, callback, user_data);
  InstallCall *call = g_new0 (InstallCall, 1);
  g_autofree char *name = NULL;
  GError *error = NULL;
  guint index = 0;

  g_task_set_source_tag (task, funnel_local_certificates_install_async);
  call->owner = self;
  call->spec = funnel_install_spec_copy (spec);
  g_task_set_task_data (task, call, install_call_free);
  name = funnel_host_normalize (spec->name, &error);
  if (name == NULL || !funnel_install_spec_check (spec, &error) || !check_store (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (!find_install (self, name, spec->folder, &index)
      && self->installs->len >= FUNNEL_WISHES_INSTALLS_MAX)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                               N_ ("%d folders are kept already; take one away with --uninstall"),
                               FUNNEL_WISHES_INSTALLS_MAX);
      return;
    }
  g_free (call->spec->name);
  call->spec->name = g_strdup (name);
  funnel_local_certificates_obtain_async (self, name, 0, install_obtain_cb,
                                          g_steal_pointer (&task));
}

char *
funnel_local_certificates_install_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
funnel_local_certificates_uninstall (FunnelLocalCertificates *self,
                                     const char *name,
                                     const char *folder,
                                     GError **error)
{
  g_autofree char *canonical = funnel_host_normalize (name, error);
  guint index = 0;

  if (canonical == NULL || !check_store (self, error))
    return FALSE;
  if (!find_install (self, canonical, folder, &index))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND,
                   N_ ("%s is not installed in %s; \"funnel cert --list\" shows where it is"),
                   canonical, folder);
      return FALSE;
    }
  g_ptr_array_remove_index (self->installs, index);
  if (!save (self, error))
    return FALSE;
  funnel_install_files_remove (folder, canonical);
  self->changed (self->user_data);
  return TRUE;
}

/* --- Obtaining, forgetting, allowing --- */

static void
obtain_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  FunnelCertificate *certificate = funnel_certificate_keeper_obtain_finish (
      FUNNEL_CERTIFICATE_KEEPER (source), result, &error);

  if (certificate != NULL)
    g_task_return_pointer (task, certificate, (GDestroyNotify)funnel_certificate_unref);
  else
    g_task_return_error (task, error);
}

void
funnel_local_certificates_obtain_async (FunnelLocalCertificates *self,
                                        const char *name,
                                        gint64 min_validity,
                                        GAsyncReadyCallback callback,
                                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, self->ending, callback, user_data);
  g_autofree char *canonical = NULL;
  GError *error = NULL;

  g_task_set_source_tag (task, funnel_local_certificates_obtain_async);
  canonical = funnel_host_normalize (name, &error);
  if (canonical == NULL || !funnel_certificate_keeper_check_store (self->keeper, &error)
      || !keep (self, canonical, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  funnel_certificate_keeper_obtain_async (self->keeper, canonical, min_validity, self->ending,
                                          obtain_cb, g_steal_pointer (&task));
  self->changed (self->user_data);
}

FunnelCertificate *
funnel_local_certificates_obtain_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
forget_installs (FunnelLocalCertificates *self, const char *name)
{
  for (guint i = self->installs->len; i-- > 0;)
    {
      FunnelInstall *install = g_ptr_array_index (self->installs, i);

      if (strcmp (funnel_install_get_spec (install)->name, name) == 0)
        g_ptr_array_remove_index (self->installs, i);
    }
}

gboolean
funnel_local_certificates_forget (FunnelLocalCertificates *self, const char *name, GError **error)
{
  g_autofree char *canonical = funnel_host_normalize (name, error);
  guint index = 0;

  if (canonical == NULL || !check_store (self, error))
    return FALSE;
  if (!find_name (self, canonical, &index))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND,
                   N_ ("%s was not asked for with \"funnel cert\""), canonical);
      return FALSE;
    }
  g_ptr_array_remove_index (self->wishes->names, index);
  forget_installs (self, canonical);
  funnel_cert_access_deny_all (self->wishes->access, canonical);
  funnel_certificate_keeper_unwant (self->keeper, canonical);
  self->changed (self->user_data);
  return save (self, error);
}

gboolean
funnel_local_certificates_allow (FunnelLocalCertificates *self,
                                 const char *name,
                                 uid_t uid,
                                 const char *user,
                                 gboolean allowed,
                                 GError **error)
{
  FunnelCertAccess *access = self->wishes->access;
  g_autofree char *canonical = funnel_host_normalize (name, error);

  if (canonical == NULL || !check_store (self, error))
    return FALSE;
  if (!(allowed ? funnel_cert_access_allow (access, canonical, uid, user, error)
                : funnel_cert_access_deny (access, canonical, uid, error)))
    return FALSE;
  if (!(allowed ? keep (self, canonical, error) : TRUE) || !save (self, error))
    {
      /* What is not written down does not hold. */
      if (allowed)
        funnel_cert_access_deny (access, canonical, uid, NULL);
      return FALSE;
    }
  self->changed (self->user_data);
  return TRUE;
}

GStrv
funnel_local_certificates_list_serials (FunnelLocalCertificates *self,
                                        const char *name,
                                        GError **error)
{
  g_autofree char *canonical = funnel_host_normalize (name, error);

  return canonical != NULL ? funnel_certificate_keeper_list_serials (self->keeper, canonical)
                           : NULL;
}

/* --- Telling --- */

static void
add_text (GVariantBuilder *builder, const char *key, const char *text)
{
  g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (text != NULL ? text : ""));
}

static void
add_time (GVariantBuilder *builder, const char *key, gint64 seconds)
{
  g_variant_builder_add (builder, "{sv}", key, g_variant_new_uint64 ((guint64)MAX (seconds, 0)));
}

static GVariant *
describe_installs (FunnelLocalCertificates *self, const char *name)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < self->installs->len; i++)
    {
      FunnelInstall *install = g_ptr_array_index (self->installs, i);
      const FunnelInstallSpec *spec = funnel_install_get_spec (install);
      GVariantBuilder one;

      if (strcmp (spec->name, name) != 0)
        continue;
      g_variant_builder_init (&one, G_VARIANT_TYPE_VARDICT);
      add_text (&one, "folder", spec->folder);
      add_text (&one, "group", spec->group);
      g_variant_builder_add (&one, "{sv}", "hook", g_variant_new_boolean (spec->hook != NULL));
      add_text (&one, "sha256", funnel_install_get_leaf (install));
      add_text (&one, "problem", funnel_install_get_problem (install));
      add_time (&one, "retry-at", funnel_install_get_retry_at (install));
      g_variant_builder_add_value (&list, g_variant_builder_end (&one));
    }
  return g_variant_builder_end (&list);
}

static GVariant *
describe_name (FunnelLocalCertificates *self, const char *name)
{
  const FunnelKeptStatus *status = funnel_certificate_keeper_get_status (self->keeper, name);
  g_auto (GStrv) users = funnel_cert_access_list (self->wishes->access, name);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_text (&builder, "state", funnel_kept_state_text (status->state));
  add_text (&builder, "step", status->step);
  add_text (&builder, "problem", status->problem);
  add_text (&builder, "next-step", status->next_step);
  add_time (&builder, "retry-at", status->retry_at);
  add_time (&builder, "renew-at", status->renew_at);
  add_text (&builder, "issuer", status->issuer);
  add_time (&builder, "not-before", status->not_before);
  add_time (&builder, "not-after", status->not_after);
  add_text (&builder, "serial", status->serial);
  add_text (&builder, "sha256", status->sha256);
  add_text (&builder, "ca", status->ca);
  add_text (&builder, "account", status->account);
  g_variant_builder_add (&builder, "{sv}", "kept",
                         g_variant_new_boolean (find_name (self, name, NULL)));
  g_variant_builder_add (&builder, "{sv}", "users",
                         g_variant_new_strv ((const char *const *)users, -1));
  g_variant_builder_add (&builder, "{sv}", "installs", describe_installs (self, name));
  return g_variant_builder_end (&builder);
}

GVariant *
funnel_local_certificates_describe (FunnelLocalCertificates *self)
{
  g_auto (GStrv) names = funnel_certificate_keeper_list (self->keeper);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sa{sv}}"));
  for (char **name = names; *name != NULL; name++)
    g_variant_builder_add (&builder, "{s@a{sv}}", *name, describe_name (self, *name));
  return g_variant_builder_end (&builder);
}

const char *
funnel_local_certificates_get_socket (FunnelLocalCertificates *self)
{
  return funnel_local_faces_get_socket (self->faces);
}

const char *
funnel_local_certificates_get_url (FunnelLocalCertificates *self)
{
  return funnel_local_faces_get_url (self->faces);
}

/* --- Begin and end --- */

FunnelLocalCertificates *
funnel_local_certificates_new (FunnelStateDir *dir,
                               FunnelCertificateKeeper *keeper,
                               const FunnelLocalApiOptions *options,
                               void (*changed) (gpointer user_data),
                               gpointer user_data,
                               GError **error)
{
  FunnelLocalCertificates *self = g_new0 (FunnelLocalCertificates, 1);
  g_autoptr (GError) unreadable = NULL;

  self->dir = dir;
  self->keeper = g_object_ref (keeper);
  self->changed = changed;
  self->user_data = user_data;
  self->ending = g_cancellable_new ();
  self->installs = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_install_free);
  self->wishes = funnel_certificate_wishes_load (dir, &unreadable);
  if (self->wishes == NULL)
    {
      g_warning ("%s", unreadable->message);
      self->problem = g_strdup (unreadable->message);
      self->wishes = funnel_certificate_wishes_new ();
    }
  g_signal_connect (keeper, "changed", G_CALLBACK (on_keeper_changed), self);
  g_signal_connect (keeper, "status", G_CALLBACK (on_keeper_status), self);
  self->faces = funnel_local_faces_new (dir, options, &local_source, self, error);
  if (self->faces == NULL)
    {
      funnel_local_certificates_free (self);
      return NULL;
    }
  resume (self);
  return self;
}

void
funnel_local_certificates_free (FunnelLocalCertificates *self)
{
  if (self == NULL)
    return;
  g_cancellable_cancel (self->ending);
  g_signal_handlers_disconnect_by_data (self->keeper, self);
  funnel_local_faces_free (self->faces);
  g_ptr_array_unref (self->installs);
  funnel_certificate_wishes_free (self->wishes);
  g_object_unref (self->keeper);
  g_object_unref (self->ending);
  g_free (self->problem);
  g_free (self);
}
