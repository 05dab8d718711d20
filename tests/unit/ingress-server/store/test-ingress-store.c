/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/ingress-store.h"

#include "lib/base/error.h"
#include "ingress-server/store/audit-log.h"
#include "ingress-server/store/store-migrations.h"
#include "ingress-server/store/store-statement.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define NOW 1700000000
#define HOUR 3600

typedef struct
{
  char *folder;
  char *path;
  IngressStore *store;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->folder = g_dir_make_tmp ("funnel-store-XXXXXX", &error);
  f->path = g_build_filename (f->folder, "ingress.db", NULL);
  f->store = ingress_store_open (f->path, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  static const char *const suffixes[] = {"", "-wal", "-shm"};

  g_clear_pointer (&f->store, ingress_store_close);
  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *path = g_strconcat (f->path, suffixes[i], NULL);

      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_free (f->folder);
  g_free (f->path);
}

static void
secret_of (guint8 number, guint8 secret[FUNNEL_TOKEN_SECRET_LEN])
{
  memset (secret, number, FUNNEL_TOKEN_SECRET_LEN);
}

static void
add_token (Fixture *f, guint8 number, const char *node, const char *grant, gboolean replace)
{
  guint8 secret[FUNNEL_TOKEN_SECRET_LEN];
  g_autoptr (GError) error = NULL;

  secret_of (number, secret);
  ingress_store_add_token (f->store, secret, node, grant, grant ? "443" : NULL, replace, NOW,
                           NOW + HOUR, &error);
  g_assert_no_error (error);
}

/* NULL @expected_error code: must work. */
static IngressNode *
join_at (IngressStore *store,
         guint8 number,
         const char *key,
         gint64 now,
         IngressJoinKind *kind,
         GError **error)
{
  guint8 secret[FUNNEL_TOKEN_SECRET_LEN];

  secret_of (number, secret);
  return ingress_store_join (store, secret, key, "test/1", now, kind, error);
}

static IngressNode *
join_ok (Fixture *f, guint8 number, const char *key)
{
  IngressJoinKind kind;
  g_autoptr (GError) error = NULL;
  IngressNode *node = join_at (f->store, number, key, NOW, &kind, &error);

  g_assert_no_error (error);
  g_assert_nonnull (node);
  return node;
}

static void
join_refused (Fixture *f, guint8 number, const char *key, gint64 now, FunnelError code)
{
  IngressJoinKind kind;
  g_autoptr (GError) error = NULL;

  g_assert_null (join_at (f->store, number, key, now, &kind, &error));
  g_assert_error (error, FUNNEL_ERROR, (int)code);
}

static void
test_join (Fixture *f, gconstpointer data)
{
  g_autoptr (IngressNode) first = NULL, second = NULL, again = NULL;
  g_autoptr (GPtrArray) invites = NULL;
  g_autoptr (GError) error = NULL;
  IngressJoinKind kind;

  add_token (f, 1, "laptop", "laptop.example.org", FALSE);
  add_token (f, 2, "desk", NULL, FALSE);
  invites = ingress_store_load_invites (f->store, NOW, &error);
  g_assert_cmpuint (invites->len, ==, 2);

  first = join_ok (f, 1, "key-1");
  g_assert_cmpstr (first->name, ==, "laptop");
  g_assert_cmpuint (first->host, ==, INGRESS_HOST_FIRST);
  g_assert_cmpuint (first->grants->len, ==, 1);
  g_assert_nonnull (ingress_node_find_grant (first, "laptop.example.org"));
  second = join_ok (f, 2, "key-2");
  g_assert_cmpuint (second->host, ==, INGRESS_HOST_FIRST + 1);
  g_assert_cmpuint (second->grants->len, ==, 0);

  /* The same key gets the same answer, another key does not. */
  again = join_at (f->store, 1, "key-1", NOW + 5, &kind, &error);
  g_assert_cmpint (again->id, ==, first->id);
  g_assert_cmpint (kind, ==, INGRESS_JOIN_AGAIN);
  join_refused (f, 1, "key-3", NOW, FUNNEL_ERROR_TOKEN_USED);
  join_refused (f, 1, "key-1", NOW + HOUR, FUNNEL_ERROR_TOKEN_EXPIRED);
  join_refused (f, 9, "key-9", NOW, FUNNEL_ERROR_TOKEN_UNKNOWN);
}

static void
test_expired_token (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  add_token (f, 1, "laptop", NULL, FALSE);
  join_refused (f, 1, "key-1", NOW + HOUR, FUNNEL_ERROR_TOKEN_EXPIRED);
  g_assert_true (ingress_store_purge_tokens (f->store, NOW + 2 * HOUR, &error));
  join_refused (f, 1, "key-1", NOW + HOUR, FUNNEL_ERROR_TOKEN_UNKNOWN);
}

/* A removed node's token does not bring it back. */
static void
test_removed_node (Fixture *f, gconstpointer data)
{
  g_autoptr (IngressNode) node = NULL;
  g_autoptr (GPtrArray) nodes = NULL;
  g_autoptr (GError) error = NULL;

  add_token (f, 1, "laptop", "laptop.example.org", FALSE);
  node = join_ok (f, 1, "key-1");
  g_assert_true (ingress_store_remove_node (f->store, node->id, NOW, &error));
  join_refused (f, 1, "key-1", NOW, FUNNEL_ERROR_TOKEN_USED);
  nodes = ingress_store_load_nodes (f->store, &error);
  g_assert_cmpuint (nodes->len, ==, 0);
  /* Its grants went with it: the name is free. */
  add_token (f, 2, "other", "laptop.example.org", FALSE);
}

#define NODE(i) ((IngressNode *)g_ptr_array_index (nodes, i))

static void
test_lowest_free_address (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) nodes = g_ptr_array_new_with_free_func ((GDestroyNotify)ingress_node_free);
  g_autoptr (IngressNode) low = NULL, high = NULL;

  for (guint8 i = 0; i < 3; i++)
    {
      g_autofree char *name = g_strdup_printf ("node%u", i), *key = g_strdup_printf ("key-%u", i);

      add_token (f, i, name, NULL, FALSE);
      g_ptr_array_add (nodes, join_ok (f, i, key));
      g_assert_cmpuint (NODE (i)->host, ==, INGRESS_HOST_FIRST + i);
    }
  g_assert_true (ingress_store_remove_node (f->store, NODE (0)->id, NOW, NULL));
  g_assert_true (ingress_store_remove_node (f->store, NODE (1)->id, NOW, NULL));
  add_token (f, 10, "low", NULL, FALSE);
  low = join_ok (f, 10, "key-low");
  g_assert_cmpuint (low->host, ==, INGRESS_HOST_FIRST);
  g_assert_cmpint (low->id, >, NODE (2)->id);
  add_token (f, 11, "high", NULL, FALSE);
  high = join_ok (f, 11, "key-high");
  g_assert_cmpuint (high->host, ==, INGRESS_HOST_FIRST + 1);
}

static void
test_replace (Fixture *f, gconstpointer data)
{
  guint8 secret[FUNNEL_TOKEN_SECRET_LEN];
  g_autoptr (IngressNode) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;

  add_token (f, 1, "laptop", "laptop.example.org", FALSE);
  add_token (f, 2, "laptop", NULL, FALSE); /* invited twice before anyone joined */
  first = join_ok (f, 1, "key-1");
  join_refused (f, 2, "key-2", NOW, FUNNEL_ERROR_CONFLICT);

  secret_of (3, secret);
  g_assert_false (ingress_store_add_token (f->store, secret, "laptop", NULL, NULL, FALSE, NOW,
                                           NOW + HOUR, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT);

  add_token (f, 4, "laptop", NULL, TRUE);
  second = join_ok (f, 4, "key-4");
  g_assert_cmpint (second->id, ==, first->id);
  g_assert_cmpuint (second->host, ==, first->host);
  g_assert_cmpstr (second->public_key, ==, "key-4");
  g_assert_cmpuint (second->grants->len, ==, 1);
  /* The first token's answer is no longer true for its key. */
  join_refused (f, 1, "key-1", NOW, FUNNEL_ERROR_TOKEN_USED);
}

static void
test_one_key_one_node (Fixture *f, gconstpointer data)
{
  g_autoptr (IngressNode) node = NULL;

  add_token (f, 1, "a", NULL, FALSE);
  add_token (f, 2, "b", NULL, FALSE);
  node = join_ok (f, 1, "key-1");
  join_refused (f, 2, "key-1", NOW, FUNNEL_ERROR_CONFLICT);
}

static void
test_grants (Fixture *f, gconstpointer data)
{
  g_autoptr (IngressNode) a = NULL, b = NULL, back = NULL;
  g_autoptr (GError) error = NULL;
  IngressGrant *grant;

  add_token (f, 1, "a", NULL, FALSE);
  add_token (f, 2, "b", NULL, FALSE);
  a = join_ok (f, 1, "key-1");
  b = join_ok (f, 2, "key-2");

  g_assert_true (ingress_store_put_grant (f->store, a->id, "x.example", FALSE, "443,8443", NOW,
                                          NOW + HOUR, NULL, &error));
  g_assert_false (
      ingress_store_put_grant (f->store, b->id, "x.example", FALSE, "443", NOW, 0, NULL, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT);
  g_clear_error (&error);

  back = ingress_store_load_node (f->store, a->id, &error);
  grant = ingress_node_find_grant (back, "x.example");
  g_assert_true (ingress_grant_covers (grant, 8443, NOW));
  g_assert_false (ingress_grant_covers (grant, 80, NOW));
  g_assert_false (ingress_grant_covers (grant, 443, NOW + HOUR));

  /* An expired grant no longer holds the name. */
  g_assert_true (ingress_store_put_grant (f->store, b->id, "x.example", FALSE, "443", NOW + HOUR, 0,
                                          NULL, &error));
  g_assert_no_error (error);
  g_clear_pointer (&back, ingress_node_free);
  back = ingress_store_load_node (f->store, a->id, &error);
  g_assert_cmpuint (back->grants->len, ==, 0);

  /* Changing a grant keeps it; revoking and granting again makes another. */
  g_clear_pointer (&back, ingress_node_free);
  back = ingress_store_load_node (f->store, b->id, &error);
  grant = ingress_node_find_grant (back, "x.example");
  g_assert_true (ingress_store_put_grant (f->store, b->id, "x.example", FALSE, "8443", NOW + HOUR,
                                          5, NULL, &error));
  {
    g_autoptr (IngressNode) changed = ingress_store_load_node (f->store, b->id, &error);
    g_autoptr (IngressNode) anew = NULL;

    g_assert_cmpint (ingress_node_find_grant (changed, "x.example")->id, ==, grant->id);
    g_assert_true (ingress_store_remove_grant (f->store, grant->id, NOW, &error));
    g_assert_true (ingress_store_put_grant (f->store, b->id, "x.example", FALSE, "8443", NOW, 0,
                                            NULL, &error));
    anew = ingress_store_load_node (f->store, b->id, &error);
    g_assert_cmpint (ingress_node_find_grant (anew, "x.example")->id, !=, grant->id);
  }
}

/* Nobody gets a name that another node's grant covers, nor covers a name that another has. */
static void
test_below (Fixture *f, gconstpointer data)
{
  g_autoptr (IngressNode) a = NULL, b = NULL, back = NULL;
  g_autoptr (GError) error = NULL;

  add_token (f, 1, "a", NULL, FALSE);
  add_token (f, 2, "b", NULL, FALSE);
  a = join_ok (f, 1, "key-1");
  b = join_ok (f, 2, "key-2");
  g_assert_true (
      ingress_store_put_grant (f->store, a->id, "x.org", TRUE, "443", NOW, 0, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (
      ingress_store_put_grant (f->store, b->id, "c.x.org", FALSE, "443", NOW, 0, NULL, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT);
  g_clear_error (&error);
  g_assert_true (
      ingress_store_put_grant (f->store, b->id, "d.c.x.org", FALSE, "443", NOW, 0, NULL, &error));
  g_assert_false (
      ingress_store_put_grant (f->store, a->id, "c.x.org", TRUE, "443", NOW, 0, NULL, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT);
  g_clear_error (&error);
  g_assert_true (
      ingress_store_put_grant (f->store, a->id, "c.x.org", FALSE, "8443", NOW, 0, NULL, &error));
  back = ingress_store_load_node (f->store, a->id, &error);
  g_assert_cmpstr (ingress_node_find_grant (back, "e.x.org")->name, ==, "x.org");
  g_assert_cmpstr (ingress_node_find_grant (back, "c.x.org")->name, ==, "c.x.org");
  g_assert_null (ingress_node_find_grant (back, "d.c.x.org"));
}

/* Entries stay as they were written, whoever asks the database. */
static void
test_audit (Fixture *f, gconstpointer data)
{
  AuditEntry first
      = {.time = NOW, .uid = 7, .pid = 8, .action = (char *)"grant", .node = (char *)"a"};
  AuditEntry second = {.time = NOW + 1, .uid = -1, .action = (char *)"join", .error = (char *)"no"};
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = NULL;
  const AuditEntry *back;
  sqlite3 *db = NULL;

  g_assert_true (audit_log_append (f->store, &first, &error));
  g_assert_true (audit_log_append (f->store, &second, &error));
  g_assert_no_error (error);
  g_assert_cmpint (sqlite3_open (f->path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "DELETE FROM audit", NULL, NULL, NULL), !=, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "UPDATE audit SET uid = 0", NULL, NULL, NULL), !=, SQLITE_OK);
  sqlite3_close (db);
  entries = audit_log_load (f->store, NULL, 10, &error);
  g_assert_cmpuint (entries->len, ==, 2);
  back = g_ptr_array_index (entries, 0);
  g_assert_cmpint (back->uid, ==, 7);
  g_assert_cmpstr (back->action, ==, "grant");
  g_assert_cmpstr (back->error, ==, "");
  back = g_ptr_array_index (entries, 1);
  g_assert_cmpstr (back->error, ==, "no");
  g_clear_pointer (&entries, g_ptr_array_unref);
  entries = audit_log_load (f->store, "a", 1, &error);
  g_assert_cmpuint (entries->len, ==, 1);
}

/* Two processes use one token at the same moment, with different keys. */

#define RACERS 4
#define ROUNDS 25

typedef struct
{
  const char *path;
  guint8 token;
  guint number;
  GMutex *gate;
  gboolean won;
  GError *error;
} Racer;

static gpointer
race (gpointer data)
{
  Racer *racer = data;
  g_autofree char *key = g_strdup_printf ("key-%u-%u", racer->token, racer->number);
  g_autoptr (IngressStore) store = ingress_store_open (racer->path, &racer->error);
  g_autoptr (IngressNode) node = NULL;
  IngressJoinKind kind;

  /* All have their database open before the first may go. */
  g_mutex_lock (racer->gate);
  g_mutex_unlock (racer->gate);
  if (store)
    node = join_at (store, racer->token, key, NOW, &kind, &racer->error);
  racer->won = node != NULL;
  return NULL;
}

static void
test_concurrent_joins (Fixture *f, gconstpointer data)
{
  for (guint8 round = 0; round < ROUNDS; round++)
    {
      g_autofree char *name = g_strdup_printf ("node%u", round);
      Racer racers[RACERS] = {{0}};
      GThread *threads[RACERS];
      GMutex gate;
      guint winners = 0;

      add_token (f, round, name, NULL, FALSE);
      g_mutex_init (&gate);
      g_mutex_lock (&gate);
      for (guint i = 0; i < RACERS; i++)
        {
          racers[i] = (Racer) {.path = f->path, .token = round, .number = i, .gate = &gate};
          threads[i] = g_thread_new ("racer", race, &racers[i]);
        }
      g_mutex_unlock (&gate);
      for (guint i = 0; i < RACERS; i++)
        g_thread_join (threads[i]);
      for (guint i = 0; i < RACERS; i++)
        {
          winners += racers[i].won;
          if (!racers[i].won)
            g_assert_error (racers[i].error, FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_USED);
          g_clear_error (&racers[i].error);
        }
      g_assert_cmpuint (winners, ==, 1);
      g_mutex_clear (&gate);
    }
}

static void
test_file (Fixture *f, gconstpointer data)
{
  g_autoptr (IngressNode) node = NULL;
  g_autoptr (GPtrArray) nodes = NULL;
  g_autoptr (GError) error = NULL;
  struct stat info;

  g_assert_cmpint (g_stat (f->path, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 0777, ==, 0600);
  add_token (f, 1, "laptop", NULL, FALSE);
  node = join_ok (f, 1, "key-1");
  node->last_seen = NOW + 7;
  nodes = g_ptr_array_new ();
  g_ptr_array_add (nodes, node);
  g_assert_true (ingress_store_touch (f->store, nodes, &error));
  g_clear_pointer (&nodes, g_ptr_array_unref);

  ingress_store_close (f->store);
  f->store = ingress_store_open (f->path, &error);
  g_assert_no_error (error);
  nodes = ingress_store_load_nodes (f->store, &error);
  g_assert_cmpuint (nodes->len, ==, 1);
  g_assert_cmpint (((IngressNode *)g_ptr_array_index (nodes, 0))->last_seen, ==, NOW + 7);
}

static void
test_later_version (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (f->path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "PRAGMA user_version = 1000", NULL, NULL, NULL), ==,
                   SQLITE_OK);
  sqlite3_close (db);
  g_clear_pointer (&f->store, ingress_store_close);
  g_assert_null (ingress_store_open (f->path, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE);
}

static void
test_ports (void)
{
  static const guint16 ports[] = {443, 8443};
  static const char *const bad[] = {"", "0", "65536", "443,", ",443", "x", "443;8443", "-1"};
  g_autoptr (GArray) parsed = ingress_ports_parse ("443, 8443,443");
  g_autofree char *text = ingress_ports_print (ports, 2);

  g_assert_cmpuint (parsed->len, ==, 2);
  g_assert_cmpstr (text, ==, "443,8443");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (ingress_ports_parse (bad[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
  g_test_add ("/ingress-store/" path, Fixture, NULL, set_up, function, tear_down)
  ADD ("join", test_join);
  ADD ("expired-token", test_expired_token);
  ADD ("removed-node", test_removed_node);
  ADD ("lowest-free-address", test_lowest_free_address);
  ADD ("replace", test_replace);
  ADD ("one-key-one-node", test_one_key_one_node);
  ADD ("grants", test_grants);
  ADD ("audit", test_audit);
  ADD ("below", test_below);
  ADD ("concurrent-joins", test_concurrent_joins);
  ADD ("file", test_file);
  ADD ("later-version", test_later_version);
  g_test_add_func ("/ingress-store/ports", test_ports);
  return g_test_run ();
}
