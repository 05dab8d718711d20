/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/share-wishes.h"

#include "daemon/cert/certificate.h"
#include "daemon/model/share-document.h"
#include "daemon/model/share-import.h"
#include "daemon/model/target-guard.h"
#include "lib/base/error.h"

#include <glib/gi18n.h>
#include <string.h>

static gint64
get_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

static gboolean
check_certificate (const FunnelShareSpec *spec, GError **error)
{
  g_autoptr (FunnelCertificate) certificate = NULL;

  if (spec->certificate_file == NULL)
    return TRUE;
  certificate = funnel_certificate_load (spec->certificate_file, spec->key_file, spec->name, error);
  return certificate != NULL;
}

static gboolean
guard_mounts (FunnelShareWishes *self, const FunnelShareSpec *spec, GError **error)
{
  for (guint i = 0; i < spec->mounts->len; i++)
    {
      const FunnelMountSpec *mount = g_ptr_array_index (spec->mounts, i);
      const FunnelTargetPermission permission
          = {.lan = mount->lan, .force = mount->force, .state_dir = self->state_dir};
      g_autoptr (FunnelTarget) target = funnel_target_parse (mount->target, spec->kind, error);

      if (target == NULL || !funnel_target_guard (target, &permission, error))
        return FALSE;
    }
  return TRUE;
}

/* Fills in what was left open, and refuses what cannot work. */
static FunnelShareSpec *
complete_spec (FunnelShareWishes *self, const FunnelShareSpec *wish, guint given, GError **error)
{
  g_autoptr (FunnelShareSpec) asked = funnel_share_spec_copy (wish), spec = NULL;
  FunnelIngress *ingress = self->ingress;
  FunnelShare *old = NULL;

  if (ingress == NULL)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_JOINED,
                           N_ ("this node has not joined an ingress; type: funnel join TOKEN"));
      return NULL;
    }
  if (asked->name == NULL)
    asked->name = funnel_ingress_dup_default_name (ingress);
  if (!guard_mounts (self, asked, error) || !funnel_ingress_check_port (ingress, asked->port, error)
      || !funnel_share_list_check (self->list, asked, error))
    return NULL;
  old = funnel_share_list_find (self->list, asked->name, asked->port);
  spec = old != NULL
             ? funnel_share_spec_merge (funnel_share_get_spec (old), asked, given, get_now ())
             : g_steal_pointer (&asked);
  if (!funnel_share_spec_check (spec, error) || !check_certificate (spec, error))
    return NULL;
  if (!funnel_share_spec_is_expired (spec, get_now ()))
    return g_steal_pointer (&spec);
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                       N_ ("the share would be over at once; its end must lie in the future"));
  return NULL;
}

/* Puts @spec into the list and on disk, or changes nothing. */
static FunnelShare *
put_share (FunnelShareWishes *self, const FunnelShareSpec *spec, GError **error)
{
  FunnelShare *share = funnel_share_list_find (self->list, spec->name, spec->port);
  g_autoptr (FunnelShareSpec) before
      = share != NULL ? funnel_share_spec_copy (funnel_share_get_spec (share)) : NULL;

  share = funnel_share_list_put (self->list, spec);
  if (spec->foreground || funnel_share_store_save (self->store, self->list, error))
    return share;
  if (before != NULL)
    funnel_share_list_put (self->list, before);
  else
    funnel_share_list_remove (self->list, share);
  return NULL;
}

FunnelShare *
funnel_share_wishes_share (FunnelShareWishes *self,
                           const FunnelShareSpec *wish,
                           guint given,
                           const char *if_match,
                           GError **error)
{
  g_autoptr (FunnelShareSpec) spec = NULL;

  if (!funnel_share_list_check_etag (self->list, if_match, error)
      || (!wish->foreground && !funnel_share_store_check (self->store, error)))
    return NULL;
  spec = complete_spec (self, wish, given, error);
  if (spec == NULL)
    return NULL;
  return put_share (self, spec, error);
}

/* Changes one share by a copy of its spec, which is taken. */
static gboolean
change_share (FunnelShareWishes *self, FunnelShareSpec *spec, GError **error)
{
  g_autoptr (FunnelShareSpec) taken = spec;

  return (taken->foreground || funnel_share_store_check (self->store, error))
         && funnel_share_spec_check (taken, error) && put_share (self, taken, error) != NULL;
}

gboolean
funnel_share_wishes_set_access (FunnelShareWishes *self,
                                FunnelShare *share,
                                const FunnelShareAccess *access,
                                guint given,
                                GError **error)
{
  FunnelShareSpec *spec = funnel_share_spec_copy (funnel_share_get_spec (share));

  funnel_share_spec_change_access (spec, access, given);
  return change_share (self, spec, error);
}

gboolean
funnel_share_wishes_set_expires (FunnelShareWishes *self,
                                 FunnelShare *share,
                                 gint64 expires,
                                 GError **error)
{
  FunnelShareSpec *spec = funnel_share_spec_copy (funnel_share_get_spec (share));

  spec->expires = expires;
  return change_share (self, spec, error);
}

gboolean
funnel_share_wishes_set_enabled (FunnelShareWishes *self,
                                 FunnelShare *share,
                                 gboolean enabled,
                                 GError **error)
{
  FunnelShareSpec *spec = funnel_share_spec_copy (funnel_share_get_spec (share));

  spec->switched_off = !enabled;
  spec->paused = FALSE;
  if (enabled && funnel_share_spec_is_expired (spec, get_now ()))
    spec->expires = 0;
  return change_share (self, spec, error);
}

/* How many of @shares are in the other state; those are put into the list anew. */
static guint
put_paused (FunnelShareWishes *self, GPtrArray *shares, gboolean paused)
{
  guint count = 0;

  for (guint i = 0; i < shares->len; i++)
    {
      const FunnelShareSpec *old = funnel_share_get_spec (g_ptr_array_index (shares, i));
      g_autoptr (FunnelShareSpec) spec = NULL;

      if (old->paused == paused || (paused && !funnel_share_spec_is_enabled (old)))
        continue;
      spec = funnel_share_spec_copy (old);
      spec->paused = paused;
      funnel_share_list_put (self->list, spec);
      count++;
    }
  return count;
}

gboolean
funnel_share_wishes_set_paused (FunnelShareWishes *self,
                                gboolean paused,
                                guint *count,
                                GError **error)
{
  FunnelShareFilter all = {0};
  g_autoptr (GPtrArray) shares = NULL;

  if (!funnel_share_store_check (self->store, error))
    return FALSE;
  shares = funnel_share_list_match (self->list, &all);
  *count = put_paused (self, shares, paused);
  if (funnel_share_store_save (self->store, self->list, error))
    return TRUE;
  put_paused (self, shares, !paused);
  return FALSE;
}

/* Sharing ends even if that cannot be written down; the error then tells that it will be back. */
gboolean
funnel_share_wishes_remove (FunnelShareWishes *self, GPtrArray *shares, GError **error)
{
  gboolean stored = FALSE;

  for (guint i = 0; i < shares->len; i++)
    {
      FunnelShare *share = g_ptr_array_index (shares, i);

      stored = stored || !funnel_share_get_spec (share)->foreground;
      funnel_share_list_remove (self->list, share);
    }
  if (!stored || funnel_share_store_save (self->store, self->list, error))
    return TRUE;
  g_prefix_error (error, N_ ("ended, but it will be back when funneld starts again: "));
  return FALSE;
}

/* How many mounts of @shares are meant, and which shares would be left without any. */
static guint
count_mounts (GPtrArray *shares, const FunnelShareFilter *filter, GPtrArray *ending)
{
  guint count = 0;

  for (guint i = 0; i < shares->len; i++)
    {
      FunnelShare *share = g_ptr_array_index (shares, i);
      g_autoptr (FunnelShareSpec) left = funnel_share_without (share, filter);

      count += funnel_share_get_spec (share)->mounts->len - (left != NULL ? left->mounts->len : 0);
      if (left == NULL)
        g_ptr_array_add (ending, g_object_ref (share));
    }
  return count;
}

/* Takes the mounts meant off the shares that have others. */
static gboolean
remove_mounts (FunnelShareWishes *self,
               GPtrArray *shares,
               const FunnelShareFilter *filter,
               GError **error)
{
  for (guint i = 0; i < shares->len; i++)
    {
      FunnelShareSpec *left = funnel_share_without (g_ptr_array_index (shares, i), filter);

      if (left != NULL && !change_share (self, left, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
funnel_share_wishes_unshare (FunnelShareWishes *self,
                             const FunnelShareFilter *filter,
                             const char *if_match,
                             gboolean dry_run,
                             guint *count,
                             GError **error)
{
  g_autoptr (GPtrArray) shares = NULL;
  g_autoptr (GPtrArray) ending = g_ptr_array_new_with_free_func (g_object_unref);

  if (!funnel_share_list_check_etag (self->list, if_match, error))
    return FALSE;
  shares = funnel_share_list_match (self->list, filter);
  *count = count_mounts (shares, filter, ending);
  if (shares->len > 0)
    return dry_run
           || (remove_mounts (self, shares, filter, error)
               && funnel_share_wishes_remove (self, ending, error));
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND,
                       N_ ("no share matches; \"funnel status\" shows them"));
  return FALSE;
}

char *
funnel_share_wishes_export (FunnelShareWishes *self, GError **error)
{

  return funnel_share_store_check (self->store, error)
             ? funnel_share_document_print (self->list, FALSE)
             : NULL;
}

static void
add_left (GVariantBuilder *left, const FunnelShareSpec *spec, const GError *error)
{
  g_autofree char *text = g_strdup_printf ("%s port %u: %s", spec->name != NULL ? spec->name : "",
                                           spec->port, error->message);

  g_variant_builder_add (left, "s", text);
}

static void
add_shared (GVariantBuilder *shares, const FunnelShareSpec *spec)
{
  g_autoptr (FunnelShare) share = funnel_share_new (spec);
  g_autofree char *url = NULL;

  g_object_get (share, "url", &url, NULL);
  for (guint i = 0; i < spec->mounts->len; i++)
    {
      const FunnelMountSpec *mount = g_ptr_array_index (spec->mounts, i);
      g_autofree char *address
          = g_strconcat (url, strcmp (mount->path, "/") != 0 ? mount->path : "", NULL);

      g_variant_builder_add (shares, "(ss)", address, mount->target);
    }
}

/* One share of a document; what does not work is said, and the others still come. */
static void
import_share (FunnelShareWishes *self,
              const FunnelShareSpec *wish,
              const FunnelOptions *options,
              GVariantBuilder *shares,
              GVariantBuilder *left)
{
  g_autoptr (FunnelShareSpec) asked = funnel_share_spec_copy (wish), spec = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < asked->mounts->len; i++)
    {
      FunnelMountSpec *mount = g_ptr_array_index (asked->mounts, i);

      mount->lan |= options->lan;
      mount->force |= options->force;
    }
  funnel_share_import_trim (asked);
  spec = complete_spec (self, asked, FUNNEL_SHARE_GIVES_ALL, &error);
  if (spec == NULL || (!options->dry_run && put_share (self, spec, &error) == NULL))
    add_left (left, asked, error);
  else
    add_shared (shares, spec);
}

gboolean
funnel_share_wishes_import (FunnelShareWishes *self,
                            const char *document,
                            const FunnelOptions *options,
                            GVariant **shares,
                            GVariant **left,
                            GError **error)
{
  g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) specs = NULL;
  GVariantBuilder shared, not_shared;

  if (!funnel_share_list_check_etag (self->list, options->if_match, error)
      || !funnel_share_store_check (self->store, error))
    return FALSE;
  specs = funnel_share_import_parse (document, notes, error);
  if (specs == NULL)
    return FALSE;
  g_variant_builder_init (&shared, G_VARIANT_TYPE ("a(ss)"));
  g_variant_builder_init (&not_shared, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; i < notes->len; i++)
    g_variant_builder_add (&not_shared, "s", g_ptr_array_index (notes, i));
  for (guint i = 0; i < specs->len; i++)
    import_share (self, g_ptr_array_index (specs, i), options, &shared, &not_shared);
  *shares = g_variant_builder_end (&shared);
  *left = g_variant_builder_end (&not_shared);
  return TRUE;
}
