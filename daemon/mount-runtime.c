/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/mount-runtime.h"

#include "daemon/model/target-guard.h"
#include "daemon/target-check.h"
#include "lib/base/expiry.h"

#include <glib/gi18n.h>
#include <string.h>

#define RETRY_FIRST_S 1
#define RETRY_MAX_S 30
#define FILES_EVERY_S 30
#define LOOK_UP_MS 10000

struct _FunnelMountRuntime
{
  FunnelMountSpec *spec;
  const char *state_dir;
  char *server_name;
  FunnelMountRuntimeChanged changed;
  gpointer user_data;

  FunnelTarget *target;   /* with the addresses its name leads to now */
  gboolean is_named;      /* those have to be looked up */
  GCancellable *checking; /* a look-up or check is under way */
  FunnelExpiry *look_up;  /* the deadline of a look-up; NULL none is under way */
  guint timer;
  guint retry_s;
  char *problem;
  char *leaf;
};

static gboolean
on_timeout (gpointer user_data)
{
  FunnelMountRuntime *self = user_data;

  self->timer = 0;
  funnel_mount_runtime_check (self);
  return G_SOURCE_REMOVE;
}

static void
set_timer (FunnelMountRuntime *self, guint seconds)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  self->timer = g_timeout_add_seconds (seconds, on_timeout, self);
}

void
funnel_mount_runtime_fail (FunnelMountRuntime *self, const char *problem)
{
  g_free (self->problem);
  self->problem = g_strdup (problem);
  g_clear_pointer (&self->leaf, g_free);
  if (self->timer == 0)
    set_timer (self, self->retry_s);
  self->retry_s = MIN (self->retry_s * 2, RETRY_MAX_S);
  self->changed (self->user_data, FALSE);
}

static void
pass (FunnelMountRuntime *self)
{
  gboolean recovered = self->problem != NULL;

  g_clear_handle_id (&self->timer, g_source_remove);
  self->retry_s = RETRY_FIRST_S;
  g_clear_pointer (&self->problem, g_free);
  if (self->target->kind == FUNNEL_TARGET_FILES)
    set_timer (self, FILES_EVERY_S);
  self->changed (self->user_data, recovered);
}

static void
stop_checking (FunnelMountRuntime *self)
{
  if (self->checking != NULL)
    g_cancellable_cancel (self->checking);
  g_clear_object (&self->checking);
  g_clear_pointer (&self->look_up, funnel_expiry_free);
  g_clear_handle_id (&self->timer, g_source_remove);
}

static void
target_check_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FunnelMountRuntime *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *leaf = NULL;
  gboolean ok = funnel_target_check_finish (result, &leaf, &error);

  /* A cancelled check belongs to a mount that may be gone. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->checking);
  if (!ok)
    {
      funnel_mount_runtime_fail (self, error->message);
      return;
    }
  g_free (self->leaf);
  self->leaf = g_steal_pointer (&leaf);
  pass (self);
}

static void
connect_to_target (FunnelMountRuntime *self)
{
  funnel_target_check_async (self->target, self->server_name, self->checking, target_check_cb,
                             self);
}

static FunnelTargetPermission
get_permission (FunnelMountRuntime *self)
{
  return (FunnelTargetPermission) {
      .lan = self->spec->lan, .force = self->spec->force, .state_dir = self->state_dir};
}

/* One of the addresses the name leads to. Returns whether it may be used. */
static gboolean
take_address (FunnelMountRuntime *self, GInetAddress *ip, GError **error)
{
  FunnelTargetPermission permission = get_permission (self);
  FunnelTarget *target = self->target;
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (ip, target->port);
  gssize len = g_socket_address_get_native_size (address);
  struct sockaddr_storage native;

  if (len < 0 || len > (gssize)sizeof native
      || !g_socket_address_to_native (address, &native, sizeof native, error)
      || !funnel_target_guard_address ((const struct sockaddr *)&native, (socklen_t)len,
                                       target->host, &permission, error))
    return FALSE;
  target->addresses[target->n_addresses] = native;
  target->lens[target->n_addresses] = (socklen_t)len;
  target->n_addresses++;
  return TRUE;
}

static gboolean
take_addresses (FunnelMountRuntime *self, GList *ips, GError **error)
{
  g_autoptr (GError) first = NULL;

  self->target->n_addresses = 0;
  for (GList *l = ips; l != NULL && self->target->n_addresses < FUNNEL_TARGET_ADDRESSES_MAX;
       l = l->next)
    take_address (self, l->data, first == NULL ? &first : NULL);
  if (self->target->n_addresses > 0)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&first));
  return FALSE;
}

static void
look_up_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GCancellable) checking = user_data;
  FunnelMountRuntime *self = g_object_get_data (G_OBJECT (checking), "mount");
  g_autoptr (GError) error = NULL;
  GList *ips = g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &error);

  if (!g_cancellable_is_cancelled (checking))
    {
      gboolean late = funnel_expiry_has_passed (self->look_up);

      g_clear_pointer (&self->look_up, funnel_expiry_free);
      if (ips != NULL && take_addresses (self, ips, &error))
        connect_to_target (self);
      else
        {
          g_clear_object (&self->checking);
          funnel_mount_runtime_fail (self, late ? N_ ("its name was not resolved in time")
                                           : error != NULL ? error->message
                                                           : N_ ("its name has no address"));
        }
    }
  g_resolver_free_addresses (ips);
}

static void
look_up_name (FunnelMountRuntime *self)
{
  g_autoptr (GResolver) resolver = g_resolver_get_default ();

  g_object_set_data (G_OBJECT (self->checking), "mount", self);
  self->look_up = funnel_expiry_new (self->checking, LOOK_UP_MS);
  g_resolver_lookup_by_name_async (resolver, self->target->host, funnel_expiry_get (self->look_up),
                                   look_up_cb, g_object_ref (self->checking));
}

void
funnel_mount_runtime_check (FunnelMountRuntime *self)
{
  FunnelTargetPermission permission = get_permission (self);
  g_autoptr (GError) error = NULL;

  stop_checking (self);
  /* What stands behind a path can change after it was shared. */
  if (!self->is_named && !funnel_target_guard (self->target, &permission, &error))
    {
      funnel_mount_runtime_fail (self, error->message);
      return;
    }
  if (!funnel_target_connects (self->target))
    {
      pass (self);
      return;
    }
  self->checking = g_cancellable_new ();
  if (self->is_named)
    look_up_name (self);
  else
    connect_to_target (self);
}

gboolean
funnel_mount_runtime_is_checking (FunnelMountRuntime *self)
{
  return self->checking != NULL;
}

FunnelMountRuntime *
funnel_mount_runtime_new (const FunnelMountSpec *mount,
                          FunnelShareKind kind,
                          const char *state_dir,
                          const char *server_name,
                          FunnelMountRuntimeChanged changed,
                          gpointer user_data)
{
  FunnelMountRuntime *self = g_new0 (FunnelMountRuntime, 1);

  self->spec = funnel_mount_spec_copy (mount);
  self->state_dir = state_dir;
  self->server_name = g_strdup (server_name);
  self->changed = changed;
  self->user_data = user_data;
  self->retry_s = RETRY_FIRST_S;
  /* It is canonical text, which was read before. */
  self->target = funnel_target_parse (mount->target, kind, NULL);
  g_assert (self->target != NULL);
  self->is_named = funnel_target_connects (self->target) && self->target->n_addresses == 0;
  return self;
}

void
funnel_mount_runtime_free (FunnelMountRuntime *self)
{
  stop_checking (self);
  funnel_mount_spec_free (self->spec);
  funnel_target_free (self->target);
  g_free (self->server_name);
  g_free (self->problem);
  g_free (self->leaf);
  g_free (self);
}

const FunnelMountSpec *
funnel_mount_runtime_get_spec (FunnelMountRuntime *self)
{
  return self->spec;
}

const char *
funnel_mount_runtime_get_problem (FunnelMountRuntime *self)
{
  return self->problem;
}

const char *
funnel_mount_runtime_get_leaf (FunnelMountRuntime *self)
{
  return self->leaf;
}

void
funnel_mount_runtime_forget_leaf (FunnelMountRuntime *self)
{
  g_clear_pointer (&self->leaf, g_free);
  funnel_mount_runtime_check (self);
}

void
funnel_mount_runtime_fill_target (FunnelMountRuntime *self, FunnelServeTarget *out)
{
  out->n = MIN (self->target->n_addresses, FUNNEL_SERVE_TARGETS_MAX);
  out->force = self->spec->force;
  for (guint i = 0; i < out->n; i++)
    {
      out->addresses[i] = self->target->addresses[i];
      out->lens[i] = self->target->lens[i];
    }
}

static void
fill_proxy (FunnelMountRuntime *self, FunnelServeMount *mount)
{
  const FunnelTarget *target = self->target;

  mount->kind = FUNNEL_SERVE_MOUNT_PROXY;
  funnel_mount_runtime_fill_target (self, &mount->target);
  mount->authority = g_strdup (target->authority);
  mount->base_path = g_strdup (target->base_path);
  mount->keep_prefix = self->spec->keep_prefix;
  mount->h2c = target->kind == FUNNEL_TARGET_H2C;
  if (target->kind == FUNNEL_TARGET_HTTPS)
    mount->tls = FUNNEL_SERVE_TLS_VERIFY;
  else if (target->kind == FUNNEL_TARGET_HTTPS_INSECURE)
    mount->tls = FUNNEL_SERVE_TLS_INSECURE;
  if (mount->tls != FUNNEL_SERVE_TLS_NONE)
    mount->tls_name = g_strdup (target->host);
  if (g_strcmp0 (self->spec->host_header, "target") == 0)
    mount->host = FUNNEL_SERVE_HOST_TARGET;
  else if (self->spec->host_header != NULL)
    {
      mount->host = FUNNEL_SERVE_HOST_NAME;
      mount->host_name = g_strdup (self->spec->host_header);
    }
}

FunnelServeMount *
funnel_mount_runtime_make_serve_mount (FunnelMountRuntime *self)
{
  FunnelServeMount *mount = funnel_serve_mount_new ();
  const FunnelTarget *target = self->target;

  mount->path = g_strdup (self->spec->path);
  switch (target->kind)
    {
    case FUNNEL_TARGET_FILES:
      mount->kind = FUNNEL_SERVE_MOUNT_FILES;
      mount->root = g_strdup (target->path);
      mount->listing = self->spec->listing;
      break;
    case FUNNEL_TARGET_TEXT:
      mount->kind = FUNNEL_SERVE_MOUNT_TEXT;
      mount->text = g_bytes_new (target->content, strlen (target->content));
      break;
    case FUNNEL_TARGET_REDIRECT:
      mount->kind = FUNNEL_SERVE_MOUNT_REDIRECT;
      mount->status = target->status;
      mount->location = g_strdup (target->location);
      break;
    default:
      fill_proxy (self, mount);
      break;
    }
  return mount;
}
