/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/local-api/cert-access.h"

#include "lib/base/error.h"
#include "lib/base/json-read.h"

#include <glib/gi18n.h>
#include <string.h>

#define DOCUMENT_VERSION 1
#define USER_MAX 256 /* bytes of a user's name */

typedef struct
{
  char *name;
  uid_t uid;
  char *user;
} Entry;

struct _FunnelCertAccess
{
  GPtrArray *entries; /* Entry*, in the order of their coming */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_free (entry->name);
  g_free (entry->user);
  g_free (entry);
}

FunnelCertAccess *
funnel_cert_access_new (void)
{
  FunnelCertAccess *self = g_new0 (FunnelCertAccess, 1);

  self->entries = g_ptr_array_new_with_free_func (entry_free);
  return self;
}

void
funnel_cert_access_free (FunnelCertAccess *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->entries);
  g_free (self);
}

static Entry *
find (const FunnelCertAccess *self, uid_t uid, const char *name)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      Entry *entry = g_ptr_array_index (self->entries, i);

      if (entry->uid == uid && strcmp (entry->name, name) == 0)
        return entry;
    }
  return NULL;
}

gboolean
funnel_cert_access_may_read (const FunnelCertAccess *self, uid_t uid, uid_t owner, const char *name)
{
  /* What stands for "unknown" is nobody's. */
  if (uid == (uid_t)-1)
    return FALSE;
  return uid == 0 || uid == owner || find (self, uid, name) != NULL;
}

static void
add (FunnelCertAccess *self, const char *name, uid_t uid, const char *user)
{
  Entry *entry = g_new0 (Entry, 1);

  entry->name = g_strdup (name);
  entry->uid = uid;
  entry->user = g_strdup (user);
  g_ptr_array_add (self->entries, entry);
}

gboolean
funnel_cert_access_allow (FunnelCertAccess *self,
                          const char *name,
                          uid_t uid,
                          const char *user,
                          GError **error)
{
  if (find (self, uid, name) != NULL)
    return TRUE;
  if (self->entries->len >= FUNNEL_CERT_ACCESS_MAX)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                   N_ ("%d users are allowed already; take one away with --deny-user"),
                   FUNNEL_CERT_ACCESS_MAX);
      return FALSE;
    }
  add (self, name, uid, user);
  return TRUE;
}

gboolean
funnel_cert_access_deny (FunnelCertAccess *self, const char *name, uid_t uid, GError **error)
{
  Entry *entry = find (self, uid, name);

  if (entry != NULL)
    return g_ptr_array_remove (self->entries, entry);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND,
               N_ ("user %u is not allowed to have %s; \"funnel cert --list\" shows who is"),
               (guint)uid, name);
  return FALSE;
}

void
funnel_cert_access_deny_all (FunnelCertAccess *self, const char *name)
{
  for (guint i = self->entries->len; i-- > 0;)
    if (strcmp (((Entry *)g_ptr_array_index (self->entries, i))->name, name) == 0)
      g_ptr_array_remove_index (self->entries, i);
}

GStrv
funnel_cert_access_list (const FunnelCertAccess *self, const char *name)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < self->entries->len; i++)
    {
      const Entry *entry = g_ptr_array_index (self->entries, i);

      if (strcmp (entry->name, name) == 0)
        g_strv_builder_add (builder, entry->user);
    }
  return g_strv_builder_end (builder);
}

char *
funnel_cert_access_print (const FunnelCertAccess *self)
{
  JsonObject *document = json_object_new ();
  JsonArray *users = json_array_new ();

  for (guint i = 0; i < self->entries->len; i++)
    {
      const Entry *entry = g_ptr_array_index (self->entries, i);
      JsonObject *object = json_object_new ();

      json_object_set_string_member (object, "name", entry->name);
      json_object_set_int_member (object, "uid", entry->uid);
      json_object_set_string_member (object, "user", entry->user);
      json_array_add_object_element (users, object);
    }
  json_object_set_int_member (document, "version", DOCUMENT_VERSION);
  json_object_set_array_member (document, "users", users);
  return funnel_json_print_object (document);
}

static gboolean
parse_entry (FunnelCertAccess *self, JsonArray *users, guint index, GError **error)
{
  JsonObject *object = funnel_json_get_object_at (users, "users", index, error);
  const char *name = NULL, *user = NULL;
  guint64 uid = 0;

  if (object == NULL)
    return FALSE;
  name = funnel_json_get_name (object, "name", error);
  user = name != NULL ? funnel_json_get_string (object, "user", USER_MAX, error) : NULL;
  if (user == NULL || !funnel_json_get_uint (object, "uid", 0, G_MAXUINT32 - 1, &uid, error))
    return FALSE;
  add (self, name, (uid_t)uid, user);
  return TRUE;
}

FunnelCertAccess *
funnel_cert_access_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (FunnelCertAccess) self = funnel_cert_access_new ();
  g_autoptr (JsonObject) document = funnel_json_parse_object (text, len, error);
  guint64 version = 0;
  JsonArray *users = NULL;

  if (document == NULL
      || !funnel_json_get_uint (document, "version", DOCUMENT_VERSION, DOCUMENT_VERSION, &version,
                                error))
    return NULL;
  users = funnel_json_get_array (document, "users", FUNNEL_CERT_ACCESS_MAX, error);
  for (guint i = 0; users != NULL && i < json_array_get_length (users); i++)
    if (!parse_entry (self, users, i, error))
      return NULL;
  return users != NULL ? g_steal_pointer (&self) : NULL;
}
