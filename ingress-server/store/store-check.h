/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Whether the database of an ingress is sound, without changing anything. */

#include <glib.h>

G_BEGIN_DECLS

/** ingress_store_check: SQLite's own quick check of @path; FUNNEL_ERROR_STORE with the first thing
 * found, FUNNEL_ERROR_CONFLICT when another program keeps it locked. The daemon may be running. */
gboolean ingress_store_check (const char *path, GError **error);

G_END_DECLS
