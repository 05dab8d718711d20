/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The daemon as seen over D-Bus, shared by the command line and the window. It keeps a live picture
 * (no polling) and passes wishes on; it decides nothing. All calls belong to one thread: the one
 * whose default main context was current at construction.
 *
 * Shares and ingresses are the generated proxies FunnelDBusShare and FunnelDBusIngress; their
 * properties are always loaded. An object path stays valid as long as the daemon runs.
 *
 * Errors are FUNNEL_ERROR with a bare message, or G_IO_ERROR_CANCELLED. A daemon that is away or
 * does not answer is FUNNEL_ERROR_UNREACHABLE. */

#include <gio/gio.h>

#include "lib/dbus/funnel-dbus.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_CLIENT (funnel_client_get_type ())
G_DECLARE_FINAL_TYPE (FunnelClient, funnel_client, FUNNEL, CLIENT, GObject)

/* Signal "changed" (FunnelClient *self): something is different: an object came or went, a property
 * changed, the daemon appeared or vanished. Emitted once per turn of the main loop, however much
 * changed. Signal "closed" (FunnelClient *self, const char *message): the bus itself is gone;
 * nothing works any more. Property "running" (gboolean, read only): the daemon is on the bus and
 * its objects are loaded. */

/**
 * funnel_client_new_async: connect to @bus and load the daemon's objects if it is running. Does not
 * start the daemon and does not fail when it is away.
 * @bus: G_BUS_TYPE_SESSION or G_BUS_TYPE_SYSTEM
 */
void funnel_client_new_async (GBusType bus,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
/** funnel_client_new_finish: NULL and FUNNEL_ERROR_UNREACHABLE when there is no such bus. */
FunnelClient *funnel_client_new_finish (GAsyncResult *result, GError **error);

/**
 * funnel_client_start_async: have the bus start the daemon unless it is running, and wait until its
 * objects are loaded (at most 30 s).
 */
void funnel_client_start_async (FunnelClient *self,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean funnel_client_start_finish (FunnelClient *self, GAsyncResult *result, GError **error);

gboolean funnel_client_get_running (FunnelClient *self);
/** funnel_client_dup_version: version of the running daemon; NULL when away. */
char *funnel_client_dup_version (FunnelClient *self);
/** funnel_client_dup_etag: for the if-match option; NULL when away. */
char *funnel_client_dup_etag (FunnelClient *self);

/** funnel_client_get_manager: for what has no function here; calls on it need
 * funnel_client_map_error. Borrowed. */
FunnelDBusManager *funnel_client_get_manager (FunnelClient *self);

/** funnel_client_get_objects: the daemon's objects, to follow them one by one. Borrowed. */
GDBusObjectManager *funnel_client_get_objects (FunnelClient *self);

/** funnel_client_list_shares: FunnelDBusShare*, by name, then port; free with g_ptr_array_unref. */
GPtrArray *funnel_client_list_shares (FunnelClient *self);
/** funnel_client_list_ingresses: FunnelDBusIngress*, by endpoint; free with g_ptr_array_unref. */
GPtrArray *funnel_client_list_ingresses (FunnelClient *self);
/** funnel_client_ref_share: the share at @path, or NULL when it has ended. */
FunnelDBusShare *funnel_client_ref_share (FunnelClient *self, const char *path);
FunnelDBusIngress *funnel_client_ref_ingress (FunnelClient *self, const char *path);

/**
 * funnel_client_join_async: join the ingress @token names.
 * @token: a join token, with or without "funnel join" before it
 */
void funnel_client_join_async (FunnelClient *self,
                               const char *token,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
/** funnel_client_join_finish: path of the new ingress; caller frees. */
char *funnel_client_join_finish (FunnelClient *self, GAsyncResult *result, GError **error);

/**
 * funnel_client_share_async: publish @target.
 * @options: a{sv} as described for Share in data/dbus; NULL for none; a floating reference is taken
 */
void funnel_client_share_async (FunnelClient *self,
                                const char *target,
                                GVariant *options,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
/** funnel_client_share_finish: path of the share; caller frees. */
char *funnel_client_share_finish (FunnelClient *self, GAsyncResult *result, GError **error);

/**
 * funnel_client_unshare_async: end the shares that match all of @options.
 * @options: a{sv} as described for Unshare in data/dbus; a floating reference is taken
 */
void funnel_client_unshare_async (FunnelClient *self,
                                  GVariant *options,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
/** funnel_client_unshare_finish: @count (out, optional): how many ended. */
gboolean funnel_client_unshare_finish (FunnelClient *self,
                                       GAsyncResult *result,
                                       guint *count,
                                       GError **error);

/**
 * funnel_client_reset_async: end all shares.
 * @etag: fail with FUNNEL_ERROR_CONFLICT if the shares are not those of this ETag; NULL: whatever
 * they are
 */
void funnel_client_reset_async (FunnelClient *self,
                                const char *etag,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean
funnel_client_reset_finish (FunnelClient *self, GAsyncResult *result, guint *count, GError **error);

/** funnel_client_ref_certificates: the interface Certificates; NULL when the daemon is away or too
 * old. */
FunnelDBusCertificates *funnel_client_ref_certificates (FunnelClient *self);

/** funnel_client_stop_async: end one share. */
void funnel_client_stop_async (FunnelClient *self,
                               FunnelDBusShare *share,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
gboolean funnel_client_stop_finish (FunnelClient *self, GAsyncResult *result, GError **error);

/** funnel_client_leave_async: leave one ingress; its key is forgotten. */
void funnel_client_leave_async (FunnelClient *self,
                                FunnelDBusIngress *ingress,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean funnel_client_leave_finish (FunnelClient *self, GAsyncResult *result, GError **error);

/**
 * funnel_client_map_error: turn an error of a D-Bus call into what this header promises: the prefix
 * of remote errors removed, the domain FUNNEL_ERROR. Cancellation stays what it is.
 * @error: (transfer full): must not be NULL
 * Returns: (transfer full): the mapped error
 */
GError *funnel_client_map_error (GError *error);

G_END_DECLS
