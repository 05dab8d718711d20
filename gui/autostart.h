/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Starting with the session, without a window. In a sandbox the desktop is asked through its
 * Background portal, which may refuse; otherwise it is a file in the user's autostart folder. */

#include <gio/gio.h>

G_BEGIN_DECLS

/** funnel_autostart_is_sandboxed: the program runs in a Flatpak. */
gboolean funnel_autostart_is_sandboxed (void);

/** funnel_autostart_get_file: the file of the session; NULL in a sandbox. Caller frees. */
char *funnel_autostart_get_file (void);

/** funnel_autostart_is_on: the file is there and not switched off in it. Only outside a sandbox. */
gboolean funnel_autostart_is_on (void);

/**
 * funnel_autostart_set_async: switch it on or off.
 * @reason: shown by the desktop when it asks the user; translated
 */
void funnel_autostart_set_async (gboolean on,
                                 const char *reason,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
/** funnel_autostart_set_finish: G_IO_ERROR_NOT_SUPPORTED: this desktop does not offer it;
 * G_IO_ERROR_PERMISSION_DENIED: the user or the desktop said no; others: of the file system. */
gboolean funnel_autostart_set_finish (GAsyncResult *result, GError **error);

G_END_DECLS
