/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/settings.h"

#include "lib/base/error.h"
#include "lib/base/json-read.h"
#include "lib/base/token.h"

#include <glib/gi18n.h>
#include <string.h>

#define FILE_NAME "settings.json"
#define FILE_MAX (64 * 1024)
#define MEMBER "certificate_authority"

struct _FunnelSettings
{
  FunnelStateDir *dir;
  JsonObject *document; /* NULL: could not be read */
  char *problem;        /* then */
  FunnelAuthority *authority;
};

static FunnelAuthority *
parse_authority (JsonObject *document, GError **error)
{
  JsonObject *member = NULL;
  FunnelAuthority *authority = NULL;
  char *text = NULL;

  if (!funnel_json_has (document, MEMBER))
    return funnel_authority_new ();
  if (!JSON_NODE_HOLDS_OBJECT (json_object_get_member (document, MEMBER)))
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, N_ ("it is not an object"));
      return NULL;
    }
  member = json_object_ref (json_object_get_object_member (document, MEMBER));
  text = funnel_json_print_object (member);
  authority = funnel_authority_parse (text, strlen (text), error);
  funnel_secret_free (text);
  if (authority == NULL)
    g_prefix_error (error, "%s: ", MEMBER);
  return authority;
}

static gboolean
load (FunnelSettings *self, GError **error)
{
  g_autoptr (JsonObject) document = NULL;
  char *text = NULL;
  gsize len = 0;

  if (!funnel_state_dir_read (self->dir, FILE_NAME, FILE_MAX, &text, &len, error))
    return FALSE;
  document = text != NULL ? funnel_json_parse_object (text, len, error) : json_object_new ();
  funnel_secret_free (text);
  self->authority = document != NULL ? parse_authority (document, error) : NULL;
  if (self->authority == NULL)
    {
      g_prefix_error (error, "%s/%s: ", funnel_state_dir_get_path (self->dir), FILE_NAME);
      return FALSE;
    }
  self->document = g_steal_pointer (&document);
  return TRUE;
}

FunnelSettings *
funnel_settings_new (FunnelStateDir *dir)
{
  FunnelSettings *self = g_new0 (FunnelSettings, 1);
  g_autoptr (GError) error = NULL;

  self->dir = dir;
  if (load (self, &error))
    return self;
  g_warning ("%s", error->message);
  self->problem = g_strdup (error->message);
  self->authority = funnel_authority_new ();
  return self;
}

void
funnel_settings_free (FunnelSettings *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->document, json_object_unref);
  funnel_authority_free (self->authority);
  g_free (self->problem);
  g_free (self);
}

const FunnelAuthority *
funnel_settings_get_authority (FunnelSettings *self)
{
  return self->authority;
}

static JsonNode *
make_member (const FunnelAuthority *authority)
{
  char *text = funnel_authority_print (authority);
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (node, funnel_json_parse_object (text, strlen (text), NULL));
  funnel_secret_free (text);
  return node;
}

gboolean
funnel_settings_set_authority (FunnelSettings *self,
                               const FunnelAuthority *authority,
                               GError **error)
{
  char *text = NULL;
  gboolean ok;

  if (!funnel_authority_check (authority, error))
    return FALSE;
  if (self->document == NULL)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
                   N_ ("%s; mend it or move it away, and start funneld again"), self->problem);
      return FALSE;
    }
  json_object_set_member (self->document, MEMBER, make_member (authority));
  text = funnel_json_print_object (json_object_ref (self->document));
  ok = funnel_state_dir_write (self->dir, FILE_NAME, text, error);
  funnel_secret_free (text);
  if (!ok)
    {
      json_object_set_member (self->document, MEMBER, make_member (self->authority));
      return FALSE;
    }
  funnel_authority_free (self->authority);
  self->authority = funnel_authority_copy (authority);
  return TRUE;
}

const char *
funnel_settings_get_problem (FunnelSettings *self)
{
  return self->problem;
}
