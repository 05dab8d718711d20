/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What can be asked of the daemon. */

#include "lib/client/client.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"

/* --- Calls --- */

/* Every call is the same: a GTask around a generated call; the reply is kept as it is for the
 * finish function, which knows its type. */

/* NULL when the daemon is away; then the call has been answered. A proxy without an owner would
 * answer too, but in words for programmers. */
static GTask *
new_call (FunnelClient *self,
          GCancellable *cancellable,
          GAsyncReadyCallback callback,
          gpointer user_data,
          gpointer tag)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  if (funnel_client_get_running (self))
    return task;
  g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                           N_ ("the daemon (funneld) is not running"));
  g_object_unref (task);
  return NULL;
}

static void
return_call (GTask *task, GError *error)
{
  if (error)
    g_task_return_error (task, funnel_client_map_error (error));
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
return_path (GTask *task, char *path, GError *error)
{
  if (error)
    g_task_return_error (task, funnel_client_map_error (error));
  else
    g_task_return_pointer (task, path, g_free);
  g_object_unref (task);
}

static void
return_count (GTask *task, guint count, GError *error)
{
  if (error)
    g_task_return_error (task, funnel_client_map_error (error));
  else
    g_task_return_int (task, count);
  g_object_unref (task);
}

static gboolean
propagate_count (GAsyncResult *result, guint *count, GError **error)
{
  gssize ended = g_task_propagate_int (G_TASK (result), error);

  if (ended < 0)
    return FALSE;
  if (count)
    *count = (guint)ended;
  return TRUE;
}

static void
join_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  char *path = NULL;

  funnel_dbus_manager_call_join_finish (FUNNEL_DBUS_MANAGER (source), &path, result, &error);
  return_path (data, path, error);
}

void
funnel_client_join_async (FunnelClient *self,
                          const char *token,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  GTask *task;

  g_return_if_fail (FUNNEL_IS_CLIENT (self));
  g_return_if_fail (token != NULL);
  task = new_call (self, cancellable, callback, user_data, funnel_client_join_async);
  if (!task)
    return;
  funnel_dbus_manager_call_join (funnel_client_get_manager (self), token,
                                 g_variant_new ("a{sv}", NULL), cancellable, join_cb, task);
}

char *
funnel_client_join_finish (FunnelClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_client_join_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
share_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  char *path = NULL;

  funnel_dbus_manager_call_share_finish (FUNNEL_DBUS_MANAGER (source), &path, result, &error);
  return_path (data, path, error);
}

void
funnel_client_share_async (FunnelClient *self,
                           const char *target,
                           GVariant *options,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GVariant) owned
      = g_variant_ref_sink (options ? options : g_variant_new ("a{sv}", NULL));
  GTask *task;

  g_return_if_fail (FUNNEL_IS_CLIENT (self));
  g_return_if_fail (target != NULL);
  task = new_call (self, cancellable, callback, user_data, funnel_client_share_async);
  if (!task)
    return;
  funnel_dbus_manager_call_share (funnel_client_get_manager (self), target, owned, cancellable,
                                  share_cb, task);
}

char *
funnel_client_share_finish (FunnelClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_client_share_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
unshare_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  guint count = 0;

  funnel_dbus_manager_call_unshare_finish (FUNNEL_DBUS_MANAGER (source), &count, result, &error);
  return_count (data, count, error);
}

void
funnel_client_unshare_async (FunnelClient *self,
                             GVariant *options,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  g_autoptr (GVariant) owned = options ? g_variant_ref_sink (options) : NULL;
  GTask *task;

  g_return_if_fail (FUNNEL_IS_CLIENT (self));
  g_return_if_fail (owned != NULL);
  task = new_call (self, cancellable, callback, user_data, funnel_client_unshare_async);
  if (!task)
    return;
  funnel_dbus_manager_call_unshare (funnel_client_get_manager (self), owned, cancellable,
                                    unshare_cb, task);
}

gboolean
funnel_client_unshare_finish (FunnelClient *self,
                              GAsyncResult *result,
                              guint *count,
                              GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_client_unshare_async), FALSE);
  return propagate_count (result, count, error);
}

static void
reset_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  guint count = 0;

  funnel_dbus_manager_call_reset_finish (FUNNEL_DBUS_MANAGER (source), &count, result, &error);
  return_count (data, count, error);
}

void
funnel_client_reset_async (FunnelClient *self,
                           const char *etag,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  GTask *task;
  GVariantDict options;

  g_return_if_fail (FUNNEL_IS_CLIENT (self));
  task = new_call (self, cancellable, callback, user_data, funnel_client_reset_async);
  if (!task)
    return;
  g_variant_dict_init (&options, NULL);
  if (etag)
    g_variant_dict_insert (&options, "if-match", "s", etag);
  funnel_dbus_manager_call_reset (funnel_client_get_manager (self), g_variant_dict_end (&options),
                                  cancellable, reset_cb, task);
}

gboolean
funnel_client_reset_finish (FunnelClient *self, GAsyncResult *result, guint *count, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_client_reset_async), FALSE);
  return propagate_count (result, count, error);
}

static void
stop_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  funnel_dbus_share_call_stop_finish (FUNNEL_DBUS_SHARE (source), result, &error);
  return_call (data, error);
}

void
funnel_client_stop_async (FunnelClient *self,
                          FunnelDBusShare *share,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  GTask *task;

  g_return_if_fail (FUNNEL_IS_CLIENT (self));
  g_return_if_fail (FUNNEL_DBUS_IS_SHARE (share));
  task = new_call (self, cancellable, callback, user_data, funnel_client_stop_async);
  if (!task)
    return;
  funnel_dbus_share_call_stop (share, cancellable, stop_cb, task);
}

gboolean
funnel_client_stop_finish (FunnelClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_client_stop_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
leave_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  funnel_dbus_ingress_call_leave_finish (FUNNEL_DBUS_INGRESS (source), result, &error);
  return_call (data, error);
}

void
funnel_client_leave_async (FunnelClient *self,
                           FunnelDBusIngress *ingress,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  GTask *task;

  g_return_if_fail (FUNNEL_IS_CLIENT (self));
  g_return_if_fail (FUNNEL_DBUS_IS_INGRESS (ingress));
  task = new_call (self, cancellable, callback, user_data, funnel_client_leave_async);
  if (!task)
    return;
  funnel_dbus_ingress_call_leave (ingress, cancellable, leave_cb, task);
}

gboolean
funnel_client_leave_finish (FunnelClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_client_leave_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
