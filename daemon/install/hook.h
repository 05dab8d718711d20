/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A command of the user's, run by the shell in a process group of its own, with a deadline. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_HOOK_SECONDS 60
#define FUNNEL_HOOK_MAX 4096 /* bytes of a command */

/**
 * funnel_hook_run_async: run @command with /bin/sh as this user.
 * @name, @folder: it finds them as FUNNEL_NAME and FUNNEL_FOLDER
 *
 * A command that takes longer than FUNNEL_HOOK_SECONDS, or is cancelled, is killed with all it
 * started.
 */
void funnel_hook_run_async (const char *command,
                            const char *name,
                            const char *folder,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
/** funnel_hook_run_finish: FALSE and FUNNEL_ERROR_FAILED with its exit status and the last line it
 * wrote to standard error. */
gboolean funnel_hook_run_finish (GAsyncResult *result, GError **error);

G_END_DECLS
