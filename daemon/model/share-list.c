/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share-list.h"

#include <glib/gi18n.h>

#include "daemon/model/share-document.h"
#include "lib/base/error.h"

enum
{
  PROP_ETAG = 1,
  N_PROPS
};
enum
{
  SIGNAL_ADDED,
  SIGNAL_REMOVED,
  SIGNAL_REPLACED,
  N_SIGNALS
};

struct _FunnelShareList
{
  GObject parent_instance;
  GPtrArray *shares;
  guint32 last_id;
  char *etag;
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (FunnelShareList, funnel_share_list, G_TYPE_OBJECT)

static void
update_etag (FunnelShareList *self)
{
  g_autofree char *text = funnel_share_document_print (self, TRUE);
  g_autofree char *etag = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);

  if (g_strcmp0 (etag, self->etag) == 0)
    return;
  g_free (self->etag);
  self->etag = g_steal_pointer (&etag);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_ETAG]);
}

static void
funnel_share_list_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  FunnelShareList *self = FUNNEL_SHARE_LIST (object);

  if (id == PROP_ETAG)
    g_value_set_string (value, self->etag);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
funnel_share_list_finalize (GObject *object)
{
  FunnelShareList *self = FUNNEL_SHARE_LIST (object);

  g_ptr_array_unref (self->shares);
  g_free (self->etag);
  G_OBJECT_CLASS (funnel_share_list_parent_class)->finalize (object);
}

static guint
new_share_signal (const char *name)
{
  return g_signal_new (name, FUNNEL_TYPE_SHARE_LIST, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                       G_TYPE_NONE, 1, FUNNEL_TYPE_SHARE);
}

static void
funnel_share_list_class_init (FunnelShareListClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->get_property = funnel_share_list_get_property;
  object_class->finalize = funnel_share_list_finalize;
  props[PROP_ETAG]
      = g_param_spec_string ("etag", NULL, NULL, NULL,
                             G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, props);
  signals[SIGNAL_ADDED] = new_share_signal ("added");
  signals[SIGNAL_REMOVED] = new_share_signal ("removed");
  signals[SIGNAL_REPLACED] = new_share_signal ("replaced");
}

static void
funnel_share_list_init (FunnelShareList *self)
{
  self->shares = g_ptr_array_new_with_free_func (g_object_unref);
  update_etag (self);
}

FunnelShareList *
funnel_share_list_new (void)
{
  return g_object_new (FUNNEL_TYPE_SHARE_LIST, NULL);
}

static gboolean
check_existing (const FunnelShareSpec *old, const FunnelShareSpec *spec, GError **error)
{
  if (old->foreground && (!spec->foreground || g_strcmp0 (old->owner, spec->owner) != 0))
    g_set_error (
        error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
        N_ ("foreground listener already exists for port %u; end the \"funnel\" that runs it"),
        spec->port);
  else if (!old->foreground && spec->foreground)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                 N_ ("listener already exists for port %u; end it with: funnel --%s=%u off"),
                 spec->port, funnel_share_kind_text (old->kind), spec->port);
  else if (old->kind != spec->kind)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                 N_ ("want to serve \"%s\", but port %u is already serving \"%s\""),
                 funnel_share_kind_text (spec->kind), spec->port,
                 funnel_share_kind_text (old->kind));
  else
    return TRUE;
  return FALSE;
}

gboolean
funnel_share_list_check (FunnelShareList *self, const FunnelShareSpec *spec, GError **error)
{
  FunnelShare *old = funnel_share_list_find (self, spec->name, spec->port);

  if (old != NULL)
    return check_existing (funnel_share_get_spec (old), spec, error);
  if (self->shares->len < FUNNEL_SHARES_MAX)
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED, N_ ("there are %u shares already"),
               self->shares->len);
  return FALSE;
}

FunnelShare *
funnel_share_list_put (FunnelShareList *self, const FunnelShareSpec *spec)
{
  FunnelShare *share = funnel_share_list_find (self, spec->name, spec->port);
  g_autoptr (FunnelShareSpec) copy = NULL;

  if (share != NULL)
    {
      funnel_share_replace (share, spec);
      g_signal_emit (self, signals[SIGNAL_REPLACED], 0, share);
      update_etag (self);
      return share;
    }
  copy = funnel_share_spec_copy (spec);
  if (copy->id == 0)
    copy->id = self->last_id + 1;
  self->last_id = MAX (self->last_id, copy->id);
  share = funnel_share_new (copy);
  g_ptr_array_add (self->shares, share);
  g_signal_emit (self, signals[SIGNAL_ADDED], 0, share);
  update_etag (self);
  return share;
}

void
funnel_share_list_remove (FunnelShareList *self, FunnelShare *share)
{
  g_autoptr (FunnelShare) kept = g_object_ref (share);

  if (!g_ptr_array_remove (self->shares, share))
    return;
  g_signal_emit (self, signals[SIGNAL_REMOVED], 0, kept);
  update_etag (self);
}

FunnelShare *
funnel_share_list_find (FunnelShareList *self, const char *name, guint16 port)
{
  for (guint i = 0; i < self->shares->len; i++)
    {
      FunnelShare *share = g_ptr_array_index (self->shares, i);
      const FunnelShareSpec *spec = funnel_share_get_spec (share);

      if (spec->port == port && g_strcmp0 (spec->name, name) == 0)
        return share;
    }
  return NULL;
}

gboolean
funnel_share_list_has_files (FunnelShareList *self, const char *name)
{
  for (guint i = 0; i < funnel_share_list_get_length (self); i++)
    {
      const FunnelShareSpec *spec = funnel_share_get_spec (funnel_share_list_get (self, i));

      if (spec->certificate_file != NULL && g_str_equal (spec->name, name))
        return TRUE;
    }
  return FALSE;
}

FunnelShare *
funnel_share_list_find_id (FunnelShareList *self, guint32 id)
{
  for (guint i = 0; i < self->shares->len; i++)
    {
      FunnelShare *share = g_ptr_array_index (self->shares, i);

      if (funnel_share_get_spec (share)->id == id)
        return share;
    }
  return NULL;
}

GPtrArray *
funnel_share_list_match (FunnelShareList *self, const FunnelShareFilter *filter)
{
  GPtrArray *matches = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < self->shares->len; i++)
    {
      FunnelShare *share = g_ptr_array_index (self->shares, i);

      if (funnel_share_matches (share, filter))
        g_ptr_array_add (matches, g_object_ref (share));
    }
  return matches;
}

guint
funnel_share_list_get_length (FunnelShareList *self)
{
  return self->shares->len;
}

FunnelShare *
funnel_share_list_get (FunnelShareList *self, guint index)
{
  g_return_val_if_fail (index < self->shares->len, NULL);
  return g_ptr_array_index (self->shares, index);
}

const char *
funnel_share_list_get_etag (FunnelShareList *self)
{
  return self->etag;
}

gboolean
funnel_share_list_check_etag (FunnelShareList *self, const char *if_match, GError **error)
{
  if (if_match == NULL || g_strcmp0 (if_match, self->etag) == 0)
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
               N_ ("another client has changed the shares; look at them and try again"));
  return FALSE;
}
