/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/store-statement.h"

#include "lib/base/error.h"

#include <stdarg.h>

/* What an admin can type about it; control goes on with what it has in memory meanwhile. */
static const char *
remedy (int rc)
{
  switch (rc)
    {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "; stop funnel-ingressd, move the state directory away, then: "
             "funnel-ingress restore BACKUP";
    case SQLITE_READONLY: /* also what is not written to since it was found damaged */
      return "; what is wrong with it says: funnel-ingress doctor";
    case SQLITE_FULL:
      return "; make room on the disk of the state directory, then try again";
    default:
      return "";
    }
}

static void
set_store_error (sqlite3 *db, GError **error)
{
  int rc = sqlite3_errcode (db);

  g_set_error (error, FUNNEL_ERROR,
               rc == SQLITE_CONSTRAINT ? FUNNEL_ERROR_CONFLICT : FUNNEL_ERROR_STORE,
               "Database: %s%s", sqlite3_errmsg (db), remedy (rc));
}

static int
bind (sqlite3_stmt *statement, const char *types, va_list args)
{
  int rc = SQLITE_OK;

  for (int i = 1; *types && rc == SQLITE_OK; types++, i++)
    switch (*types)
      {
      case 'i':
        rc = sqlite3_bind_int64 (statement, i, va_arg (args, gint64));
        break;
      case 's':
        rc = sqlite3_bind_text (statement, i, va_arg (args, const char *), -1, SQLITE_STATIC);
        break;
      case 'h':
        rc = sqlite3_bind_blob (statement, i, va_arg (args, const guint8 *), 32, SQLITE_STATIC);
        break;
      default:
        g_assert_not_reached ();
      }
  return rc;
}

static sqlite3_stmt *
statement_va (sqlite3 *db, GError **error, const char *sql, const char *types, va_list args)
{
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) != SQLITE_OK
      || bind (statement, types, args) != SQLITE_OK)
    {
      set_store_error (db, error);
      g_clear_pointer (&statement, sqlite3_finalize);
    }
  return statement;
}

sqlite3_stmt *
store_statement (sqlite3 *db, GError **error, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement;
  va_list args;

  va_start (args, types);
  statement = statement_va (db, error, sql, types, args);
  va_end (args);
  return statement;
}

int
store_step (sqlite3 *db, sqlite3_stmt *statement, GError **error)
{
  int rc = sqlite3_step (statement);

  if (rc == SQLITE_ROW)
    return 1;
  if (rc == SQLITE_DONE)
    return 0;
  set_store_error (db, error);
  return -1;
}

gboolean
store_run (sqlite3 *db, GError **error, const char *sql, const char *types, ...)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  va_list args;
  int rc;

  va_start (args, types);
  statement = statement_va (db, error, sql, types, args);
  va_end (args);
  if (!statement)
    return FALSE;
  while ((rc = store_step (db, statement, error)) > 0)
    ;
  return rc == 0;
}
