/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/claim-store.h"

#include "lib/base/error.h"

#include <glib/gstdio.h>
#include <string.h>

#define NOW 1700000000
#define DAY 86400
#define WEEK (7 * DAY)
#define NAME "blog.example.net"

typedef struct
{
  char *folder;
  char *path;
  IngressStore *store;
  guint8 tokens;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->folder = g_dir_make_tmp ("funnel-claims-XXXXXX", &error);
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

static IngressNode *
join (Fixture *f, const char *name, const char *key, gboolean replace)
{
  guint8 secret[FUNNEL_TOKEN_SECRET_LEN];
  g_autoptr (GError) error = NULL;
  IngressJoinKind kind;
  IngressNode *node;

  memset (secret, ++f->tokens, sizeof secret);
  ingress_store_add_token (f->store, secret, name, NULL, NULL, replace, NOW, NOW + DAY, &error);
  g_assert_no_error (error);
  node = ingress_store_join (f->store, secret, key, "test/1", NOW, &kind, &error);
  g_assert_no_error (error);
  return node;
}

/* "" when it worked, else the reason. */
static char *
take (Fixture *f, const char *name, const IngressNode *node, gint64 now)
{
  g_autoptr (GError) error = NULL;

  if (claim_store_take (f->store, name, node, "443", "cname", now, WEEK, 3, &error))
    return g_strdup ("");
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT);
  return g_strdup (error->message);
}

static void
assert_take (Fixture *f, const char *name, const IngressNode *node, gint64 now, const char *why)
{
  g_autofree char *said = take (f, name, node, now);

  if (*why ? strstr (said, why) == NULL : *said != '\0')
    g_error ("“%s” where “%s” was expected", said, why);
}

/* How many grants @id has, and whether the first one was claimed. */
static guint
count_grants (Fixture *f, gint64 id)
{
  g_autoptr (IngressNode) node = ingress_store_load_node (f->store, id, NULL);
  const IngressGrant *grant;

  if (!node || node->grants->len == 0)
    return 0;
  grant = g_ptr_array_index (node->grants, 0);
  g_assert_true (grant->claimed);
  return node->grants->len;
}

static IngressClaim *
only_claim (Fixture *f)
{
  g_autoptr (GPtrArray) claims = claim_store_load (f->store, NULL);

  g_assert_cmpuint (claims->len, ==, 1);
  g_ptr_array_set_free_func (claims, NULL);
  return g_ptr_array_index (claims, 0);
}

static void
test_exclusive (Fixture *f, gconstpointer data)
{
  g_autoptr (IngressNode) one = join (f, "one", "key1", FALSE);
  g_autoptr (IngressNode) two = join (f, "two", "key2", FALSE);
  g_autoptr (IngressClaim) claim = NULL;

  assert_take (f, NAME, one, NOW, "");
  assert_take (f, NAME, two, NOW, "another node");
  assert_take (f, NAME, one, NOW + 5, "");
  g_assert_cmpuint (count_grants (f, one->id), ==, 1);
  g_assert_cmpuint (count_grants (f, two->id), ==, 0);
  claim = only_claim (f);
  g_assert_cmpint (claim->node, ==, one->id);
  g_assert_cmpstr (claim->node_name, ==, "one");
  g_assert_cmpint (claim->since, ==, NOW);
  g_assert_cmpint (claim->checked, ==, NOW + 5);
  assert_take (f, "a.example.net", one, NOW, "");
  assert_take (f, "b.example.net", one, NOW, "");
  assert_take (f, "c.example.net", one, NOW, "3 domains");
}

static void
test_quarantine (Fixture *f, gconstpointer data)
{
  g_autoptr (IngressNode) one = join (f, "one", "key1", FALSE);
  g_autoptr (IngressNode) two = join (f, "two", "key2", FALSE);
  g_autoptr (IngressNode) again = NULL;

  assert_take (f, NAME, one, NOW, "");
  g_assert_true (ingress_store_remove_node (f->store, one->id, NOW + DAY, NULL));
  assert_take (f, NAME, two, NOW + 2 * DAY, "6d");
  /* The same key, as another node. */
  again = join (f, "other", "key1", FALSE);
  assert_take (f, NAME, again, NOW + 3 * DAY, "");
  g_assert_cmpuint (count_grants (f, again->id), ==, 1);
  g_assert_true (claim_store_release (f->store, NAME, NOW + 4 * DAY, NULL));
  g_assert_cmpuint (count_grants (f, again->id), ==, 0);
  assert_take (f, NAME, two, NOW + 4 * DAY + WEEK - 1, "kept from others");
  assert_take (f, NAME, two, NOW + 4 * DAY + WEEK, "");
  assert_take (f, NAME, again, NOW + 4 * DAY + WEEK, "another node");
}

static void
test_new_key (Fixture *f, gconstpointer data)
{
  g_autoptr (IngressNode) one = join (f, "one", "key1", FALSE);
  g_autoptr (IngressNode) two = join (f, "two", "key2", FALSE);
  g_autoptr (IngressNode) anew = NULL;

  assert_take (f, NAME, one, NOW, "");
  anew = join (f, "one", "key3", TRUE);
  g_assert_cmpint (anew->id, ==, one->id);
  g_assert_cmpuint (count_grants (f, anew->id), ==, 0);
  assert_take (f, NAME, two, NOW, "kept from others");
  assert_take (f, NAME, anew, NOW, "");
}

static void
test_admin (Fixture *f, gconstpointer data)
{
  g_autoptr (IngressNode) one = join (f, "one", "key1", FALSE);
  g_autoptr (IngressNode) two = join (f, "two", "key2", FALSE);
  g_autoptr (IngressNode) loaded = NULL;
  g_autoptr (GPtrArray) claims = NULL;
  g_autoptr (GError) error = NULL;

  /* What was granted by hand cannot be claimed, nor what lies below it where that is covered. */
  g_assert_true (
      ingress_store_put_grant (f->store, two->id, "example.net", TRUE, "443", NOW, 0, NULL, NULL));
  assert_take (f, NAME, one, NOW, "example.net");
  g_assert_true (ingress_store_put_grant (f->store, two->id, "example.net", FALSE, "443", NOW,
                                          NOW + 10, NULL, NULL));
  assert_take (f, "example.net", one, NOW, "example.net");
  assert_take (f, "example.net", one, NOW + 10, "");
  g_assert_true (claim_store_forget (f->store, "example.net", NULL));
  /* Revoked: nobody takes it back by proof for a while. */
  assert_take (f, NAME, one, NOW, "");
  loaded = ingress_store_load_node (f->store, one->id, NULL);
  g_assert_true (ingress_store_remove_grant (
      f->store, ((IngressGrant *)g_ptr_array_index (loaded->grants, 0))->id, NOW, NULL));
  assert_take (f, NAME, one, NOW + 1, "taken back");
  assert_take (f, NAME, two, NOW + 1, "taken back");
  /* The admin's word ends that. */
  g_assert_true (
      ingress_store_put_grant (f->store, two->id, NAME, FALSE, "443", NOW, 0, NULL, NULL));
  claims = claim_store_load (f->store, NULL);
  g_assert_cmpuint (claims->len, ==, 0);
  g_assert_false (claim_store_forget (f->store, NAME, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND);
}

static void
test_lost (Fixture *f, gconstpointer data)
{
  g_autoptr (IngressNode) one = join (f, "one", "key1", FALSE);
  g_autoptr (IngressClaim) lost = NULL;
  g_autoptr (IngressClaim) found = NULL, released = NULL;
  g_autoptr (GPtrArray) claims = NULL;

  assert_take (f, NAME, one, NOW, "");
  g_assert_true (claim_store_lose (f->store, NAME, NOW + 10, NULL));
  g_assert_true (claim_store_lose (f->store, NAME, NOW + 20, NULL));
  lost = only_claim (f);
  g_assert_cmpint (lost->lost, ==, NOW + 10);
  g_assert_cmpuint (count_grants (f, one->id), ==, 1);
  assert_take (f, NAME, one, NOW + 30, "");
  found = only_claim (f);
  g_assert_cmpint (found->lost, ==, 0);
  g_assert_cmpint (found->since, ==, NOW);
  g_assert_true (claim_store_release (f->store, NAME, NOW + 40, NULL));
  g_assert_true (claim_store_release (f->store, NAME, NOW + 50, NULL));
  released = only_claim (f);
  g_assert_cmpint (released->released, ==, NOW + 40);
  g_assert_cmpint (released->node, ==, 0);
  g_assert_true (claim_store_purge (f->store, NOW + 40, NULL));
  ingress_claim_free (only_claim (f));
  g_assert_true (claim_store_purge (f->store, NOW + 41, NULL));
  claims = claim_store_load (f->store, NULL);
  g_assert_cmpuint (claims->len, ==, 0);
}

#define ADD(path, test) g_test_add ("/store/claims/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("exclusive", test_exclusive);
  ADD ("quarantine", test_quarantine);
  ADD ("new-key", test_new_key);
  ADD ("admin", test_admin);
  ADD ("lost", test_lost);
  return g_test_run ();
}
