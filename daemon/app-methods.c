/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What callers on D-Bus wish. Who may was asked before (bus-access.h). */

#include "daemon/app-private.h"

#include <glib/gi18n.h>
#include "daemon/join-work.h"
#include "daemon/share-counters.h"
#include "daemon/share-wishes.h"
#include "lib/base/error.h"
#include "lib/base/host.h"

static void
join_work_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  gboolean ok = funnel_join_work_finish (result, &error);
  FunnelApp *self = NULL;

  if (g_task_return_error_if_cancelled (task))
    {
      g_clear_error (&error);
      return;
    }
  self = g_task_get_task_data (task);
  g_clear_object (&self->joining);
  if (!ok)
    {
      g_task_return_error (task, error);
      return;
    }
  funnel_app_start_ingress (self);
  g_message ("Joined %s", funnel_ingress_get_spec (funnel_app_get_ingress (self))->host);
  g_task_return_boolean (task, TRUE);
}

static gboolean
check_may_join (FunnelApp *self, GError **error)
{
  FunnelIngress *ingress = funnel_app_get_ingress (self);

  if (!funnel_joined_store_check (self->joined_store, error))
    return FALSE;
  if (ingress != NULL)
    g_set_error (
        error, FUNNEL_ERROR, FUNNEL_ERROR_ALREADY_JOINED,
        N_ ("this node has joined %s already; to join another ingress, first type: funnel leave"),
        funnel_ingress_get_spec (ingress)->host);
  else if (self->joining != NULL)
    g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                         N_ ("another join is under way; wait for it"));
  else
    return TRUE;
  return FALSE;
}

static void
app_join_async (gpointer owner, const char *token, GAsyncReadyCallback callback, gpointer user_data)
{
  FunnelApp *self = owner;
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;

  if (!check_may_join (self, &error))
    {
      g_task_report_error (NULL, callback, user_data, app_join_async, error);
      return;
    }
  self->joining = g_cancellable_new ();
  task = g_task_new (NULL, self->joining, callback, user_data);
  g_task_set_source_tag (task, app_join_async);
  g_task_set_task_data (task, self, NULL);
  funnel_join_work_async (self->joined_store, token, self->joining, join_work_cb,
                          g_object_ref (task));
}

static FunnelIngress *
app_join_finish (gpointer owner, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error) ? funnel_app_get_ingress (owner) : NULL;
}

static FunnelShareWishes
get_wishes (FunnelApp *self)
{
  return (FunnelShareWishes) {.list = self->list,
                              .store = self->share_store,
                              .state_dir = funnel_state_dir_get_path (self->dir),
                              .ingress = funnel_app_get_ingress (self)};
}

/* From now on nobody has to be asked whether this node shall be on the internet. */
static void
note_exposed (FunnelApp *self)
{
  g_autoptr (GError) error = NULL;

  if (!funnel_state_dir_write (self->dir, FUNNEL_APP_EXPOSED_FILE, "1\n", &error))
    g_warning ("%s", error->message);
  funnel_bus_set_exposed (self->bus);
}

static FunnelShare *
app_share (gpointer owner,
           const FunnelShareSpec *wish,
           guint given,
           const char *if_match,
           GError **error)
{
  FunnelApp *self = owner;
  FunnelShareWishes wishes = get_wishes (self);
  FunnelShare *share = NULL;

  /* A store that cannot be read may hold the ingress. */
  if (self->ingress == NULL && !funnel_joined_store_check (self->joined_store, error))
    return NULL;
  share = funnel_share_wishes_share (&wishes, wish, given, if_match, error);
  if (share != NULL)
    note_exposed (self);
  return share;
}

static gboolean
app_unshare (gpointer owner,
             const FunnelShareFilter *filter,
             const char *if_match,
             gboolean dry_run,
             guint *count,
             GError **error)
{
  FunnelShareWishes wishes = get_wishes (owner);

  return funnel_share_wishes_unshare (&wishes, filter, if_match, dry_run, count, error);
}

static gboolean
app_set_access (gpointer owner,
                FunnelShare *share,
                const FunnelShareAccess *access,
                guint given,
                GError **error)
{
  FunnelShareWishes wishes = get_wishes (owner);

  return funnel_share_wishes_set_access (&wishes, share, access, given, error);
}

static gboolean
app_set_expires (gpointer owner, FunnelShare *share, gint64 expires, GError **error)
{
  FunnelShareWishes wishes = get_wishes (owner);

  return funnel_share_wishes_set_expires (&wishes, share, expires, error);
}

static gboolean
app_set_enabled (gpointer owner, FunnelShare *share, gboolean enabled, GError **error)
{
  FunnelShareWishes wishes = get_wishes (owner);

  return funnel_share_wishes_set_enabled (&wishes, share, enabled, error);
}

static gboolean
app_set_paused (gpointer owner, gboolean paused, guint *count, GError **error)
{
  FunnelShareWishes wishes = get_wishes (owner);

  return funnel_share_wishes_set_paused (&wishes, paused, count, error);
}

static GVariant *
app_list_requests (gpointer owner, FunnelShare *share, guint64 after)
{
  FunnelApp *self = owner;

  return funnel_share_counters_list_requests (self->serve, funnel_share_get_spec (share)->id,
                                              after);
}

static char *
app_export (gpointer owner, GError **error)
{
  FunnelShareWishes wishes = get_wishes (owner);

  return funnel_share_wishes_export (&wishes, error);
}

static gboolean
app_import (gpointer owner,
            const char *document,
            const FunnelOptions *options,
            GVariant **shares,
            GVariant **left,
            GError **error)
{
  FunnelApp *self = owner;
  FunnelShareWishes wishes = get_wishes (self);

  if (!funnel_share_wishes_import (&wishes, document, options, shares, left, error))
    return FALSE;
  if (!options->dry_run && g_variant_n_children (*shares) > 0)
    note_exposed (self);
  return TRUE;
}

static gboolean
app_reset (gpointer owner, const char *if_match, guint *count, GError **error)
{
  FunnelApp *self = owner;
  FunnelShareWishes wishes = get_wishes (self);
  FunnelShareFilter all = {0};
  g_autoptr (GPtrArray) shares = NULL;

  if (!funnel_share_list_check_etag (self->list, if_match, error)
      || !funnel_share_store_reset (self->share_store, error)
      || !funnel_joined_store_reset (self->joined_store, error))
    return FALSE;
  shares = funnel_share_list_match (self->list, &all);
  *count = shares->len;
  return funnel_share_wishes_remove (&wishes, shares, error);
}

static gboolean
app_stop (gpointer owner, FunnelShare *share, GError **error)
{
  FunnelShareWishes wishes = get_wishes (owner);
  g_autoptr (GPtrArray) shares = g_ptr_array_new_with_free_func (g_object_unref);

  g_ptr_array_add (shares, g_object_ref (share));
  return funnel_share_wishes_remove (&wishes, shares, error);
}

static gboolean
app_leave (gpointer owner, FunnelIngress *ingress, GError **error)
{
  FunnelApp *self = owner;

  if (!funnel_joined_store_set (self->joined_store, NULL, error))
    return FALSE;
  g_message ("Left %s", funnel_ingress_get_spec (ingress)->host);
  funnel_app_stop_ingress (self);
  return TRUE;
}

static gboolean
app_set_authority (gpointer owner, GVariant *directories, GVariant *options, GError **error)
{
  FunnelApp *self = owner;

  if (!funnel_app_certificates_set (self->certificates, directories, options, error))
    return FALSE;
  funnel_app_show_authority (self);
  return TRUE;
}

static char *
app_take_notice (gpointer owner, const char *name, GError **error)
{
  FunnelApp *self = owner;
  FunnelCertificateKeeper *keeper = funnel_app_certificates_get_keeper (self->certificates);
  g_autofree char *canonical = NULL;

  if (name[0] == '\0' && self->ingress == NULL)
    return g_strdup ("");
  canonical = name[0] == '\0' ? funnel_ingress_dup_default_name (funnel_app_get_ingress (self))
                              : funnel_host_normalize (name, error);
  if (canonical == NULL)
    return NULL;
  if (funnel_share_list_has_files (self->list, canonical)
      || !funnel_certificate_keeper_take_notice (keeper, canonical))
    return g_strdup ("");
  return g_steal_pointer (&canonical);
}

static void
app_revoke_async (gpointer owner, GAsyncReadyCallback callback, gpointer user_data)
{
  FunnelApp *self = owner;

  funnel_certificate_keeper_revoke_async (funnel_app_certificates_get_keeper (self->certificates),
                                          NULL, callback, user_data);
}

static gboolean
app_revoke_finish (gpointer owner, GAsyncResult *result, guint *count, GError **error)
{
  FunnelApp *self = owner;

  return funnel_certificate_keeper_revoke_finish (
      funnel_app_certificates_get_keeper (self->certificates), result, count, error);
}

static gboolean
app_set_tunnel (gpointer owner, FunnelIngress *ingress, const char *choice, GError **error)
{
  FunnelApp *self = owner;

  return funnel_ingress_runtime_set_tunnel (self->ingress, choice, error);
}

static void
app_doctor_async (gpointer owner,
                  const char *name,
                  const char *client_version,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  FunnelApp *self = owner;

  funnel_app_doctor_run_async (self->doctor, name, client_version, callback, user_data);
}

static GPtrArray *
app_doctor_finish (gpointer owner, GAsyncResult *result, GError **error)
{
  return funnel_app_doctor_run_finish (result, error);
}

static void
app_vanished (gpointer owner, const char *name)
{
  FunnelApp *self = owner;
  FunnelShareFilter all = {0};
  g_autoptr (GPtrArray) shares = funnel_share_list_match (self->list, &all);

  for (guint i = 0; i < shares->len; i++)
    {
      const FunnelShareSpec *spec = funnel_share_get_spec (g_ptr_array_index (shares, i));

      if (spec->foreground && g_strcmp0 (spec->owner, name) == 0)
        funnel_share_list_remove (self->list, g_ptr_array_index (shares, i));
    }
}

const FunnelBusMethods funnel_app_methods = {
    .join_async = app_join_async,
    .join_finish = app_join_finish,
    .share = app_share,
    .unshare = app_unshare,
    .reset = app_reset,
    .stop = app_stop,
    .set_access = app_set_access,
    .set_expires = app_set_expires,
    .set_enabled = app_set_enabled,
    .set_paused = app_set_paused,
    .list_requests = app_list_requests,
    .export_shares = app_export,
    .import_shares = app_import,
    .leave = app_leave,
    .set_authority = app_set_authority,
    .take_notice = app_take_notice,
    .revoke_async = app_revoke_async,
    .revoke_finish = app_revoke_finish,
    .set_tunnel = app_set_tunnel,
    .doctor_async = app_doctor_async,
    .doctor_finish = app_doctor_finish,
    .vanished = app_vanished,
};
