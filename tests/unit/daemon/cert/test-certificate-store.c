/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/certificate-store.h"

#include "lib/base/error.h"
#include "tests/unit/daemon/cert/make-certificate.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY (24 * 3600)
#define NAME "laptop.example.org"
#define CA "https://ca.example.org/directory"

typedef struct
{
  char *dir;
  FunnelCertificateStore *store;
  FunnelCertificate *old;
  FunnelCertificate *fresh;
} Fixture;

static FunnelCertificate *
make (Fixture *f, const char *base, gint64 begin, gint64 end)
{
  g_auto (MadeCertificate) made = make_certificate (f->dir, base, NAME, begin, end);
  g_autofree char *chain = NULL, *key = NULL;
  g_autoptr (GError) error = NULL;
  FunnelCertificate *certificate = NULL;

  g_assert_true (g_file_get_contents (made.chain_file, &chain, NULL, NULL));
  g_assert_true (g_file_get_contents (made.key_file, &key, NULL, NULL));
  certificate = funnel_certificate_new (chain, key, NAME, base, &error);
  g_assert_no_error (error);
  return certificate;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->dir = g_dir_make_tmp ("funnel-store-XXXXXX", NULL);
  g_assert_nonnull (f->dir);
  f->store = funnel_certificate_store_new (f->dir);
  f->old = make (f, "old", -DAY, DAY);
  f->fresh = make (f, "fresh", -DAY, 30 * DAY);
}

static void
remove_tree (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name = NULL;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_file_test (child, G_FILE_TEST_IS_SYMLINK) || !g_file_test (child, G_FILE_TEST_IS_DIR))
        g_unlink (child);
      else
        remove_tree (child);
    }
  if (dir != NULL)
    g_dir_close (dir);
  g_rmdir (path);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  remove_tree (f->dir);
  funnel_certificate_store_free (f->store);
  funnel_certificate_unref (f->old);
  funnel_certificate_unref (f->fresh);
  g_free (f->dir);
}

static void
install (Fixture *f, FunnelCertificate *certificate)
{
  FunnelOrderRecord record = {.ca = (char *)CA, .order_url = (char *)"https://ca.example.org/o/1"};
  g_autoptr (GError) error = NULL;

  funnel_certificate_store_install (f->store, NAME, certificate, &record, &error);
  g_assert_no_error (error);
}

/* What a daemon that starts now would find; NULL nothing. */
static char *
read_leaf (Fixture *f)
{
  g_autoptr (FunnelCertificate) certificate = NULL;
  g_autoptr (FunnelOrderRecord) record = NULL;
  g_autoptr (GError) error = NULL;

  funnel_certificate_store_load (f->store, NAME, &certificate, &record, &error);
  g_assert_no_error (error);
  if (certificate == NULL)
    return NULL;
  g_assert_cmpstr (record->ca, ==, CA);
  return g_strdup (funnel_certificate_get_leaf (certificate));
}

static void
assert_load_fails (Fixture *f, const char *part)
{
  g_autoptr (FunnelCertificate) certificate = NULL;
  g_autoptr (FunnelOrderRecord) record = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (funnel_certificate_store_load (f->store, NAME, &certificate, &record, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE);
  g_assert_null (certificate);
  if (strstr (error->message, part) == NULL)
    g_error ("“%s” lacks “%s”", error->message, part);
}

static guint
count_entries (Fixture *f, const char *folder)
{
  g_autofree char *path = g_build_filename (f->dir, "certificates", folder, NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint count = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    count++;
  return count;
}

static char *
find_file (Fixture *f, const char *file)
{
  return g_build_filename (f->dir, "certificates", NAME, file, NULL);
}

static void
test_install (Fixture *f, gconstpointer data)
{
  g_autofree char *key = find_file (f, "privkey.pem");
  g_autofree char *nothing = read_leaf (f);
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_auto (GStrv) names = NULL;
  struct stat st;

  g_assert_null (nothing);
  install (f, f->old);
  first = read_leaf (f);
  g_assert_cmpstr (first, ==, funnel_certificate_get_leaf (f->old));
  install (f, f->fresh);
  second = read_leaf (f);
  g_assert_cmpstr (second, ==, funnel_certificate_get_leaf (f->fresh));
  g_assert_cmpuint (count_entries (f, ".versions"), ==, 1);
  g_assert_cmpint (stat (key, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 07777, ==, 0600);
  names = funnel_certificate_store_list (f->store);
  g_assert_cmpuint (g_strv_length (names), ==, 1);
  g_assert_cmpstr (names[0], ==, NAME);
}

static void
test_remove (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *leaf = NULL;

  install (f, f->old);
  g_assert_true (funnel_certificate_store_remove (f->store, NAME, &error));
  g_assert_true (funnel_certificate_store_remove (f->store, NAME, &error));
  leaf = read_leaf (f);
  g_assert_null (leaf);
  g_assert_cmpuint (count_entries (f, ".versions"), ==, 0);
}

static void
test_long_name (Fixture *f, gconstpointer data)
{
  g_autofree char *label = g_strnfill (60, 'a');
  g_autofree char *name = g_strdup_printf ("%s.%s.%s.%s.example", label, label, label, label);
  g_auto (MadeCertificate) made = make_certificate (f->dir, "long", name, -DAY, DAY);
  g_autofree char *chain = NULL, *key = NULL;
  g_autoptr (FunnelCertificate) certificate = NULL;
  g_autoptr (GError) error = NULL;
  FunnelOrderRecord record = {0};

  g_assert_cmpuint (strlen (name), >, 248);
  g_assert_true (g_file_get_contents (made.chain_file, &chain, NULL, NULL));
  g_assert_true (g_file_get_contents (made.key_file, &key, NULL, NULL));
  certificate = funnel_certificate_new (chain, key, name, "long", &error);
  g_assert_no_error (error);
  funnel_certificate_store_install (f->store, name, certificate, &record, &error);
  g_assert_no_error (error);
}

/* --- Others' rights --- */

static void
test_open_key (Fixture *f, gconstpointer data)
{
  g_autofree char *key = find_file (f, "privkey.pem");

  install (f, f->old);
  g_chmod (key, 0640);
  assert_load_fails (f, "chmod -R go= ");
  g_chmod (key, 0600);
  g_assert_cmpint (g_access (key, F_OK), ==, 0);
}

static void
test_open_folder (Fixture *f, gconstpointer data)
{
  g_autofree char *root = g_build_filename (f->dir, "certificates", NULL);
  g_autofree char *leaf = NULL;
  g_autoptr (GError) error = NULL;
  FunnelOrderRecord record = {0};

  install (f, f->old);
  g_chmod (root, 0750);
  assert_load_fails (f, "open to other users");
  g_assert_false (funnel_certificate_store_install (f->store, NAME, f->fresh, &record, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE);
  funnel_certificate_store_clean (f->store);
  g_chmod (root, 0700);
  leaf = read_leaf (f);
  g_assert_cmpstr (leaf, ==, funnel_certificate_get_leaf (f->old));
}

static void
test_foreign (Fixture *f, gconstpointer data)
{
  g_autofree char *key = find_file (f, "privkey.pem");

  if (geteuid () != 0)
    {
      g_test_skip ("giving a file away needs root");
      return;
    }
  install (f, f->old);
  g_assert_cmpint (chown (key, 12345, (gid_t)-1), ==, 0);
  assert_load_fails (f, "belongs to another user (uid 12345)");
}

static void
test_damaged (Fixture *f, gconstpointer data)
{
  g_autofree char *chain = find_file (f, "fullchain.pem");

  install (f, f->old);
  g_assert_true (g_file_set_contents (chain, "nonsense", -1, NULL));
  g_chmod (chain, 0600);
  assert_load_fails (f, "move ");
}

/* --- Disk full: a file size limit gives the same kind of half-written file --- */

static void
test_no_room (Fixture *f, gconstpointer data)
{
  struct rlimit before, small;
  FunnelOrderRecord record = {0};
  g_autoptr (GError) error = NULL;
  g_autofree char *leaf = NULL;

  install (f, f->old);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  small = before;
  small.rlim_cur = 100;
  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &small);
  g_assert_false (funnel_certificate_store_install (f->store, NAME, f->fresh, &record, &error));
  setrlimit (RLIMIT_FSIZE, &before);
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE);
  leaf = read_leaf (f);
  g_assert_cmpstr (leaf, ==, funnel_certificate_get_leaf (f->old));
  g_assert_cmpuint (count_entries (f, ".versions"), ==, 1);
}

/* --- kill -9 at every system call --- */

static void
run_child (Fixture *f)
{
  FunnelOrderRecord record = {.ca = (char *)CA};

  ptrace (PTRACE_TRACEME, 0, NULL, NULL);
  raise (SIGSTOP);
  _exit (funnel_certificate_store_install (f->store, NAME, f->fresh, &record, NULL) ? 0 : 1);
}

/* Lets the child go on until it has entered or left @stops system calls, then kills it. Returns
 * whether it ended before that, well. */
static gboolean
run_until (Fixture *f, guint stops)
{
  pid_t child = fork ();
  int status = 0;

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    run_child (f);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFSTOPPED (status));
  for (guint i = 0; i < stops; i++)
    {
      g_assert_cmpint (ptrace (PTRACE_SYSCALL, child, NULL, NULL), ==, 0);
      g_assert_cmpint (waitpid (child, &status, 0), ==, child);
      if (WIFEXITED (status))
        {
          g_assert_cmpint (WEXITSTATUS (status), ==, 0);
          return TRUE;
        }
    }
  kill (child, SIGKILL);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  return FALSE;
}

static gboolean
can_trace (void)
{
  pid_t child = fork ();
  int status = 0;

  if (child == 0)
    _exit (ptrace (PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 1);
  waitpid (child, &status, 0);
  return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

static void
test_killed (Fixture *f, gconstpointer data)
{
  const char *old = funnel_certificate_get_leaf (f->old);
  const char *fresh = funnel_certificate_get_leaf (f->fresh);
  guint kept_old = 0, got_fresh = 0;
  gboolean done = FALSE;

  if (!can_trace ())
    {
      g_test_skip ("this environment does not let a process trace its child");
      return;
    }
  for (guint stops = 1; !done; stops++)
    {
      g_autofree char *leaf = NULL;
      g_autofree char *again = NULL;

      install (f, f->old);
      done = run_until (f, stops);
      leaf = read_leaf (f);
      g_assert_true (g_strcmp0 (leaf, old) == 0 || g_strcmp0 (leaf, fresh) == 0);
      kept_old += g_strcmp0 (leaf, old) == 0;
      got_fresh += g_strcmp0 (leaf, fresh) == 0;
      funnel_certificate_store_clean (f->store);
      again = read_leaf (f);
      g_assert_cmpstr (leaf, ==, again);
      g_assert_cmpuint (count_entries (f, ".versions"), ==, 1);
      g_assert_cmpuint (count_entries (f, "."), ==, 4);
    }
  g_test_message ("killed at %u places: old %u times, new %u times", kept_old + got_fresh, kept_old,
                  got_fresh);
  g_assert_cmpuint (kept_old, >, 20);
  g_assert_cmpuint (got_fresh, >, 2);
}

/* --- Accounts, history --- */

static void
test_accounts (Fixture *f, gconstpointer data)
{
  g_autofree char *none = NULL, *key = NULL, *other = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (funnel_certificate_store_read_account (f->store, CA, &none, &error));
  g_assert_null (none);
  g_assert_true (funnel_certificate_store_write_account (f->store, CA, "secret\n", &error));
  g_assert_no_error (error);
  g_assert_true (funnel_certificate_store_read_account (f->store, CA, &key, &error));
  g_assert_cmpstr (key, ==, "secret\n");
  g_assert_true (funnel_certificate_store_read_account (f->store, CA "2", &other, &error));
  g_assert_null (other);
}

static void
test_history (Fixture *f, gconstpointer data)
{
  g_auto (GStrv) serials = NULL;

  g_assert_true (funnel_certificate_store_take_notice (f->store, NAME));
  g_assert_false (funnel_certificate_store_take_notice (f->store, NAME));
  for (guint i = 0; i < FUNNEL_HISTORY_MAX + 5; i++)
    {
      g_autofree char *serial = g_strdup_printf ("%x", i);

      /* Writing all of them is slow; the last few show what happens at the limit. */
      if (i < 3 || i >= FUNNEL_HISTORY_MAX)
        funnel_certificate_store_add_history (f->store, NAME, serial);
    }
  serials = funnel_certificate_store_get_history (f->store, NAME);
  g_assert_cmpuint (g_strv_length (serials), ==, 8);
  g_assert_cmpstr (serials[0], ==, "0");
  g_assert_cmpstr (serials[7], ==, "1f8");
  g_assert_false (funnel_certificate_store_take_notice (f->store, NAME));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/certificate-store/install", test_install);
  ADD ("/certificate-store/remove", test_remove);
  ADD ("/certificate-store/long-name", test_long_name);
  ADD ("/certificate-store/open-key", test_open_key);
  ADD ("/certificate-store/open-folder", test_open_folder);
  ADD ("/certificate-store/foreign", test_foreign);
  ADD ("/certificate-store/damaged", test_damaged);
  ADD ("/certificate-store/no-room", test_no_room);
  ADD ("/certificate-store/killed", test_killed);
  ADD ("/certificate-store/accounts", test_accounts);
  ADD ("/certificate-store/history", test_history);
  return g_test_run ();
}
