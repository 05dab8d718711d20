/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/store-check.h"

#include "ingress-server/store/store-statement.h"
#include "lib/base/error.h"

#define WAIT_MS 2000

static gboolean
check (sqlite3 *db, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = store_statement (db, error, "PRAGMA quick_check(1)", "");
  const char *text = NULL;

  if (statement == NULL || store_step (db, statement, error) < 0)
    return FALSE;
  text = (const char *)sqlite3_column_text (statement, 0);
  if (g_strcmp0 (text, "ok") == 0)
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "%s",
               text != NULL ? text : "no answer from SQLite");
  return FALSE;
}

gboolean
ingress_store_check (const char *path, GError **error)
{
  sqlite3 *db = NULL;
  gboolean ok = FALSE;

  if (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "%s",
                 db != NULL ? sqlite3_errmsg (db) : "out of memory");
  else
    {
      sqlite3_busy_timeout (db, WAIT_MS);
      ok = check (db, error);
    }
  sqlite3_close (db);
  return ok;
}
