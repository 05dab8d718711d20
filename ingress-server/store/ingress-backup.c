/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/ingress-backup.h"

#include "lib/base/error.h"
#include "ingress-server/store/ingress-config.h"
#include "ingress-server/store/store-migrations.h"
#include "ingress-server/store/store-statement.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1 << 20)
#define BUSY_TIMEOUT_MS 5000

/* What stands beside the database; the configuration last. */
static const char *const files[] = {
    INGRESS_WIREGUARD_KEY_FILE,
    INGRESS_JOIN_KEY_FILE,
    INGRESS_JOIN_CERTIFICATE_FILE,
    INGRESS_CONFIG_FILE,
};

typedef sqlite3 Database;
static void
database_close (Database *db)
{
  sqlite3_close (db);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Database, database_close)

static Database *
open_database (const char *path, int flags, GError **error)
{
  Database *db = NULL;

  if (sqlite3_open_v2 (path, &db, flags, NULL) == SQLITE_OK)
    {
      sqlite3_busy_timeout (db, BUSY_TIMEOUT_MS);
      return db;
    }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "Cannot open %s: %s", path,
               db ? sqlite3_errmsg (db) : "out of memory");
  sqlite3_close (db);
  return NULL;
}

/* Copies a whole database, as of one moment, into a new file that only its owner may read. */
static gboolean
copy_database (const char *from, const char *to, GError **error)
{
  g_autoptr (Database) db = open_database (from, SQLITE_OPEN_READONLY, error);
  int fd;

  if (!db)
    return FALSE;
  /* SQLite would make it with the process's umask; an empty file is fine with VACUUM INTO. */
  fd = open (to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      g_set_error (error, FUNNEL_ERROR,
                   errno == EEXIST ? FUNNEL_ERROR_CONFLICT : FUNNEL_ERROR_STORE,
                   "Cannot make %s: %s", to, g_strerror (errno));
      return FALSE;
    }
  close (fd);
  return store_run (db, error, "VACUUM INTO ?", "s", to);
}

/* Writing. */

static gboolean
put_file (Database *db, const char *state_dir, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, name, NULL);
  g_autofree char *text = NULL;
  gsize len = 0;
  gboolean ok;

  if (!g_file_get_contents (path, &text, &len, error))
    return FALSE;
  ok = store_run (db, error, "INSERT INTO backup_files (name, text) VALUES (?, ?)", "ss", name,
                  text);
  explicit_bzero (text, len);
  return ok;
}

static gboolean
put_files (const char *path, const char *state_dir, GError **error)
{
  g_autoptr (Database) db = open_database (path, SQLITE_OPEN_READWRITE, error);

  if (!db
      || !store_run (db, error, "CREATE TABLE backup_files (name TEXT PRIMARY KEY, text TEXT)", ""))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    if (!put_file (db, state_dir, files[i], error))
      return FALSE;
  return TRUE;
}

gboolean
ingress_backup_write (const char *state_dir, const char *path, GError **error)
{
  g_autofree char *database = g_build_filename (state_dir, INGRESS_DATABASE_FILE, NULL);
  g_autofree char *partial = g_strconcat (path, ".part", NULL);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                   "%s exists already; choose another file", path);
      return FALSE;
    }
  if (copy_database (database, partial, error) && put_files (partial, state_dir, error))
    {
      if (g_rename (partial, path) == 0)
        return TRUE;
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "Cannot make %s: %s", path,
                   g_strerror (errno));
    }
  if (!error || !g_error_matches (*error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT))
    g_unlink (partial);
  return FALSE;
}

/* Reading. */

static gboolean
refuse (const char *path, const char *why, GError **error)
{
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               "%s is not a backup of an ingress, or it is damaged: %s", path, why);
  return FALSE;
}

/* The first column of the first row; NULL when there is none. */
static char *
query_text (Database *db, const char *sql, const char *parameter)
{
  g_autoptr (sqlite3_stmt) row = store_statement (db, NULL, sql, parameter ? "s" : "", parameter);

  if (!row || store_step (db, row, NULL) <= 0 || sqlite3_column_bytes (row, 0) > FILE_MAX_BYTES)
    return NULL;
  return g_strdup ((const char *)sqlite3_column_text (row, 0));
}

static gboolean
check_backup (Database *db, const char *path, GError **error)
{
  g_autofree char *state = query_text (db, "PRAGMA integrity_check", NULL);
  g_autofree char *version = query_text (db, "PRAGMA user_version", NULL);

  if (g_strcmp0 (state, "ok") != 0)
    return refuse (path, state ? state : "it is no database", error);
  if (version && g_ascii_strtoull (version, NULL, 10) > store_migrate_count ())
    return refuse (path, "it was written by a later version of Funnel", error);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *text
          = query_text (db, "SELECT text FROM backup_files WHERE name = ?", files[i]);

      if (!text)
        return refuse (path, files[i], error);
      explicit_bzero (text, strlen (text));
    }
  return TRUE;
}

static gboolean
check_empty (const char *state_dir, GError **error)
{
  g_autoptr (GDir) folder = NULL;
  const char *name;

  if (g_mkdir_with_parents (state_dir, 0700) < 0 || g_chmod (state_dir, 0700) < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "Cannot make %s: %s", state_dir,
                   g_strerror (errno));
      return FALSE;
    }
  folder = g_dir_open (state_dir, 0, error);
  name = folder ? g_dir_read_name (folder) : NULL;
  if (name)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                 "%s is not empty (it has %s); move it away first, nothing is overwritten",
                 state_dir, name);
  return folder && !name;
}

static gboolean
take_files (Database *db, const char *state_dir, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (state_dir, files[i], NULL);
      g_autofree char *text
          = query_text (db, "SELECT text FROM backup_files WHERE name = ?", files[i]);
      gboolean ok = g_file_set_contents_full (
          path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
          error);

      explicit_bzero (text, strlen (text));
      if (!ok)
        return FALSE;
    }
  return TRUE;
}

/* The copy must not keep the keys, not even in free pages. */
static gboolean
strip_files (const char *database, GError **error)
{
  g_autoptr (Database) db = open_database (database, SQLITE_OPEN_READWRITE, error);

  return db && store_run (db, error, "DROP TABLE backup_files", "")
         && store_run (db, error, "VACUUM", "");
}

gboolean
ingress_backup_restore (const char *path, const char *state_dir, GError **error)
{
  g_autofree char *database = g_build_filename (state_dir, INGRESS_DATABASE_FILE, NULL);
  g_autoptr (Database) db = NULL;

  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return refuse (path, "there is no such file", error);
  db = open_database (path, SQLITE_OPEN_READONLY, error);
  return db && check_backup (db, path, error) && check_empty (state_dir, error)
         && copy_database (path, database, error) && strip_files (database, error)
         && take_files (db, state_dir, error);
}
