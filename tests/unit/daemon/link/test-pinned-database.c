/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/link/pinned-database.h"

#include "lib/base/fingerprint.h"

/* Self-signed, and past its day soon: neither matters. */
static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
                          "MIIBgjCCASegAwIBAgIUY5Nf2sP5qn1eu1AQgjGtFQjAYV0wCgYIKoZIzj0EAwIw\n"
                          "FjEUMBIGA1UEAwwLcGlubmVkLnRlc3QwHhcNMjYxMTIzMDAwMjAzWhcNMjYxMTI0\n"
                          "MDAwMjAzWjAWMRQwEgYDVQQDDAtwaW5uZWQudGVzdDBZMBMGByqGSM49AgEGCCqG\n"
                          "SM49AwEHA0IABHHHe85q352foFcgdADwHDQX9U8nCgm/dp0EdOUegvcCan2zUHhr\n"
                          "Vv8RC85d6clHcMdFGni6lklywB35LJcmueKjUzBRMB0GA1UdDgQWBBTYmFEnILFH\n"
                          "f3W4eqaY/al5cRWAaDAfBgNVHSMEGDAWgBTYmFEnILFHf3W4eqaY/al5cRWAaDAP\n"
                          "BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDVzWlLyMzP+myoeQwZ\n"
                          "MLEPPB7yR6S7CVM8x1olWrN1VwIhAKHJf61ouEmM1foE94GvXaobQNYOetXMdjTI\n"
                          "pWPoXcRZ\n"
                          "-----END CERTIFICATE-----\n";

static GTlsCertificateFlags
verify (FunnelPinnedDatabase *database, GTlsCertificate *certificate)
{
  g_autoptr (GSocketConnectable) identity = g_network_address_new ("another.test", 443);
  g_autoptr (GError) error = NULL;
  GTlsCertificateFlags flags = g_tls_database_verify_chain (
      G_TLS_DATABASE (database), certificate, G_TLS_DATABASE_PURPOSE_AUTHENTICATE_SERVER, identity,
      NULL, G_TLS_DATABASE_VERIFY_NONE, NULL, &error);

  g_assert_no_error (error);
  return flags;
}

static void
test_key (void)
{
  g_autoptr (GTlsCertificate) certificate = g_tls_certificate_new_from_pem (pem, -1, NULL);
  g_autoptr (FunnelPinnedDatabase) right = NULL, wrong = NULL;
  g_autoptr (GByteArray) der = NULL;
  guint8 hash[FUNNEL_KEY_HASH_LEN];

  if (certificate == NULL)
    {
      g_test_skip ("GIO has no TLS here (glib-networking)");
      return;
    }
  g_object_get (certificate, "certificate", &der, NULL);
  g_assert_true (funnel_fingerprint_spki (der->data, der->len, hash, NULL));
  right = funnel_pinned_database_new (hash);
  hash[31] ^= 1;
  wrong = funnel_pinned_database_new (hash);
  g_assert_cmpint (verify (right, certificate), ==, 0);
  g_assert_false (funnel_pinned_database_has_refused (right));
  g_assert_cmpint (verify (wrong, certificate), ==, G_TLS_CERTIFICATE_UNKNOWN_CA);
  g_assert_true (funnel_pinned_database_has_refused (wrong));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pinned-database/key", test_key);
  return g_test_run ();
}
