/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/store/joined-store.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"
#include "lib/base/json-read.h"
#include "lib/base/token.h"
#include "lib/base/wg-key.h"

#define FILE_NAME "ingress.json"
#define FILE_MAX (256 * 1024)
#define VERSION 1
#define TEXT_MAX 512
#define NAMES_MAX 1000
#define INGRESSES_MAX 1

struct _FunnelJoinedStore
{
  FunnelStateDir *dir;
  FunnelIngressSpec *spec; /* NULL: not joined */
  char *pending_token;     /* NULL: no join under way */
  char *pending_key;
  char *problem;
};

/* Text members, in the order they are written. */
static const struct
{
  const char *member;
  gsize offset;
} text_members[] = {
    {"host", G_STRUCT_OFFSET (FunnelIngressSpec, host)},
    {"node", G_STRUCT_OFFSET (FunnelIngressSpec, node)},
    {"zone", G_STRUCT_OFFSET (FunnelIngressSpec, zone)},
    {"address", G_STRUCT_OFFSET (FunnelIngressSpec, address)},
    {"ingress_address", G_STRUCT_OFFSET (FunnelIngressSpec, ingress_address)},
    {"ingress_public_key", G_STRUCT_OFFSET (FunnelIngressSpec, ingress_public_key)},
    {"endpoint_host", G_STRUCT_OFFSET (FunnelIngressSpec, endpoint_host)},
    {"private_key", G_STRUCT_OFFSET (FunnelIngressSpec, private_key)},
};
#define CHOICE_MEMBER "tunnel"      /* missing when it is "auto" */
#define OFF_MEMBER "tunnel_off"     /* missing when it is false */
#define HASH_MEMBER "join_key_hash" /* missing when it is not known */

static JsonObject *
print_spec (const FunnelIngressSpec *spec)
{
  JsonObject *object = json_object_new ();
  JsonArray *names = json_array_new ();

  json_object_set_int_member (object, "id", spec->id);
  for (guint i = 0; i < G_N_ELEMENTS (text_members); i++)
    json_object_set_string_member (object, text_members[i].member,
                                   G_STRUCT_MEMBER (char *, spec, text_members[i].offset));
  if (g_strcmp0 (spec->tunnel, "auto") != 0)
    json_object_set_string_member (object, CHOICE_MEMBER, spec->tunnel);
  if (spec->tunnel_off)
    json_object_set_boolean_member (object, OFF_MEMBER, TRUE);
  if (spec->key_hash != NULL)
    json_object_set_string_member (object, HASH_MEMBER, spec->key_hash);
  json_object_set_int_member (object, "port", spec->port);
  json_object_set_int_member (object, "endpoint_port", spec->endpoint_port);
  json_object_set_int_member (object, "link_port", spec->link_port);
  json_object_set_boolean_member (object, "direct", spec->direct);
  for (guint i = 0; spec->names[i] != NULL; i++)
    json_array_add_string_element (names, spec->names[i]);
  json_object_set_array_member (object, "names", names);
  funnel_json_set_ports (object, "public_ports",
                         (const guint16 *)(gconstpointer)spec->public_ports->data,
                         spec->public_ports->len);
  return object;
}

static char *
print_document (FunnelJoinedStore *self)
{
  JsonObject *document = json_object_new ();
  JsonArray *ingresses = json_array_new ();

  if (self->spec != NULL)
    json_array_add_object_element (ingresses, print_spec (self->spec));
  json_object_set_int_member (document, "version", VERSION);
  json_object_set_array_member (document, "ingresses", ingresses);
  if (self->pending_key != NULL)
    {
      JsonObject *pending = json_object_new ();

      json_object_set_string_member (pending, "token_id", self->pending_token);
      json_object_set_string_member (pending, "private_key", self->pending_key);
      json_object_set_object_member (document, "pending", pending);
    }
  return funnel_json_print_object (document);
}

static gboolean
parse_names (JsonObject *object, GStrv *out, GError **error)
{
  JsonArray *names = funnel_json_get_array (object, "names", NAMES_MAX, error);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (names == NULL)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (names); i++)
    {
      JsonNode *node = json_array_get_element (names, i);

      if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
        {
          g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, N_ ("names: not a list of names"));
          return FALSE;
        }
      g_strv_builder_add (builder, json_node_get_string (node));
    }
  g_strfreev (*out);
  *out = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
parse_numbers (JsonObject *object, FunnelIngressSpec *spec, GError **error)
{
  guint64 id = 0, port = 0, endpoint_port = 0, link_port = 0;

  if (!funnel_json_get_uint (object, "id", 1, G_MAXUINT32, &id, error)
      || !funnel_json_get_uint (object, "port", 1, G_MAXUINT16, &port, error)
      || !funnel_json_get_uint (object, "endpoint_port", 1, G_MAXUINT16, &endpoint_port, error)
      || !funnel_json_get_uint (object, "link_port", 1, G_MAXUINT16, &link_port, error)
      || !funnel_json_get_bool (object, "direct", FALSE, &spec->direct, error)
      || !funnel_json_get_bool (object, OFF_MEMBER, FALSE, &spec->tunnel_off, error))
    return FALSE;
  spec->id = (guint32)id;
  spec->port = (guint16)port;
  spec->endpoint_port = (guint16)endpoint_port;
  spec->link_port = (guint16)link_port;
  return TRUE;
}

/* Optional members. */
static gboolean
parse_extras (JsonObject *object, FunnelIngressSpec *spec, GError **error)
{
  const char *text = NULL;

  if (json_object_has_member (object, CHOICE_MEMBER))
    {
      text = funnel_json_get_string (object, CHOICE_MEMBER, TEXT_MAX, error);
      if (text == NULL)
        return FALSE;
      g_free (spec->tunnel);
      spec->tunnel = g_strdup (text);
    }
  if (json_object_has_member (object, HASH_MEMBER))
    {
      text = funnel_json_get_string (object, HASH_MEMBER, TEXT_MAX, error);
      if (text == NULL)
        return FALSE;
      spec->key_hash = g_strdup (text);
    }
  return TRUE;
}

static FunnelIngressSpec *
parse_spec (JsonObject *object, GError **error)
{
  g_autoptr (FunnelIngressSpec) spec = funnel_ingress_spec_new ();
  GArray *ports = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (text_members); i++)
    {
      const char *text = funnel_json_get_string (object, text_members[i].member, TEXT_MAX, error);

      if (text == NULL)
        return NULL;
      G_STRUCT_MEMBER (char *, spec, text_members[i].offset) = g_strdup (text);
    }
  if (!parse_extras (object, spec, error))
    return NULL;
  if (!funnel_wg_key_is_valid (spec->private_key))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, N_ ("private_key: not a key"));
      return NULL;
    }
  if (!parse_numbers (object, spec, error) || !parse_names (object, &spec->names, error))
    return NULL;
  ports = funnel_json_get_ports (object, "public_ports", FUNNEL_LINK_PORTS_MAX, error);
  if (ports == NULL)
    return NULL;
  g_array_unref (spec->public_ports);
  spec->public_ports = ports;
  return g_steal_pointer (&spec);
}

static gboolean
parse_pending (FunnelJoinedStore *self, JsonObject *document, GError **error)
{
  JsonNode *node = json_object_get_member (document, "pending");
  JsonObject *pending
      = node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *token_id = NULL, *key = NULL;

  if (pending == NULL)
    return TRUE;
  token_id = funnel_json_get_string (pending, "token_id", TEXT_MAX, error);
  key = token_id != NULL ? funnel_json_get_string (pending, "private_key", TEXT_MAX, error) : NULL;
  if (key == NULL)
    return FALSE;
  self->pending_token = g_strdup (token_id);
  self->pending_key = g_strdup (key);
  return TRUE;
}

static gboolean
parse_document (FunnelJoinedStore *self, const char *text, gsize len, GError **error)
{
  g_autoptr (JsonObject) document = funnel_json_parse_object (text, len, error);
  JsonArray *ingresses = NULL;
  JsonObject *object = NULL;
  guint64 version = 0;

  if (document == NULL
      || !funnel_json_get_uint (document, "version", 1, G_MAXUINT32, &version, error))
    return FALSE;
  if (version != VERSION)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
                   N_ ("version %u is newer than this program knows (%d)"), (guint)version,
                   VERSION);
      return FALSE;
    }
  ingresses = funnel_json_get_array (document, "ingresses", INGRESSES_MAX, error);
  if (ingresses == NULL || !parse_pending (self, document, error))
    return FALSE;
  if (json_array_get_length (ingresses) == 0)
    return TRUE;
  object = funnel_json_get_object_at (ingresses, "ingresses", 0, error);
  self->spec = object != NULL ? parse_spec (object, error) : NULL;
  return self->spec != NULL;
}

static gboolean
save (FunnelJoinedStore *self, GError **error)
{
  char *text = print_document (self);
  gboolean ok = funnel_state_dir_write (self->dir, FILE_NAME, text, error);

  funnel_secret_free (text);
  return ok;
}

static void
forget_pending (FunnelJoinedStore *self)
{
  g_clear_pointer (&self->pending_token, g_free);
  g_clear_pointer (&self->pending_key, funnel_secret_free);
}

FunnelJoinedStore *
funnel_joined_store_new (FunnelStateDir *dir)
{
  FunnelJoinedStore *self = g_new0 (FunnelJoinedStore, 1);

  self->dir = dir;
  return self;
}

void
funnel_joined_store_free (FunnelJoinedStore *self)
{
  if (self == NULL)
    return;
  funnel_ingress_spec_free (self->spec);
  forget_pending (self);
  g_free (self->problem);
  g_free (self);
}

gboolean
funnel_joined_store_load (FunnelJoinedStore *self, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  char *text = NULL;
  gsize len = 0;
  gboolean ok = funnel_state_dir_read (self->dir, FILE_NAME, FILE_MAX, &text, &len, &local_error)
                && (text == NULL || parse_document (self, text, len, &local_error));

  funnel_secret_free (text);
  if (ok)
    return TRUE;
  g_clear_pointer (&self->spec, funnel_ingress_spec_free);
  forget_pending (self);
  self->problem
      = g_strdup_printf (N_ ("%s/%s cannot be used: %s; it is left untouched, and "
                             "\"funnel reset\" sets it aside"),
                         funnel_state_dir_get_path (self->dir), FILE_NAME, local_error->message);
  return funnel_joined_store_check (self, error);
}

gboolean
funnel_joined_store_check (FunnelJoinedStore *self, GError **error)
{
  if (self->problem == NULL)
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, self->problem);
  return FALSE;
}

const FunnelIngressSpec *
funnel_joined_store_get (FunnelJoinedStore *self)
{
  return self->spec;
}

gboolean
funnel_joined_store_set (FunnelJoinedStore *self, const FunnelIngressSpec *spec, GError **error)
{
  FunnelIngressSpec *copy = NULL;

  if (!funnel_joined_store_check (self, error))
    return FALSE;
  copy = spec != NULL ? funnel_ingress_spec_copy (spec) : NULL;
  funnel_ingress_spec_free (self->spec);
  self->spec = copy;
  forget_pending (self);
  return save (self, error);
}

char *
funnel_joined_store_begin_join (FunnelJoinedStore *self, const char *token_id, GError **error)
{
  char *public_key = NULL;

  if (!funnel_joined_store_check (self, error))
    return NULL;
  if (self->pending_key != NULL && g_strcmp0 (self->pending_token, token_id) == 0)
    return g_strdup (self->pending_key);
  forget_pending (self);
  if (!funnel_wg_key_generate (&self->pending_key, &public_key, error))
    return NULL;
  g_free (public_key);
  self->pending_token = g_strdup (token_id);
  if (save (self, error))
    return g_strdup (self->pending_key);
  forget_pending (self);
  return NULL;
}

gboolean
funnel_joined_store_reset (FunnelJoinedStore *self, GError **error)
{
  g_autofree char *aside = NULL;

  if (self->problem == NULL)
    return TRUE;
  aside = funnel_state_dir_set_aside (self->dir, FILE_NAME, error);
  if (aside == NULL)
    return FALSE;
  g_message ("Kept the unreadable file as %s", aside);
  g_clear_pointer (&self->problem, g_free);
  return TRUE;
}

const char *
funnel_joined_store_get_problem (FunnelJoinedStore *self)
{
  return self->problem;
}
