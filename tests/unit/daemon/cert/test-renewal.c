/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/renewal.h"

#include "daemon/cert/authority-choice.h"
#include "lib/base/error.h"
#include "lib/base/wall-timer.h"

#include <string.h>

#define HOUR 3600
#define DAY (24 * HOUR)

/* Always between half and two thirds of the lifetime, whatever that is. */
static void
test_third (void)
{
  static const gint64 lifetimes[] = {30, 6 * DAY, 45 * DAY, 64 * DAY, 90 * DAY, 398 * DAY};

  for (guint i = 0; i < G_N_ELEMENTS (lifetimes); i++)
    {
      gint64 begin = 1700000000, end = begin + lifetimes[i];
      gint64 late = funnel_renewal_at (begin, end, 0),
             early = funnel_renewal_at (begin, end, 0.999);

      g_assert_cmpint (late, ==, end - lifetimes[i] / 3);
      g_assert_cmpint (early, <=, late);
      g_assert_cmpint (early, >, begin + lifetimes[i] / 2);
    }
}

static void
test_window (void)
{
  gint64 begin = 1700000000, end = begin + 90 * DAY;

  g_assert_cmpint (funnel_renewal_in_window (begin + 10, begin + 30, begin, end, 0.5), ==,
                   begin + 20);
  /* A window in the past means now. */
  g_assert_cmpint (funnel_renewal_in_window (begin - DAY, begin - HOUR, begin, end, 0.5), <, begin);
  /* A window after the end would be an outage. */
  g_assert_cmpint (funnel_renewal_in_window (end + DAY, end + 2 * DAY, begin, end, 0.5), ==,
                   end - 9 * DAY);
}

/* Never more than five failed checks in an hour, which is what Let's Encrypt allows. */
static void
test_failed_checks (void)
{
  gint64 at = 0;
  guint within = 1;

  for (guint n = 1; n < 20; n++)
    {
      at += funnel_retry_delay (FUNNEL_BLAME_NAME, n, 0, 0);
      within += at < HOUR;
    }
  g_assert_cmpuint (within, <=, 5);
  g_assert_cmpint (funnel_retry_delay (FUNNEL_BLAME_NAME, 1000, 0, 0.999), <=, 6 * HOUR * 6 / 5);
}

static void
test_delays (void)
{
  for (int blame = FUNNEL_BLAME_WAIT; blame <= FUNNEL_BLAME_HERE; blame++)
    for (guint n = 1; n < 100; n++)
      {
        g_assert_cmpint (funnel_retry_delay (blame, n, 0, 0), >, 0);
        g_assert_cmpint (funnel_retry_delay (blame, n + 1, 0, 0.5), >=,
                         funnel_retry_delay (blame, n, 0, 0.5));
      }
  /* With a minute left an hour's wait would be the end. */
  g_assert_cmpint (funnel_retry_delay (FUNNEL_BLAME_NAME, 10, 60, 0.999), <=, 12);
  g_assert_cmpint (funnel_retry_delay (FUNNEL_BLAME_NAME, 10, 2 * DAY, 0.999), <=,
                   6 * HOUR * 6 / 5);
}

static void
test_blame (void)
{
  g_autoptr (GError) limited
      = g_error_new_literal (FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_RATE_LIMITED, "x");
  g_autoptr (GError) validation
      = g_error_new_literal (FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_VALIDATION, "x");
  g_autoptr (GError) clock = g_error_new_literal (FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CLOCK, "x");
  g_autoptr (GError) store = g_error_new_literal (FUNNEL_ERROR, FUNNEL_ERROR_STORE, "x");

  g_assert_cmpint (funnel_blame_of (limited), ==, FUNNEL_BLAME_AUTHORITY);
  g_assert_cmpint (funnel_blame_of (validation), ==, FUNNEL_BLAME_NAME);
  g_assert_cmpint (funnel_blame_of (clock), ==, FUNNEL_BLAME_HERE);
  g_assert_cmpint (funnel_blame_of (store), ==, FUNNEL_BLAME_HERE);
  g_assert_nonnull (strstr (funnel_next_step_of (clock), "timedatectl"));
  g_assert_null (funnel_next_step_of (store));
}

/* --- Authorities --- */

static void
assert_refused (const char *text, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelAuthority) authority = funnel_authority_parse (text, strlen (text), &error);

  g_assert_null (authority);
  g_assert_nonnull (error);
  if (strstr (error->message, part) == NULL)
    g_error ("“%s” lacks “%s”", error->message, part);
}

static void
test_authority (void)
{
  const char *text = "{\"directories\":[{\"url\":\"https://a.example/dir\",\"ca_file\":\"/ca.pem\","
                     "\"eab_kid\":\"k\",\"eab_key\":\"c2VjcmV0\",\"profile\":\"shortlived\"},"
                     "{\"url\":\"https://b.example/dir\"}],\"contact\":\"me@example.org\"}";
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelAuthority) authority = funnel_authority_parse (text, strlen (text), &error);
  g_autoptr (FunnelAuthority) copy = NULL;
  g_autoptr (FunnelAuthority) standard = funnel_authority_new ();
  g_autofree char *printed = NULL;

  g_assert_no_error (error);
  printed = funnel_authority_print (authority);
  g_assert_cmpstr (printed, ==, text);
  copy = funnel_authority_copy (authority);
  g_assert_true (funnel_authority_equal (authority, copy));
  g_assert_false (funnel_authority_equal (authority, standard));
  g_assert_true (funnel_authority_check (standard, NULL));
  g_assert_cmpstr (funnel_authority_get_directory (authority, 3)->url, ==, "https://b.example/dir");
  g_assert_cmpstr (funnel_authority_find (authority, "https://a.example/dir")->profile, ==,
                   "shortlived");
  g_assert_null (funnel_authority_find (authority, "https://c.example/dir"));
}

static void
test_authority_bad (void)
{
  assert_refused ("{}", "directories");
  assert_refused ("{\"directories\":[]}", "directories");
  assert_refused ("{\"directories\":[{}]}", "url");
  assert_refused ("{\"directories\":[{\"url\":\"http://a.example/\"}]}", "https://");
  assert_refused ("{\"directories\":[{\"url\":\"https://a/\"},{\"url\":\"https://a/\"}]}", "once");
  assert_refused ("{\"directories\":[{\"url\":\"https://a/\",\"ca_file\":\"x\"}]}", "ca-file");
  assert_refused ("{\"directories\":[{\"url\":\"https://a/\",\"eab_kid\":\"x\"}]}", "eab-kid");
  assert_refused (
      "{\"directories\":[{\"url\":\"https://a/\",\"eab_kid\":\"x\",\"eab_key\":\"!\"}]}",
      "eab-key");
  assert_refused ("{\"directories\":[{\"url\":\"https://a/\"}],\"contact\":\"me\"}", "contact");
  assert_refused ("{\"directories\":[{\"url\":\"https://a/\"}],\"contact\":\"a@b,c@d\"}",
                  "contact");
}

/* Three failures of its own, and the next authority has its turn; what the user or the network must
 * mend makes none of them worse. */
static void
test_choice (void)
{
  g_autoptr (GError) busy
      = funnel_acme_error_new_detailed (FUNNEL_ACME_ERROR_SERVER, 0, NULL, "busy");
  g_autoptr (GError) limited = funnel_acme_error_new_detailed (FUNNEL_ACME_ERROR_RATE_LIMITED,
                                                               1000 + DAY, NULL, "limited");
  FunnelAuthorityChoice choice = {0};
  gint64 now = 1000;

  for (guint i = 0; i < 10; i++)
    funnel_authority_choice_fail (&choice, busy, FUNNEL_BLAME_WAIT, 3, now, 0, 0.5);
  g_assert_cmpuint (choice.directory, ==, 0);
  funnel_authority_choice_reset (&choice);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (
        funnel_authority_choice_fail (&choice, busy, FUNNEL_BLAME_AUTHORITY, 3, now, 0, 0.5), >,
        now);
  g_assert_cmpuint (choice.directory, ==, 0);
  /* The next one at once. */
  g_assert_cmpint (
      funnel_authority_choice_fail (&choice, busy, FUNNEL_BLAME_AUTHORITY, 3, now, 0, 0.5), ==,
      now + 1);
  g_assert_cmpuint (choice.directory, ==, 1);
  g_assert_cmpint (
      funnel_authority_choice_fail (&choice, limited, FUNNEL_BLAME_AUTHORITY, 3, now, 0, 0.5), ==,
      now + 1);
  g_assert_cmpuint (choice.directory, ==, 2);
  /* All have failed: the one that may be asked first, when it may. */
  g_assert_cmpint (
      funnel_authority_choice_fail (&choice, limited, FUNNEL_BLAME_AUTHORITY, 3, now, 0, 0.5), ==,
      choice.blocked[0]);
  g_assert_cmpuint (choice.directory, ==, 0);
  /* With one only, its wish is obeyed. */
  funnel_authority_choice_reset (&choice);
  g_assert_cmpint (
      funnel_authority_choice_fail (&choice, limited, FUNNEL_BLAME_AUTHORITY, 1, now, 0, 0.5), ==,
      1000 + DAY);
}

/* --- The wall clock's timer --- */

typedef struct
{
  GMainLoop *loop;
  gint64 fired;
} Tick;

static void
on_tick (gpointer user_data)
{
  Tick *tick = user_data;

  tick->fired = g_get_real_time () / G_USEC_PER_SEC;
  g_main_loop_quit (tick->loop);
}

static void
test_timer (void)
{
  Tick tick = {g_main_loop_new (NULL, FALSE), 0};
  FunnelWallTimer *timer = funnel_wall_timer_new (on_tick, &tick);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  funnel_wall_timer_set (timer, now - 5);
  g_main_loop_run (tick.loop);
  tick.fired = 0;
  funnel_wall_timer_set (timer, now + 2);
  g_main_loop_run (tick.loop);
  g_assert_cmpint (tick.fired, >=, now + 2);
  funnel_wall_timer_free (timer);
  g_main_loop_unref (tick.loop);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/renewal/third", test_third);
  g_test_add_func ("/renewal/window", test_window);
  g_test_add_func ("/renewal/failed-checks", test_failed_checks);
  g_test_add_func ("/renewal/delays", test_delays);
  g_test_add_func ("/renewal/blame", test_blame);
  g_test_add_func ("/renewal/authority", test_authority);
  g_test_add_func ("/renewal/authority-bad", test_authority_bad);
  g_test_add_func ("/renewal/choice", test_choice);
  g_test_add_func ("/renewal/wall-timer", test_timer);
  return g_test_run ();
}
