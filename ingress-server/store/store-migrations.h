/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The ingress database's shape, as numbered steps. */

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/** store_migrate: bring @db to the newest version, each step in a transaction of its own. A
 * database from a later version of this software is refused. FUNNEL_ERROR_STORE. */
gboolean store_migrate (sqlite3 *db, GError **error);

/** store_migrate_count: the newest version. */
guint store_migrate_count (void);

G_END_DECLS
