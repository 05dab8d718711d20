/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One SQL statement from text to rows, with its parameters in the same call. */

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/**
 * store_statement: prepare @sql and bind its parameters.
 * @types: one letter per parameter: 'i' gint64, 's' const char * (NULL is fine), 'h' const guint8 *
 *   of 32 bytes. Text must live until the statement ends.
 * Returns NULL and FUNNEL_ERROR_STORE on failure; end with sqlite3_finalize.
 */
sqlite3_stmt *
store_statement (sqlite3 *db, GError **error, const char *sql, const char *types, ...);

/** store_step: 1 a row, 0 no more, -1 and FUNNEL_ERROR_STORE (or CONFLICT for a broken UNIQUE). */
int store_step (sqlite3 *db, sqlite3_stmt *statement, GError **error);

/** store_run: store_statement, all its steps, and the end. */
gboolean store_run (sqlite3 *db, GError **error, const char *sql, const char *types, ...);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (sqlite3_stmt, sqlite3_finalize)

G_END_DECLS
