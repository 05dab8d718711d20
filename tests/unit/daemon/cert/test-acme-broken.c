/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The ACME client against an authority that does wrong (tests/certs/broken_acme.py). */

#include "lib/base/token.h"
#include "tests/unit/daemon/cert/acme-fixture.h"

#include <string.h>

#define NAME "laptop.example.test"
#define ANOTHER_ID "YWJj.ZGVm"
#define DAY_S 86400
#define NEVER_MS 300 /* for an answer that never comes */

static Responder *responder;
static Ca ca;

/* What a fault of the authority must look like. */
typedef struct
{
  const char *fault;
  FunnelAcmeError code;
  const char *problem; /* NULL: none */
  gint64 retry_s;      /* from now; 0: none */
  guint published;
} Case;

static const Case cases[] = {
    {"html", FUNNEL_ACME_ERROR_PROTOCOL},
    {"html@nonce", FUNNEL_ACME_ERROR_PROTOCOL},
    {"html@account", FUNNEL_ACME_ERROR_PROTOCOL},
    {"html@order", FUNNEL_ACME_ERROR_PROTOCOL},
    {"html@authorization", FUNNEL_ACME_ERROR_PROTOCOL},
    {"html@challenge", FUNNEL_ACME_ERROR_PROTOCOL, NULL, 0, 1},
    {"html@poll", FUNNEL_ACME_ERROR_PROTOCOL, NULL, 0, 1},
    {"html@finalize", FUNNEL_ACME_ERROR_PROTOCOL, NULL, 0, 1},
    {"html@certificate", FUNNEL_ACME_ERROR_PROTOCOL, NULL, 0, 1},
    {"not-json", FUNNEL_ACME_ERROR_PROTOCOL},
    {"not-json@account", FUNNEL_ACME_ERROR_PROTOCOL},
    {"not-json@order", FUNNEL_ACME_ERROR_PROTOCOL},
    {"not-json@authorization", FUNNEL_ACME_ERROR_PROTOCOL},
    {"not-json@finalize", FUNNEL_ACME_ERROR_PROTOCOL, NULL, 0, 1},
    {"empty", FUNNEL_ACME_ERROR_PROTOCOL},
    {"empty@account", FUNNEL_ACME_ERROR_PROTOCOL},
    {"empty@order", FUNNEL_ACME_ERROR_PROTOCOL},
    {"empty@poll", FUNNEL_ACME_ERROR_PROTOCOL, NULL, 0, 1},
    {"empty@certificate", FUNNEL_ACME_ERROR_PROTOCOL, NULL, 0, 1},
    {"huge", FUNNEL_ACME_ERROR_PROTOCOL},
    {"huge@certificate", FUNNEL_ACME_ERROR_PROTOCOL, NULL, 0, 1},
    {"endless", FUNNEL_ACME_ERROR_PROTOCOL},
    {"endless@order", FUNNEL_ACME_ERROR_PROTOCOL},
    {"truncated@order", FUNNEL_ACME_ERROR_UNREACHABLE},
    {"truncated@poll", FUNNEL_ACME_ERROR_UNREACHABLE, NULL, 0, 1},
    {"truncated", FUNNEL_ACME_ERROR_UNREACHABLE},
    {"headers", FUNNEL_ACME_ERROR_UNREACHABLE},
    {"close", FUNNEL_ACME_ERROR_UNREACHABLE},
    {"close@order", FUNNEL_ACME_ERROR_UNREACHABLE},
    {"close@challenge", FUNNEL_ACME_ERROR_UNREACHABLE, NULL, 0, 1},
    {"close@poll", FUNNEL_ACME_ERROR_UNREACHABLE, NULL, 0, 1},
    {"loop", FUNNEL_ACME_ERROR_PROTOCOL},
    {"loop@nonce", FUNNEL_ACME_ERROR_PROTOCOL},
    {"insecure", FUNNEL_ACME_ERROR_PROTOCOL},
    {"redirect@order", FUNNEL_ACME_ERROR_PROTOCOL},
    {"plain-urls", FUNNEL_ACME_ERROR_PROTOCOL},
    {"limited", FUNNEL_ACME_ERROR_RATE_LIMITED, "rateLimited", DAY_S},
    {"limited@account", FUNNEL_ACME_ERROR_RATE_LIMITED, "rateLimited", DAY_S},
    {"limited@order", FUNNEL_ACME_ERROR_RATE_LIMITED, "rateLimited", DAY_S},
    {"limited-date@order", FUNNEL_ACME_ERROR_RATE_LIMITED, "rateLimited", DAY_S},
    {"limited@challenge", FUNNEL_ACME_ERROR_RATE_LIMITED, "rateLimited", DAY_S, 1},
    {"limited@finalize", FUNNEL_ACME_ERROR_RATE_LIMITED, "rateLimited", DAY_S, 1},
    {"busy", FUNNEL_ACME_ERROR_SERVER, NULL, 120},
    {"busy@order", FUNNEL_ACME_ERROR_SERVER, NULL, 120},
    {"busy@challenge", FUNNEL_ACME_ERROR_SERVER, NULL, 120, 1},
    {"later", FUNNEL_ACME_ERROR_TIMED_OUT, NULL, DAY_S, 1},
    {"clock", FUNNEL_ACME_ERROR_CLOCK},
    {"bad-nonces-always", FUNNEL_ACME_ERROR_PROTOCOL, "badNonce"},
    {"forgotten-always", FUNNEL_ACME_ERROR_ACCOUNT, "accountDoesNotExist"},
    {"deactivated", FUNNEL_ACME_ERROR_ACCOUNT},
    {"eab", FUNNEL_ACME_ERROR_ACCOUNT},
    {"refused", FUNNEL_ACME_ERROR_NAME_REFUSED, "rejectedIdentifier"},
    {"hostile", FUNNEL_ACME_ERROR_NAME_REFUSED, "rejectedIdentifier"},
    {"no-alpn", FUNNEL_ACME_ERROR_NAME_REFUSED},
    {"other-name", FUNNEL_ACME_ERROR_PROTOCOL},
    {"invalid", FUNNEL_ACME_ERROR_VALIDATION, "connection", 0, 1},
    {"caa", FUNNEL_ACME_ERROR_NAME_REFUSED, "caa", 0, 1},
    {"order-invalid", FUNNEL_ACME_ERROR_ORDER_INVALID, "badCSR", 0, 1},
    {"wrong-key", FUNNEL_ACME_ERROR_CERTIFICATE, NULL, 0, 1},
    {"wrong-name", FUNNEL_ACME_ERROR_CERTIFICATE, NULL, 0, 1},
    {"key-in-chain", FUNNEL_ACME_ERROR_CERTIFICATE, NULL, 0, 1},
    {"unsorted", FUNNEL_ACME_ERROR_CERTIFICATE, NULL, 0, 1},
    {"expired", FUNNEL_ACME_ERROR_CERTIFICATE, NULL, 0, 1},
    {"early", FUNNEL_ACME_ERROR_CLOCK, NULL, 0, 1},
};

static FunnelAcmeClient *
make_client_with (const char *fault, FunnelAcmeSettings settings)
{
  g_autofree char *path = g_strconcat (fault, "/dir", NULL);

  return ca_make_client_with (&ca, path, settings);
}

static FunnelAcmeClient *
make_client (const char *fault)
{
  return make_client_with (fault, (FunnelAcmeSettings) {NULL});
}

static gint64
now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

/* One line that is fit for a terminal and not longer than a status field. */
static void
check_message (const char *message)
{
  g_assert_true (g_utf8_validate (message, -1, NULL));
  g_assert_cmpuint (strlen (message), <, FUNNEL_ACME_TEXT_MAX + 200);
  for (const char *p = message; *p != '\0'; p = g_utf8_next_char (p))
    g_assert_false (g_unichar_iscntrl (g_utf8_get_char (p)) || g_utf8_get_char (p) == 0x2028);
}

static void
test_case (gconstpointer data)
{
  const Case *wanted = data;
  g_autoptr (FunnelAcmeClient) client = make_client (wanted->fault);
  g_auto (Order) order = {NULL};
  gint64 begin = now (), retry_at;

  order_init (&order, responder);
  order_run (&order, client, NAME, NULL);
  g_assert_error (order.error, FUNNEL_ACME_ERROR, (int)wanted->code);
  check_message (order.error->message);
  g_assert_cmpstr (funnel_acme_error_get_problem (order.error), ==, wanted->problem);
  g_assert_cmpuint (order.published, ==, wanted->published);
  retry_at = funnel_acme_error_get_retry_at (order.error);
  if (wanted->retry_s == 0)
    g_assert_cmpint (retry_at, ==, 0);
  else
    {
      g_assert_cmpint (retry_at, >=, begin + wanted->retry_s - 1);
      g_assert_cmpint (retry_at, <=, now () + wanted->retry_s + 1);
    }
}

static void
succeed (Order *order, FunnelAcmeClient *client, const char *replaces)
{
  order_init (order, responder);
  order_run (order, client, NAME, replaces);
  g_assert_no_error (order->error);
  check_issued (order->issued, NAME);
}

static void
test_fine (gconstpointer data)
{
  g_autoptr (FunnelAcmeClient) client = make_client (data);
  g_auto (Order) order = {NULL};

  succeed (&order, client, NULL);
}

/* No answer, and an answer without end: as long as the deadline, whichever step. */
static void
test_silent (gconstpointer data)
{
  g_autoptr (FunnelAcmeClient) client
      = make_client_with (data, (FunnelAcmeSettings) {.request_ms = NEVER_MS});
  g_auto (Order) order = {NULL};

  order_init (&order, responder);
  order_run (&order, client, NAME, NULL);
  g_assert_error (order.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_TIMED_OUT);
}

/* The authority never makes up its mind. */
static void
test_undecided (gconstpointer data)
{
  g_autoptr (FunnelAcmeClient) client
      = make_client_with (data, (FunnelAcmeSettings) {.order_ms = 3 * NEVER_MS});
  g_auto (Order) order = {NULL};

  order_init (&order, responder);
  order_run (&order, client, NAME, NULL);
  g_assert_error (order.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (order.error->message, "step"));
}

static void
test_down (void)
{
  Ca nobody = {.ca_file = ca.ca_file, .port = get_free_port ()};
  g_autoptr (FunnelAcmeClient) client = ca_make_client (&nobody, "dir");
  g_auto (Order) order = {NULL};

  order_init (&order, responder);
  order_run (&order, client, NAME, NULL);
  g_assert_error (order.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_UNREACHABLE);
}

static gboolean
on_cancel_timer (gpointer user_data)
{
  g_cancellable_cancel (user_data);
  return G_SOURCE_REMOVE;
}

static void
test_cancel (void)
{
  for (int step = 0; step < FUNNEL_ACME_STEPS; step++)
    {
      g_autoptr (FunnelAcmeClient) client = make_client ("fine");
      g_auto (Order) order = {NULL};

      order_init (&order, responder);
      order.cancel_at = (FunnelAcmeStep)step;
      order_run (&order, client, NAME, NULL);
      g_assert_error (order.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_assert_cmpuint (order.published, ==, step >= FUNNEL_ACME_STEP_PUBLISH ? 1 : 0);
      g_assert_true (g_str_has_suffix (order.steps->str, funnel_acme_step_text (step)));
    }
}

/* Cancelled in a wait: for the authority, and for the publisher. */
static void
test_cancel_waiting (gconstpointer data)
{
  g_autoptr (FunnelAcmeClient) client = make_client (data);
  g_auto (Order) order = {NULL};

  order_init (&order, responder);
  order.hang = strcmp (data, "fine") == 0;
  order_start (&order, client, NAME, NULL);
  while (order.published == 0)
    g_main_context_iteration (NULL, TRUE);
  g_timeout_add (20, on_cancel_timer, order.cancellable);
  order_end (&order);
  g_assert_error (order.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_cancelled_before (void)
{
  g_autoptr (FunnelAcmeClient) client = make_client ("fine");
  g_auto (Order) order = {NULL};

  order_init (&order, responder);
  g_cancellable_cancel (order.cancellable);
  order_run (&order, client, NAME, NULL);
  g_assert_error (order.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (order.published, ==, 0);
}

static void
test_publish_fails (void)
{
  g_autoptr (FunnelAcmeClient) client = make_client ("fine");
  g_auto (Order) refused = {NULL}, late = {NULL};

  order_init (&refused, responder);
  refused.refuse = TRUE;
  order_run (&refused, client, NAME, NULL);
  g_assert_error (refused.error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED); /* as it was given */

  g_clear_object (&client);
  client = make_client_with ("fine", (FunnelAcmeSettings) {.order_ms = 3 * NEVER_MS});
  order_init (&late, responder);
  late.hang = TRUE;
  order_run (&late, client, NAME, NULL);
  g_assert_error (late.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_TIMED_OUT);
}

static void
test_clock (gconstpointer data)
{
  gboolean early = GPOINTER_TO_INT (data);
  g_auto (Ca) other = {NULL};
  g_autoptr (FunnelAcmeClient) client = NULL;
  g_auto (Order) order = {NULL};

  ca_start_broken (&other, 0, early ? 9 * DAY_S : -9 * DAY_S, early ? 10 * DAY_S : -DAY_S);
  client = ca_make_client (&other, "fine/dir");
  order_init (&order, responder);
  order_run (&order, client, NAME, NULL);
  g_assert_error (order.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CLOCK);
  check_message (order.error->message);
}

static void
test_forgotten (void)
{
  g_autoptr (FunnelAcmeClient) client = make_client ("forgotten");
  g_auto (Order) order = {NULL};

  succeed (&order, client, NULL);
  g_assert_cmpint (ca_count_seen (&ca, "forgotten", "account"), ==, 2);
}

/* The member @member of the last newOrder, or NULL. */
static char *
dup_ordered (const char *fault, const char *member)
{
  g_autoptr (JsonObject) all = ca_get_seen (&ca, fault);
  JsonObject *payloads = json_object_get_object_member (all, "payloads");
  JsonObject *order = json_object_get_object_member (payloads, "order");

  return g_strdup (json_object_get_string_member_with_default (order, member, NULL));
}

static void
test_replaces (void)
{
  g_autoptr (FunnelAcmeClient) offered = make_client ("ari"), plain = make_client ("fine"),
                               replaced = make_client ("replaced");
  g_auto (Order) with = {NULL}, without = {NULL}, again = {NULL};
  g_autofree char *sent = NULL, *not_sent = NULL, *dropped = NULL;

  succeed (&with, offered, ANOTHER_ID);
  sent = dup_ordered ("ari", "replaces");
  g_assert_cmpstr (sent, ==, ANOTHER_ID);

  succeed (&without, plain, ANOTHER_ID);
  not_sent = dup_ordered ("fine", "replaces");
  g_assert_null (not_sent);

  succeed (&again, replaced, ANOTHER_ID);
  g_assert_cmpint (ca_count_seen (&ca, "replaced", "order"), ==, 2);
  dropped = dup_ordered ("replaced", "replaces");
  g_assert_null (dropped);
}

static gboolean
ask_renewal (const char *fault, FunnelAcmeRenewal *renewal, GError **error)
{
  g_autoptr (FunnelAcmeClient) client = make_client (fault);
  g_autoptr (GAsyncResult) result = NULL;

  funnel_acme_client_renewal_info_async (client, ANOTHER_ID, NULL, keep_result, &result);
  wait_for (&result);
  return funnel_acme_client_renewal_info_finish (client, result, renewal, error);
}

static void
test_renewal (void)
{
  FunnelAcmeRenewal renewal;
  g_autoptr (GError) error = NULL, bad = NULL, limited = NULL;
  gint64 begin = now ();

  ask_renewal ("ari", &renewal, &error);
  g_assert_no_error (error);
  g_assert_true (renewal.offered);
  g_assert_cmpint (renewal.begin, >=, begin + DAY_S);
  g_assert_cmpint (renewal.end - renewal.begin, >=, DAY_S);
  g_assert_cmpint (renewal.retry_at, >=, begin + 21600);
  g_assert_cmpint (renewal.retry_at, <=, now () + 21601);

  ask_renewal ("ari-404", &renewal, &error);
  g_assert_no_error (error);
  g_assert_false (renewal.offered);
  g_assert_cmpint (renewal.retry_at, >, begin);

  ask_renewal ("ari-bad", &renewal, &bad);
  g_assert_error (bad, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL);
  ask_renewal ("limited", &renewal, &limited);
  g_assert_error (limited, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_RATE_LIMITED);
}

static void
test_profile (void)
{
  FunnelAcmeSettings listed = {.profile = "shortlived"}, unlisted = {.profile = "eternal"};
  g_autoptr (FunnelAcmeClient) client = make_client_with ("profiles", listed),
                               wrong = make_client_with ("profiles", unlisted),
                               nowhere = make_client_with ("fine", listed);
  g_auto (Order) good = {NULL}, bad = {NULL}, none = {NULL};
  g_autofree char *sent = NULL;

  succeed (&good, client, NULL);
  sent = dup_ordered ("profiles", "profile");
  g_assert_cmpstr (sent, ==, "shortlived");

  order_init (&bad, responder);
  order_run (&bad, wrong, NAME, NULL);
  g_assert_error (bad.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROFILE);
  g_assert_nonnull (strstr (bad.error->message, "classic, shortlived"));

  order_init (&none, responder);
  order_run (&none, nowhere, NAME, NULL);
  g_assert_error (none.error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROFILE);
}

/* The binding is used for a registration, and not for an account that is there. */
static void
test_binding (gconstpointer fault)
{
  char *key = funnel_acme_account_key_new (NULL);
  FunnelAcmeSettings settings = {.account_key = key, .eab_kid = "kid", .eab_key = "c2VjcmV0"};
  g_autoptr (FunnelAcmeClient) client = make_client_with (fault, settings);
  g_auto (Order) first = {NULL}, second = {NULL};
  gint64 before = ca_count_seen (&ca, fault, "account");

  succeed (&first, client, NULL);
  g_assert_cmpint (ca_count_seen (&ca, fault, "account"), ==, before + 2);
  succeed (&second, client, NULL);
  g_assert_cmpint (ca_count_seen (&ca, fault, "account"), ==, before + 3);
  funnel_secret_free (key);
}

static void
revoke_at (const char *fault, const char *chain, GError **error)
{
  g_autoptr (FunnelAcmeClient) client = make_client (fault);
  g_autoptr (GAsyncResult) result = NULL;

  funnel_acme_client_revoke_async (client, chain, FUNNEL_ACME_REASON_SUPERSEDED, NULL, keep_result,
                                   &result);
  wait_for (&result);
  funnel_acme_client_revoke_finish (client, result, error);
}

static void
test_revoke (void)
{
  g_autoptr (FunnelAcmeClient) client = make_client ("fine");
  g_auto (Order) order = {NULL};
  g_autoptr (GError) error = NULL, not_offered = NULL;

  succeed (&order, client, NULL);
  revoke_at ("fine", order.issued->chain, &error);
  g_assert_no_error (error);
  revoke_at ("revoked", order.issued->chain, &error);
  g_assert_no_error (error);
  revoke_at ("no-revoke", order.issued->chain, &not_offered);
  g_assert_error (not_offered, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_REFUSED);
}

static void
test_settings (void)
{
  static const FunnelAcmeSettings unusable[] = {
      {.directory = NULL},
      {.directory = "http://localhost/dir"},
      {.directory = "https:///dir"},
      {.directory = "https://user:secret@localhost/dir"},
      {.directory = "https://localhost/dir", .contact = "nobody"},
      {.directory = "https://localhost/dir", .contact = "a@b\r\nX: y"},
      {.directory = "https://localhost/dir", .eab_kid = "kid"},
      {.directory = "https://localhost/dir", .eab_key = "c2VjcmV0"},
      {.directory = "https://localhost/dir", .eab_kid = "kid", .eab_key = "not base64"},
      {.directory = "https://localhost/dir", .profile = "two words"},
      {.directory = "https://localhost/dir", .ca_file = "/nonexistent/ca.pem"},
      {.directory = "https://localhost/dir", .ca_file = "/dev/null"},
      {.directory = "https://localhost/dir", .account_key = "no key"},
  };
  char *key = funnel_acme_account_key_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (unusable); i++)
    {
      FunnelAcmeSettings settings = unusable[i];
      g_autoptr (GError) error = NULL;

      if (settings.account_key == NULL)
        settings.account_key = key;
      g_assert_null (funnel_acme_client_new (&settings, &error));
      g_assert_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CONFIGURATION);
    }
  funnel_secret_free (key);
}

static void
add (const char *prefix, const char *fault, gconstpointer data, GTestDataFunc function)
{
  g_autofree char *path = g_strdup_printf ("/acme/broken/%s/%s", prefix, fault);

  g_test_add_data_func (path, data, function);
}

int
main (int argc, char **argv)
{
  static const char *const fine[]
      = {"fine",           "bad-nonces",    "processing",        "redirect",        "soon",
         "flaky@finalize", "lost@finalize", "flaky@certificate", "lost@certificate"};
  static const char *const silent[]
      = {"silent", "silent@nonce", "silent@order", "silent@challenge", "slow", "slow@order"};
  static const char *const undecided[] = {"pending", "stuck"};
  static const char *const waiting[] = {"fine", "silent@challenge", "pending"};
  int result;

  g_test_init (&argc, &argv, NULL);
  responder = responder_new ();
  ca_start_broken (&ca, responder_get_port (responder), -3600, DAY_S);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    add ("fault", cases[i].fault, &cases[i], test_case);
  for (guint i = 0; i < G_N_ELEMENTS (fine); i++)
    add ("fine", fine[i], fine[i], test_fine);
  for (guint i = 0; i < G_N_ELEMENTS (silent); i++)
    add ("silent", silent[i], silent[i], test_silent);
  for (guint i = 0; i < G_N_ELEMENTS (undecided); i++)
    add ("undecided", undecided[i], undecided[i], test_undecided);
  for (guint i = 0; i < G_N_ELEMENTS (waiting); i++)
    add ("cancel-waiting", waiting[i], waiting[i], test_cancel_waiting);
  add ("clock", "expired", GINT_TO_POINTER (FALSE), test_clock);
  add ("clock", "early", GINT_TO_POINTER (TRUE), test_clock);
  g_test_add_func ("/acme/broken/down", test_down);
  g_test_add_func ("/acme/broken/cancel", test_cancel);
  g_test_add_func ("/acme/broken/cancelled-before", test_cancelled_before);
  g_test_add_func ("/acme/broken/publish-fails", test_publish_fails);
  g_test_add_func ("/acme/broken/forgotten", test_forgotten);
  g_test_add_func ("/acme/broken/replaces", test_replaces);
  g_test_add_func ("/acme/broken/renewal", test_renewal);
  g_test_add_func ("/acme/broken/profile", test_profile);
  add ("binding", "eab", "eab", test_binding);
  add ("binding", "eab-odd", "eab-odd", test_binding);
  g_test_add_func ("/acme/broken/revoke", test_revoke);
  g_test_add_func ("/acme/broken/settings", test_settings);
  result = g_test_run ();
  ca_stop (&ca);
  responder_free (responder);
  return result;
}
