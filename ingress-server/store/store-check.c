/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/store-check.h"

#include "ingress-server/store/store-statement.h"
#include "lib/base/error.h"

#define WAIT_MS 2000

/* A lock says nothing about what it locks. */
static gboolean
refuse (sqlite3 *db, GError **error)
{
  int rc = db != NULL ? sqlite3_errcode (db) : SQLITE_NOMEM;

  g_set_error (error, FUNNEL_ERROR,
               rc == SQLITE_BUSY || rc == SQLITE_LOCKED ? FUNNEL_ERROR_CONFLICT
                                                        : FUNNEL_ERROR_STORE,
               "%s", sqlite3_errstr (rc));
  return FALSE;
}

static gboolean
check (sqlite3 *db, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = store_statement (db, NULL, "PRAGMA quick_check(1)", "");
  const char *text = NULL;

  if (statement == NULL || store_step (db, statement, NULL) < 0)
    return refuse (db, error);
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
    refuse (db, error);
  else
    {
      sqlite3_busy_timeout (db, WAIT_MS);
      ok = check (db, error);
    }
  sqlite3_close (db);
  return ok;
}
