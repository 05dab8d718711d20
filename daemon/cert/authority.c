/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/authority.h"

#include "lib/base/error.h"
#include "lib/base/json-read.h"
#include "lib/base/token.h"

#include <glib/gi18n.h>
#include <stdint.h>
#include <string.h>

/* The only public one that needs no account made by hand beforehand. */
#define DEFAULT_URL "https://acme-v02.api.letsencrypt.org/directory"
#define TEXT_MAX 2048
#define CONTACT_MAX 254

static const struct
{
  const char *member;
  gsize offset;
} members[] = {
    {"url", G_STRUCT_OFFSET (FunnelDirectory, url)},
    {"ca_file", G_STRUCT_OFFSET (FunnelDirectory, ca_file)},
    {"eab_kid", G_STRUCT_OFFSET (FunnelDirectory, eab_kid)},
    {"eab_key", G_STRUCT_OFFSET (FunnelDirectory, eab_key)},
    {"profile", G_STRUCT_OFFSET (FunnelDirectory, profile)},
};

static char **
get_member (const FunnelDirectory *directory, guint i)
{
  return (char **)(gpointer)((guint8 *)(uintptr_t)directory + members[i].offset);
}

void
funnel_directory_free (FunnelDirectory *directory)
{
  if (directory == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    funnel_secret_free (*get_member (directory, i));
  g_free (directory);
}

FunnelDirectory *
funnel_directory_copy (const FunnelDirectory *directory)
{
  FunnelDirectory *copy = g_new0 (FunnelDirectory, 1);

  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    *get_member (copy, i) = g_strdup (*get_member (directory, i));
  return copy;
}

static FunnelAuthority *
new_empty (void)
{
  FunnelAuthority *self = g_new0 (FunnelAuthority, 1);

  self->directories = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_directory_free);
  return self;
}

FunnelAuthority *
funnel_authority_new (void)
{
  FunnelAuthority *self = new_empty ();
  FunnelDirectory *directory = g_new0 (FunnelDirectory, 1);

  directory->url = g_strdup (DEFAULT_URL);
  g_ptr_array_add (self->directories, directory);
  return self;
}

FunnelAuthority *
funnel_authority_copy (const FunnelAuthority *self)
{
  FunnelAuthority *copy = new_empty ();

  for (guint i = 0; i < self->directories->len; i++)
    g_ptr_array_add (copy->directories,
                     funnel_directory_copy (g_ptr_array_index (self->directories, i)));
  copy->contact = g_strdup (self->contact);
  return copy;
}

void
funnel_authority_free (FunnelAuthority *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->directories);
  g_free (self->contact);
  g_free (self);
}

static gboolean
directories_equal (const FunnelDirectory *a, const FunnelDirectory *b)
{
  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    if (g_strcmp0 (*get_member (a, i), *get_member (b, i)) != 0)
      return FALSE;
  return TRUE;
}

gboolean
funnel_authority_equal (const FunnelAuthority *a, const FunnelAuthority *b)
{
  if (a->directories->len != b->directories->len || g_strcmp0 (a->contact, b->contact) != 0)
    return FALSE;
  for (guint i = 0; i < a->directories->len; i++)
    if (!directories_equal (g_ptr_array_index (a->directories, i),
                            g_ptr_array_index (b->directories, i)))
      return FALSE;
  return TRUE;
}

static gboolean
refuse (GError **error, const char *text)
{
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

static gboolean
check_url (const char *url, GError **error)
{
  g_autoptr (GUri) uri = url != NULL ? g_uri_parse (url, G_URI_FLAGS_NONE, NULL) : NULL;

  if (uri != NULL && g_strcmp0 (g_uri_get_scheme (uri), "https") == 0
      && g_uri_get_host (uri) != NULL && g_uri_get_host (uri)[0] != '\0'
      && g_uri_get_userinfo (uri) == NULL && strlen (url) <= TEXT_MAX)
    return TRUE;
  return refuse (error, N_ ("url: expected the https:// address of an ACME directory"));
}

static gboolean
is_base64url (const char *text)
{
  return text[0] != '\0' && strlen (text) <= TEXT_MAX
         && strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")
                == strlen (text);
}

static gboolean
check_directory (const FunnelDirectory *directory, GError **error)
{
  if (!check_url (directory->url, error))
    return FALSE;
  if (directory->ca_file != NULL && !g_path_is_absolute (directory->ca_file))
    return refuse (error, N_ ("ca-file: expected an absolute path"));
  if ((directory->eab_kid == NULL) != (directory->eab_key == NULL))
    return refuse (error, N_ ("eab-kid, eab-key: external account binding needs both the key's "
                              "identifier and the key"));
  if (directory->eab_key != NULL && !is_base64url (directory->eab_key))
    return refuse (error, N_ ("eab-key: expected the base64url text the authority shows"));
  return TRUE;
}

static gboolean
check_contact (const char *contact, GError **error)
{
  const char *at = contact != NULL ? strchr (contact, '@') : NULL;

  if (contact == NULL)
    return TRUE;
  if (at != NULL && at != contact && at[1] != '\0' && strchr (at + 1, '@') == NULL
      && strlen (contact) <= CONTACT_MAX && strpbrk (contact, " ,;:<>\"\\\t\r\n?") == NULL
      && g_str_is_ascii (contact))
    return TRUE;
  return refuse (error, N_ ("contact: expected one mail address, such as me@example.org"));
}

gboolean
funnel_authority_check (const FunnelAuthority *self, GError **error)
{
  if (self->directories->len == 0 || self->directories->len > FUNNEL_DIRECTORIES_MAX)
    return refuse (error, N_ ("directories: expected one to eight"));
  for (guint i = 0; i < self->directories->len; i++)
    {
      const FunnelDirectory *directory = g_ptr_array_index (self->directories, i);

      if (!check_directory (directory, error))
        return FALSE;
      if (funnel_authority_find (self, directory->url) != directory)
        return refuse (error, N_ ("url: each directory may stand in the list only once"));
    }
  return check_contact (self->contact, error);
}

const FunnelDirectory *
funnel_authority_get_directory (const FunnelAuthority *self, guint index)
{
  return g_ptr_array_index (self->directories, index % self->directories->len);
}

const FunnelDirectory *
funnel_authority_find (const FunnelAuthority *self, const char *url)
{
  for (guint i = 0; i < self->directories->len; i++)
    {
      const FunnelDirectory *directory = g_ptr_array_index (self->directories, i);

      if (g_strcmp0 (directory->url, url) == 0)
        return directory;
    }
  return NULL;
}

char *
funnel_authority_print (const FunnelAuthority *self)
{
  JsonObject *object = json_object_new ();
  JsonArray *list = json_array_new ();

  for (guint i = 0; i < self->directories->len; i++)
    {
      const FunnelDirectory *directory = g_ptr_array_index (self->directories, i);
      JsonObject *entry = json_object_new ();

      for (guint j = 0; j < G_N_ELEMENTS (members); j++)
        if (*get_member (directory, j) != NULL)
          json_object_set_string_member (entry, members[j].member, *get_member (directory, j));
      json_array_add_object_element (list, entry);
    }
  json_object_set_array_member (object, "directories", list);
  if (self->contact != NULL)
    json_object_set_string_member (object, "contact", self->contact);
  return funnel_json_print_object (object);
}

static FunnelDirectory *
parse_directory (JsonObject *object, GError **error)
{
  FunnelDirectory *directory = g_new0 (FunnelDirectory, 1);

  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    {
      const char *text = NULL;

      if (i > 0 && !funnel_json_has (object, members[i].member))
        continue;
      text = funnel_json_get_string (object, members[i].member, TEXT_MAX, error);
      if (text == NULL)
        {
          funnel_directory_free (directory);
          return NULL;
        }
      *get_member (directory, i) = g_strdup (text);
    }
  return directory;
}

FunnelAuthority *
funnel_authority_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (JsonObject) object = funnel_json_parse_object (text, len, error);
  g_autoptr (FunnelAuthority) self = new_empty ();
  JsonArray *list = object != NULL ? funnel_json_get_array (object, "directories",
                                                            FUNNEL_DIRECTORIES_MAX, error)
                                   : NULL;

  if (list == NULL)
    return NULL;
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonObject *entry = funnel_json_get_object_at (list, "directories", i, error);
      FunnelDirectory *directory = entry != NULL ? parse_directory (entry, error) : NULL;

      if (directory == NULL)
        return NULL;
      g_ptr_array_add (self->directories, directory);
    }
  if (funnel_json_has (object, "contact"))
    {
      const char *contact = funnel_json_get_string (object, "contact", CONTACT_MAX, error);

      if (contact == NULL)
        return NULL;
      self->contact = g_strdup (contact);
    }
  return funnel_authority_check (self, error) ? g_steal_pointer (&self) : NULL;
}
