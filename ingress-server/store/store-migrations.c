/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/store-migrations.h"

#include "lib/base/error.h"

/* To change the shape, append a step; never edit one that was released. user_version holds the
 * number of steps taken. Times are Unix seconds; 0 = never. */
static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE nodes ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT," /* never used again, so that a route id never means
                                                 two nodes */
    "  name TEXT NOT NULL UNIQUE,"
    "  public_key TEXT NOT NULL UNIQUE,"
    "  host INTEGER NOT NULL UNIQUE," /* host part of the tunnel address, from 2 */
    "  software TEXT NOT NULL DEFAULT '',"
    "  created INTEGER NOT NULL,"
    "  last_seen INTEGER NOT NULL DEFAULT 0"
    ");"
    "CREATE TABLE grants ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  node INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,"
    "  name TEXT NOT NULL UNIQUE," /* a name leads to one node only */
    "  ports TEXT NOT NULL,"       /* \"443,8443\" */
    "  expires INTEGER NOT NULL DEFAULT 0"
    ");"
    "CREATE INDEX grants_of_node ON grants (node);"
    "CREATE TABLE tokens ("
    "  secret_hash BLOB PRIMARY KEY," /* SHA-256; the secret itself is kept nowhere */
    "  node_name TEXT NOT NULL,"
    "  grant_name TEXT," /* NULL: joining grants nothing */
    "  grant_ports TEXT,"
    "  replace_node INTEGER NOT NULL DEFAULT 0,"
    "  created INTEGER NOT NULL,"
    "  expires INTEGER NOT NULL,"
    "  used INTEGER NOT NULL DEFAULT 0,"
    "  used_key TEXT,"
    "  used_node INTEGER REFERENCES nodes (id) ON DELETE SET NULL"
    ") WITHOUT ROWID;",
    /* 2: limits (0 = none), names switched off by hand, who did what */
    "ALTER TABLE nodes ADD COLUMN max_flows INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE nodes ADD COLUMN rate INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE nodes ADD COLUMN bandwidth INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE grants ADD COLUMN max_flows INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE grants ADD COLUMN rate INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE grants ADD COLUMN bandwidth INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE grants ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE audit ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  time INTEGER NOT NULL,"
    "  uid INTEGER NOT NULL," /* -1: no user, such as a node that joined */
    "  pid INTEGER NOT NULL,"
    "  action TEXT NOT NULL,"
    "  node TEXT NOT NULL DEFAULT '',"
    "  detail TEXT NOT NULL DEFAULT '',"
    "  error TEXT NOT NULL DEFAULT ''" /* empty: it was done */
    ");"
    "CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit "
    "BEGIN SELECT RAISE (ABORT, 'the audit log is only ever appended to'); END;"
    "CREATE TRIGGER audit_stays BEFORE DELETE ON audit "
    "BEGIN SELECT RAISE (ABORT, 'the audit log is only ever appended to'); END;",
    /* 3: a grant may cover the names one label below its own, as that of a node's own name does */
    "ALTER TABLE grants ADD COLUMN below INTEGER NOT NULL DEFAULT 0;"
    "UPDATE grants SET below = 1 WHERE id IN (SELECT g.id FROM grants AS g JOIN nodes AS n "
    "  ON n.id = g.node WHERE g.name LIKE n.name || '.%');",
    /* 4: names that may have DNS records of ours */
    "CREATE TABLE dns_names (name TEXT PRIMARY KEY) WITHOUT ROWID;",
    /* 5: names outside the zone that nodes have proved. A claim with a node has a grant of the same
       name; one without is in quarantine: only who has its key may take it. */
    "ALTER TABLE grants ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE claims ("
    "  name TEXT PRIMARY KEY,"
    "  node INTEGER REFERENCES nodes (id) ON DELETE SET NULL,"
    "  node_name TEXT NOT NULL,"
    "  public_key TEXT NOT NULL," /* empty: nobody's */
    "  proof TEXT NOT NULL,"
    "  since INTEGER NOT NULL,"
    "  checked INTEGER NOT NULL,"           /* when the proof was last seen */
    "  lost INTEGER NOT NULL DEFAULT 0,"    /* since when it is gone from DNS */
    "  released INTEGER NOT NULL DEFAULT 0" /* when the quarantine began */
    ") WITHOUT ROWID;"
    "CREATE INDEX claims_of_node ON claims (node);",
};

guint
store_migrate_count (void)
{
  return G_N_ELEMENTS (steps);
}

static gboolean
fail (sqlite3 *db, GError **error)
{
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "Cannot prepare the database: %s",
               sqlite3_errmsg (db));
  return FALSE;
}

static int
read_version (sqlite3 *db)
{
  sqlite3_stmt *statement = NULL;
  int version = -1;

  if (sqlite3_prepare_v2 (db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK
      && sqlite3_step (statement) == SQLITE_ROW)
    version = sqlite3_column_int (statement, 0);
  sqlite3_finalize (statement);
  return version;
}

/* Takes the step after @version. The version is read again under the lock: two processes may have
 * opened a new database at once. */
static gboolean
take_step (sqlite3 *db, int version, GError **error)
{
  g_autofree char *stamp = g_strdup_printf ("PRAGMA user_version = %d", version + 1);

  if (sqlite3_exec (db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
    return fail (db, error);
  if (read_version (db) != version)
    return sqlite3_exec (db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK || fail (db, error);
  if (sqlite3_exec (db, steps[version], NULL, NULL, NULL) == SQLITE_OK
      && sqlite3_exec (db, stamp, NULL, NULL, NULL) == SQLITE_OK
      && sqlite3_exec (db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  fail (db, error);
  sqlite3_exec (db, "ROLLBACK", NULL, NULL, NULL);
  return FALSE;
}

gboolean
store_migrate (sqlite3 *db, GError **error)
{
  for (;;)
    {
      int version = read_version (db);

      if (version < 0)
        return fail (db, error);
      if (version > (int)G_N_ELEMENTS (steps))
        {
          g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
                       "The database was written by a later version of Funnel (%d, this one knows "
                       "%u); update this "
                       "installation",
                       version, store_migrate_count ());
          return FALSE;
        }
      if (version == (int)G_N_ELEMENTS (steps))
        return TRUE;
      if (!take_step (db, version, error))
        return FALSE;
    }
}
