/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/install/install-files.h"

#include "lib/base/error.h"
#include "tests/unit/daemon/cert/make-certificate.h"

#include <glib/gstdio.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "laptop.example.org"

typedef struct
{
  char *made;   /* where certificates are made */
  char *folder; /* where they are installed */
  FunnelCertificate *first, *second;
} Fixture;

static FunnelCertificate *
load (const char *dir, const char *base)
{
  g_auto (MadeCertificate) made = make_certificate (dir, base, NAME, -60, 3600);
  g_autoptr (GError) error = NULL;
  FunnelCertificate *certificate
      = funnel_certificate_load (made.chain_file, made.key_file, NAME, &error);

  g_assert_no_error (error);
  return certificate;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->made = g_dir_make_tmp ("funnel-install-XXXXXX", NULL);
  fixture->folder = g_build_filename (fixture->made, "certs", NULL);
  fixture->first = load (fixture->made, "first");
  fixture->second = load (fixture->made, "second");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  funnel_install_files_remove (fixture->folder, NAME);
  g_clear_pointer (&fixture->first, funnel_certificate_unref);
  g_clear_pointer (&fixture->second, funnel_certificate_unref);
  remove_dir (fixture->folder);
  remove_dir (fixture->made);
  g_free (fixture->folder);
  g_free (fixture->made);
}

static gboolean
write_files (Fixture *fixture, FunnelCertificate *certificate, const char *group)
{
  g_autoptr (GError) error = NULL;
  gboolean changed = FALSE;

  g_assert_true (
      funnel_install_files_write (fixture->folder, NAME, group, certificate, &changed, &error));
  g_assert_no_error (error);
  return changed;
}

static void
assert_file (Fixture *fixture, const char *file, const char *expected, mode_t mode)
{
  g_autofree char *path = g_build_filename (fixture->folder, NAME, file, NULL);
  g_autofree char *text = NULL;
  struct stat st;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, expected);
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 07777, ==, mode);
}

static void
assert_installed (Fixture *fixture, FunnelCertificate *certificate, mode_t mode)
{
  const char *chain = funnel_certificate_get_chain_pem (certificate);
  const char *key = funnel_certificate_get_key_pem (certificate);
  g_autofree char *combined = g_strconcat (chain, key, NULL);

  assert_file (fixture, "fullchain.pem", chain, mode);
  assert_file (fixture, "privkey.pem", key, mode);
  assert_file (fixture, "combined.pem", combined, mode);
}

static guint
count_entries (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint count = 0;

  while (g_dir_read_name (dir) != NULL)
    count++;
  return count;
}

static void
test_write_and_switch (Fixture *fixture, gconstpointer data)
{
  g_autofree char *link = g_build_filename (fixture->folder, NAME, NULL);
  g_autofree char *before = NULL;
  g_autofree char *old = NULL;

  g_assert_true (write_files (fixture, fixture->first, NULL));
  assert_installed (fixture, fixture->first, 0600);
  g_assert_false (write_files (fixture, fixture->first, NULL));
  before = g_file_read_link (link, NULL);
  g_assert_true (write_files (fixture, fixture->second, NULL));
  assert_installed (fixture, fixture->second, 0600);
  /* Who is reading in the one before can go on. */
  old = g_build_filename (fixture->folder, before, "privkey.pem", NULL);
  g_assert_true (g_file_test (old, G_FILE_TEST_EXISTS));
  g_assert_true (write_files (fixture, fixture->first, NULL));
  g_assert_false (g_file_test (old, G_FILE_TEST_EXISTS));
  g_assert_cmpuint (count_entries (fixture->folder), ==, 3); /* the link, the present, the past */
  funnel_install_files_remove (fixture->folder, NAME);
  g_assert_cmpuint (count_entries (fixture->folder), ==, 0);
}

static void
test_damage_is_mended (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->folder, NAME, "privkey.pem", NULL);

  write_files (fixture, fixture->first, NULL);
  g_assert_true (g_file_set_contents (path, "nonsense", -1, NULL));
  g_assert_true (write_files (fixture, fixture->first, NULL));
  assert_installed (fixture, fixture->first, 0600);
  g_unlink (path);
  g_assert_true (write_files (fixture, fixture->first, NULL));
  g_assert_cmpint (g_chmod (path, 0644), ==, 0);
  g_assert_true (write_files (fixture, fixture->first, NULL));
  assert_installed (fixture, fixture->first, 0600);
}

static void
test_left_behind_is_cleared (Fixture *fixture, gconstpointer data)
{
  g_autofree char *half = g_build_filename (fixture->folder, "." NAME ".abcdef", NULL);
  g_autofree char *dangling = g_build_filename (fixture->folder, "." NAME ".123456", NULL);
  g_autofree char *other = g_build_filename (fixture->folder, "." NAME ".org.abcdef", NULL);

  write_files (fixture, fixture->first, NULL);
  g_assert_cmpint (g_mkdir (half, 0700), ==, 0);
  g_assert_cmpint (g_mkdir (other, 0700), ==, 0);
  g_assert_cmpint (symlink ("nothing", dangling), ==, 0);
  write_files (fixture, fixture->second, NULL);
  g_assert_false (g_file_test (half, G_FILE_TEST_EXISTS));
  g_assert_null (g_file_read_link (dangling, NULL));
  g_assert_true (g_file_test (other, G_FILE_TEST_IS_DIR)); /* of another name */
  g_rmdir (other);
}

static void
test_group (Fixture *fixture, gconstpointer data)
{
  g_autofree char *link = g_build_filename (fixture->folder, NAME, NULL);
  g_autofree char *path = g_build_filename (link, "privkey.pem", NULL);
  const struct group *group = getgrgid (getegid ());
  g_autofree char *name = g_strdup (group != NULL ? group->gr_name : NULL);
  struct stat st;

  if (name == NULL)
    {
      g_test_skip ("the group this test runs in has no name");
      return;
    }
  write_files (fixture, fixture->first, NULL);
  g_assert_true (write_files (fixture, fixture->first, name)); /* the same, for other readers */
  assert_installed (fixture, fixture->first, 0640);
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpuint (st.st_gid, ==, getegid ());
  g_assert_cmpint (stat (link, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 07777, ==, 0750);
}

static void
assert_refused (Fixture *fixture, const char *group, int code, const char *words)
{
  g_autoptr (GError) error = NULL;
  gboolean changed = TRUE;

  g_assert_false (
      funnel_install_files_write (fixture->folder, NAME, group, fixture->second, &changed, &error));
  g_assert_false (changed);
  g_assert_error (error, FUNNEL_ERROR, code);
  if (strstr (error->message, words) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
}

static void
test_refused (Fixture *fixture, gconstpointer data)
{
  g_autofree char *link = g_build_filename (fixture->folder, NAME, NULL);

  write_files (fixture, fixture->first, NULL);
  assert_refused (fixture, "no-such-group", FUNNEL_ERROR_INVALID_ARGUMENT, "no-such-group");
  g_assert_cmpint (g_chmod (fixture->folder, 0777), ==, 0);
  assert_refused (fixture, NULL, FUNNEL_ERROR_INVALID_ARGUMENT, "chmod go-w");
  g_assert_cmpint (g_chmod (fixture->folder, 0755), ==, 0);
  assert_installed (fixture, fixture->first, 0600); /* as it was */
  funnel_install_files_remove (fixture->folder, NAME);
  g_assert_cmpint (g_mkdir (link, 0755), ==, 0);
  assert_refused (fixture, NULL, FUNNEL_ERROR_INVALID_ARGUMENT, "in the way");
  g_rmdir (link);
}

static void
test_expired_never_replaces (Fixture *fixture, gconstpointer data)
{
  g_auto (MadeCertificate) made = make_certificate (fixture->made, "old", NAME, -7200, -3600);
  g_autofree char *chain = NULL, *key = NULL;
  g_autoptr (FunnelCertificate) expired = NULL;
  g_autoptr (GError) error = NULL;
  gboolean changed = TRUE;

  g_assert_true (g_file_get_contents (made.chain_file, &chain, NULL, NULL));
  g_assert_true (g_file_get_contents (made.key_file, &key, NULL, NULL));
  expired = funnel_certificate_new (chain, key, NAME, "test", &error);
  g_assert_no_error (error);
  write_files (fixture, fixture->first, NULL);
  g_assert_false (
      funnel_install_files_write (fixture->folder, NAME, NULL, expired, &changed, &error));
  g_assert_nonnull (error);
  assert_installed (fixture, fixture->first, 0600);
  g_assert_cmpuint (count_entries (fixture->folder), ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/install-files/write-and-switch", test_write_and_switch);
  ADD ("/install-files/damage-is-mended", test_damage_is_mended);
  ADD ("/install-files/left-behind-is-cleared", test_left_behind_is_cleared);
  ADD ("/install-files/group", test_group);
  ADD ("/install-files/refused", test_refused);
  ADD ("/install-files/expired-never-replaces", test_expired_never_replaces);
  return g_test_run ();
}
