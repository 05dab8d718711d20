/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/bus/bus-service.h"

#include <glib/gi18n.h>

#include "daemon/bus/bus-access.h"
#include "lib/base/doctor-step.h"
#include "lib/base/duration.h"
#include "lib/base/error.h"
#include "lib/base/listening.h"
#include "lib/base/names.h"
#include "lib/dbus/funnel-dbus.h"

#define NAME_FLAG_DO_NOT_QUEUE 4 /* org.freedesktop.DBus.RequestName */
#define NAME_REPLY_PRIMARY_OWNER 1
#define CALL_MS 10000

struct _FunnelBus
{
  GDBusConnection *connection;
  FunnelShareList *list;
  const FunnelBusMethods *methods;
  gpointer owner;
  GDBusObjectManagerServer *server;
  FunnelDBusManager *manager;
  GDBusObjectSkeleton *manager_object;
  GHashTable *watches; /* unique name → watch id */
};

/* A method call that waits for the owner. */
typedef struct
{
  FunnelBus *bus;
  GDBusMethodInvocation *invocation;
} Call;

static const char *const share_properties[]
    = {"name",         "port",        "kind",     "target",    "mounts",         "url",
       "foreground",   "enabled",     "command",  "access",    "expires",        "state",
       "reason",       "next-step",   "warnings", "alpn",      "certificate",    "certificate-step",
       "flows-active", "flows-total", "bytes-in", "bytes-out", "proxy-protocol", "refusals",
       "requests"};
static const char *const ingress_properties[]
    = {"endpoint", "node",      "zone",      "names",      "public-ports",  "grants",
       "state",    "reason",    "next-step", "tunnel",     "tunnel-choice", "tunnel-passed-over",
       "engine",   "handshake", "mtu",       "round-trip", "refusals"};

static char *
share_path (FunnelShare *share)
{
  return g_strdup_printf (FUNNEL_OBJECT_SHARES "/%u", funnel_share_get_spec (share)->id);
}

static char *
ingress_path (FunnelIngress *ingress)
{
  return g_strdup_printf (FUNNEL_OBJECT_INGRESSES "/%u", funnel_ingress_get_spec (ingress)->id);
}

static void
bind_properties (gpointer model, gpointer skeleton, const char *const *names, guint n)
{
  for (guint i = 0; i < n; i++)
    g_object_bind_property (model, names[i], skeleton, names[i], G_BINDING_SYNC_CREATE);
}

static gboolean
handle_failure (GDBusMethodInvocation *invocation, GError *error)
{
  g_dbus_method_invocation_take_error (invocation, error);
  return TRUE;
}

/* Watching begins before the share exists: a caller that is gone already is told at once. */
static void
on_name_vanished (GDBusConnection *connection, const char *name, gpointer user_data)
{
  FunnelBus *self = user_data;
  g_autofree char *kept = g_strdup (name);

  g_hash_table_remove (self->watches, kept);
  self->methods->vanished (self->owner, kept);
}

static void
unwatch (gpointer id)
{
  g_bus_unwatch_name (GPOINTER_TO_UINT (id));
}

static void
watch_name (FunnelBus *self, const char *name)
{
  guint id = 0;

  if (g_hash_table_contains (self->watches, name))
    return;
  id = g_bus_watch_name_on_connection (self->connection, name, G_BUS_NAME_WATCHER_FLAGS_NONE, NULL,
                                       on_name_vanished, self, NULL);
  g_hash_table_insert (self->watches, g_strdup (name), GUINT_TO_POINTER (id));
}

static void
join_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Call *call = user_data;
  GError *error = NULL;
  FunnelIngress *ingress = call->bus->methods->join_finish (call->bus->owner, result, &error);

  if (ingress == NULL)
    handle_failure (call->invocation, error);
  else
    {
      g_autofree char *path = ingress_path (ingress);

      funnel_dbus_manager_complete_join (call->bus->manager, call->invocation, path);
    }
}

static gboolean
on_manager_join (FunnelDBusManager *manager,
                 GDBusMethodInvocation *invocation,
                 const char *token,
                 GVariant *raw_options,
                 FunnelBus *self)
{
  g_auto (FunnelOptions) options = {0};
  GError *error = NULL;
  Call *call = NULL;

  if (!funnel_options_parse (raw_options, FUNNEL_OPTIONS_JOIN, &options, &error))
    return handle_failure (invocation, error);
  call = g_new0 (Call, 1);
  call->bus = self;
  call->invocation = invocation;
  self->methods->join_async (self->owner, token, join_cb, call);
  return TRUE;
}

static gboolean
on_manager_share (FunnelDBusManager *manager,
                  GDBusMethodInvocation *invocation,
                  const char *target,
                  GVariant *raw_options,
                  FunnelBus *self)
{
  g_auto (FunnelOptions) options = {0};
  g_autoptr (FunnelShareSpec) spec = NULL;
  g_autofree char *path = NULL;
  FunnelShare *share = NULL;
  GError *error = NULL;

  if (!funnel_options_parse (raw_options, FUNNEL_OPTIONS_SHARE, &options, &error))
    return handle_failure (invocation, error);
  spec = funnel_options_to_spec (&options, target, &error);
  if (spec == NULL)
    return handle_failure (invocation, error);
  if (spec->foreground)
    spec->owner = g_strdup (g_dbus_method_invocation_get_sender (invocation));
  share = self->methods->share (self->owner, spec, options.gives, options.if_match, &error);
  if (share == NULL)
    return handle_failure (invocation, error);
  if (spec->foreground)
    watch_name (self, spec->owner);
  path = share_path (share);
  funnel_dbus_manager_complete_share (manager, invocation, path);
  return TRUE;
}

static gboolean
on_manager_unshare (FunnelDBusManager *manager,
                    GDBusMethodInvocation *invocation,
                    GVariant *raw_options,
                    FunnelBus *self)
{
  g_auto (FunnelOptions) options = {0};
  g_auto (FunnelShareFilter) filter = {0};
  GError *error = NULL;
  guint count = 0;

  if (!funnel_options_parse (raw_options, FUNNEL_OPTIONS_UNSHARE, &options, &error)
      || !funnel_options_to_filter (&options, &filter, &error)
      || !self->methods->unshare (self->owner, &filter, options.if_match, options.dry_run, &count,
                                  &error))
    return handle_failure (invocation, error);
  funnel_dbus_manager_complete_unshare (manager, invocation, count);
  return TRUE;
}

static gboolean
on_manager_reset (FunnelDBusManager *manager,
                  GDBusMethodInvocation *invocation,
                  GVariant *raw_options,
                  FunnelBus *self)
{
  g_auto (FunnelOptions) options = {0};
  GError *error = NULL;
  guint count = 0;

  if (!funnel_options_parse (raw_options, FUNNEL_OPTIONS_RESET, &options, &error)
      || !self->methods->reset (self->owner, options.if_match, &count, &error))
    return handle_failure (invocation, error);
  funnel_dbus_manager_complete_reset (manager, invocation, count);
  return TRUE;
}

static gboolean
on_manager_set_certificate_authority (FunnelDBusManager *manager,
                                      GDBusMethodInvocation *invocation,
                                      GVariant *directories,
                                      GVariant *options,
                                      FunnelBus *self)
{
  GError *error = NULL;

  if (!self->methods->set_authority (self->owner, directories, options, &error))
    return handle_failure (invocation, error);
  funnel_dbus_manager_complete_set_certificate_authority (manager, invocation);
  return TRUE;
}

static gboolean
on_manager_take_certificate_notice (FunnelDBusManager *manager,
                                    GDBusMethodInvocation *invocation,
                                    const char *name,
                                    FunnelBus *self)
{
  GError *error = NULL;
  g_autofree char *notice = self->methods->take_notice (self->owner, name, &error);

  if (notice == NULL)
    return handle_failure (invocation, error);
  funnel_dbus_manager_complete_take_certificate_notice (manager, invocation, notice);
  return TRUE;
}

static void
revoke_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Call *call = user_data;
  GError *error = NULL;
  guint count = 0;

  if (call->bus->methods->revoke_finish (call->bus->owner, result, &count, &error))
    funnel_dbus_manager_complete_revoke_certificates (call->bus->manager, call->invocation, count);
  else
    handle_failure (call->invocation, error);
}

static gboolean
on_manager_revoke_certificates (FunnelDBusManager *manager,
                                GDBusMethodInvocation *invocation,
                                FunnelBus *self)
{
  Call *call = g_new0 (Call, 1);

  call->bus = self;
  call->invocation = invocation;
  self->methods->revoke_async (self->owner, revoke_cb, call);
  return TRUE;
}

static gboolean
on_manager_export (FunnelDBusManager *manager, GDBusMethodInvocation *invocation, FunnelBus *self)
{
  GError *error = NULL;
  g_autofree char *document = self->methods->export_shares (self->owner, &error);

  if (document == NULL)
    return handle_failure (invocation, error);
  funnel_dbus_manager_complete_export (manager, invocation, document);
  return TRUE;
}

static gboolean
on_manager_import (FunnelDBusManager *manager,
                   GDBusMethodInvocation *invocation,
                   const char *document,
                   GVariant *raw_options,
                   FunnelBus *self)
{
  g_auto (FunnelOptions) options = {0};
  GVariant *shares = NULL, *left = NULL;
  GError *error = NULL;

  if (!funnel_options_parse (raw_options, FUNNEL_OPTIONS_IMPORT, &options, &error)
      || !self->methods->import_shares (self->owner, document, &options, &shares, &left, &error))
    return handle_failure (invocation, error);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(@a(ss)@as)", shares, left));
  return TRUE;
}

static gboolean
on_manager_list_listening (FunnelDBusManager *manager,
                           GDBusMethodInvocation *invocation,
                           FunnelBus *self)
{
  g_autoptr (GPtrArray) listeners = funnel_listening_list (0);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(qsus)"));
  for (guint i = 0; i < listeners->len; i++)
    {
      const FunnelListening *listening = g_ptr_array_index (listeners, i);

      g_variant_builder_add (&builder, "(qsus)", listening->port, listening->address,
                             (guint32)listening->pid,
                             listening->program != NULL ? listening->program : "");
    }
  funnel_dbus_manager_complete_list_listening (manager, invocation,
                                               g_variant_builder_end (&builder));
  return TRUE;
}

static void
doctor_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Call *call = user_data;
  GError *error = NULL;
  g_autoptr (GPtrArray) steps
      = call->bus->methods->doctor_finish (call->bus->owner, result, &error);

  if (steps == NULL)
    handle_failure (call->invocation, error);
  else
    funnel_dbus_manager_complete_doctor (call->bus->manager, call->invocation,
                                         funnel_doctor_to_variant (steps));
}

static gboolean
on_manager_doctor (FunnelDBusManager *manager,
                   GDBusMethodInvocation *invocation,
                   GVariant *raw_options,
                   FunnelBus *self)
{
  g_auto (FunnelOptions) options = {0};
  GError *error = NULL;
  Call *call = NULL;

  if (!funnel_options_parse (raw_options, FUNNEL_OPTIONS_DOCTOR, &options, &error))
    return handle_failure (invocation, error);
  call = g_new0 (Call, 1);
  call->bus = self;
  call->invocation = invocation;
  self->methods->doctor_async (self->owner, options.name, options.client_version, doctor_cb, call);
  return TRUE;
}

static FunnelBus *
get_bus (gpointer skeleton)
{
  return g_object_get_data (skeleton, "funnel-bus");
}

static gboolean
on_share_stop (FunnelDBusShare *skeleton, GDBusMethodInvocation *invocation, FunnelShare *share)
{
  FunnelBus *self = get_bus (skeleton);
  g_autoptr (FunnelDBusShare) kept = g_object_ref (skeleton);
  GError *error = NULL;

  if (!self->methods->stop (self->owner, share, &error))
    return handle_failure (invocation, error);
  funnel_dbus_share_complete_stop (kept, invocation);
  return TRUE;
}

static gboolean
on_share_set_access (FunnelDBusShare *skeleton,
                     GDBusMethodInvocation *invocation,
                     GVariant *rules,
                     FunnelShare *share)
{
  FunnelBus *self = get_bus (skeleton);
  g_auto (FunnelOptions) options = {0};
  FunnelShareAccess access = {0};
  GError *error = NULL;
  gboolean ok = funnel_options_parse (rules, FUNNEL_OPTIONS_ACCESS, &options, &error)
                && funnel_options_to_access (&options, &access, &error)
                && self->methods->set_access (self->owner, share, &access, options.gives, &error);

  funnel_share_access_clear (&access);
  if (!ok)
    return handle_failure (invocation, error);
  funnel_dbus_share_complete_set_access (skeleton, invocation);
  return TRUE;
}

static gboolean
on_share_list_requests (FunnelDBusShare *skeleton,
                        GDBusMethodInvocation *invocation,
                        guint64 after,
                        FunnelShare *share)
{
  FunnelBus *self = get_bus (skeleton);

  funnel_dbus_share_complete_list_requests (
      skeleton, invocation, self->methods->list_requests (self->owner, share, after));
  return TRUE;
}

static gboolean
on_share_extend (FunnelDBusShare *skeleton,
                 GDBusMethodInvocation *invocation,
                 guint64 seconds,
                 FunnelShare *share)
{
  FunnelBus *self = get_bus (skeleton);
  GError *error = NULL;
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  if (seconds > FUNNEL_DURATION_MAX)
    g_set_error (&error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 N_ ("seconds: at most %ld; 0 is no end"), (long)FUNNEL_DURATION_MAX);
  else
    self->methods->set_expires (self->owner, share, seconds != 0 ? now + (gint64)seconds : 0,
                                &error);
  if (error != NULL)
    return handle_failure (invocation, error);
  funnel_dbus_share_complete_extend (skeleton, invocation);
  return TRUE;
}

static gboolean
on_ingress_leave (FunnelDBusIngress *skeleton,
                  GDBusMethodInvocation *invocation,
                  FunnelIngress *ingress)
{
  FunnelBus *self = get_bus (skeleton);
  g_autoptr (FunnelDBusIngress) kept = g_object_ref (skeleton);
  GError *error = NULL;

  if (!self->methods->leave (self->owner, ingress, &error))
    return handle_failure (invocation, error);
  funnel_dbus_ingress_complete_leave (kept, invocation);
  return TRUE;
}

static gboolean
on_ingress_set_tunnel (FunnelDBusIngress *skeleton,
                       GDBusMethodInvocation *invocation,
                       const char *choice,
                       FunnelIngress *ingress)
{
  FunnelBus *self = get_bus (skeleton);
  GError *error = NULL;

  if (!self->methods->set_tunnel (self->owner, ingress, choice, &error))
    return handle_failure (invocation, error);
  funnel_dbus_ingress_complete_set_tunnel (skeleton, invocation);
  return TRUE;
}

static gboolean
on_share_set_enabled (FunnelDBusShare *skeleton,
                      GDBusMethodInvocation *invocation,
                      gboolean enabled,
                      FunnelShare *share)
{
  FunnelBus *self = get_bus (skeleton);
  GError *error = NULL;

  if (!self->methods->set_enabled (self->owner, share, enabled, &error))
    return handle_failure (invocation, error);
  funnel_dbus_share_complete_set_enabled (skeleton, invocation);
  return TRUE;
}

static gboolean
on_manager_set_paused (FunnelDBusManager *manager,
                       GDBusMethodInvocation *invocation,
                       gboolean paused,
                       FunnelBus *self)
{
  GError *error = NULL;
  guint count = 0;

  if (!self->methods->set_paused (self->owner, paused, &count, &error))
    return handle_failure (invocation, error);
  funnel_dbus_manager_complete_set_paused (manager, invocation, count);
  return TRUE;
}

/* Paused: whether there is anything to resume. */
static void
follow_paused (FunnelBus *self)
{
  gboolean paused = FALSE;

  for (guint i = 0; !paused && i < funnel_share_list_get_length (self->list); i++)
    paused = funnel_share_get_spec (funnel_share_list_get (self->list, i))->paused;
  funnel_dbus_manager_set_paused (self->manager, paused);
}

static void
on_list_replaced (FunnelShareList *list, FunnelShare *share, FunnelBus *self)
{
  follow_paused (self);
}

static void
on_list_added (FunnelShareList *list, FunnelShare *share, FunnelBus *self)
{
  g_autofree char *path = share_path (share);
  g_autoptr (FunnelDBusObjectSkeleton) object = funnel_dbus_object_skeleton_new (path);
  g_autoptr (FunnelDBusShare) skeleton = funnel_dbus_share_skeleton_new ();

  bind_properties (share, skeleton, share_properties, G_N_ELEMENTS (share_properties));
  g_object_set_data (G_OBJECT (skeleton), "funnel-bus", self);
  g_signal_connect_object (skeleton, "handle-stop", G_CALLBACK (on_share_stop), share, 0);
  g_signal_connect_object (skeleton, "handle-set-access", G_CALLBACK (on_share_set_access), share,
                           0);
  g_signal_connect_object (skeleton, "handle-list-requests", G_CALLBACK (on_share_list_requests),
                           share, 0);
  g_signal_connect_object (skeleton, "handle-extend", G_CALLBACK (on_share_extend), share, 0);
  g_signal_connect_object (skeleton, "handle-set-enabled", G_CALLBACK (on_share_set_enabled), share,
                           0);
  funnel_access_guard (G_DBUS_INTERFACE_SKELETON (skeleton));
  funnel_dbus_object_skeleton_set_share (object, skeleton);
  g_dbus_object_manager_server_export (self->server, G_DBUS_OBJECT_SKELETON (object));
  follow_paused (self);
}

static void
on_list_removed (FunnelShareList *list, FunnelShare *share, FunnelBus *self)
{
  g_autofree char *path = share_path (share);

  follow_paused (self);
  g_dbus_object_manager_server_unexport (self->server, path);
}

static void
export_manager (FunnelBus *self)
{
  g_autoptr (FunnelDBusObjectSkeleton) object
      = funnel_dbus_object_skeleton_new (FUNNEL_OBJECT_MANAGER);

  self->manager = funnel_dbus_manager_skeleton_new ();
  funnel_dbus_manager_set_version (self->manager, FUNNEL_VERSION);
  g_object_bind_property (self->list, "etag", self->manager, "etag", G_BINDING_SYNC_CREATE);
  g_signal_connect (self->manager, "handle-join", G_CALLBACK (on_manager_join), self);
  g_signal_connect (self->manager, "handle-share", G_CALLBACK (on_manager_share), self);
  g_signal_connect (self->manager, "handle-unshare", G_CALLBACK (on_manager_unshare), self);
  g_signal_connect (self->manager, "handle-reset", G_CALLBACK (on_manager_reset), self);
  g_signal_connect (self->manager, "handle-set-paused", G_CALLBACK (on_manager_set_paused), self);
  g_signal_connect (self->manager, "handle-doctor", G_CALLBACK (on_manager_doctor), self);
  g_signal_connect (self->manager, "handle-set-certificate-authority",
                    G_CALLBACK (on_manager_set_certificate_authority), self);
  g_signal_connect (self->manager, "handle-take-certificate-notice",
                    G_CALLBACK (on_manager_take_certificate_notice), self);
  g_signal_connect (self->manager, "handle-revoke-certificates",
                    G_CALLBACK (on_manager_revoke_certificates), self);
  g_signal_connect (self->manager, "handle-export", G_CALLBACK (on_manager_export), self);
  g_signal_connect (self->manager, "handle-import", G_CALLBACK (on_manager_import), self);
  g_signal_connect (self->manager, "handle-list-listening", G_CALLBACK (on_manager_list_listening),
                    self);
  funnel_access_guard (G_DBUS_INTERFACE_SKELETON (self->manager));
  funnel_dbus_object_skeleton_set_manager (object, self->manager);
  g_dbus_object_manager_server_export (self->server, G_DBUS_OBJECT_SKELETON (object));
  self->manager_object = g_object_ref (G_DBUS_OBJECT_SKELETON (object));
}

FunnelBus *
funnel_bus_new (GDBusConnection *connection,
                FunnelShareList *list,
                const FunnelBusMethods *methods,
                gpointer owner)
{
  FunnelBus *self = g_new0 (FunnelBus, 1);

  self->connection = g_object_ref (connection);
  self->list = g_object_ref (list);
  self->methods = methods;
  self->owner = owner;
  self->watches = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, unwatch);
  self->server = g_dbus_object_manager_server_new (FUNNEL_OBJECT_ROOT);
  export_manager (self);
  g_signal_connect (list, "added", G_CALLBACK (on_list_added), self);
  g_signal_connect (list, "removed", G_CALLBACK (on_list_removed), self);
  g_signal_connect (list, "replaced", G_CALLBACK (on_list_replaced), self);
  for (guint i = 0; i < funnel_share_list_get_length (list); i++)
    on_list_added (list, funnel_share_list_get (list, i), self);
  g_dbus_object_manager_server_set_connection (self->server, connection);
  return self;
}

void
funnel_bus_free (FunnelBus *self)
{
  if (self == NULL)
    return;
  g_signal_handlers_disconnect_by_data (self->list, self);
  g_dbus_object_manager_server_set_connection (self->server, NULL);
  g_hash_table_unref (self->watches);
  g_object_unref (self->server);
  g_object_unref (self->manager);
  g_object_unref (self->manager_object);
  g_object_unref (self->list);
  g_object_unref (self->connection);
  g_free (self);
}

void
funnel_bus_add_ingress (FunnelBus *self, FunnelIngress *ingress)
{
  g_autofree char *path = ingress_path (ingress);
  g_autoptr (FunnelDBusObjectSkeleton) object = funnel_dbus_object_skeleton_new (path);
  g_autoptr (FunnelDBusIngress) skeleton = funnel_dbus_ingress_skeleton_new ();

  bind_properties (ingress, skeleton, ingress_properties, G_N_ELEMENTS (ingress_properties));
  g_object_set_data (G_OBJECT (skeleton), "funnel-bus", self);
  g_signal_connect_object (skeleton, "handle-leave", G_CALLBACK (on_ingress_leave), ingress, 0);
  g_signal_connect_object (skeleton, "handle-set-tunnel", G_CALLBACK (on_ingress_set_tunnel),
                           ingress, 0);
  funnel_access_guard (G_DBUS_INTERFACE_SKELETON (skeleton));
  funnel_dbus_object_skeleton_set_ingress (object, skeleton);
  g_dbus_object_manager_server_export (self->server, G_DBUS_OBJECT_SKELETON (object));
}

void
funnel_bus_remove_ingress (FunnelBus *self, FunnelIngress *ingress)
{
  g_autofree char *path = ingress_path (ingress);

  g_dbus_object_manager_server_unexport (self->server, path);
}

void
funnel_bus_set_authority (FunnelBus *self, GVariant *directories, const char *contact)
{
  funnel_dbus_manager_set_certificate_authority (self->manager, directories);
  funnel_dbus_manager_set_certificate_contact (self->manager, contact);
}

void
funnel_bus_add_to_manager (FunnelBus *self, GDBusInterfaceSkeleton *skeleton)
{
  g_dbus_object_skeleton_add_interface (self->manager_object, skeleton);
}

void
funnel_bus_set_exposed (FunnelBus *self)
{
  funnel_dbus_manager_set_exposed (self->manager, TRUE);
}

gboolean
funnel_bus_take_name (FunnelBus *self, GError **error)
{
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (
      self->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
      "RequestName", g_variant_new ("(su)", FUNNEL_BUS_NAME, NAME_FLAG_DO_NOT_QUEUE),
      G_VARIANT_TYPE ("(u)"), G_DBUS_CALL_FLAGS_NONE, CALL_MS, NULL, error);
  guint32 code = 0;

  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(u)", &code);
  if (code == NAME_REPLY_PRIMARY_OWNER)
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
               N_ ("funneld is already running on this bus"));
  return FALSE;
}
