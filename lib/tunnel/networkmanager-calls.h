/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What is asked of NetworkManager, one wish per function. What changes something is never cancelled
 * half-way: a cancelled call still ends only when NetworkManager has answered. Errors:
 * FUNNEL_ERROR_UNSUPPORTED when NetworkManager says no (another back end may do it),
 * FUNNEL_ERROR_UNREACHABLE when it is not there, FUNNEL_ERROR_FAILED when it is and takes too long.
 */

#include <NetworkManager.h>

G_BEGIN_DECLS

/** funnel_nm_raise: add @profile to memory only, activate it, and wait until it is; it goes for
 * ever when it is deactivated. */
void funnel_nm_raise_async (NMClient *client,
                            NMConnection *profile,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
gboolean funnel_nm_raise_finish (GAsyncResult *result, GError **error);

/** funnel_nm_raise_bound: the same, and it goes when this process's bus connection does.
 * @placeholder_uuid: of a profile that is there meanwhile. Before 1.52 NetworkManager binds only
 * what is activated on a device that exists, and a profile of the same interface name makes it. */
void funnel_nm_raise_bound_async (NMClient *client,
                                  NMConnection *profile,
                                  const char *placeholder_uuid,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
gboolean funnel_nm_raise_bound_finish (GAsyncResult *result, GError **error);

/** funnel_nm_reapply: make the device of @interface what @profile says, without taking it down. */
void funnel_nm_reapply_async (NMClient *client,
                              const char *interface,
                              NMConnection *profile,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
gboolean funnel_nm_reapply_finish (GAsyncResult *result, GError **error);

/** funnel_nm_lower: deactivate what has @uuid, wait until it is gone, and delete its profile; fine
 * when there is none. */
void funnel_nm_lower_async (NMClient *client,
                            const char *uuid,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
gboolean funnel_nm_lower_finish (GAsyncResult *result, GError **error);

/** funnel_nm_find_orphans: devices that NetworkManager has, and uses no connection on, as when it
 * was told to leave them alone: WireGuard with @public_key, and those named @interfaces
 * (NULL-terminated, may be NULL). NMDevice*, owned. */
GPtrArray *
funnel_nm_find_orphans (NMClient *client, const char *public_key, const char *const *interfaces);
/** funnel_nm_delete_devices: from the kernel. What cannot be deleted stays; succeeds. */
void funnel_nm_delete_devices_async (NMClient *client,
                                     const GPtrArray *devices,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);
gboolean funnel_nm_delete_devices_finish (GAsyncResult *result, GError **error);

/** funnel_nm_await_profile: until @client knows of the profile @uuid or @other, which takes it a
 * while after NetworkManager was restarted. Succeeds after some seconds without one, too. */
void funnel_nm_await_profile_async (NMClient *client,
                                    const char *uuid,
                                    const char *other,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);
gboolean funnel_nm_await_profile_finish (GAsyncResult *result, GError **error);

/** funnel_nm_find_active: what is (being) activated with @uuid, owned by @client, or NULL. */
NMActiveConnection *funnel_nm_find_active (NMClient *client, const char *uuid);
/** funnel_nm_is_known: whether NetworkManager has a profile with @uuid, active or not. */
gboolean funnel_nm_is_known (NMClient *client, const char *uuid);

G_END_DECLS
