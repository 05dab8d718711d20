/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Connections to the system bus apart from the one GIO shares: their end must not end the process.
 * Main thread. */

#include <gio/gio.h>

G_BEGIN_DECLS

/** funnel_system_bus_get: the process's one; connected at the first call, and again when the old
 * one was closed. */
void funnel_system_bus_get_async (GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
/** funnel_system_bus_connect: one more, for the caller alone; its end ends what is bound to it. */
void funnel_system_bus_connect_async (GCancellable *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer user_data);
/** funnel_system_bus_finish: of either. */
GDBusConnection *funnel_system_bus_finish (GAsyncResult *result, GError **error);

G_END_DECLS
