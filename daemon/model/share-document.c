/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share-document.h"

#include "daemon/model/target.h"
#include "lib/base/error.h"
#include "lib/base/json-read.h"

#define TEXT_MAX 4096

static void
set_optional (JsonObject *object, const char *member, const char *text)
{
  if (text != NULL)
    json_object_set_string_member (object, member, text);
}

static JsonObject *
print_share (const FunnelShareSpec *spec)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "id", spec->id);
  json_object_set_string_member (object, "name", spec->name);
  json_object_set_int_member (object, "port", spec->port);
  json_object_set_string_member (object, "kind", funnel_share_kind_text (spec->kind));
  json_object_set_string_member (object, "target", spec->target);
  set_optional (object, "certificate_file", spec->certificate_file);
  set_optional (object, "key_file", spec->key_file);
  if (spec->foreground)
    json_object_set_boolean_member (object, "foreground", TRUE);
  return object;
}

char *
funnel_share_document_print (FunnelShareList *list, gboolean foreground)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *document = json_object_new ();
  JsonArray *shares = json_array_new ();
  g_autofree char *text = NULL;

  for (guint i = 0; i < funnel_share_list_get_length (list); i++)
    {
      const FunnelShareSpec *spec = funnel_share_get_spec (funnel_share_list_get (list, i));

      if (foreground || !spec->foreground)
        json_array_add_object_element (shares, print_share (spec));
    }
  json_object_set_int_member (document, "version", FUNNEL_SHARE_DOCUMENT_VERSION);
  json_object_set_array_member (document, "shares", shares);
  json_node_take_object (root, document);
  json_generator_set_pretty (generator, TRUE);
  json_generator_set_root (generator, root);
  text = json_generator_to_data (generator, NULL);
  return g_strconcat (text, "\n", NULL);
}

static gboolean
read_file_member (JsonObject *object, const char *member, char **out, GError **error)
{
  const char *text = NULL;

  if (!funnel_json_has (object, member))
    return TRUE;
  text = funnel_json_get_string (object, member, TEXT_MAX, error);
  *out = g_strdup (text);
  return text != NULL;
}

static FunnelShareSpec *
parse_share (JsonObject *object, GError **error)
{
  g_autoptr (FunnelShareSpec) spec = g_new0 (FunnelShareSpec, 1);
  g_autoptr (FunnelTarget) target = NULL;
  guint64 id = 0, port = 0;
  const char *name = NULL, *kind = NULL, *text = NULL;

  if (!funnel_json_get_uint (object, "id", 1, G_MAXUINT32, &id, error)
      || (name = funnel_json_get_name (object, "name", error)) == NULL
      || !funnel_json_get_uint (object, "port", 1, G_MAXUINT16, &port, error)
      || (kind = funnel_json_get_string (object, "kind", 64, error)) == NULL
      || !funnel_share_kind_from_text (kind, &spec->kind, error)
      || (text = funnel_json_get_string (object, "target", TEXT_MAX, error)) == NULL
      || (target = funnel_target_parse (text, spec->kind, error)) == NULL
      || !read_file_member (object, "certificate_file", &spec->certificate_file, error)
      || !read_file_member (object, "key_file", &spec->key_file, error))
    return NULL;
  spec->id = (guint32)id;
  spec->name = g_strdup (name);
  spec->port = (guint16)port;
  spec->target = g_strdup (target->text);
  return g_steal_pointer (&spec);
}

static gboolean
is_taken (const GPtrArray *specs, const FunnelShareSpec *spec)
{
  for (guint i = 0; i < specs->len; i++)
    {
      const FunnelShareSpec *other = g_ptr_array_index (specs, i);

      if (other->id == spec->id
          || (other->port == spec->port && g_strcmp0 (other->name, spec->name) == 0))
        return TRUE;
    }
  return FALSE;
}

static GPtrArray *
parse_shares (JsonObject *document, GError **error)
{
  g_autoptr (GPtrArray) specs
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_share_spec_free);
  JsonArray *shares = funnel_json_get_array (document, "shares", FUNNEL_SHARES_MAX, error);

  for (guint i = 0; shares != NULL && i < json_array_get_length (shares); i++)
    {
      JsonObject *object = funnel_json_get_object_at (shares, "shares", i, error);
      FunnelShareSpec *spec = object != NULL ? parse_share (object, error) : NULL;

      if (spec == NULL)
        {
          g_prefix_error (error, "share %u: ", i + 1);
          return NULL;
        }
      if (is_taken (specs, spec))
        {
          g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "share %u stands there twice",
                       i + 1);
          funnel_share_spec_free (spec);
          return NULL;
        }
      g_ptr_array_add (specs, spec);
    }
  return shares != NULL ? g_steal_pointer (&specs) : NULL;
}

GPtrArray *
funnel_share_document_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (JsonObject) document = NULL;
  g_autoptr (GError) local_error = NULL;
  GPtrArray *specs = NULL;
  guint64 version = 0;

  document = funnel_json_parse_object (text, len, &local_error);
  if (document != NULL
      && funnel_json_get_uint (document, "version", 1, G_MAXUINT32, &version, &local_error))
    {
      if (version == FUNNEL_SHARE_DOCUMENT_VERSION)
        specs = parse_shares (document, &local_error);
      else
        g_set_error (&local_error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
                     "version %" G_GUINT64_FORMAT " is newer than this program knows (%d)", version,
                     FUNNEL_SHARE_DOCUMENT_VERSION);
    }
  if (specs == NULL)
    g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, local_error->message);
  return specs;
}
