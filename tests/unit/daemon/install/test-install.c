/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/install/hook.h"
#include "daemon/install/install-files.h"
#include "daemon/install/install.h"
#include "lib/base/error.h"
#include "tests/unit/daemon/cert/make-certificate.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define NAME "laptop.example.org"

static void
await_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **)data = g_object_ref (result);
}

static GAsyncResult *
await (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return *result;
}

/* --- The hook --- */

static gboolean
run_hook (const char *command, GCancellable *cancellable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  funnel_hook_run_async (command, NAME, "/folder", cancellable, await_cb, &result);
  return funnel_hook_run_finish (await (&result), error);
}

static void
test_hook_results (void)
{
  static const struct
  {
    const char *command, *message;
  } rows[] = {
      {"exit 3", "the hook ended with status 3"},
      {"echo one >&2; echo two >&2; exit 1", "the hook ended with status 1: two"},
      {"printf 'a\\033[31mb' >&2; false", "the hook ended with status 1: a [31mb"},
      {"kill -9 $$", "the hook was ended by signal 9"},
      {"no-such-command-of-ours", NULL},
      {"head -c 300000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2; exit 2",
       "the hook ended with status 2: end"},
  };
  g_autoptr (GError) none = NULL;

  g_assert_true (run_hook ("test $FUNNEL_NAME:$FUNNEL_FOLDER = " NAME ":/folder", NULL, &none));
  g_assert_no_error (none);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (run_hook (rows[i].command, NULL, &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED);
      if (rows[i].message != NULL)
        g_assert_cmpstr (error->message, ==, rows[i].message);
    }
}

/* What it leaves running does not hold it up. Here that waits for the test to end, and ends too. */
static void
test_hook_background (void)
{
  g_autofree char *command
      = g_strdup_printf ("tail -f /dev/null --pid=%d & exit 0", (int)getpid ());
  g_autoptr (GError) error = NULL;

  g_assert_true (run_hook (command, NULL, &error));
  g_assert_no_error (error);
}

static gboolean
cancel_cb (gpointer data)
{
  g_cancellable_cancel (data);
  return G_SOURCE_REMOVE;
}

static void
test_hook_cancel (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_idle_add (cancel_cb, cancellable);
  /* It never ends by itself: all of its group is killed. */
  g_assert_false (run_hook ("tail -f /dev/null | cat", cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* --- The whole --- */

typedef struct
{
  char *made, *folder, *log;
  guint changes;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->made = g_dir_make_tmp ("funnel-install-XXXXXX", NULL);
  fixture->folder = g_build_filename (fixture->made, "certs", NULL);
  fixture->log = g_build_filename (fixture->made, "log", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  funnel_install_files_remove (fixture->folder, NAME);
  remove_dir (fixture->folder);
  remove_dir (fixture->made);
  g_free (fixture->folder);
  g_free (fixture->log);
  g_free (fixture->made);
}

static void
on_changed (gpointer user_data)
{
  ((Fixture *)user_data)->changes++;
}

static FunnelInstall *
make_install (Fixture *fixture, const char *hook, const char *told)
{
  FunnelInstallSpec spec = {
      .name = (char *)NAME, .folder = fixture->folder, .hook = (char *)hook, .told = (char *)told};
  g_autoptr (GError) error = NULL;

  g_assert_true (funnel_install_spec_check (&spec, &error));
  return funnel_install_new (&spec, on_changed, fixture);
}

static FunnelCertificate *
set_certificate (Fixture *fixture, FunnelInstall *install, const char *base)
{
  g_auto (MadeCertificate) made = make_certificate (fixture->made, base, NAME, -60, 3600);
  g_autoptr (FunnelCertificate) certificate
      = funnel_certificate_load (made.chain_file, made.key_file, NAME, NULL);
  g_autoptr (GAsyncResult) result = NULL;

  funnel_install_set_certificate (install, certificate);
  funnel_install_settle_async (install, NULL, await_cb, &result);
  funnel_install_settle_finish (install, await (&result));
  return g_steal_pointer (&certificate);
}

static char *
read_log (Fixture *fixture)
{
  char *text = NULL;

  g_file_get_contents (fixture->log, &text, NULL, NULL);
  return text;
}

static void
test_hook_after_each_change (Fixture *fixture, gconstpointer data)
{
  g_autofree char *hook
      = g_strdup_printf ("head -n1 $FUNNEL_FOLDER/$FUNNEL_NAME/privkey.pem >> %s", fixture->log);
  FunnelInstall *install = make_install (fixture, hook, NULL);
  g_autoptr (FunnelCertificate) first = set_certificate (fixture, install, "first");
  g_autoptr (FunnelCertificate) second = set_certificate (fixture, install, "second");
  g_autofree char *log = read_log (fixture);
  g_autofree char *told = g_strdup (funnel_install_get_spec (install)->told);

  g_assert_null (funnel_install_get_problem (install));
  g_assert_cmpstr (funnel_install_get_leaf (install), ==, funnel_certificate_get_leaf (second));
  g_assert_cmpstr (log, ==, "-----BEGIN PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----\n");
  g_assert_cmpuint (fixture->changes, >=, 2);
  funnel_install_free (install);
  /* After a restart: what the hook was told already is no news. */
  install = make_install (fixture, hook, told);
  g_clear_pointer (&second, funnel_certificate_unref);
  {
    g_autofree char *chain = g_build_filename (fixture->folder, NAME, "fullchain.pem", NULL);
    g_autofree char *key = g_build_filename (fixture->folder, NAME, "privkey.pem", NULL);
    g_autoptr (FunnelCertificate) again = funnel_certificate_load (chain, key, NAME, NULL);
    g_autoptr (GAsyncResult) result = NULL;
    g_autofree char *same = NULL;

    funnel_install_set_certificate (install, again);
    funnel_install_settle_async (install, NULL, await_cb, &result);
    funnel_install_settle_finish (install, await (&result));
    same = read_log (fixture);
    g_assert_cmpstr (same, ==, log);
  }
  funnel_install_free (install);
}

static void
test_failing_hook_loses_nothing (Fixture *fixture, gconstpointer data)
{
  g_autofree char *hook
      = g_strdup_printf ("test -e %s || { echo no such luck >&2; exit 7; }", fixture->log);
  FunnelInstall *install = make_install (fixture, hook, NULL);
  g_autoptr (FunnelCertificate) certificate = NULL;

  certificate = set_certificate (fixture, install, "first");
  g_assert_cmpstr (funnel_install_get_problem (install), ==,
                   "the hook ended with status 7: no such luck");
  g_assert_cmpstr (funnel_install_get_leaf (install), ==,
                   funnel_certificate_get_leaf (certificate));
  g_assert_null (funnel_install_get_spec (install)->told);
  g_assert_cmpint (funnel_install_get_retry_at (install), >, g_get_real_time () / G_USEC_PER_SEC);
  /* It is tried again by itself, and then all is well. */
  g_assert_true (g_file_set_contents (fixture->log, "", -1, NULL));
  while (funnel_install_get_problem (install) != NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (funnel_install_get_spec (install)->told, ==,
                   funnel_certificate_get_leaf (certificate));
  g_assert_cmpint (funnel_install_get_retry_at (install), ==, 0);
  funnel_install_free (install);
}

static void
test_end_in_the_middle (Fixture *fixture, gconstpointer data)
{
  g_auto (MadeCertificate) made = make_certificate (fixture->made, "first", NAME, -60, 3600);
  g_autoptr (FunnelCertificate) certificate
      = funnel_certificate_load (made.chain_file, made.key_file, NAME, NULL);
  FunnelInstall *install = make_install (fixture, "tail -f /dev/null", NULL);

  funnel_install_set_certificate (install, certificate);
  while (funnel_install_get_leaf (install) == NULL)
    g_main_context_iteration (NULL, TRUE);
  funnel_install_free (install);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_bad_specs (void)
{
  g_autofree char *long_text = g_strnfill (5000, 'x');
  const FunnelInstallSpec specs[] = {
      {.name = (char *)NAME, .folder = (char *)"relative"},
      {.name = (char *)NAME, .folder = (char *)""},
      {.name = (char *)NAME, .folder = long_text},
      {.name = (char *)NAME, .folder = (char *)"/a", .group = (char *)""},
      {.name = (char *)NAME, .folder = (char *)"/a", .hook = (char *)""},
      {.name = (char *)NAME, .folder = (char *)"/a", .hook = long_text},
      {.name = (char *)NAME, .folder = (char *)"/a", .hook = (char *)"\xff"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (specs); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (funnel_install_spec_check (&specs[i], &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* A failing hook is warned of, which is part of the test. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  g_test_add_func ("/install/hook-results", test_hook_results);
  g_test_add_func ("/install/hook-background", test_hook_background);
  g_test_add_func ("/install/hook-cancel", test_hook_cancel);
  g_test_add_func ("/install/bad-specs", test_bad_specs);
  ADD ("/install/hook-after-each-change", test_hook_after_each_change);
  ADD ("/install/failing-hook-loses-nothing", test_failing_hook_loses_nothing);
  ADD ("/install/end-in-the-middle", test_end_in_the_middle);
  return g_test_run ();
}
