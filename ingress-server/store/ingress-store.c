/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/ingress-store.h"

#include "lib/base/error.h"
#include "lib/base/host.h"
#include "ingress-server/store/ingress-store-private.h"
#include "ingress-server/store/store-migrations.h"
#include "ingress-server/store/store-statement.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 1000 /* the process waits: links must outlive it, twice in a row */
#define HASH_LEN 32
#define PORTS_MAX 64

/* Values. */

static void
grant_free (IngressGrant *grant)
{
  g_free (grant->name);
  g_free (grant->ports);
  g_free (grant);
}

void
ingress_node_free (IngressNode *node)
{
  if (!node)
    return;
  g_free (node->name);
  g_free (node->public_key);
  g_free (node->software);
  g_ptr_array_unref (node->grants);
  g_free (node);
}

void
ingress_invite_free (IngressInvite *invite)
{
  g_free (invite->node_name);
  g_free (invite);
}

IngressGrant *
ingress_node_find_grant (const IngressNode *node, const char *name)
{
  IngressGrant *above = NULL;

  for (guint i = 0; i < node->grants->len; i++)
    {
      IngressGrant *grant = g_ptr_array_index (node->grants, i);

      if (g_str_equal (grant->name, name))
        return grant;
      if (grant->below && funnel_host_is_child (name, grant->name))
        above = grant;
    }
  return above;
}

gboolean
ingress_grant_is_live (const IngressGrant *grant, gint64 now)
{
  return grant->expires == 0 || grant->expires > now;
}

gboolean
ingress_grant_covers (const IngressGrant *grant, guint16 port, gint64 now)
{
  if (grant->closed || !ingress_grant_is_live (grant, now))
    return FALSE;
  for (guint i = 0; i < grant->n_ports; i++)
    if (grant->ports[i] == port)
      return TRUE;
  return FALSE;
}

char *
ingress_ports_print (const guint16 *ports, guint n_ports)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < n_ports; i++)
    g_string_append_printf (out, "%s%u", i ? "," : "", ports[i]);
  return g_string_free (out, FALSE);
}

GArray *
ingress_ports_parse (const char *text)
{
  g_autoptr (GArray) ports = g_array_new (FALSE, FALSE, sizeof (guint16));
  g_auto (GStrv) parts = g_strsplit (text, ",", PORTS_MAX + 1);

  for (guint i = 0; parts[i]; i++)
    {
      guint64 number = 0;
      guint16 port;
      gboolean twice = FALSE;

      if (i == PORTS_MAX
          || !g_ascii_string_to_unsigned (g_strstrip (parts[i]), 10, 1, G_MAXUINT16, &number, NULL))
        return NULL;
      port = (guint16)number;
      for (guint k = 0; k < ports->len; k++)
        twice |= g_array_index (ports, guint16, k) == port;
      if (!twice)
        g_array_append_val (ports, port);
    }
  return ports->len ? g_steal_pointer (&ports) : NULL;
}

/* Opening. */

/* SQLite would make the file with the process's umask. */
static gboolean
make_private (const char *path, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "Cannot open the database %s: %s", path,
                   g_strerror (errno));
      return FALSE;
    }
  close (fd);
  return TRUE;
}

IngressStore *
ingress_store_open (const char *path, GError **error)
{
  g_autoptr (IngressStore) self = NULL;

  if (!make_private (path, error))
    return NULL;
  self = g_new0 (IngressStore, 1);
  if (sqlite3_open_v2 (path, &self->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "Cannot open the database %s: %s", path,
                   sqlite3_errmsg (self->db));
      return NULL;
    }
  sqlite3_busy_timeout (self->db, BUSY_TIMEOUT_MS);
  /* FULL: a token that was used must stay used even if the power fails right after the answer. */
  if (sqlite3_exec (
          self->db,
          "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;", NULL,
          NULL, NULL)
      != SQLITE_OK)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "Cannot use the database %s: %s", path,
                   sqlite3_errmsg (self->db));
      return NULL;
    }
  if (!store_migrate (self->db, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
ingress_store_close (IngressStore *self)
{
  if (!self)
    return;
  sqlite3_close (self->db);
  g_free (self);
}

void
ingress_store_protect (IngressStore *self, gboolean protect)
{
  sqlite3_exec (self->db, protect ? "PRAGMA query_only=1" : "PRAGMA query_only=0", NULL, NULL,
                NULL);
}

/* Reading. */

static char *
dup_text (sqlite3_stmt *row, int column)
{
  return g_strdup ((const char *)sqlite3_column_text (row, column));
}

static void
read_limits (sqlite3_stmt *row, int column, IngressLimits *limits)
{
  limits->max_flows = (guint)sqlite3_column_int64 (row, column);
  limits->rate = (guint)sqlite3_column_int64 (row, column + 1);
  limits->bandwidth = (guint64)sqlite3_column_int64 (row, column + 2);
}

static IngressGrant *
grant_from_row (sqlite3_stmt *row)
{
  const char *text = (const char *)sqlite3_column_text (row, 2);
  g_autoptr (GArray) ports = ingress_ports_parse (text ? text : "");
  IngressGrant *grant;
  gsize n_ports = 0;

  if (!ports)
    return NULL;
  grant = g_new0 (IngressGrant, 1);
  grant->id = sqlite3_column_int64 (row, 0);
  grant->name = dup_text (row, 1);
  grant->expires = sqlite3_column_int64 (row, 3);
  grant->ports = g_array_steal (ports, &n_ports);
  grant->n_ports = (guint)n_ports;
  grant->closed = sqlite3_column_int (row, 4);
  read_limits (row, 5, &grant->limits);
  grant->below = sqlite3_column_int (row, 8);
  grant->claimed = sqlite3_column_int (row, 9);
  return grant;
}

static gboolean
load_grants (IngressStore *self, IngressNode *node, GError **error)
{
  g_autoptr (sqlite3_stmt) row = store_statement (
      self->db, error,
      "SELECT id, name, ports, expires, closed, max_flows, rate, bandwidth, below, claimed "
      "FROM grants "
      "WHERE node = ? ORDER BY id",
      "i", node->id);
  int rc;

  if (!row)
    return FALSE;
  while ((rc = store_step (self->db, row, error)) > 0)
    {
      IngressGrant *grant = grant_from_row (row);

      if (grant)
        g_ptr_array_add (node->grants, grant);
    }
  return rc == 0;
}

#define NODE_COLUMNS                                                                               \
  "id, name, public_key, host, software, created, last_seen, max_flows, rate, bandwidth"

static IngressNode *
node_from_row (IngressStore *self, sqlite3_stmt *row, GError **error)
{
  g_autoptr (IngressNode) node = g_new0 (IngressNode, 1);

  node->id = sqlite3_column_int64 (row, 0);
  node->name = dup_text (row, 1);
  node->public_key = dup_text (row, 2);
  node->host = (guint32)sqlite3_column_int64 (row, 3);
  node->software = dup_text (row, 4);
  node->created = sqlite3_column_int64 (row, 5);
  node->last_seen = sqlite3_column_int64 (row, 6);
  read_limits (row, 7, &node->limits);
  node->grants = g_ptr_array_new_with_free_func ((GDestroyNotify)grant_free);
  return load_grants (self, node, error) ? g_steal_pointer (&node) : NULL;
}

GPtrArray *
ingress_store_load_nodes (IngressStore *self, GError **error)
{
  g_autoptr (GPtrArray) nodes = g_ptr_array_new_with_free_func ((GDestroyNotify)ingress_node_free);
  g_autoptr (sqlite3_stmt) row
      = store_statement (self->db, error, "SELECT " NODE_COLUMNS " FROM nodes ORDER BY id", "");
  int rc;

  if (!row)
    return NULL;
  while ((rc = store_step (self->db, row, error)) > 0)
    {
      IngressNode *node = node_from_row (self, row, error);

      if (!node)
        return NULL;
      g_ptr_array_add (nodes, node);
    }
  return rc == 0 ? g_steal_pointer (&nodes) : NULL;
}

IngressNode *
ingress_store_load_node (IngressStore *self, gint64 id, GError **error)
{
  g_autoptr (sqlite3_stmt) row = store_statement (
      self->db, error, "SELECT " NODE_COLUMNS " FROM nodes WHERE id = ?", "i", id);
  int rc = row ? store_step (self->db, row, error) : -1;

  if (rc > 0)
    return node_from_row (self, row, error);
  if (rc == 0)
    g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND, "There is no such node");
  return NULL;
}

GPtrArray *
ingress_store_load_invites (IngressStore *self, gint64 now, GError **error)
{
  g_autoptr (GPtrArray) invites
      = g_ptr_array_new_with_free_func ((GDestroyNotify)ingress_invite_free);
  g_autoptr (sqlite3_stmt) row = store_statement (
      self->db, error,
      "SELECT node_name, expires, grant_name IS NOT NULL, replace_node FROM tokens "
      "WHERE used = 0 AND expires > ? ORDER BY expires",
      "i", now);
  int rc;

  if (!row)
    return NULL;
  while ((rc = store_step (self->db, row, error)) > 0)
    {
      IngressInvite *invite = g_new0 (IngressInvite, 1);

      invite->node_name = dup_text (row, 0);
      invite->expires = sqlite3_column_int64 (row, 1);
      invite->grant = sqlite3_column_int (row, 2);
      invite->replace = sqlite3_column_int (row, 3);
      g_ptr_array_add (invites, invite);
    }
  return rc == 0 ? g_steal_pointer (&invites) : NULL;
}

/* Transactions. */

gboolean
store_begin (IngressStore *self, GError **error)
{
  return store_run (self->db, error, "BEGIN IMMEDIATE", "");
}

gboolean
store_end (IngressStore *self, gboolean ok, GError **error)
{
  if (ok && store_run (self->db, error, "COMMIT", ""))
    return TRUE;
  sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
  return FALSE;
}

/* One number, or @fallback when there is no row; FALSE on a database error. */
static gboolean
query_number (sqlite3 *db, sqlite3_stmt *row, gint64 fallback, gint64 *out, GError **error)
{
  g_autoptr (sqlite3_stmt) owned = row;
  int rc = row ? store_step (db, row, error) : -1;

  *out = rc > 0 ? sqlite3_column_int64 (row, 0) : fallback;
  return rc >= 0;
}

static gboolean
find_node (IngressStore *self, const char *name, gint64 *id, GError **error)
{
  return query_number (
      self->db, store_statement (self->db, error, "SELECT id FROM nodes WHERE name = ?", "s", name),
      0, id, error);
}

gboolean
store_find_holder (IngressStore *self,
                   const char *name,
                   gboolean below,
                   gint64 node,
                   char **held,
                   GError **error)
{
  const char *dot = strchr (name, '.');
  g_autofree char *pattern = g_strconcat ("%.", name, NULL);
  g_autofree char *deeper = g_strconcat ("%.%.", name, NULL);
  g_autoptr (sqlite3_stmt) row = store_statement (
      self->db, error,
      "SELECT name FROM grants WHERE node <> ?1 AND (name = ?2 OR (below AND name = ?3) "
      "OR (?4 AND name LIKE ?5 AND name NOT LIKE ?6)) LIMIT 1",
      "ississ", node, name, dot ? dot + 1 : "", (gint64)below, pattern, deeper);
  int rc = row ? store_step (self->db, row, error) : -1;

  *held = rc > 0 ? dup_text (row, 0) : NULL;
  return rc >= 0;
}

/* Whether no node other than @node is in the way; expired grants are cleared away. */
static gboolean
claim_name (IngressStore *self,
            const char *name,
            gboolean below,
            gint64 node,
            gint64 now,
            GError **error)
{
  g_autofree char *held = NULL;

  if (!store_run (self->db, error,
                  "DELETE FROM grants WHERE node <> ? AND expires <> 0 AND expires <= ?", "ii",
                  node, now)
      || !store_find_holder (self, name, below, node, &held, error))
    return FALSE;
  if (!held)
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
               "%s is granted to another node; revoke it there first (see “funnel-ingress nodes”)",
               held);
  return FALSE;
}

static gboolean
limit_name (IngressStore *self, const char *name, const IngressLimits *limits, GError **error)
{
  return store_run (
      self->db, error, "UPDATE grants SET max_flows = ?, rate = ?, bandwidth = ? WHERE name = ?",
      "iiis", (gint64)limits->max_flows, (gint64)limits->rate, (gint64)limits->bandwidth, name);
}

static gboolean
put_grant (IngressStore *self,
           gint64 node,
           const char *name,
           gboolean below,
           const char *ports,
           gint64 now,
           gint64 expires,
           const IngressLimits *limits,
           GError **error)
{
  return claim_name (self, name, below, node, now, error)
         && store_run (
             self->db, error,
             "INSERT INTO grants (node, name, ports, expires, below) VALUES (?, ?, ?, ?, ?) "
             "ON CONFLICT (name) DO UPDATE SET ports = excluded.ports, "
             "expires = excluded.expires, below = excluded.below, claimed = 0",
             "issii", node, name, ports, expires, (gint64)below)
         && store_run (self->db, error, "DELETE FROM claims WHERE name = ?", "s", name)
         && (limits == NULL || limit_name (self, name, limits, error));
}

gboolean
ingress_store_put_grant (IngressStore *self,
                         gint64 node,
                         const char *name,
                         gboolean below,
                         const char *ports,
                         gint64 now,
                         gint64 expires,
                         const IngressLimits *limits,
                         GError **error)
{
  return store_begin (self, error)
         && store_end (
             self, put_grant (self, node, name, below, ports, now, expires, limits, error), error);
}

gboolean
ingress_store_close_grant (IngressStore *self, gint64 grant, gboolean closed, GError **error)
{
  return store_run (self->db, error, "UPDATE grants SET closed = ? WHERE id = ?", "ii",
                    (gint64)closed, grant);
}

gboolean
ingress_store_limit_node (IngressStore *self,
                          gint64 node,
                          const IngressLimits *limits,
                          GError **error)
{
  return store_run (
      self->db, error, "UPDATE nodes SET max_flows = ?, rate = ?, bandwidth = ? WHERE id = ?",
      "iiii", (gint64)limits->max_flows, (gint64)limits->rate, (gint64)limits->bandwidth, node);
}

gboolean
ingress_store_remove_grant (IngressStore *self, gint64 grant, gint64 now, GError **error)
{
  return store_begin (self, error)
         && store_end (
             self,
             store_run (self->db, error,
                        "UPDATE claims SET node = NULL, public_key = '', released = ? "
                        "WHERE name = (SELECT name FROM grants WHERE id = ? AND claimed)",
                        "ii", now, grant)
                 && store_run (self->db, error, "DELETE FROM grants WHERE id = ?", "i", grant),
             error);
}

gboolean
store_end_claims (IngressStore *self,
                  gint64 node,
                  const char *public_key,
                  gint64 now,
                  GError **error)
{
  return store_run (self->db, error, "DELETE FROM grants WHERE node = ? AND claimed", "i", node)
         && store_run (self->db, error,
                       "UPDATE claims SET node = NULL, public_key = ?, released = ? WHERE node = ?",
                       "sii", public_key, now, node);
}

static gboolean
remove_node (IngressStore *self, gint64 node, gint64 now, GError **error)
{
  g_autoptr (IngressNode) found = ingress_store_load_node (self, node, error);

  return found != NULL && store_end_claims (self, node, found->public_key, now, error)
         && store_run (self->db, error, "DELETE FROM nodes WHERE id = ?", "i", node);
}

gboolean
ingress_store_remove_node (IngressStore *self, gint64 node, gint64 now, GError **error)
{
  return store_begin (self, error) && store_end (self, remove_node (self, node, now, error), error);
}

gboolean
ingress_store_touch (IngressStore *self, GPtrArray *nodes, GError **error)
{
  gboolean ok;

  if (!store_begin (self, error))
    return FALSE;
  ok = TRUE;
  for (guint i = 0; ok && i < nodes->len; i++)
    {
      const IngressNode *node = g_ptr_array_index (nodes, i);

      ok = store_run (self->db, error, "UPDATE nodes SET last_seen = ?, software = ? WHERE id = ?",
                      "isi", node->last_seen, node->software, node->id);
    }
  return store_end (self, ok, error);
}

gboolean
ingress_store_purge_tokens (IngressStore *self, gint64 before, GError **error)
{
  return store_run (self->db, error, "DELETE FROM tokens WHERE expires < ?", "i", before);
}

/* Tokens. */

/* The table is searched by the hash: however long that takes, it tells nothing about the secret. */
static void
hash_secret (const guint8 secret[FUNNEL_TOKEN_SECRET_LEN], guint8 hash[HASH_LEN])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize len = HASH_LEN;

  g_checksum_update (checksum, secret, FUNNEL_TOKEN_SECRET_LEN);
  g_checksum_get_digest (checksum, hash, &len);
}

static gboolean
refuse_existing (const char *name, GError **error)
{
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
               N_ ("A node called “%s” has already joined; choose another name, or invite it with "
                   "--replace to give it a "
                   "new key"),
               name);
  return FALSE;
}

static gboolean
add_token (IngressStore *self,
           const guint8 *secret,
           const char *node_name,
           const char *grant_name,
           const char *grant_ports,
           gboolean replace,
           gint64 now,
           gint64 expires,
           GError **error)
{
  guint8 hash[HASH_LEN];
  gint64 node = 0;

  if (!find_node (self, node_name, &node, error))
    return FALSE;
  if (node && !replace)
    return refuse_existing (node_name, error);
  if (grant_name && !claim_name (self, grant_name, TRUE, node, now, error))
    return FALSE;
  hash_secret (secret, hash);
  return store_run (
      self->db, error,
      "INSERT INTO tokens (secret_hash, node_name, grant_name, grant_ports, replace_node, created, "
      "expires) VALUES (?, ?, ?, ?, ?, ?, ?)",
      "hsssiii", hash, node_name, grant_name, grant_ports, (gint64)replace, now, expires);
}

gboolean
ingress_store_add_token (IngressStore *self,
                         const guint8 secret[FUNNEL_TOKEN_SECRET_LEN],
                         const char *node_name,
                         const char *grant_name,
                         const char *grant_ports,
                         gboolean replace,
                         gint64 now,
                         gint64 expires,
                         GError **error)
{
  return store_begin (self, error)
         && store_end (self,
                       add_token (self, secret, node_name, grant_name, grant_ports, replace, now,
                                  expires, error),
                       error);
}

typedef struct
{
  char *node_name;
  char *grant_name;
  char *grant_ports;
  char *used_key;
  gboolean replace;
  gint64 expires;
  gint64 used;
  gint64 used_node; /* 0 when that node is gone */
} Token;

static void
token_clear (Token *token)
{
  g_free (token->node_name);
  g_free (token->grant_name);
  g_free (token->grant_ports);
  g_free (token->used_key);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Token, token_clear)

static gboolean
load_token (IngressStore *self, const guint8 hash[HASH_LEN], Token *token, GError **error)
{
  g_autoptr (sqlite3_stmt) row = store_statement (
      self->db, error,
      "SELECT node_name, grant_name, grant_ports, used_key, replace_node, expires, used, used_node "
      "FROM tokens WHERE secret_hash = ?",
      "h", hash);
  int rc = row ? store_step (self->db, row, error) : -1;

  if (rc == 0)
    g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_UNKNOWN,
                         N_ ("This ingress does not know this join token; ask for a new one"));
  if (rc <= 0)
    return FALSE;
  token->node_name = dup_text (row, 0);
  token->grant_name = dup_text (row, 1);
  token->grant_ports = dup_text (row, 2);
  token->used_key = dup_text (row, 3);
  token->replace = sqlite3_column_int (row, 4);
  token->expires = sqlite3_column_int64 (row, 5);
  token->used = sqlite3_column_int64 (row, 6);
  token->used_node = sqlite3_column_int64 (row, 7);
  return TRUE;
}

/* The node as it was answered before, for a token that was used already. */
static IngressNode *
answer_again (IngressStore *self, const Token *token, const char *public_key, GError **error)
{
  g_autoptr (IngressNode) node = NULL;

  if (token->used_node && g_strcmp0 (token->used_key, public_key) == 0)
    {
      node = ingress_store_load_node (self, token->used_node, error);
      if (!node)
        return NULL;
      if (g_str_equal (node->public_key, public_key))
        return g_steal_pointer (&node);
    }
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_USED,
                       N_ ("This join token was used already; ask for a new one"));
  return NULL;
}

static gboolean
allocate_host (IngressStore *self, gint64 *host, GError **error)
{
  static const char lowest_free[]
      = "SELECT min (candidate) FROM ("
        "  SELECT ?1 AS candidate WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE host = ?1)"
        "  UNION ALL"
        "  SELECT host + 1 FROM nodes AS n WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE host = "
        "n.host + 1))";
  gint64 count = 0;

  if (!query_number (self->db, store_statement (self->db, error, "SELECT count (*) FROM nodes", ""),
                     0, &count, error)
      || !query_number (
          self->db, store_statement (self->db, error, lowest_free, "i", (gint64)INGRESS_HOST_FIRST),
          0, host, error))
    return FALSE;
  if (count < INGRESS_NODES_MAX && *host >= INGRESS_HOST_FIRST && *host <= INGRESS_HOST_LAST)
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                       N_ ("This ingress has as many nodes as it can hold"));
  return FALSE;
}

static gboolean
create_node (IngressStore *self,
             const char *name,
             const char *public_key,
             const char *software,
             gint64 now,
             gint64 *id,
             GError **error)
{
  gint64 host = 0;

  if (!allocate_host (self, &host, error)
      || !store_run (
          self->db, error,
          "INSERT INTO nodes (name, public_key, host, software, created) VALUES (?, ?, ?, ?, ?)",
          "ssisi", name, public_key, host, software ? software : "", now))
    return FALSE;
  *id = sqlite3_last_insert_rowid (self->db);
  return TRUE;
}

static gboolean
check_key_is_new (IngressStore *self, const char *public_key, gint64 node, GError **error)
{
  gint64 other = 0;

  if (!query_number (self->db,
                     store_statement (self->db, error,
                                      "SELECT id FROM nodes WHERE public_key = ? AND id <> ?", "si",
                                      public_key, node),
                     0, &other, error))
    return FALSE;
  if (other == 0)
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                       N_ ("Another node of this ingress has this WireGuard key; run “funnel "
                           "leave” and join again"));
  return FALSE;
}

/* Creates or re-keys the node of an unused token; its id in @id. */
static gboolean
use_token (IngressStore *self,
           const guint8 hash[HASH_LEN],
           const Token *token,
           const char *public_key,
           const char *software,
           gint64 now,
           gint64 *id,
           IngressJoinKind *kind,
           GError **error)
{
  if (!find_node (self, token->node_name, id, error)
      || !check_key_is_new (self, public_key, *id, error))
    return FALSE;
  if (*id && !token->replace)
    return refuse_existing (token->node_name, error);
  *kind = *id ? INGRESS_JOIN_REPLACED : INGRESS_JOIN_NEW;
  if (*id)
    {
      /* What the old key has proved, the new one has to prove too. */
      if (!store_end_claims (self, *id, public_key, now, error)
          || !store_run (self->db, error,
                         "UPDATE nodes SET public_key = ?, software = ? WHERE id = ?", "ssi",
                         public_key, software ? software : "", *id))
        return FALSE;
    }
  else if (!create_node (self, token->node_name, public_key, software, now, id, error))
    return FALSE;
  if (token->grant_name
      && !put_grant (self, *id, token->grant_name, TRUE, token->grant_ports, now, 0, NULL, error))
    return FALSE;
  return store_run (self->db, error,
                    "UPDATE tokens SET used = ?, used_key = ?, used_node = ? WHERE secret_hash = ?",
                    "isih", now, public_key, *id, hash);
}

static IngressNode *
join (IngressStore *self,
      const guint8 hash[HASH_LEN],
      const char *public_key,
      const char *software,
      gint64 now,
      IngressJoinKind *kind,
      GError **error)
{
  g_auto (Token) token = {0};
  gint64 id = 0;

  if (!load_token (self, hash, &token, error))
    return NULL;
  if (token.expires <= now)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_EXPIRED,
                           N_ ("This join token has expired; ask for a new one"));
      return NULL;
    }
  *kind = INGRESS_JOIN_AGAIN;
  if (token.used)
    return answer_again (self, &token, public_key, error);
  if (!use_token (self, hash, &token, public_key, software, now, &id, kind, error))
    return NULL;
  return ingress_store_load_node (self, id, error);
}

IngressNode *
ingress_store_join (IngressStore *self,
                    const guint8 secret[FUNNEL_TOKEN_SECRET_LEN],
                    const char *public_key,
                    const char *software,
                    gint64 now,
                    IngressJoinKind *kind,
                    GError **error)
{
  g_autoptr (IngressNode) node = NULL;
  guint8 hash[HASH_LEN];

  hash_secret (secret, hash);
  if (!store_begin (self, error))
    return NULL;
  node = join (self, hash, public_key, software, now, kind, error);
  if (!store_end (self, node != NULL, error))
    return NULL;
  return g_steal_pointer (&node);
}
