/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/acme-jws.h"

#include "daemon/cert/acme-client.h"
#include "lib/base/json-read.h"
#include "lib/base/token.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

/* RFC 7515, appendix A.3.1: the key of the example with ES256. */
#define KEY_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define KEY_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define KEY_D "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define THUMBPRINT "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
/* RFC 7515, appendix A.1.1: the key of the example with HS256. */
#define MAC_KEY                                                                                    \
  "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA" /* RFC 8555, section 8.3 */
#define URL "https://ca.example.test/new-account"
#define ROUNDS 300 /* enough for r and s with leading zeros */

static void
ok (int result)
{
  if (result < 0)
    g_error ("GnuTLS: %s", gnutls_strerror (result));
}

static gnutls_datum_t
decode (const char *text, GBytes **hold)
{
  gsize len;
  gconstpointer data;

  *hold = funnel_acme_base64url_decode (text);
  g_assert_nonnull (*hold);
  data = g_bytes_get_data (*hold, &len);
  return (gnutls_datum_t) {(unsigned char *)data, (unsigned int)len};
}

static char *
print_key (gnutls_x509_privkey_t key)
{
  gnutls_datum_t pem;
  char *text;

  ok (gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem));
  text = g_strndup ((const char *)pem.data, pem.size);
  gnutls_free (pem.data);
  return text;
}

static FunnelAcmeKey *
make_example_key (void)
{
  g_autoptr (GBytes) x_bytes = NULL, y_bytes = NULL, d_bytes = NULL;
  gnutls_datum_t x = decode (KEY_X, &x_bytes), y = decode (KEY_Y, &y_bytes),
                 d = decode (KEY_D, &d_bytes);
  gnutls_x509_privkey_t key;
  g_autofree char *pem = NULL;
  g_autoptr (GError) error = NULL;
  FunnelAcmeKey *self;

  ok (gnutls_x509_privkey_init (&key));
  ok (gnutls_x509_privkey_import_ecc_raw (key, GNUTLS_ECC_CURVE_SECP256R1, &x, &y, &d));
  pem = print_key (key);
  gnutls_x509_privkey_deinit (key);
  self = funnel_acme_key_new_from_pem (pem, &error);
  g_assert_no_error (error);
  return self;
}

static void
test_base64url (void)
{
  static const guint8 octets[] = {3, 236, 255, 224, 193}; /* RFC 7515, appendix C */
  g_autofree char *text = funnel_acme_base64url (octets, sizeof octets);
  g_autofree char *nothing = funnel_acme_base64url (NULL, 0);
  g_autoptr (GBytes) plain = funnel_acme_base64url_decode ("A-z_4ME");
  g_autoptr (GBytes) padded = funnel_acme_base64url_decode ("A-z_4ME=");
  static const char *const bad[]
      = {"", "=", "A", "A-z_4", "A-z_4MF", "A+z/4ME=", "A-z_4ME=A", "A-z_4ME ", "A-z\n_4ME"};

  g_assert_cmpstr (text, ==, "A-z_4ME");
  g_assert_cmpstr (nothing, ==, "");
  g_assert_cmpmem (g_bytes_get_data (plain, NULL), g_bytes_get_size (plain), octets, sizeof octets);
  g_assert_true (g_bytes_equal (plain, padded));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (funnel_acme_base64url_decode (bad[i]));
  g_assert_true (funnel_acme_is_base64url (TOKEN, 43));
  g_assert_false (funnel_acme_is_base64url (TOKEN, 42));
  g_assert_false (funnel_acme_is_base64url ("", 42));
  g_assert_false (funnel_acme_is_base64url ("a.b", 42));
}

static void
test_key (void)
{
  g_autoptr (FunnelAcmeKey) key = make_example_key ();
  g_autofree char *hex = NULL;
  guint8 digest[FUNNEL_ACME_SHA256_LEN];
  GString *text = g_string_new (NULL);

  g_assert_cmpstr (funnel_acme_key_get_jwk (key), ==,
                   "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" KEY_X "\",\"y\":\"" KEY_Y "\"}");
  g_assert_cmpstr (funnel_acme_key_get_thumbprint (key), ==, THUMBPRINT);
  funnel_acme_key_authorize (key, TOKEN, digest);
  for (guint i = 0; i < sizeof digest; i++)
    g_string_append_printf (text, "%02x", digest[i]);
  hex = g_string_free (text, FALSE);
  g_assert_cmpstr (hex, ==, "65a26016d215e16034b7633337b91b4a4d2c7d17761998dac51a9a49300aea52");
}

static void
test_bad_keys (void)
{
  gnutls_x509_privkey_t rsa, other_curve;
  g_autofree char *rsa_pem = NULL, *other_pem = NULL;
  const char *bad[4] = {"", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};

  ok (gnutls_x509_privkey_init (&rsa));
  ok (gnutls_x509_privkey_generate (rsa, GNUTLS_PK_RSA, 2048, 0));
  ok (gnutls_x509_privkey_init (&other_curve));
  ok (gnutls_x509_privkey_generate (other_curve, GNUTLS_PK_ECDSA,
                                    GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP384R1), 0));
  bad[2] = rsa_pem = print_key (rsa);
  bad[3] = other_pem = print_key (other_curve);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (funnel_acme_key_new_from_pem (bad[i], &error));
      g_assert_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CONFIGURATION);
    }
  gnutls_x509_privkey_deinit (rsa);
  gnutls_x509_privkey_deinit (other_curve);
}

/* Whether @signature over @input is by the example key, as GnuTLS judges it. */
static void
check_signature (const char *input, const char *signature)
{
  g_autoptr (GBytes) raw = NULL, x_bytes = NULL, y_bytes = NULL;
  gnutls_datum_t rs = decode (signature, &raw), x = decode (KEY_X, &x_bytes),
                 y = decode (KEY_Y, &y_bytes), der;
  gnutls_datum_t data = {(unsigned char *)input, (unsigned int)strlen (input)};
  gnutls_pubkey_t key;

  g_assert_cmpuint (rs.size, ==, 64);
  ok (gnutls_pubkey_init (&key));
  ok (gnutls_pubkey_import_ecc_raw (key, GNUTLS_ECC_CURVE_SECP256R1, &x, &y));
  ok (gnutls_encode_rs_value (&der, &(gnutls_datum_t) {rs.data, 32},
                              &(gnutls_datum_t) {rs.data + 32, 32}));
  ok (gnutls_pubkey_verify_data2 (key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &der));
  gnutls_free (der.data);
  gnutls_pubkey_deinit (key);
}

static char *
decode_text (const char *text)
{
  g_autoptr (GBytes) bytes = funnel_acme_base64url_decode (text);

  g_assert_nonnull (bytes);
  return g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* The parts of a JWS in the flattened form, and nothing else in it. */
static void
split (const char *jws, char **header, char **payload, char **signature)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object = funnel_json_parse_object (jws, strlen (jws), &error);

  g_assert_no_error (error);
  g_assert_cmpuint (json_object_get_size (object), ==, 3);
  *header = g_strdup (json_object_get_string_member (object, "protected"));
  *payload = g_strdup (json_object_get_string_member (object, "payload"));
  *signature = g_strdup (json_object_get_string_member (object, "signature"));
}

static void
check_jws (const char *jws, const char *wanted_header, const char *wanted_payload)
{
  g_autofree char *header = NULL, *payload = NULL, *signature = NULL, *input = NULL;
  g_autofree char *header_text = NULL, *payload_text = NULL;

  split (jws, &header, &payload, &signature);
  input = g_strconcat (header, ".", payload, NULL);
  check_signature (input, signature);
  header_text = decode_text (header);
  payload_text = *payload != '\0' ? decode_text (payload) : g_strdup ("");
  g_assert_cmpstr (header_text, ==, wanted_header);
  g_assert_cmpstr (payload_text, ==, wanted_payload);
}

static void
test_sign (void)
{
  g_autoptr (FunnelAcmeKey) key = make_example_key ();

  for (guint i = 0; i < ROUNDS; i++)
    {
      g_autofree char *with_kid
          = funnel_acme_jws_sign (key, "https://ca.example.test/7", "nOnce-_", URL, "", NULL);
      g_autofree char *with_key
          = funnel_acme_jws_sign (key, NULL, "nOnce-_", URL, "{\"a\":\"\xc3\xa4\"}", NULL);

      check_jws (with_kid,
                 "{\"alg\":\"ES256\",\"kid\":\"https://ca.example.test/7\",\"nonce\":\"nOnce-_\","
                 "\"url\":\"" URL "\"}",
                 "");
      check_jws (with_key,
                 "{\"alg\":\"ES256\",\"jwk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" KEY_X
                 "\",\"y\":\"" KEY_Y "\"},\"nonce\":\"nOnce-_\",\"url\":\"" URL "\"}",
                 "{\"a\":\"\xc3\xa4\"}");
    }
}

static void
test_bind (void)
{
  g_autoptr (FunnelAcmeKey) key = make_example_key ();
  g_autoptr (GError) error = NULL;
  g_autofree char *jws = funnel_acme_jws_bind (key, "kid-1", MAC_KEY, URL, &error);
  g_autofree char *header = NULL, *payload = NULL, *signature = NULL, *header_text = NULL,
                  *payload_text = NULL;

  g_assert_no_error (error);
  split (jws, &header, &payload, &signature);
  header_text = decode_text (header);
  payload_text = decode_text (payload);
  g_assert_cmpstr (header_text, ==, "{\"alg\":\"HS256\",\"kid\":\"kid-1\",\"url\":\"" URL "\"}");
  g_assert_cmpstr (payload_text, ==, funnel_acme_key_get_jwk (key));
  g_assert_cmpstr (signature, ==, "OKt0Av47GUm0m4yrr0R0arJhjoAe8RfNsqMFqOkP57g");
  g_assert_null (funnel_acme_jws_bind (key, "kid-1", "no base64url!", URL, &error));
  g_assert_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CONFIGURATION);
}

static void
test_new_keys (void)
{
  char *one = funnel_acme_account_key_new (NULL), *two = funnel_acme_account_key_new (NULL);
  g_autoptr (FunnelAcmeKey) key = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (one, !=, two);
  g_assert_true (g_str_has_prefix (one, "-----BEGIN PRIVATE KEY-----\n"));
  key = funnel_acme_key_new_from_pem (one, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (strlen (funnel_acme_key_get_thumbprint (key)), ==, 43);
  funnel_secret_free (one);
  funnel_secret_free (two);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/acme/jws/base64url", test_base64url);
  g_test_add_func ("/acme/jws/key", test_key);
  g_test_add_func ("/acme/jws/bad-keys", test_bad_keys);
  g_test_add_func ("/acme/jws/sign", test_sign);
  g_test_add_func ("/acme/jws/bind", test_bind);
  g_test_add_func ("/acme/jws/new-keys", test_new_keys);
  return g_test_run ();
}
