/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/store/share-store.h"

#include <glib/gi18n.h>

#include "daemon/model/share-document.h"
#include "lib/base/error.h"

#define FILE_NAME "shares.json"
#define FILE_MAX (4 * 1024 * 1024)

struct _FunnelShareStore
{
  FunnelStateDir *dir;
  char *written; /* what is on disk; NULL nothing */
  guint version; /* of it, when it is an older one that was not kept yet; 0 otherwise */
  char *problem; /* why the file cannot be used; NULL it can */
};

FunnelShareStore *
funnel_share_store_new (FunnelStateDir *dir)
{
  FunnelShareStore *self = g_new0 (FunnelShareStore, 1);

  self->dir = dir;
  return self;
}

void
funnel_share_store_free (FunnelShareStore *self)
{
  if (self == NULL)
    return;
  g_free (self->written);
  g_free (self->problem);
  g_free (self);
}

static gboolean
block (FunnelShareStore *self, const GError *cause, GError **error)
{
  self->problem
      = g_strdup_printf (N_ ("%s/%s cannot be used: %s; it is left untouched, and "
                             "\"funnel reset\" sets it aside and starts afresh"),
                         funnel_state_dir_get_path (self->dir), FILE_NAME, cause->message);
  return funnel_share_store_check (self, error);
}

gboolean
funnel_share_store_load (FunnelShareStore *self, FunnelShareList *list, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GPtrArray) specs = NULL;
  g_autofree char *text = NULL;
  gsize len = 0;
  guint version = 0;

  if (!funnel_state_dir_read (self->dir, FILE_NAME, FILE_MAX, &text, &len, &local_error))
    return block (self, local_error, error);
  if (text == NULL)
    return TRUE;
  specs = funnel_share_document_parse (text, len, &version, &local_error);
  if (specs == NULL)
    return block (self, local_error, error);
  self->written = g_steal_pointer (&text);
  self->version = version < FUNNEL_SHARE_DOCUMENT_VERSION ? version : 0;
  for (guint i = 0; i < specs->len; i++)
    funnel_share_list_put (list, g_ptr_array_index (specs, i));
  return TRUE;
}

gboolean
funnel_share_store_check (FunnelShareStore *self, GError **error)
{
  if (self->problem == NULL)
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, self->problem);
  return FALSE;
}

/* What an older program wrote stays beside, for the one who goes back to it. */
static gboolean
keep_older (FunnelShareStore *self, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s.version-%u", FILE_NAME, self->version);

  if (self->version != 0 && !funnel_state_dir_write (self->dir, name, self->written, error))
    return FALSE;
  self->version = 0;
  return TRUE;
}

gboolean
funnel_share_store_save (FunnelShareStore *self, FunnelShareList *list, GError **error)
{
  g_autofree char *text = funnel_share_document_print (list, FALSE);
  gboolean untouched = self->written == NULL && funnel_share_list_get_length (list) == 0;

  if (!funnel_share_store_check (self, error))
    return FALSE;
  if (untouched || g_strcmp0 (text, self->written) == 0)
    return TRUE;
  if (!keep_older (self, error) || !funnel_state_dir_write (self->dir, FILE_NAME, text, error))
    return FALSE;
  g_free (self->written);
  self->written = g_steal_pointer (&text);
  return TRUE;
}

gboolean
funnel_share_store_reset (FunnelShareStore *self, GError **error)
{
  g_autofree char *aside = NULL;

  if (self->problem == NULL)
    return TRUE;
  aside = funnel_state_dir_set_aside (self->dir, FILE_NAME, error);
  if (aside == NULL)
    return FALSE;
  g_message ("Kept the unreadable shares as %s", aside);
  g_clear_pointer (&self->problem, g_free);
  return TRUE;
}

const char *
funnel_share_store_get_problem (FunnelShareStore *self)
{
  return self->problem;
}
