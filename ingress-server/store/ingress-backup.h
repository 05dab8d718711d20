/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The whole state of an ingress in one file: the database, and in a table of it the keys and the
 * configuration. It holds secrets: whoever has it can be this ingress. */

#include <glib.h>

G_BEGIN_DECLS

/** ingress_backup_write: back up @state_dir into a new file @path (mode 0600), whole or not at all;
 * the daemon may be running. CONFLICT when there is such a file. */
gboolean ingress_backup_write (const char *state_dir, const char *path, GError **error);

/** ingress_backup_restore: make @state_dir what it was when @path was written. CONFLICT when there
 * is an ingress in it; INVALID_ARGUMENT when @path is no backup or damaged. Nothing is overwritten,
 * and the configuration comes last: half a restore does not start. */
gboolean ingress_backup_restore (const char *path, const char *state_dir, GError **error);

G_END_DECLS
