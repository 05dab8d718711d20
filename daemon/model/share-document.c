/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share-document.h"

#include "lib/base/error.h"
#include "lib/base/json-read.h"

#include <glib/gi18n.h>
#include <string.h>

#define TEXT_MAX 4096
#define NUMBER_MAX ((guint64)1 << 52)

/* --- Writing --- */

static void
set_text (JsonObject *object, const char *member, const char *text)
{
  if (text != NULL)
    json_object_set_string_member (object, member, text);
}

static void
set_flag (JsonObject *object, const char *member, gboolean value)
{
  if (value)
    json_object_set_boolean_member (object, member, TRUE);
}

static void
set_number (JsonObject *object, const char *member, gint64 value)
{
  if (value != 0)
    json_object_set_int_member (object, member, value);
}

static void
set_texts (JsonObject *object, const char *member, GStrv texts)
{
  JsonArray *array = NULL;

  if (texts == NULL || texts[0] == NULL)
    return;
  array = json_array_new ();
  for (char **at = texts; *at != NULL; at++)
    json_array_add_string_element (array, *at);
  json_object_set_array_member (object, member, array);
}

static JsonObject *
print_mount (const FunnelMountSpec *mount)
{
  JsonObject *object = json_object_new ();

  set_text (object, "path", mount->path);
  set_text (object, "target", mount->target);
  set_flag (object, "lan", mount->lan);
  set_flag (object, "force", mount->force);
  set_text (object, "host_header", mount->host_header);
  set_flag (object, "keep_prefix", mount->keep_prefix);
  set_flag (object, "listing", mount->listing);
  return object;
}

static JsonObject *
print_access (const FunnelShareAccess *access)
{
  JsonObject *object = json_object_new ();

  set_texts (object, "allow", access->allow);
  set_texts (object, "deny", access->deny);
  set_number (object, "max_conns", access->max_conns);
  set_number (object, "rate", access->rate);
  set_text (object, "auth_user", access->auth_user);
  set_text (object, "auth_hash", access->auth_hash);
  return object;
}

static JsonObject *
print_share (const FunnelShareSpec *spec)
{
  JsonObject *object = json_object_new ();
  JsonArray *mounts = json_array_new ();
  JsonObject *access = print_access (&spec->access);

  json_object_set_int_member (object, "id", spec->id);
  json_object_set_string_member (object, "name", spec->name);
  json_object_set_int_member (object, "port", spec->port);
  json_object_set_string_member (object, "kind", funnel_share_kind_text (spec->kind));
  for (guint i = 0; i < spec->mounts->len; i++)
    json_array_add_object_element (mounts, print_mount (g_ptr_array_index (spec->mounts, i)));
  json_object_set_array_member (object, "mounts", mounts);
  set_text (object, "certificate_file", spec->certificate_file);
  set_text (object, "key_file", spec->key_file);
  if (json_object_get_size (access) > 0)
    json_object_set_object_member (object, "access", access);
  else
    json_object_unref (access);
  set_number (object, "expires", spec->expires);
  set_number (object, "proxy_protocol", spec->proxy_protocol);
  set_texts (object, "alpn", spec->alpn);
  set_flag (object, "switched_off", spec->switched_off);
  set_flag (object, "paused", spec->paused);
  set_flag (object, "foreground", spec->foreground);
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

/* --- Reading --- */

static const char *const document_members[] = {"version", "shares", NULL};
static const char *const share_members_1[]
    = {"id", "name", "port", "kind", "target", "certificate_file", "key_file", "foreground", NULL};
static const char *const share_members[]
    = {"id",           "name",   "port",    "kind",           "mounts", "certificate_file",
       "key_file",     "access", "expires", "proxy_protocol", "alpn",   "foreground",
       "switched_off", "paused", NULL};
static const char *const mount_members[]
    = {"path", "target", "lan", "force", "host_header", "keep_prefix", "listing", NULL};
static const char *const access_members[]
    = {"allow", "deny", "max_conns", "rate", "auth_user", "auth_hash", NULL};

static gboolean
fail (GError **error, const char *member, const char *what)
{
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL, "%s: %s", member, what);
  return FALSE;
}

static gboolean
check_members (JsonObject *object, const char *const *known, GError **error)
{
  g_autoptr (GList) members = json_object_get_members (object);

  for (GList *l = members; l != NULL; l = l->next)
    if (!g_strv_contains (known, l->data))
      return fail (error, l->data, N_ ("this member is unknown"));
  return TRUE;
}

/* Any text, line feeds and all: a target may be one. */
static gboolean
read_any_text (JsonObject *object, const char *member, gsize max, char **out, GError **error)
{
  JsonNode *node = json_object_get_member (object, member);

  if (node == NULL || json_node_get_value_type (node) != G_TYPE_STRING)
    return fail (error, member, N_ ("a text is needed"));
  if (strlen (json_node_get_string (node)) > max)
    return fail (error, member, N_ ("the text is too long"));
  *out = g_strdup (json_node_get_string (node));
  return TRUE;
}

static gboolean
read_text (JsonObject *object, const char *member, char **out, GError **error)
{
  const char *text = NULL;

  if (!funnel_json_has (object, member))
    return TRUE;
  text = funnel_json_get_string (object, member, TEXT_MAX, error);
  *out = g_strdup (text);
  return text != NULL;
}

static gboolean
read_number (JsonObject *object, const char *member, guint64 max, guint64 *out, GError **error)
{
  *out = 0;
  return !funnel_json_has (object, member)
         || funnel_json_get_uint (object, member, 0, max, out, error);
}

static gboolean
read_texts (JsonObject *object, const char *member, guint max, GStrv *out, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  JsonArray *array = NULL;

  if (!funnel_json_has (object, member))
    return TRUE;
  array = funnel_json_get_array (object, member, max, error);
  if (array == NULL)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);

      if (json_node_get_value_type (node) != G_TYPE_STRING)
        return fail (error, member, N_ ("a list of texts is needed"));
      g_strv_builder_add (builder, json_node_get_string (node));
    }
  g_strfreev (*out);
  *out = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
parse_mount (JsonObject *object, FunnelMountSpec *mount, GError **error)
{
  return check_members (object, mount_members, error)
         && read_any_text (object, "path", FUNNEL_MOUNT_PATH_MAX, &mount->path, error)
         && read_any_text (object, "target", FUNNEL_TARGET_TEXT_MAX, &mount->target, error)
         && funnel_json_get_bool (object, "lan", FALSE, &mount->lan, error)
         && funnel_json_get_bool (object, "force", FALSE, &mount->force, error)
         && read_text (object, "host_header", &mount->host_header, error)
         && funnel_json_get_bool (object, "keep_prefix", FALSE, &mount->keep_prefix, error)
         && funnel_json_get_bool (object, "listing", FALSE, &mount->listing, error);
}

static gboolean
parse_mounts (JsonObject *share, FunnelShareSpec *spec, GError **error)
{
  JsonArray *array = funnel_json_get_array (share, "mounts", FUNNEL_MOUNTS_MAX, error);

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      JsonObject *object = funnel_json_get_object_at (array, "mounts", i, error);
      g_autoptr (FunnelMountSpec) mount = g_new0 (FunnelMountSpec, 1);

      if (object == NULL || !parse_mount (object, mount, error))
        {
          g_prefix_error (error, N_ ("mount %u: "), i + 1);
          return FALSE;
        }
      g_ptr_array_add (spec->mounts, g_steal_pointer (&mount));
    }
  return array != NULL;
}

static gboolean
parse_access (JsonObject *share, FunnelShareAccess *access, GError **error)
{
  JsonNode *node = json_object_get_member (share, "access");
  JsonObject *object = NULL;
  guint64 max_conns = 0, rate = 0;

  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return fail (error, "access", N_ ("an object is needed"));
  object = json_node_get_object (node);
  if (!check_members (object, access_members, error)
      || !read_texts (object, "allow", FUNNEL_ACCESS_RANGES_MAX, &access->allow, error)
      || !read_texts (object, "deny", FUNNEL_ACCESS_RANGES_MAX, &access->deny, error)
      || !read_number (object, "max_conns", FUNNEL_ACCESS_NUMBER_MAX, &max_conns, error)
      || !read_number (object, "rate", FUNNEL_ACCESS_NUMBER_MAX, &rate, error)
      || !read_text (object, "auth_user", &access->auth_user, error)
      || !read_text (object, "auth_hash", &access->auth_hash, error))
    return FALSE;
  access->max_conns = (guint)max_conns;
  access->rate = (guint)rate;
  return TRUE;
}

static gboolean
parse_identity (JsonObject *object, FunnelShareSpec *spec, GError **error)
{
  guint64 id = 0, port = 0;
  const char *name = NULL, *kind = NULL;

  if (!funnel_json_get_uint (object, "id", 1, G_MAXUINT32, &id, error)
      || (name = funnel_json_get_name (object, "name", error)) == NULL
      || !funnel_json_get_uint (object, "port", 1, G_MAXUINT16, &port, error)
      || (kind = funnel_json_get_string (object, "kind", 64, error)) == NULL
      || !funnel_share_kind_from_text (kind, &spec->kind, error)
      || !read_text (object, "certificate_file", &spec->certificate_file, error)
      || !read_text (object, "key_file", &spec->key_file, error))
    return FALSE;
  spec->id = (guint32)id;
  spec->name = g_strdup (name);
  spec->port = (guint16)port;
  return TRUE;
}

static gboolean
parse_settings (JsonObject *object, FunnelShareSpec *spec, GError **error)
{
  guint64 expires = 0, proxy_protocol = 0;

  if (!parse_mounts (object, spec, error) || !parse_access (object, &spec->access, error)
      || !read_number (object, "expires", NUMBER_MAX, &expires, error)
      || !read_number (object, "proxy_protocol", 2, &proxy_protocol, error)
      || !read_texts (object, "alpn", FUNNEL_ALPN_MAX, &spec->alpn, error)
      || !funnel_json_get_bool (object, "switched_off", FALSE, &spec->switched_off, error)
      || !funnel_json_get_bool (object, "paused", FALSE, &spec->paused, error))
    return FALSE;
  spec->expires = (gint64)expires;
  spec->proxy_protocol = (guint)proxy_protocol;
  return TRUE;
}

static gboolean
parse_target_1 (JsonObject *object, FunnelShareSpec *spec, GError **error)
{
  g_autofree char *target = NULL;

  if (!read_any_text (object, "target", TEXT_MAX, &target, error))
    return FALSE;
  g_ptr_array_add (spec->mounts, funnel_mount_spec_new ("/", target));
  return TRUE;
}

static FunnelShareSpec *
parse_share (JsonObject *object, guint version, GError **error)
{
  g_autoptr (FunnelShareSpec) spec = funnel_share_spec_new ();
  gboolean ok = check_members (object, version == 1 ? share_members_1 : share_members, error)
                && parse_identity (object, spec, error)
                && (version == 1 ? parse_target_1 (object, spec, error)
                                 : parse_settings (object, spec, error))
                && funnel_share_spec_check (spec, error);

  return ok ? g_steal_pointer (&spec) : NULL;
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
parse_shares (JsonObject *document, guint version, GError **error)
{
  g_autoptr (GPtrArray) specs
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_share_spec_free);
  JsonArray *shares = funnel_json_get_array (document, "shares", FUNNEL_SHARES_MAX, error);

  for (guint i = 0; shares != NULL && i < json_array_get_length (shares); i++)
    {
      JsonObject *object = funnel_json_get_object_at (shares, "shares", i, error);
      FunnelShareSpec *spec = object != NULL ? parse_share (object, version, error) : NULL;

      if (spec == NULL)
        {
          g_prefix_error (error, N_ ("share %u: "), i + 1);
          return NULL;
        }
      if (is_taken (specs, spec))
        {
          g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, N_ ("share %u stands there twice"),
                       i + 1);
          funnel_share_spec_free (spec);
          return NULL;
        }
      g_ptr_array_add (specs, spec);
    }
  return shares != NULL ? g_steal_pointer (&specs) : NULL;
}

static GPtrArray *
parse_document (JsonObject *document, guint *version_out, GError **error)
{
  guint64 version = 0;

  if (!funnel_json_get_uint (document, "version", 1, G_MAXUINT32, &version, error))
    return NULL;
  if (version > FUNNEL_SHARE_DOCUMENT_VERSION)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
                   N_ ("version %u is newer than this program knows (%d)"), (guint)version,
                   FUNNEL_SHARE_DOCUMENT_VERSION);
      return NULL;
    }
  *version_out = (guint)version;
  return check_members (document, document_members, error)
             ? parse_shares (document, (guint)version, error)
             : NULL;
}

GPtrArray *
funnel_share_document_parse (const char *text, gsize len, guint *version, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (JsonObject) document = funnel_json_parse_object (text, len, &local_error);
  GPtrArray *specs = NULL;
  guint read_version = 0;

  if (document != NULL)
    specs = parse_document (document, &read_version, &local_error);
  if (version != NULL)
    *version = read_version;
  if (specs == NULL)
    g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, local_error->message);
  return specs;
}
