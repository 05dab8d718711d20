/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/acme-answer.h"

#include "daemon/cert/acme-certificate.h"
#include "daemon/cert/acme-client.h"
#include "lib/base/token.h"

#include <gnutls/x509.h>
#include <string.h>

#define U(path) "\"https://ca.example.test/" path "\""
#define URLS "\"newNonce\":" U ("n") ",\"newAccount\":" U ("a") ",\"newOrder\":" U ("o")
#define ORDER(status)                                                                              \
  "{\"status\":\"" status "\",\"authorizations\":[" U ("z") "],\"finalize\":" U ("f")
#define AUTHORIZATION                                                                              \
  "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"},\"challenges\":"
#define NOW ((gint64)1700000000 * G_USEC_PER_SEC) /* 2023-11-14T22:13:20Z */

static void
test_urls (void)
{
  static const char *const good[] = {
      "https://ca.example.test", "https://ca.example.test:8443/a/b?c=d&e=%20", "https://[::1]/d"};
  static const char *const bad[] = {
      "",
      "http://ca.example.test/",
      "ftp://ca.example.test/",
      "https://",
      "https:///a",
      "//ca.example.test/",
      "/relative",
      "https://u@ca.example.test/",
      "https://u:p@ca.example.test/",
      "https://ca.example.test/#f",
      "https://ca.example.test/a b",
      "https://ca.example.test/\"",
      "https://ca.example.test/\r\nX: y",
      "https://ca.example.test:99999/",
      "https://\xc3\xa4.test/",
  };
  g_autofree char *path = g_strnfill (FUNNEL_ACME_URL_MAX, 'a');
  g_autofree char *too_long = g_strconcat ("https://ca.example.test/", path, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (funnel_acme_url_is_sound (good[i]));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (funnel_acme_url_is_sound (bad[i]));
  g_assert_false (funnel_acme_url_is_sound (too_long));
}

static FunnelAcmeDirectory *
parse_directory (const char *text, GError **error)
{
  return funnel_acme_directory_parse (text, strlen (text), error);
}

static void
test_directory (void)
{
  static const char *const bad[] = {
      "",
      "[]",
      "{}",
      "{" URLS,
      "{\"newNonce\":" U ("n") ",\"newAccount\":" U ("a") "}",
      "{\"newNonce\":\"http://ca.example.test/\",\"newAccount\":" U ("a") ",\"newOrder\":" U (
          "o") "}",
      "{" URLS ",\"renewalInfo\":\"ftp://x/\"}",
      "{" URLS ",\"revokeCert\":7}",
      "{" URLS ",\"meta\":{\"externalAccountRequired\":\"yes\"}}",
      "{\"newNonce\":{},\"newAccount\":[],\"newOrder\":null}",
  };
  g_autoptr (FunnelAcmeDirectory) least = parse_directory ("{" URLS "}", NULL);
  g_autoptr (FunnelAcmeDirectory) most = parse_directory (
      "{" URLS ",\"revokeCert\":" U ("v") ",\"renewalInfo\":" U (
          "r") ",\"x\":[1],\"meta\":{"
               "\"externalAccountRequired\":true,\"profiles\":{\"one\":\"text\",\"two\":7}}}",
      NULL);

  g_assert_nonnull (least);
  g_assert_null (least->revoke_cert);
  g_assert_null (least->renewal_info);
  g_assert_null (least->profiles);
  g_assert_false (least->binding_required);
  g_assert_nonnull (most);
  g_assert_cmpstr (most->new_order, ==, "https://ca.example.test/o");
  g_assert_cmpstr (most->renewal_info, ==, "https://ca.example.test/r");
  g_assert_cmpuint (g_strv_length (most->profiles), ==, 2);
  g_assert_true (most->binding_required);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (parse_directory (bad[i], &error));
      g_assert_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL);
    }
}

static void
test_order (void)
{
  static const char *const bad[] = {
      ORDER ("strange") "}",
      ORDER ("valid") "}", /* where is the certificate? */
      ORDER ("valid") ",\"certificate\":\"http://x/\"}",
      "{\"status\":\"pending\",\"authorizations\":[],\"finalize\":" U ("f") "}",
      "{\"status\":\"pending\",\"authorizations\":[7],\"finalize\":" U ("f") "}",
      "{\"status\":\"pending\",\"authorizations\":[\"x\"],\"finalize\":" U ("f") "}",
      "{\"status\":\"pending\",\"authorizations\":[" U ("1") "," U ("2") "," U ("3") "," U (
          "4") "," U ("5") "],\"finalize\":" U ("f") "}",
      "{\"status\":\"pending\",\"authorizations\":[" U ("1") "]}",
      "{\"authorizations\":[" U ("1") "],\"finalize\":" U ("f") "}",
  };
  const char *good = ORDER ("valid") ",\"certificate\":" U ("c") "}";
  const char *failed
      = ORDER ("invalid") ",\"error\":{\"type\":\"urn:ietf:params:acme:error:caa\","
                          "\"detail\":\"no\\n\",\"subproblems\":[{\"detail\":\"because\"}]}}";
  g_autoptr (FunnelAcmeOrder) valid = funnel_acme_order_parse (good, strlen (good), NULL);
  g_autoptr (FunnelAcmeOrder) invalid = funnel_acme_order_parse (failed, strlen (failed), NULL);

  g_assert_cmpint (valid->status, ==, FUNNEL_ACME_STATUS_VALID);
  g_assert_cmpstr (valid->certificate, ==, "https://ca.example.test/c");
  g_assert_null (valid->problem);
  g_assert_cmpstr (invalid->problem->type, ==, "caa");
  g_assert_cmpstr (invalid->problem->detail, ==, "no (because)");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (funnel_acme_order_parse (bad[i], strlen (bad[i]), &error));
      g_assert_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL);
    }
}

static void
test_authorization (void)
{
  static const char *const bad[] = {
      AUTHORIZATION "7}",
      AUTHORIZATION "[7]}",
      AUTHORIZATION "[{}]}",
      AUTHORIZATION "[{\"type\":\"tls-alpn-01\"}]}",
      AUTHORIZATION "[{\"type\":\"tls-alpn-01\",\"url\":" U ("c") "}]}",
      AUTHORIZATION "[{\"type\":\"tls-alpn-01\",\"url\":" U ("c") ",\"token\":\"a/b\"}]}",
      AUTHORIZATION "[{\"type\":\"tls-alpn-01\",\"url\":\"x\",\"token\":\"ab\"}]}",
      "{\"status\":\"pending\",\"challenges\":[]}",
      "{\"status\":\"pending\",\"identifier\":{},\"challenges\":[]}",
  };
  const char *text
      = AUTHORIZATION "[{\"type\":\"dns-01\",\"url\":7},{\"type\":\"tls-alpn-01\",\"url\":" U (
          "c") ",\"token\":\"a-_b\",\"error\":{\"detail\":\"\\u001b[2J\"}}]}";
  const char *none = AUTHORIZATION "[{\"type\":\"dns-01\"},{\"type\":\"http-01\"}]}";
  g_autoptr (FunnelAcmeAuthorization) self
      = funnel_acme_authorization_parse (text, strlen (text), NULL);
  g_autoptr (FunnelAcmeAuthorization) without
      = funnel_acme_authorization_parse (none, strlen (none), NULL);

  g_assert_cmpstr (self->name, ==, "a.test");
  g_assert_cmpstr (self->url, ==, "https://ca.example.test/c");
  g_assert_cmpstr (self->token, ==, "a-_b");
  g_assert_cmpstr (self->problem->detail, ==, "[2J");
  g_assert_null (without->url);
  g_assert_cmpstr (without->offered, ==, "dns-01, http-01");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (funnel_acme_authorization_parse (bad[i], strlen (bad[i]), &error));
      g_assert_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL);
    }
}

static void
test_problem (void)
{
  static const struct
  {
    const char *type;
    FunnelAcmeError code;
  } types[] = {
      {"urn:ietf:params:acme:error:rateLimited", FUNNEL_ACME_ERROR_RATE_LIMITED},
      {"urn:ietf:params:acme:error:serverInternal", FUNNEL_ACME_ERROR_SERVER},
      {"urn:ietf:params:acme:error:rejectedIdentifier", FUNNEL_ACME_ERROR_NAME_REFUSED},
      {"urn:ietf:params:acme:error:caa", FUNNEL_ACME_ERROR_NAME_REFUSED},
      {"urn:ietf:params:acme:error:externalAccountRequired", FUNNEL_ACME_ERROR_ACCOUNT},
      {"urn:ietf:params:acme:error:dns", FUNNEL_ACME_ERROR_VALIDATION},
      {"urn:ietf:params:acme:error:invalidProfile", FUNNEL_ACME_ERROR_PROFILE},
      {"urn:ietf:params:acme:error:somethingNew", FUNNEL_ACME_ERROR_REFUSED},
      {"about:blank", FUNNEL_ACME_ERROR_REFUSED},
  };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autofree char *text
          = g_strdup_printf ("{\"type\":\"%s\",\"detail\":\"why\"}", types[i].type);
      g_autoptr (FunnelAcmeProblem) problem = funnel_acme_problem_parse (text, strlen (text));
      g_autoptr (GError) error
          = funnel_acme_problem_to_error (problem, FUNNEL_ACME_ERROR_REFUSED, 77, "ca.test");

      g_assert_error (error, FUNNEL_ACME_ERROR, (int)types[i].code);
      g_assert_cmpstr (error->message, ==, "ca.test: why");
      g_assert_cmpint (funnel_acme_error_get_retry_at (error), ==, 77);
    }
  g_assert_null (funnel_acme_problem_parse ("{}", 2));
  g_assert_null (funnel_acme_problem_parse ("[]", 2));
}

static void
test_error (void)
{
  g_autoptr (GError) error
      = funnel_acme_error_new_detailed (FUNNEL_ACME_ERROR_SERVER, 5, "type", "%s", "text");
  g_autoptr (GError) copy = g_error_copy (error);
  g_autoptr (GError) foreign = g_error_new (G_IO_ERROR, G_IO_ERROR_FAILED, "no");

  g_assert_cmpint (funnel_acme_error_get_retry_at (copy), ==, 5);
  g_assert_cmpstr (funnel_acme_error_get_problem (copy), ==, "type");
  g_assert_cmpint (funnel_acme_error_get_retry_at (foreign), ==, 0);
  g_assert_null (funnel_acme_error_get_problem (foreign));
  g_assert_cmpint (funnel_acme_error_get_retry_at (NULL), ==, 0);
  g_assert_cmpstr (funnel_acme_error_text (FUNNEL_ACME_ERROR_RATE_LIMITED), ==, "rate-limited");
  g_assert_cmpstr (funnel_acme_error_text (FUNNEL_ACME_ERROR_REFUSED), ==, "refused");
  g_assert_cmpstr (funnel_acme_step_text (FUNNEL_ACME_STEP_DOWNLOAD), ==, "download");
}

static void
test_retry (void)
{
  static const struct
  {
    const char *header;
    gint64 seconds; /* from NOW; -1: not understood */
  } cases[] = {
      {"0", 0},
      {"120", 120},
      {"86400", 86400},
      {"99999999999999999999999999", 366 * 86400},
      {"Tue, 14 Nov 2023 22:13:50 GMT", 30},
      {"Tue, 14 Nov 2000 22:13:50 GMT", 0}, /* in the past */
      {"Tue, 14 Nov 2123 22:13:50 GMT", 366 * 86400},
      {"", -1},
      {"soon", -1},
      {"-5", -1},
      {"1.5", -1},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gint64 at = funnel_acme_retry_parse (cases[i].header, NOW);

      g_assert_cmpint (at, ==, cases[i].seconds < 0 ? 0 : NOW + cases[i].seconds * G_USEC_PER_SEC);
    }
  g_assert_cmpint (funnel_acme_retry_parse (NULL, NOW), ==, 0);
}

static void
test_window (void)
{
  static const char *const bad[] = {
      "{}",
      "{\"suggestedWindow\":{}}",
      "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\"}}",
      "{\"suggestedWindow\":{\"start\":\"2025-01-03T04:00:00Z\",\"end\":\"2025-01-02T04:00:00Z\"}}",
      "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\",\"end\":\"2025-01-02T04:00:00Z\"}}",
      "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00\",\"end\":\"2025-01-02T05:00:00\"}}",
      "{\"suggestedWindow\":{\"start\":1735790400,\"end\":1735790401}}",
      "{\"suggestedWindow\":{\"start\":\"1925-01-02T04:00:00Z\",\"end\":\"2025-01-02T04:00:00Z\"}}",
  };
  /* The example of RFC 9773, section 4.2. */
  const char *good = "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\","
                     "\"end\":\"2025-01-03T04:00:00+00:00\"},\"explanationURL\":" U ("docs") "}";
  gint64 begin, end;

  g_assert_true (funnel_acme_window_parse (good, strlen (good), &begin, &end, NULL));
  g_assert_cmpint (begin, ==, 1735790400);
  g_assert_cmpint (end, ==, 1735876800);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (funnel_acme_window_parse (bad[i], strlen (bad[i]), &begin, &end, &error));
      g_assert_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL);
    }
}

/* RFC 9773, section 4.1: the numbers of its example. */
static void
test_certificate_id (void)
{
  static const guint8 authority[] = {0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3,
                                     0x7b, 0x84, 0x7b, 0xa0, 0xae, 0x2c, 0xde, 0x01, 0xc8, 0xd4};
  static const guint8 serial[] = {0x00, 0x87, 0x65, 0x43, 0x21};
  gnutls_x509_privkey_t key = funnel_acme_certificate_key_new (NULL);
  gnutls_x509_crt_t crt;
  gnutls_datum_t pem;
  g_autofree char *text = NULL, *id = NULL;

  gnutls_x509_crt_init (&crt);
  gnutls_x509_crt_set_version (crt, 3);
  gnutls_x509_crt_set_serial (crt, serial, sizeof serial);
  gnutls_x509_crt_set_dn (crt, "CN=x", NULL);
  gnutls_x509_crt_set_activation_time (crt, 1);
  gnutls_x509_crt_set_expiration_time (crt, 2);
  gnutls_x509_crt_set_key (crt, key);
  gnutls_x509_crt_set_authority_key_id (crt, authority, sizeof authority);
  g_assert_cmpint (gnutls_x509_crt_sign2 (crt, crt, key, GNUTLS_DIG_SHA256, 0), >=, 0);
  gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_PEM, &pem);
  text = g_strndup ((const char *)pem.data, pem.size);
  id = funnel_acme_certificate_id (text);
  g_assert_cmpstr (id, ==, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
  g_assert_null (funnel_acme_certificate_id ("no certificate"));
  gnutls_free (pem.data);
  gnutls_x509_crt_deinit (crt);
  gnutls_x509_privkey_deinit (key);
}

/* RFC 8737, section 3: one name, and the critical extension with the digest. */
static void
test_challenge_certificate (void)
{
  guint8 digest[FUNNEL_ACME_DIGEST_LEN], found[64];
  g_autoptr (FunnelCertificate) certificate = NULL;
  g_autoptr (GError) error = NULL;
  gnutls_datum_t pem;
  gnutls_x509_crt_t crt;
  char name[256];
  size_t len = sizeof name, found_len = sizeof found;
  unsigned int critical = 0;

  for (guint i = 0; i < sizeof digest; i++)
    digest[i] = (guint8)(i * 7);
  certificate = funnel_acme_make_challenge_certificate ("a.example.test", digest, &error);
  g_assert_no_error (error);
  pem.data = (unsigned char *)funnel_certificate_get_chain_pem (certificate);
  pem.size = (unsigned int)strlen ((const char *)pem.data);
  gnutls_x509_crt_init (&crt);
  g_assert_cmpint (gnutls_x509_crt_import (crt, &pem, GNUTLS_X509_FMT_PEM), >=, 0);
  g_assert_cmpint (gnutls_x509_crt_get_subject_alt_name (crt, 0, name, &len, NULL), ==,
                   GNUTLS_SAN_DNSNAME);
  g_assert_cmpmem (name, len, "a.example.test", strlen ("a.example.test"));
  len = sizeof name;
  g_assert_cmpint (gnutls_x509_crt_get_subject_alt_name (crt, 1, name, &len, NULL), ==,
                   GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
  g_assert_cmpint (gnutls_x509_crt_get_extension_by_oid (crt, "1.3.6.1.5.5.7.1.31", 0, found,
                                                         &found_len, &critical),
                   >=, 0);
  g_assert_cmpuint (critical, ==, 1);
  g_assert_cmpuint (found_len, ==, 34);
  g_assert_cmpuint (found[0], ==, 0x04);
  g_assert_cmpuint (found[1], ==, 32);
  g_assert_cmpmem (found + 2, 32, digest, sizeof digest);
  gnutls_x509_crt_deinit (crt);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/acme/answer/urls", test_urls);
  g_test_add_func ("/acme/answer/directory", test_directory);
  g_test_add_func ("/acme/answer/order", test_order);
  g_test_add_func ("/acme/answer/authorization", test_authorization);
  g_test_add_func ("/acme/answer/problem", test_problem);
  g_test_add_func ("/acme/answer/error", test_error);
  g_test_add_func ("/acme/answer/retry", test_retry);
  g_test_add_func ("/acme/answer/window", test_window);
  g_test_add_func ("/acme/answer/certificate-id", test_certificate_id);
  g_test_add_func ("/acme/answer/challenge-certificate", test_challenge_certificate);
  return g_test_run ();
}
