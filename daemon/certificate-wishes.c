/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/certificate-wishes.h"

#include "daemon/install/hook.h"
#include "lib/base/error.h"
#include "lib/base/json-read.h"
#include "lib/base/token.h"

#include <glib/gi18n.h>
#include <limits.h>

#define WISHES_FILE "certificate-wishes.json"
#define ACCESS_FILE "certificate-access.json"
#define FILE_MAX (4 * 1024 * 1024)
#define DOCUMENT_VERSION 1
#define LEAF_MAX 64

FunnelCertificateWishes *
funnel_certificate_wishes_new (void)
{
  FunnelCertificateWishes *self = g_new0 (FunnelCertificateWishes, 1);

  self->names = g_ptr_array_new_with_free_func (g_free);
  self->installs = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_install_spec_free);
  self->access = funnel_cert_access_new ();
  return self;
}

void
funnel_certificate_wishes_free (FunnelCertificateWishes *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->names);
  g_ptr_array_unref (self->installs);
  funnel_cert_access_free (self->access);
  g_free (self);
}

/* --- Reading --- */

static gboolean
read_optional (JsonObject *object, const char *member, gsize max, char **out, GError **error)
{
  const char *text = NULL;

  if (!funnel_json_has (object, member))
    return TRUE;
  text = funnel_json_get_string (object, member, max, error);
  *out = g_strdup (text);
  return text != NULL;
}

static FunnelInstallSpec *
parse_install (JsonObject *object, GError **error)
{
  g_autoptr (FunnelInstallSpec) spec = g_new0 (FunnelInstallSpec, 1);
  const char *folder = NULL;

  spec->name = g_strdup (funnel_json_get_name (object, "name", error));
  if (spec->name == NULL)
    return NULL;
  folder = funnel_json_get_string (object, "folder", PATH_MAX, error);
  spec->folder = g_strdup (folder);
  if (folder == NULL || !read_optional (object, "group", 256, &spec->group, error)
      || !read_optional (object, "hook", FUNNEL_HOOK_MAX, &spec->hook, error)
      || !read_optional (object, "told", LEAF_MAX, &spec->told, error)
      || !funnel_install_spec_check (spec, error))
    return NULL;
  return g_steal_pointer (&spec);
}

static gboolean
parse_names (FunnelCertificateWishes *self, JsonObject *document, GError **error)
{
  JsonArray *names = funnel_json_get_array (document, "names", FUNNEL_WISHES_NAMES_MAX, error);

  for (guint i = 0; names != NULL && i < json_array_get_length (names); i++)
    {
      JsonObject *object = funnel_json_get_object_at (names, "names", i, error);
      const char *name = object != NULL ? funnel_json_get_name (object, "name", error) : NULL;

      if (name == NULL)
        return FALSE;
      g_ptr_array_add (self->names, g_strdup (name));
    }
  return names != NULL;
}

static gboolean
parse_installs (FunnelCertificateWishes *self, JsonObject *document, GError **error)
{
  JsonArray *installs
      = funnel_json_get_array (document, "installs", FUNNEL_WISHES_INSTALLS_MAX, error);

  for (guint i = 0; installs != NULL && i < json_array_get_length (installs); i++)
    {
      JsonObject *object = funnel_json_get_object_at (installs, "installs", i, error);
      FunnelInstallSpec *spec = object != NULL ? parse_install (object, error) : NULL;

      if (spec == NULL)
        return FALSE;
      g_ptr_array_add (self->installs, spec);
    }
  return installs != NULL;
}

static gboolean
parse_wishes (FunnelCertificateWishes *self, const char *text, gsize len, GError **error)
{
  g_autoptr (JsonObject) document = funnel_json_parse_object (text, len, error);
  guint64 version = 0;

  return document != NULL
         && funnel_json_get_uint (document, "version", DOCUMENT_VERSION, DOCUMENT_VERSION, &version,
                                  error)
         && parse_names (self, document, error) && parse_installs (self, document, error);
}

static gboolean
parse_access (FunnelCertificateWishes *self, const char *text, gsize len, GError **error)
{
  FunnelCertAccess *access = funnel_cert_access_parse (text, len, error);

  if (access == NULL)
    return FALSE;
  funnel_cert_access_free (self->access);
  self->access = access;
  return TRUE;
}

static gboolean
load_file (FunnelCertificateWishes *self,
           FunnelStateDir *dir,
           const char *file,
           gboolean (*parse) (FunnelCertificateWishes *, const char *, gsize, GError **),
           GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autofree char *text = NULL;
  gsize len = 0;

  if (funnel_state_dir_read (dir, file, FILE_MAX, &text, &len, &cause)
      && (text == NULL || parse (self, text, len, &cause)))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
               N_ ("%s/%s cannot be used: %s; it is left untouched; mend it or move it away, and "
                   "restart funneld"),
               funnel_state_dir_get_path (dir), file, cause->message);
  return FALSE;
}

FunnelCertificateWishes *
funnel_certificate_wishes_load (FunnelStateDir *dir, GError **error)
{
  g_autoptr (FunnelCertificateWishes) self = funnel_certificate_wishes_new ();

  if (!load_file (self, dir, WISHES_FILE, parse_wishes, error)
      || !load_file (self, dir, ACCESS_FILE, parse_access, error))
    return NULL;
  return g_steal_pointer (&self);
}

/* --- Writing --- */

static void
set_optional (JsonObject *object, const char *member, const char *text)
{
  if (text != NULL)
    json_object_set_string_member (object, member, text);
}

static char *
print_wishes (const FunnelCertificateWishes *self)
{
  JsonObject *document = json_object_new ();
  JsonArray *names = json_array_new (), *installs = json_array_new ();

  for (guint i = 0; i < self->names->len; i++)
    {
      JsonObject *object = json_object_new ();

      json_object_set_string_member (object, "name", g_ptr_array_index (self->names, i));
      json_array_add_object_element (names, object);
    }
  for (guint i = 0; i < self->installs->len; i++)
    {
      const FunnelInstallSpec *spec = g_ptr_array_index (self->installs, i);
      JsonObject *object = json_object_new ();

      json_object_set_string_member (object, "name", spec->name);
      json_object_set_string_member (object, "folder", spec->folder);
      set_optional (object, "group", spec->group);
      set_optional (object, "hook", spec->hook);
      set_optional (object, "told", spec->told);
      json_array_add_object_element (installs, object);
    }
  json_object_set_int_member (document, "version", DOCUMENT_VERSION);
  json_object_set_array_member (document, "names", names);
  json_object_set_array_member (document, "installs", installs);
  return funnel_json_print_object (document);
}

gboolean
funnel_certificate_wishes_save (const FunnelCertificateWishes *self,
                                FunnelStateDir *dir,
                                GError **error)
{
  g_autofree char *wishes = print_wishes (self);
  g_autofree char *access = funnel_cert_access_print (self->access);

  return funnel_state_dir_write (dir, ACCESS_FILE, access, error)
         && funnel_state_dir_write (dir, WISHES_FILE, wishes, error);
}
