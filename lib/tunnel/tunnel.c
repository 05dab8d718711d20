/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/tunnel.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"
#include "lib/base/token.h"
#include "lib/tunnel/direct.h"
#include "lib/tunnel/netns.h"
#ifdef FUNNEL_WITH_NETWORKMANAGER
#include "lib/tunnel/networkmanager.h"
#endif

G_DEFINE_ABSTRACT_TYPE (FunnelTunnel, funnel_tunnel, G_TYPE_OBJECT)

/* In the order they should be tried. */
static const char *const names[] = {
#ifdef FUNNEL_WITH_NETWORKMANAGER
    "networkmanager",
#endif
    "netns", "direct", NULL};

static guint n_going_down;

FunnelTunnelConfig *
funnel_tunnel_config_copy (const FunnelTunnelConfig *config)
{
  FunnelTunnelConfig *copy = g_memdup2 (config, sizeof *config);

  copy->private_key = g_strdup (config->private_key);
  copy->address = g_strdup (config->address);
  copy->peer_address = g_strdup (config->peer_address);
  copy->peer_public_key = g_strdup (config->peer_public_key);
  copy->endpoint_host = g_strdup (config->endpoint_host);
  return copy;
}

void
funnel_tunnel_config_free (FunnelTunnelConfig *config)
{
  if (!config)
    return;
  funnel_secret_free (config->private_key);
  g_free (config->address);
  g_free (config->peer_address);
  g_free (config->peer_public_key);
  g_free (config->endpoint_host);
  g_free (config);
}

static void
funnel_tunnel_class_init (FunnelTunnelClass *klass)
{
  g_signal_new ("lost", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                G_TYPE_NONE, 1, G_TYPE_STRING);
  g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                G_TYPE_NONE, 0);
  g_signal_new ("switched-off", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                G_TYPE_NONE, 0);
}

static void
funnel_tunnel_init (FunnelTunnel *self)
{
}

FunnelTunnel *
funnel_tunnel_new (const char *name, GError **error)
{
  g_autofree char *known = g_strjoinv (", ", (char **)names);

#ifdef FUNNEL_WITH_NETWORKMANAGER
  if (g_strcmp0 (name, "networkmanager") == 0)
    return g_object_new (FUNNEL_TYPE_NM_TUNNEL, NULL);
#endif
  if (g_strcmp0 (name, "netns") == 0)
    return g_object_new (FUNNEL_TYPE_NETNS_TUNNEL, NULL);
  if (g_strcmp0 (name, "direct") == 0)
    return g_object_new (FUNNEL_TYPE_DIRECT_TUNNEL, NULL);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
               N_ ("There is no tunnel back end “%s”; known are: %s"), name ? name : "", known);
  return NULL;
}

const char *const *
funnel_tunnel_names (void)
{
  return names;
}

const char *
funnel_tunnel_get_name (FunnelTunnel *self)
{
  return FUNNEL_TUNNEL_GET_CLASS (self)->name;
}

/* ---- the back ends' methods ---- */

static GTask *
new_task (FunnelTunnel *self,
          GCancellable *cancellable,
          GAsyncReadyCallback callback,
          gpointer user_data,
          gpointer tag)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  return task;
}

static gboolean
is_answer (FunnelTunnel *self, GAsyncResult *result, gpointer tag)
{
  return g_task_is_valid (result, self) && g_async_result_is_tagged (result, tag);
}

static gboolean
finish_boolean (FunnelTunnel *self, GAsyncResult *result, gpointer tag, GError **error)
{
  g_return_val_if_fail (is_answer (self, result, tag), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

static gpointer
finish_pointer (FunnelTunnel *self, GAsyncResult *result, gpointer tag, GError **error)
{
  g_return_val_if_fail (is_answer (self, result, tag), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
funnel_tunnel_probe_async (FunnelTunnel *self,
                           const FunnelTunnelConfig *config,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task
      = new_task (self, cancellable, callback, user_data, funnel_tunnel_probe_async);

  FUNNEL_TUNNEL_GET_CLASS (self)->probe (self, config, task);
}

gboolean
funnel_tunnel_probe_finish (FunnelTunnel *self, GAsyncResult *result, GError **error)
{
  return finish_boolean (self, result, funnel_tunnel_probe_async, error);
}

void
funnel_tunnel_up_async (FunnelTunnel *self,
                        const FunnelTunnelConfig *config,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task
      = new_task (self, cancellable, callback, user_data, funnel_tunnel_up_async);

  FUNNEL_TUNNEL_GET_CLASS (self)->up (self, config, task);
}

gboolean
funnel_tunnel_up_finish (FunnelTunnel *self, GAsyncResult *result, GError **error)
{
  return finish_boolean (self, result, funnel_tunnel_up_async, error);
}

void
funnel_tunnel_down_async (FunnelTunnel *self,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (GTask) task
      = new_task (self, cancellable, callback, user_data, funnel_tunnel_down_async);

  n_going_down++;
  FUNNEL_TUNNEL_GET_CLASS (self)->down (self, task);
}

gboolean
funnel_tunnel_down_finish (FunnelTunnel *self, GAsyncResult *result, GError **error)
{
  n_going_down--;
  return finish_boolean (self, result, funnel_tunnel_down_async, error);
}

gboolean
funnel_tunnel_any_going_down (void)
{
  return n_going_down > 0;
}

void
funnel_tunnel_verify_async (FunnelTunnel *self,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr (GTask) task
      = new_task (self, cancellable, callback, user_data, funnel_tunnel_verify_async);

  FUNNEL_TUNNEL_GET_CLASS (self)->verify (self, task);
}

gboolean
funnel_tunnel_verify_finish (FunnelTunnel *self, GAsyncResult *result, GError **error)
{
  return finish_boolean (self, result, funnel_tunnel_verify_async, error);
}

void
funnel_tunnel_listen_async (FunnelTunnel *self,
                            guint16 port,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr (GTask) task
      = new_task (self, cancellable, callback, user_data, funnel_tunnel_listen_async);

  FUNNEL_TUNNEL_GET_CLASS (self)->listen (self, port, task);
}

GSocket *
funnel_tunnel_listen_finish (FunnelTunnel *self, GAsyncResult *result, GError **error)
{
  return finish_pointer (self, result, funnel_tunnel_listen_async, error);
}

void
funnel_tunnel_connect_async (FunnelTunnel *self,
                             guint16 port,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  g_autoptr (GTask) task
      = new_task (self, cancellable, callback, user_data, funnel_tunnel_connect_async);

  FUNNEL_TUNNEL_GET_CLASS (self)->connect (self, port, task);
}

GSocketConnection *
funnel_tunnel_connect_finish (FunnelTunnel *self, GAsyncResult *result, GError **error)
{
  return finish_pointer (self, result, funnel_tunnel_connect_async, error);
}

void
funnel_tunnel_refresh_async (FunnelTunnel *self,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  g_autoptr (GTask) task
      = new_task (self, cancellable, callback, user_data, funnel_tunnel_refresh_async);

  FUNNEL_TUNNEL_GET_CLASS (self)->refresh (self, task);
}

gboolean
funnel_tunnel_refresh_finish (FunnelTunnel *self, GAsyncResult *result, GError **error)
{
  return finish_boolean (self, result, funnel_tunnel_refresh_async, error);
}

void
funnel_tunnel_query_async (FunnelTunnel *self,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task
      = new_task (self, cancellable, callback, user_data, funnel_tunnel_query_async);

  FUNNEL_TUNNEL_GET_CLASS (self)->query (self, task);
}

gboolean
funnel_tunnel_query_finish (FunnelTunnel *self,
                            GAsyncResult *result,
                            FunnelTunnelStatus *out,
                            GError **error)
{
  g_autofree FunnelTunnelStatus *status
      = finish_pointer (self, result, funnel_tunnel_query_async, error);

  if (status)
    *out = *status;
  return status != NULL;
}
