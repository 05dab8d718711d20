/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The keeper, with an authority that believes names (tests/certs/broken_acme.py) and a way to it
 * that the test can close. */

#include "daemon/cert/certificate-keeper.h"
#include "daemon/cert/certificate-store.h"
#include "lib/base/error.h"
#include "tests/unit/daemon/cert/acme-fixture.h"
#include "tests/unit/daemon/cert/make-certificate.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define NAME "laptop.example.test"
#define DAY (24 * 3600)

static Ca ca;

typedef struct
{
  char *dir;
  FunnelCertificateKeeper *keeper;
  guint changed;
  guint published, withdrawn;
  gboolean closed;   /* the way */
  const char *spoil; /* path that becomes open to others while a challenge is published */
} Fixture;

/* --- The way --- */

static void
publish_async (gpointer owner,
               const char *name,
               FunnelCertificate *challenge,
               GCancellable *cancellable,
               GAsyncReadyCallback callback,
               gpointer user_data)
{
  Fixture *f = owner;
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_assert_nonnull (challenge);
  f->published++;
  if (f->spoil != NULL)
    g_chmod (f->spoil, 0755);
  g_task_return_boolean (task, TRUE);
}

static gboolean
publish_finish (gpointer owner, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
withdraw (gpointer owner, const char *name)
{
  ((Fixture *)owner)->withdrawn++;
}

static gboolean
check (gpointer owner, const char *name, char **next_step, GError **error)
{
  *next_step = NULL;
  if (!((Fixture *)owner)->closed)
    return TRUE;
  *next_step = g_strdup ("open it");
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE, "the way is closed");
  return FALSE;
}

static const FunnelChallengeWay way = {publish_async, publish_finish, withdraw, check};

/* --- The keeper --- */

static void
on_changed (FunnelCertificateKeeper *keeper, const char *name, Fixture *f)
{
  g_assert_cmpstr (name, ==, NAME);
  f->changed++;
}

/* Authorities from a list of faults, in this order. */
static void
use (Fixture *f, const char *faults)
{
  g_autoptr (FunnelAuthority) authority = funnel_authority_new ();
  g_auto (GStrv) list = g_strsplit (faults, " ", -1);

  g_ptr_array_set_size (authority->directories, 0);
  for (guint i = 0; list[i] != NULL; i++)
    {
      FunnelDirectory *directory = g_new0 (FunnelDirectory, 1);
      g_autofree char *path = g_strdup_printf ("%s/dir", list[i]);

      directory->url = ca_get_url (&ca, path);
      directory->ca_file = g_strdup (ca.ca_file);
      g_ptr_array_add (authority->directories, directory);
    }
  funnel_certificate_keeper_set_authority (f->keeper, authority);
}

static void
start (Fixture *f)
{
  f->keeper = funnel_certificate_keeper_new (f->dir, &way, f);
  g_signal_connect (f->keeper, "changed", G_CALLBACK (on_changed), f);
}

static void
stop (Fixture *f)
{
  funnel_certificate_keeper_stop (f->keeper);
  g_signal_handlers_disconnect_by_data (f->keeper, f);
  g_clear_object (&f->keeper);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->dir = g_dir_make_tmp ("funnel-keeper-XXXXXX", NULL);
  start (f);
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
  stop (f);
  remove_tree (f->dir);
  g_free (f->dir);
}

static const FunnelKeptStatus *
status (Fixture *f)
{
  return funnel_certificate_keeper_get_status (f->keeper, NAME);
}

static gboolean
on_deadline (gpointer user_data)
{
  g_error ("waited in vain for %s", (const char *)user_data);
  return G_SOURCE_REMOVE;
}

#define WAIT_UNTIL(condition)                                                                      \
  G_STMT_START                                                                                     \
  {                                                                                                \
    guint wait_source_ = g_timeout_add_seconds (60, on_deadline, (gpointer) #condition);           \
    while (!(condition))                                                                           \
      g_main_context_iteration (NULL, TRUE);                                                       \
    g_source_remove (wait_source_);                                                                \
  }                                                                                                \
  G_STMT_END

/* The outcome; NULL with the error in *@error. */
static FunnelCertificate *
obtain (Fixture *f, gint64 min_validity, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  funnel_certificate_keeper_obtain_async (f->keeper, NAME, min_validity, NULL, keep_result,
                                          &result);
  wait_for (&result);
  return funnel_certificate_keeper_obtain_finish (f->keeper, result, error);
}

static char *
obtain_serial (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelCertificate) certificate = obtain (f, 0, &error);

  g_assert_no_error (error);
  return g_strdup (funnel_certificate_get_serial (certificate));
}

/* --- Tests --- */

static void
test_obtain (Fixture *f, gconstpointer data)
{
  g_autofree char *first = NULL, *again = NULL, *kept = NULL;
  g_auto (GStrv) serials = NULL;
  gint64 orders;

  use (f, "fine");
  g_assert_cmpint (status (f)->state, ==, FUNNEL_KEPT_NONE);
  first = obtain_serial (f);
  g_assert_cmpuint (f->published, ==, 1);
  g_assert_cmpuint (f->withdrawn, ==, 1);
  g_assert_cmpuint (f->changed, ==, 1);
  g_assert_cmpint (status (f)->state, ==, FUNNEL_KEPT_READY);
  g_assert_cmpstr (status (f)->serial, ==, first);
  g_assert_true (g_str_has_suffix (status (f)->ca, "/fine/dir"));
  g_assert_nonnull (status (f)->account);
  g_assert_null (status (f)->problem);
  g_assert_cmpint (status (f)->renew_at, >, status (f)->not_before);
  g_assert_cmpint (status (f)->renew_at, <, status (f)->not_after);
  orders = ca_count_seen (&ca, "fine", "order");

  again = obtain_serial (f);
  g_assert_cmpstr (again, ==, first);
  stop (f);
  start (f);
  use (f, "fine");
  kept = obtain_serial (f);
  g_assert_cmpstr (kept, ==, first);
  g_assert_cmpint (ca_count_seen (&ca, "fine", "order"), ==, orders);
  serials = funnel_certificate_keeper_list_serials (f->keeper, NAME);
  g_assert_cmpuint (g_strv_length (serials), ==, 1);
  g_assert_cmpstr (serials[0], ==, first);
}

static void
test_waiters (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) one = NULL, two = NULL, gone = NULL, much = NULL;
  g_autoptr (FunnelCertificate) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;
  gint64 orders;

  use (f, "fine");
  orders = ca_count_seen (&ca, "fine", "order");
  funnel_certificate_keeper_obtain_async (f->keeper, NAME, 0, NULL, keep_result, &one);
  funnel_certificate_keeper_obtain_async (f->keeper, NAME, 60, NULL, keep_result, &two);
  funnel_certificate_keeper_obtain_async (f->keeper, NAME, 0, cancellable, keep_result, &gone);
  funnel_certificate_keeper_obtain_async (f->keeper, NAME, 9999 * DAY, NULL, keep_result, &much);
  g_cancellable_cancel (cancellable);
  wait_for (&gone);
  g_assert_null (funnel_certificate_keeper_obtain_finish (f->keeper, gone, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  wait_for (&one);
  wait_for (&two);
  wait_for (&much);
  first = funnel_certificate_keeper_obtain_finish (f->keeper, one, &error);
  g_assert_no_error (error);
  second = funnel_certificate_keeper_obtain_finish (f->keeper, two, &error);
  g_assert_no_error (error);
  g_assert_true (first == second);
  g_assert_null (funnel_certificate_keeper_obtain_finish (f->keeper, much, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
  g_assert_cmpint (ca_count_seen (&ca, "fine", "order"), ==, orders + 1);
}

/* Nobody waits any more: the order is given up. */
static void
test_nobody_waits (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) gone = NULL;

  use (f, "pending");
  funnel_certificate_keeper_obtain_async (f->keeper, NAME, 0, cancellable, keep_result, &gone);
  WAIT_UNTIL (f->published == 1);
  g_cancellable_cancel (cancellable);
  wait_for (&gone);
  WAIT_UNTIL (f->withdrawn == 1 && status (f)->state == FUNNEL_KEPT_NONE);
}

static void
test_way_closed (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  use (f, "fine");
  f->closed = TRUE;
  g_assert_null (obtain (f, 0, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE);
  g_assert_nonnull (strstr (error->message, "the way is closed"));
  g_assert_nonnull (strstr (error->message, "open it"));
  funnel_certificate_keeper_want (f->keeper, NAME);
  WAIT_UNTIL (status (f)->problem != NULL);
  g_assert_cmpint (status (f)->state, ==, FUNNEL_KEPT_PENDING);
  g_assert_cmpstr (status (f)->next_step, ==, "open it");
  g_assert_cmpuint (f->published, ==, 0);
  f->closed = FALSE;
  funnel_certificate_keeper_nudge (f->keeper);
  WAIT_UNTIL (status (f)->state == FUNNEL_KEPT_READY);
  g_assert_null (status (f)->problem);
}

static void
test_way_lost (Fixture *f, gconstpointer data)
{
  gint64 orders = ca_count_seen (&ca, "pending", "order");

  use (f, "pending");
  funnel_certificate_keeper_want (f->keeper, NAME);
  WAIT_UNTIL (f->published == 1);
  f->closed = TRUE;
  funnel_certificate_keeper_nudge (f->keeper);
  WAIT_UNTIL (f->withdrawn == 1 && !status (f)->ordering);
  g_assert_cmpstr (status (f)->problem, ==, "the way is closed");
  g_assert_cmpint (status (f)->retry_at, ==, 0);
  f->closed = FALSE;
  funnel_certificate_keeper_nudge (f->keeper);
  WAIT_UNTIL (f->published == 2);
  g_assert_cmpint (ca_count_seen (&ca, "pending", "order"), ==, orders + 2);
  use (f, "fine");
  WAIT_UNTIL (status (f)->state == FUNNEL_KEPT_READY);
}

/* What an authority asked for is kept, whatever happens here. */
static void
test_limited (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gint64 now = g_get_real_time () / G_USEC_PER_SEC, orders;

  use (f, "limited@order");
  funnel_certificate_keeper_want (f->keeper, NAME);
  WAIT_UNTIL (status (f)->state == FUNNEL_KEPT_FAILED);
  orders = ca_count_seen (&ca, "limited@order", "order");
  g_assert_cmpint (status (f)->retry_at, >=, now + DAY);
  g_assert_nonnull (strstr (status (f)->problem, "too many certificates"));
  funnel_certificate_keeper_nudge (f->keeper);
  g_assert_null (obtain (f, 0, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "Not tried again before"));
  g_assert_cmpint (ca_count_seen (&ca, "limited@order", "order"), ==, orders);
}

static void
test_next_authority (Fixture *f, gconstpointer data)
{
  use (f, "caa limited@order eab fine");
  funnel_certificate_keeper_want (f->keeper, NAME);
  WAIT_UNTIL (status (f)->state == FUNNEL_KEPT_READY);
  g_assert_true (g_str_has_suffix (status (f)->ca, "/fine/dir"));
}

static void
test_other_authority (Fixture *f, gconstpointer data)
{
  g_autofree char *first = NULL;

  use (f, "fine");
  first = obtain_serial (f);
  funnel_certificate_keeper_want (f->keeper, NAME);
  use (f, "ari");
  WAIT_UNTIL (status (f)->ca != NULL && g_str_has_suffix (status (f)->ca, "/ari/dir"));
  g_assert_cmpstr (status (f)->serial, !=, first);
  g_assert_cmpuint (f->changed, ==, 2);
}

/* The window begins in a day and ends in two. */
static void
test_window (Fixture *f, gconstpointer data)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  gint64 before = ca_count_seen (&ca, "ari", "renewal");

  use (f, "ari");
  funnel_certificate_keeper_want (f->keeper, NAME);
  WAIT_UNTIL (status (f)->state == FUNNEL_KEPT_READY
              && ca_count_seen (&ca, "ari", "renewal") > before
              && status (f)->renew_at < now + 3 * DAY);
  g_assert_cmpint (status (f)->renew_at, >=, now + DAY - 60);
}

/* --- The store --- */

static void
test_cannot_store (Fixture *f, gconstpointer data)
{
  g_autofree char *root = g_build_filename (f->dir, "certificates", NULL);
  g_autofree char *serial = NULL, *kept = NULL;
  gint64 orders;

  use (f, "fine");
  f->spoil = root;
  serial = obtain_serial (f);
  f->spoil = NULL;
  g_assert_cmpint (status (f)->state, ==, FUNNEL_KEPT_READY);
  g_assert_nonnull (strstr (status (f)->problem, root));
  g_assert_nonnull (strstr (status (f)->problem, "chmod -R go= "));
  g_assert_nonnull (funnel_certificate_keeper_get (f->keeper, NAME));
  orders = ca_count_seen (&ca, "fine", "order");
  g_chmod (root, 0700);
  funnel_certificate_keeper_nudge (f->keeper);
  WAIT_UNTIL (status (f)->problem == NULL);
  stop (f);
  start (f);
  use (f, "fine");
  kept = obtain_serial (f);
  g_assert_cmpstr (kept, ==, serial);
  g_assert_cmpint (ca_count_seen (&ca, "fine", "order"), ==, orders);
}

/* Nothing is ordered that could not be kept. */
static void
test_store_unusable (Fixture *f, gconstpointer data)
{
  g_autofree char *root = g_build_filename (f->dir, "certificates", NULL);
  g_autoptr (GError) error = NULL;
  gint64 orders = ca_count_seen (&ca, "fine", "order");

  use (f, "fine");
  g_chmod (root, 0755);
  g_assert_null (obtain (f, 0, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE);
  g_assert_nonnull (strstr (error->message, "chmod -R go= "));
  g_assert_cmpint (ca_count_seen (&ca, "fine", "order"), ==, orders);
  g_chmod (root, 0700);
}

static void
test_unreadable (Fixture *f, gconstpointer data)
{
  g_autofree char *key = g_build_filename (f->dir, "certificates", NAME, "privkey.pem", NULL);
  g_autofree char *serial = NULL;
  gint64 orders;

  use (f, "fine");
  serial = obtain_serial (f);
  orders = ca_count_seen (&ca, "fine", "order");
  stop (f);
  g_chmod (key, 0640);
  start (f);
  use (f, "fine");
  funnel_certificate_keeper_want (f->keeper, NAME);
  WAIT_UNTIL (status (f)->retry_at != 0);
  g_assert_null (funnel_certificate_keeper_get (f->keeper, NAME));
  g_assert_nonnull (strstr (status (f)->problem, "chmod -R go= "));
  g_chmod (key, 0600);
  funnel_certificate_keeper_nudge (f->keeper);
  WAIT_UNTIL (status (f)->state == FUNNEL_KEPT_READY);
  g_assert_cmpstr (status (f)->serial, ==, serial);
  g_assert_cmpint (ca_count_seen (&ca, "fine", "order"), ==, orders);
}

/* Puts a certificate valid from @begin to @end, seconds from now, where the keeper will look. */
static void
plant (Fixture *f, gint64 begin, gint64 end)
{
  g_autofree char *scratch = g_dir_make_tmp ("funnel-keeper-XXXXXX", NULL);
  g_auto (MadeCertificate) made = make_certificate (scratch, "a", NAME, begin, end);
  g_autoptr (FunnelCertificateStore) store = funnel_certificate_store_new (f->dir);
  g_autofree char *chain = NULL, *key = NULL;
  g_autoptr (FunnelCertificate) certificate = NULL;
  g_autofree char *url = ca_get_url (&ca, "fine/dir");
  FunnelOrderRecord record = {.ca = url};

  g_assert_true (g_file_get_contents (made.chain_file, &chain, NULL, NULL));
  g_assert_true (g_file_get_contents (made.key_file, &key, NULL, NULL));
  certificate = funnel_certificate_new (chain, key, NAME, "test", NULL);
  g_assert_nonnull (certificate);
  g_assert_true (funnel_certificate_store_install (store, NAME, certificate, &record, NULL));
  remove_tree (scratch);
}

static void
test_expired (Fixture *f, gconstpointer data)
{
  stop (f);
  plant (f, -2 * DAY, -DAY);
  f->closed = TRUE;
  start (f);
  use (f, "fine");
  g_assert_null (funnel_certificate_keeper_get (f->keeper, NAME));
  WAIT_UNTIL (status (f)->problem != NULL);
  g_assert_nonnull (strstr (status (f)->problem, "expired on"));
  g_assert_null (status (f)->sha256);
  f->closed = FALSE;
  funnel_certificate_keeper_want (f->keeper, NAME);
  WAIT_UNTIL (status (f)->state == FUNNEL_KEPT_READY);
  g_assert_null (status (f)->problem);
}

/* The end of a certificate is noticed while the keeper runs, with nothing else happening. */
static void
test_expires (Fixture *f, gconstpointer data)
{
  stop (f);
  plant (f, -DAY, 3);
  start (f);
  f->changed = 0;
  g_assert_nonnull (funnel_certificate_keeper_get (f->keeper, NAME));
  WAIT_UNTIL (f->changed == 1);
  g_assert_null (funnel_certificate_keeper_get (f->keeper, NAME));
}

static void
test_wrong_clock (Fixture *f, gconstpointer data)
{
  gint64 orders = ca_count_seen (&ca, "fine", "order");

  stop (f);
  plant (f, 2 * DAY, 30 * DAY);
  start (f);
  use (f, "fine");
  funnel_certificate_keeper_want (f->keeper, NAME);
  WAIT_UNTIL (status (f)->problem != NULL);
  g_assert_nonnull (strstr (status (f)->problem, "clock is wrong"));
  g_assert_nonnull (strstr (status (f)->next_step, "timedatectl"));
  g_assert_null (funnel_certificate_keeper_get (f->keeper, NAME));
  g_assert_cmpint (ca_count_seen (&ca, "fine", "order"), ==, orders);
}

/* Two thirds of the life are over: renewed at once, and served meanwhile. */
static void
test_renewal_due (Fixture *f, gconstpointer data)
{
  stop (f);
  plant (f, -10 * DAY, DAY);
  start (f);
  f->changed = 0;
  use (f, "fine");
  funnel_certificate_keeper_want (f->keeper, NAME);
  g_assert_nonnull (funnel_certificate_keeper_get (f->keeper, NAME));
  WAIT_UNTIL (f->changed == 1);
  g_assert_cmpint (status (f)->state, ==, FUNNEL_KEPT_READY);
  g_assert_cmpint (status (f)->not_after, >, g_get_real_time () / G_USEC_PER_SEC + 2 * DAY);
}

/* A renewal that fails is told; the old certificate goes on. */
static void
test_renewal_fails (Fixture *f, gconstpointer data)
{
  stop (f);
  plant (f, -10 * DAY, DAY);
  start (f);
  use (f, "fine refused");
  f->closed = TRUE;
  funnel_certificate_keeper_want (f->keeper, NAME);
  WAIT_UNTIL (status (f)->problem != NULL);
  g_assert_cmpint (status (f)->state, ==, FUNNEL_KEPT_READY);
  g_assert_nonnull (funnel_certificate_keeper_get (f->keeper, NAME));
}

static void
test_revoke (Fixture *f, gconstpointer data)
{
  g_autofree char *serial = NULL;
  g_autofree char *link = g_build_filename (f->dir, "certificates", NAME, NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  guint count = 0;

  use (f, "fine");
  serial = obtain_serial (f);
  funnel_certificate_keeper_revoke_async (f->keeper, NULL, keep_result, &result);
  wait_for (&result);
  g_assert_true (funnel_certificate_keeper_revoke_finish (f->keeper, result, &count, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count, ==, 1);
  g_assert_null (funnel_certificate_keeper_get (f->keeper, NAME));
  g_assert_false (g_file_test (link, G_FILE_TEST_EXISTS));
}

static void
test_revoke_fails (Fixture *f, gconstpointer data)
{
  g_autofree char *serial = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  guint count = 0;

  use (f, "busy@revoke");
  serial = obtain_serial (f);
  funnel_certificate_keeper_revoke_async (f->keeper, NULL, keep_result, &result);
  wait_for (&result);
  g_assert_false (funnel_certificate_keeper_revoke_finish (f->keeper, result, &count, &error));
  g_assert_nonnull (strstr (error->message, NAME));
  g_assert_cmpuint (count, ==, 0);
  g_assert_nonnull (funnel_certificate_keeper_get (f->keeper, NAME));
}

/* Ended in the middle: whoever waits is told, and nothing is left. */
static void
test_stopped (Fixture *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  use (f, "pending");
  funnel_certificate_keeper_obtain_async (f->keeper, NAME, 0, NULL, keep_result, &result);
  WAIT_UNTIL (f->published == 1);
  funnel_certificate_keeper_stop (f->keeper);
  wait_for (&result);
  g_assert_null (funnel_certificate_keeper_obtain_finish (f->keeper, result, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED);
  WAIT_UNTIL (f->withdrawn == 1);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  /* A store that cannot be used is warned of. */
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
  ca_start_broken (&ca, 0, -DAY, 30 * DAY);
#define ADD(path, function)                                                                        \
  g_test_add ("/certificate-keeper/" path, Fixture, NULL, set_up, function, tear_down)
  ADD ("obtain", test_obtain);
  ADD ("waiters", test_waiters);
  ADD ("nobody-waits", test_nobody_waits);
  ADD ("way-closed", test_way_closed);
  ADD ("way-lost", test_way_lost);
  ADD ("limited", test_limited);
  ADD ("next-authority", test_next_authority);
  ADD ("other-authority", test_other_authority);
  ADD ("window", test_window);
  ADD ("cannot-store", test_cannot_store);
  ADD ("store-unusable", test_store_unusable);
  ADD ("unreadable", test_unreadable);
  ADD ("expired", test_expired);
  ADD ("expires", test_expires);
  ADD ("wrong-clock", test_wrong_clock);
  ADD ("renewal-due", test_renewal_due);
  ADD ("renewal-fails", test_renewal_fails);
  ADD ("revoke", test_revoke);
  ADD ("revoke-fails", test_revoke_fails);
  ADD ("stopped", test_stopped);
  result = g_test_run ();
  ca_stop (&ca);
  return result;
}
