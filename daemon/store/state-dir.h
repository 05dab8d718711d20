/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The folder that holds the node's state: private to its user, used by one daemon at a time. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _FunnelStateDir FunnelStateDir;

/**
 * funnel_state_dir_open: make the folder if need be, and lock it.
 * @path: or NULL for FUNNEL_STATE_DIR, else XDG_STATE_HOME/funnel
 *
 * FUNNEL_ERROR_STORE when it cannot be made or written; FUNNEL_ERROR_CONFLICT when another daemon
 * uses it.
 */
FunnelStateDir *funnel_state_dir_open (const char *path, GError **error);
/** funnel_state_dir_free: give up the lock. */
void funnel_state_dir_free (FunnelStateDir *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelStateDir, funnel_state_dir_free)

const char *funnel_state_dir_get_path (FunnelStateDir *self);

/** funnel_state_dir_read: the content of @name; *text is NULL when there is no such file. A file
 * larger than @max bytes is FUNNEL_ERROR_STORE. Free with funnel_secret_free. */
gboolean funnel_state_dir_read (FunnelStateDir *self,
                                const char *name,
                                gsize max,
                                char **text,
                                gsize *len,
                                GError **error);
/** funnel_state_dir_write: replace @name as a whole, or leave it as it was; mode 0600. */
gboolean
funnel_state_dir_write (FunnelStateDir *self, const char *name, const char *text, GError **error);
/** funnel_state_dir_set_aside: rename @name to "NAME.unreadable-N"; the new path, caller frees. */
char *funnel_state_dir_set_aside (FunnelStateDir *self, const char *name, GError **error);

G_END_DECLS
