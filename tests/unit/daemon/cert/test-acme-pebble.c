/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The ACME client against pebble, the test server of Let's Encrypt's makers. */

#include "lib/base/token.h"
#include "tests/unit/daemon/cert/acme-fixture.h"

#include <string.h>

#define NAME "laptop.example.test"
#define AT_ONCE 5

static void
test_issue (void)
{
  Responder *responder = responder_new ();
  g_auto (Ca) ca = {NULL};
  g_auto (Order) order = {NULL};
  g_autoptr (FunnelAcmeClient) client = NULL;

  ca_start_pebble (&ca, responder_get_port (responder), 5, FALSE);
  client = ca_make_client (&ca, "dir");
  g_assert_null (funnel_acme_client_get_account_url (client));
  order_init (&order, responder);
  order_run (&order, client, NAME, NULL);
  g_assert_no_error (order.error);
  check_issued (order.issued, NAME);
  g_assert_cmpstr (order.steps->str, ==,
                   "directory account order publish validate finalize download");
  g_assert_cmpuint (order.published, ==, 1);
  g_assert_cmpstr (funnel_acme_client_get_account_url (client), ==, order.issued->account_url);
  responder_free (responder);
}

static char *
find_account (FunnelAcmeClient *client)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  char *url;

  funnel_acme_client_find_account_async (client, NULL, keep_result, &result);
  wait_for (&result);
  url = funnel_acme_client_find_account_finish (client, result, &error);
  g_assert_no_error (error);
  return url;
}

static void
test_account (void)
{
  g_auto (Ca) ca = {NULL};
  char *key = funnel_acme_account_key_new (NULL);
  FunnelAcmeSettings settings = {.account_key = key, .contact = "admin@example.test"};
  g_autoptr (FunnelAcmeClient) one = NULL, same = NULL, other = NULL;
  g_autofree char *url = NULL, *again = NULL, *different = NULL;

  ca_start_pebble (&ca, get_free_port (), 0, FALSE);
  one = ca_make_client_with (&ca, "dir", settings);
  same = ca_make_client_with (&ca, "dir", settings);
  other = ca_make_client (&ca, "dir");
  url = find_account (one);
  again = find_account (same);
  different = find_account (other);
  g_assert_cmpstr (url, ==, again);
  g_assert_cmpstr (url, !=, different);
  g_assert_cmpstr (url, ==, funnel_acme_client_get_account_url (one));
  funnel_secret_free (key);
}

static void
revoke_chain (FunnelAcmeClient *client, const char *chain, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  funnel_acme_client_revoke_async (client, chain, FUNNEL_ACME_REASON_CESSATION, NULL, keep_result,
                                   &result);
  wait_for (&result);
  funnel_acme_client_revoke_finish (client, result, error);
}

static void
test_revoke (void)
{
  Responder *responder = responder_new ();
  g_auto (Ca) ca = {NULL};
  g_auto (Order) order = {NULL};
  g_autoptr (FunnelAcmeClient) client = NULL;
  g_autoptr (GError) error = NULL;

  ca_start_pebble (&ca, responder_get_port (responder), 0, FALSE);
  client = ca_make_client (&ca, "dir");
  order_init (&order, responder);
  order_run (&order, client, NAME, NULL);
  g_assert_no_error (order.error);
  revoke_chain (client, order.issued->chain, &error);
  g_assert_no_error (error);
  revoke_chain (client, order.issued->chain, &error); /* again */
  g_assert_no_error (error);
  revoke_chain (client, "no certificate", &error);
  g_assert_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CERTIFICATE);
  responder_free (responder);
}

static void
test_renewal_not_offered (void)
{
  g_auto (Ca) ca = {NULL};
  g_autoptr (FunnelAcmeClient) client = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  FunnelAcmeRenewal renewal;

  ca_start_pebble (&ca, get_free_port (), 0, FALSE);
  client = ca_make_client (&ca, "dir");
  funnel_acme_client_renewal_info_async (client, "YWJj.ZGVm", NULL, keep_result, &result);
  wait_for (&result);
  g_assert_true (funnel_acme_client_renewal_info_finish (client, result, &renewal, &error));
  g_assert_no_error (error);
  g_assert_false (renewal.offered);
  g_assert_cmpint (renewal.retry_at, >, g_get_real_time () / G_USEC_PER_SEC);
}

static void
test_refused_name (void)
{
  g_auto (Ca) ca = {NULL};
  g_auto (Order) order = {NULL};
  g_autoptr (FunnelAcmeClient) client = NULL;

  ca_start_pebble (&ca, get_free_port (), 0, FALSE);
  client = ca_make_client (&ca, "dir");
  order_init (&order, NULL);
  order_run (&order, client, PEBBLE_BLOCKED, NULL);
  g_assert_error (order.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_NAME_REFUSED);
  g_assert_cmpstr (funnel_acme_error_get_problem (order.error), ==, "rejectedIdentifier");
  g_assert_cmpuint (order.published, ==, 0);
}

/* The CA connects, and finds nobody, or the wrong answer. */
static void
test_validation_fails (void)
{
  Responder *responder = responder_new ();
  g_auto (Ca) reachable = {NULL}, unreachable = {NULL};
  g_auto (Order) spoilt = {NULL}, lonely = {NULL};
  g_autoptr (FunnelAcmeClient) client = NULL, other = NULL;

  ca_start_pebble (&reachable, responder_get_port (responder), 0, FALSE);
  ca_start_pebble (&unreachable, get_free_port (), 0, FALSE);
  client = ca_make_client (&reachable, "dir");
  order_init (&spoilt, responder);
  spoilt.spoil = TRUE;
  order_run (&spoilt, client, NAME, NULL);
  g_assert_error (spoilt.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_VALIDATION);
  g_assert_cmpuint (spoilt.published, ==, 1);

  other = ca_make_client (&unreachable, "dir");
  order_init (&lonely, responder);
  order_run (&lonely, other, NAME, NULL);
  g_assert_error (lonely.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_VALIDATION);
  g_assert_nonnull (strstr (lonely.error->message, "Failed to connect"));
  responder_free (responder);
}

static void
test_binding (void)
{
  Responder *responder = responder_new ();
  g_auto (Ca) ca = {NULL};
  g_auto (Order) without = {NULL}, wrong = {NULL}, with = {NULL};
  g_autoptr (FunnelAcmeClient) stranger = NULL, impostor = NULL, customer = NULL;

  ca_start_pebble (&ca, responder_get_port (responder), 0, TRUE);
  stranger = ca_make_client (&ca, "dir");
  order_init (&without, responder);
  order_run (&without, stranger, NAME, NULL);
  g_assert_error (without.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_ACCOUNT);
  g_assert_nonnull (strstr (without.error->message, "external account binding"));

  impostor = ca_make_client_with (
      &ca, "dir", (FunnelAcmeSettings) {.eab_kid = PEBBLE_EAB_KID, .eab_key = "AAAA"});
  order_init (&wrong, responder);
  order_run (&wrong, impostor, NAME, NULL);
  g_assert_error (wrong.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_ACCOUNT);

  customer = ca_make_client_with (
      &ca, "dir", (FunnelAcmeSettings) {.eab_kid = PEBBLE_EAB_KID, .eab_key = PEBBLE_EAB_KEY});
  order_init (&with, responder);
  order_run (&with, customer, NAME, NULL);
  g_assert_no_error (with.error);
  responder_free (responder);
}

static void
test_bad_nonces (void)
{
  Responder *responder = responder_new ();
  g_auto (Ca) ca = {NULL};
  g_autoptr (FunnelAcmeClient) client = NULL;

  ca_start_pebble (&ca, responder_get_port (responder), 60, FALSE);
  client = ca_make_client (&ca, "dir");
  for (guint i = 0; i < 3; i++)
    {
      g_auto (Order) order = {NULL};

      order_init (&order, responder);
      order_run (&order, client, NAME, NULL);
      g_assert_no_error (order.error);
    }
  responder_free (responder);
}

static void
test_untrusted (void)
{
  g_auto (Ca) ca = {NULL}, other = {NULL};
  g_auto (Order) order = {NULL};
  g_autoptr (FunnelAcmeClient) client = NULL;

  ca_start_pebble (&ca, get_free_port (), 0, FALSE);
  ca_start_pebble (&other, get_free_port (), 0, FALSE);
  client = ca_make_client_with (&ca, "dir", (FunnelAcmeSettings) {.ca_file = other.ca_file});
  order_init (&order, NULL);
  order_run (&order, client, NAME, NULL);
  g_assert_error (order.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_UNTRUSTED);
}

/* The process's default trust is another's for a while, when a node joins: it does not count. */
static void
test_system_trust (void)
{
  GTlsBackend *backend = g_tls_backend_get_default ();
  g_auto (Ca) ca = {NULL};
  g_auto (Order) order = {NULL};
  g_autoptr (FunnelAcmeClient) client = NULL;
  g_autoptr (GTlsDatabase) passing = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *url = NULL;
  char *key = funnel_acme_account_key_new (NULL);

  ca_start_pebble (&ca, get_free_port (), 0, FALSE);
  passing = g_tls_file_database_new (ca.ca_file, &error);
  g_assert_no_error (error);
  g_tls_backend_set_default_database (backend, passing);
  url = ca_get_url (&ca, "dir");
  client = funnel_acme_client_new (&(FunnelAcmeSettings) {.directory = url, .account_key = key},
                                   &error);
  g_assert_no_error (error);
  order_init (&order, NULL);
  order_run (&order, client, NAME, NULL);
  g_assert_error (order.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_UNTRUSTED);
  g_tls_backend_set_default_database (backend, NULL);
  funnel_secret_free (key);
}

static void
test_at_once (void)
{
  Responder *responder = responder_new ();
  g_auto (Ca) ca = {NULL};
  Order orders[AT_ONCE];
  g_autoptr (FunnelAcmeClient) client = NULL;

  ca_start_pebble (&ca, responder_get_port (responder), 20, FALSE);
  client = ca_make_client (&ca, "dir");
  for (guint i = 0; i < AT_ONCE; i++)
    {
      g_autofree char *name = g_strdup_printf ("n%u.example.test", i);

      order_init (&orders[i], responder);
      order_start (&orders[i], client, name, NULL);
    }
  for (guint i = 0; i < AT_ONCE; i++)
    {
      g_autofree char *name = g_strdup_printf ("n%u.example.test", i);

      order_end (&orders[i]);
      g_assert_no_error (orders[i].error);
      check_issued (orders[i].issued, name);
      order_clear (&orders[i]);
    }
  responder_free (responder);
}

static gboolean
on_cancel_timer (gpointer user_data)
{
  g_cancellable_cancel (user_data);
  return G_SOURCE_REMOVE;
}

/* Cancelled at any moment, or not at all: it ends, nothing stays published (the responder checks
 * that too), and the same client goes on. With "-m slow" many more. */
static void
test_random_cancel (void)
{
  Responder *responder = responder_new ();
  g_auto (Ca) ca = {NULL};
  g_autoptr (FunnelAcmeClient) client = NULL;
  guint rounds = g_test_slow () ? 400 : 20, issued = 0;
  gint64 last = 100000, longest = 0; /* microseconds; of an order that was left alone */

  ca_start_pebble (&ca, responder_get_port (responder), 10, FALSE);
  client = ca_make_client (&ca, "dir");
  for (guint i = 0; i < rounds; i++)
    {
      g_autofree char *name = g_strdup_printf ("n%u.example.test", i % 7);
      g_auto (Order) order = {NULL};
      gint64 begin = g_get_monotonic_time ();

      order_init (&order, responder);
      order_start (&order, client, name, NULL);
      if (i % 4 != 0)
        g_timeout_add_full (G_PRIORITY_DEFAULT,
                            (guint)g_test_rand_int_range (0, (gint32)(last / 1000) + 1),
                            on_cancel_timer, g_object_ref (order.cancellable), g_object_unref);
      order_end (&order);
      if (i % 4 == 0)
        {
          g_assert_no_error (order.error);
          last = g_get_monotonic_time () - begin;
          longest = MAX (longest, last);
        }
      if (order.issued != NULL)
        {
          check_issued (order.issued, name);
          issued++;
        }
      else
        g_assert_error (order.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
  g_test_message ("%u of %u issued, the longest in %" G_GINT64_FORMAT " ms", issued, rounds,
                  longest / 1000);
  responder_free (responder);
}

int
main (int argc, char **argv)
{
  g_autofree char *pebble = g_find_program_in_path ("pebble");
  g_autofree char *dns = g_find_program_in_path ("pebble-challtestsrv");

  g_test_init (&argc, &argv, NULL);
  if (pebble == NULL || dns == NULL)
    {
      g_print ("1..0 # SKIP there is no pebble here\n");
      return 0;
    }
  g_test_add_func ("/acme/pebble/issue", test_issue);
  g_test_add_func ("/acme/pebble/account", test_account);
  g_test_add_func ("/acme/pebble/revoke", test_revoke);
  g_test_add_func ("/acme/pebble/renewal-not-offered", test_renewal_not_offered);
  g_test_add_func ("/acme/pebble/refused-name", test_refused_name);
  g_test_add_func ("/acme/pebble/validation-fails", test_validation_fails);
  g_test_add_func ("/acme/pebble/binding", test_binding);
  g_test_add_func ("/acme/pebble/bad-nonces", test_bad_nonces);
  g_test_add_func ("/acme/pebble/untrusted", test_untrusted);
  g_test_add_func ("/acme/pebble/system-trust", test_system_trust);
  g_test_add_func ("/acme/pebble/at-once", test_at_once);
  g_test_add_func ("/acme/pebble/random-cancel", test_random_cancel);
  return g_test_run ();
}
