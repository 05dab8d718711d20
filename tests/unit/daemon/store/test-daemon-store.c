/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/store/joined-store.h"
#include "daemon/store/share-store.h"

#include "lib/base/error.h"
#include "lib/base/token.h"
#include "lib/base/wg-key.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  char *path;
  FunnelStateDir *dir;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = g_dir_make_tmp ("funnel-store-XXXXXX", NULL);

  fixture->path = g_build_filename (folder, "deep", "state", NULL);
  fixture->dir = funnel_state_dir_open (fixture->path, NULL);
  g_assert_nonnull (fixture->dir);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name = NULL;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_file_test (child, G_FILE_TEST_IS_DIR))
        remove_tree (child);
      else
        g_unlink (child);
    }
  g_rmdir (path);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autofree char *deep = g_path_get_dirname (fixture->path);
  g_autofree char *folder = g_path_get_dirname (deep);

  funnel_state_dir_free (fixture->dir);
  remove_tree (folder);
  g_free (fixture->path);
}

static char *
child (Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->path, name, NULL);
}

static guint
get_mode (const char *path)
{
  GStatBuf st;

  g_assert_cmpint (g_stat (path, &st), ==, 0);
  return st.st_mode & 0777;
}

static void
test_dir (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = child (fixture, "x.json");
  char *text = NULL;
  gsize len = 0;

  g_assert_cmpuint (get_mode (fixture->path), ==, 0700);
  g_assert_null (funnel_state_dir_open (fixture->path, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT);
  g_assert_true (funnel_state_dir_read (fixture->dir, "x.json", 10, &text, &len, NULL));
  g_assert_null (text);
  g_assert_true (funnel_state_dir_write (fixture->dir, "x.json", "0123456789", NULL));
  g_assert_cmpuint (get_mode (file), ==, 0600);
  g_assert_true (funnel_state_dir_read (fixture->dir, "x.json", 10, &text, &len, NULL));
  g_assert_cmpmem (text, len, "0123456789", 10);
  funnel_secret_free (text);
  g_clear_error (&error);
  g_assert_false (funnel_state_dir_read (fixture->dir, "x.json", 9, &text, &len, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE);
}

static void
test_dir_of_others (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&fixture->dir, funnel_state_dir_free);
  g_assert_cmpint (g_chmod (fixture->path, 0777), ==, 0);
  g_assert_null (funnel_state_dir_open (fixture->path, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE);
  g_assert_cmpuint (get_mode (fixture->path), ==, 0777);
}

static void
test_set_aside (Fixture *fixture, gconstpointer data)
{
  for (guint i = 1; i <= 2; i++)
    {
      g_autofree char *expected = g_strdup_printf ("%s/x.json.unreadable-%u", fixture->path, i);
      g_autofree char *aside = NULL;

      g_assert_true (funnel_state_dir_write (fixture->dir, "x.json", i == 1 ? "one" : "two", NULL));
      aside = funnel_state_dir_set_aside (fixture->dir, "x.json", NULL);
      g_assert_cmpstr (aside, ==, expected);
    }
}

static FunnelShareSpec *
make_share (void)
{
  FunnelShareSpec *spec = funnel_share_spec_new ();

  spec->name = g_strdup ("a.example");
  spec->port = 443;
  funnel_mounts_put (spec->mounts, funnel_mount_spec_new ("/", "http://localhost:3000"));
  return spec;
}

static void
test_shares (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FunnelShareStore) store = funnel_share_store_new (fixture->dir), again = NULL;
  g_autoptr (FunnelShareList) list = funnel_share_list_new (), loaded = funnel_share_list_new ();
  g_autoptr (FunnelShareSpec) spec = make_share ();
  g_autofree char *file = child (fixture, "shares.json");

  g_assert_true (funnel_share_store_load (store, list, NULL));
  /* Nothing shared: no file. */
  g_assert_true (funnel_share_store_save (store, list, NULL));
  g_assert_false (g_file_test (file, G_FILE_TEST_EXISTS));
  spec->switched_off = spec->paused = TRUE;
  funnel_share_list_put (list, spec);
  g_assert_true (funnel_share_store_save (store, list, NULL));
  again = funnel_share_store_new (fixture->dir);
  g_assert_true (funnel_share_store_load (again, loaded, NULL));
  g_assert_cmpstr (funnel_share_list_get_etag (loaded), ==, funnel_share_list_get_etag (list));
  g_assert_cmpuint (funnel_share_list_get_length (loaded), ==, 1);
  g_assert_true (funnel_share_get_spec (funnel_share_list_get (loaded, 0))->switched_off);
  g_assert_true (funnel_share_get_spec (funnel_share_list_get (loaded, 0))->paused);
}

/* The first write in the new version keeps what the older program had written. */
static void
test_older_shares (Fixture *fixture, gconstpointer data)
{
  static const char old[] = "{\"version\":1,\"shares\":[{\"id\":1,\"name\":\"a.example\",\"port\":"
                            "443,\"kind\":\"https\","
                            "\"target\":\"http://localhost:3000\"}]}";
  g_autoptr (FunnelShareStore) store = funnel_share_store_new (fixture->dir), again = NULL;
  g_autoptr (FunnelShareList) list = funnel_share_list_new (), loaded = funnel_share_list_new ();
  g_autofree char *kept = NULL;
  gsize len = 0;

  funnel_state_dir_write (fixture->dir, "shares.json", old, NULL);
  g_assert_true (funnel_share_store_load (store, list, NULL));
  g_assert_cmpuint (funnel_share_list_get_length (list), ==, 1);
  g_assert_true (funnel_share_store_save (store, list, NULL));
  g_assert_true (
      funnel_state_dir_read (fixture->dir, "shares.json.version-1", 1000, &kept, &len, NULL));
  g_assert_cmpstr (kept, ==, old);
  again = funnel_share_store_new (fixture->dir);
  g_assert_true (funnel_share_store_load (again, loaded, NULL));
  g_assert_cmpstr (funnel_share_list_get_etag (loaded), ==, funnel_share_list_get_etag (list));
}

static void
test_unreadable_shares (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FunnelShareStore) store = funnel_share_store_new (fixture->dir);
  g_autoptr (FunnelShareList) list = funnel_share_list_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelShareSpec) spec = make_share ();
  char *text = NULL;
  gsize len = 0;

  funnel_state_dir_write (fixture->dir, "shares.json", "{\"version\":9,\"shares\":[]}", NULL);
  g_assert_false (funnel_share_store_load (store, list, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE);
  g_assert_nonnull (strstr (error->message, "newer"));
  funnel_share_list_put (list, spec);
  g_assert_false (funnel_share_store_save (store, list, NULL));
  g_assert_true (funnel_state_dir_read (fixture->dir, "shares.json", 100, &text, &len, NULL));
  g_assert_cmpstr (text, ==, "{\"version\":9,\"shares\":[]}");
  g_free (text);
  g_assert_true (funnel_share_store_reset (store, NULL));
  g_assert_true (funnel_share_store_save (store, list, NULL));
}

static FunnelIngressSpec *
make_ingress (void)
{
  FunnelIngressSpec *spec = funnel_ingress_spec_new ();
  const guint16 port = 443;

  spec->id = 1;
  spec->host = g_strdup ("vps.example.org");
  spec->port = 51820;
  spec->node = g_strdup ("laptop");
  spec->zone = g_strdup ("example.org");
  g_strfreev (spec->names);
  spec->names = g_strsplit ("laptop.example.org", " ", 0);
  g_array_append_val (spec->public_ports, port);
  spec->address = g_strdup ("100.64.0.2");
  spec->ingress_address = g_strdup ("100.64.0.1");
  spec->endpoint_host = g_strdup ("vps.example.org");
  spec->endpoint_port = 51820;
  spec->link_port = 7780;
  g_assert_true (funnel_wg_key_generate (&spec->private_key, &spec->ingress_public_key, NULL));
  return spec;
}

static void
test_joined (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FunnelJoinedStore) store = funnel_joined_store_new (fixture->dir), again = NULL;
  g_autoptr (FunnelIngressSpec) spec = make_ingress ();
  g_autofree char *file = child (fixture, "ingress.json");
  const FunnelIngressSpec *read = NULL;

  g_assert_true (funnel_joined_store_load (store, NULL));
  g_assert_null (funnel_joined_store_get (store));
  spec->tunnel_off = TRUE;
  g_assert_true (funnel_joined_store_set (store, spec, NULL));
  g_assert_cmpuint (get_mode (file), ==, 0600);
  again = funnel_joined_store_new (fixture->dir);
  g_assert_true (funnel_joined_store_load (again, NULL));
  read = funnel_joined_store_get (again);
  g_assert_nonnull (read);
  g_assert_cmpstr (read->private_key, ==, spec->private_key);
  g_assert_cmpstr (read->host, ==, spec->host);
  g_assert_cmpstr (read->ingress_address, ==, spec->ingress_address);
  g_assert_cmpstr (read->names[0], ==, "laptop.example.org");
  g_assert_cmpuint (read->link_port, ==, 7780);
  g_assert_cmpuint (g_array_index (read->public_ports, guint16, 0), ==, 443);
  g_assert_false (read->direct);
  g_assert_true (read->tunnel_off);
  g_assert_true (funnel_joined_store_set (again, NULL, NULL));
  g_assert_null (funnel_joined_store_get (again));
}

static void
test_pending_join (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FunnelJoinedStore) store = funnel_joined_store_new (fixture->dir), again = NULL;
  g_autoptr (FunnelIngressSpec) spec = make_ingress ();
  g_autofree char *first = NULL, *same = NULL, *other = NULL, *after = NULL;

  first = funnel_joined_store_begin_join (store, "token-a", NULL);
  g_assert_true (funnel_wg_key_is_valid (first));
  again = funnel_joined_store_new (fixture->dir);
  g_assert_true (funnel_joined_store_load (again, NULL));
  same = funnel_joined_store_begin_join (again, "token-a", NULL);
  g_assert_cmpstr (first, ==, same);
  other = funnel_joined_store_begin_join (again, "token-b", NULL);
  g_assert_cmpstr (first, !=, other);
  g_assert_true (funnel_joined_store_set (again, spec, NULL));
  after = funnel_joined_store_begin_join (again, "token-b", NULL);
  g_assert_cmpstr (other, !=, after);
}

static void
test_unreadable_joined (Fixture *fixture, gconstpointer data)
{
  static const char *const bad[] = {
      "",
      "{\"version\":2,\"ingresses\":[]}",
      "{\"version\":1}",
      "{\"version\":1,\"ingresses\":[{}]}",
      "{\"version\":1,\"ingresses\":[{\"id\":1,\"host\":\"h\",\"node\":\"n\",\"zone\":\"z\","
      "\"address\":\"a\","
      "\"ingress_address\":\"b\",\"ingress_public_key\":\"c\",\"endpoint_host\":\"d\",\"private_"
      "key\":\"short\"}]}",
      "{\"version\":1,\"ingresses\":[],\"pending\":{\"token_id\":5}}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (FunnelJoinedStore) store = funnel_joined_store_new (fixture->dir);
      g_autoptr (GError) error = NULL;

      funnel_state_dir_write (fixture->dir, "ingress.json", bad[i], NULL);
      g_assert_false (funnel_joined_store_load (store, &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE);
      g_test_message ("%s", error->message);
      g_assert_null (strstr (error->message, "short"));
      g_assert_null (funnel_joined_store_begin_join (store, "t", NULL));
      g_assert_false (funnel_joined_store_set (store, NULL, NULL));
      g_assert_true (funnel_joined_store_reset (store, NULL));
      g_assert_true (funnel_joined_store_set (store, NULL, NULL));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/store/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("dir", test_dir);
  ADD ("dir-of-others", test_dir_of_others);
  ADD ("set-aside", test_set_aside);
  ADD ("shares", test_shares);
  ADD ("older-shares", test_older_shares);
  ADD ("unreadable-shares", test_unreadable_shares);
  ADD ("joined", test_joined);
  ADD ("pending-join", test_pending_join);
  ADD ("unreadable-joined", test_unreadable_joined);
  return g_test_run ();
}
