/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* This process's own connection to the system bus, apart from the one GIO shares: its end must not
 * end the process, and what other services bind to it lives as long as the process. Main thread. */

#include <gio/gio.h>

G_BEGIN_DECLS

/** funnel_system_bus_get: connected at the first call, and again when the old one was closed. */
void funnel_system_bus_get_async (GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
GDBusConnection *funnel_system_bus_get_finish (GAsyncResult *result, GError **error);

G_END_DECLS
