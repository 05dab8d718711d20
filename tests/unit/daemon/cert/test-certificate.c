/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/certificate.h"

#include "lib/base/error.h"
#include "tests/unit/daemon/cert/make-certificate.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

#define DAY (24 * 3600)
#define NAME "laptop.example.org"

typedef struct
{
  char *dir;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->dir = g_dir_make_tmp ("funnel-cert-XXXXXX", NULL);
  g_assert_nonnull (f->dir);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  remove_dir (f->dir);
  g_free (f->dir);
}

static char *
write_text (Fixture *f, const char *name, const char *text)
{
  char *path = g_build_filename (f->dir, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  return path;
}

/* Loading must fail with a message that holds @part. */
static void
assert_refused (const char *chain, const char *key, const char *name, const char *part)
{
  g_autoptr (GError) error = NULL;
  FunnelCertificate *certificate = funnel_certificate_load (chain, key, name, &error);

  g_assert_null (certificate);
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
  g_test_message ("%s", error->message);
  if (strstr (error->message, part) == NULL)
    g_error ("“%s” lacks “%s”", error->message, part);
}

static char *
hash_of_file (const char *file)
{
  g_autofree char *pem = NULL;
  gsize len;
  gnutls_x509_crt_t crt;
  gnutls_datum_t datum, der;
  char *hash;

  g_assert_true (g_file_get_contents (file, &pem, &len, NULL));
  datum = (gnutls_datum_t) {(unsigned char *)pem, len};
  gnutls_x509_crt_init (&crt);
  g_assert_cmpint (gnutls_x509_crt_import (crt, &datum, GNUTLS_X509_FMT_PEM), >=, 0);
  g_assert_cmpint (gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_DER, &der), >=, 0);
  hash = g_compute_checksum_for_data (G_CHECKSUM_SHA256, der.data, der.size);
  gnutls_free (der.data);
  gnutls_x509_crt_deinit (crt);
  return hash;
}

static void
test_good (Fixture *f, gconstpointer data)
{
  g_auto (MadeCertificate) made = make_certificate (f->dir, "a", NAME, -DAY, 30 * DAY);
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelCertificate) certificate
      = funnel_certificate_load (made.chain_file, made.key_file, NAME, &error);
  g_autofree char *hash = hash_of_file (made.chain_file);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  g_assert_no_error (error);
  g_assert_cmpstr (funnel_certificate_get_leaf (certificate), ==, hash);
  g_assert_cmpint (funnel_certificate_get_expiry (certificate), >, now + 29 * DAY);
  g_assert_cmpint (funnel_certificate_get_expiry (certificate), <=, now + 30 * DAY);
  g_assert_nonnull (funnel_certificate_get_credentials (certificate));
}

/* What is handed to others as PEM is the same certificate again, also from memory. */
static void
test_pem (Fixture *f, gconstpointer data)
{
  g_auto (MadeCertificate) made = make_certificate (f->dir, "a", NAME, -DAY, 30 * DAY);
  g_autoptr (FunnelCertificate) first
      = funnel_certificate_load (made.chain_file, made.key_file, NAME, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelCertificate) again
      = funnel_certificate_new (funnel_certificate_get_chain_pem (first),
                                funnel_certificate_get_key_pem (first), NAME, "memory", &error);

  g_assert_no_error (error);
  g_assert_true (
      g_str_has_prefix (funnel_certificate_get_key_pem (first), "-----BEGIN PRIVATE KEY-----\n"));
  g_assert_true (
      g_str_has_prefix (funnel_certificate_get_chain_pem (first), "-----BEGIN CERTIFICATE-----\n"));
  g_assert_true (g_str_has_suffix (funnel_certificate_get_chain_pem (first), "-----\n"));
  g_assert_null (strstr (funnel_certificate_get_key_pem (first), "\n\n"));
  g_assert_cmpstr (funnel_certificate_get_leaf (again), ==, funnel_certificate_get_leaf (first));
  g_assert_cmpstr (funnel_certificate_get_serial (again), !=, "");
  g_assert_cmpstr (funnel_certificate_get_issuer (again), !=, "");
  g_assert_cmpint (funnel_certificate_get_begin (again), <, funnel_certificate_get_expiry (again));
}

/* One from the past can be looked at, but says that it is not valid. */
static void
test_expired_memory (Fixture *f, gconstpointer data)
{
  g_auto (MadeCertificate) made = make_certificate (f->dir, "a", NAME, -2 * DAY, -DAY);
  g_autofree char *chain = NULL, *key = NULL;
  g_autoptr (FunnelCertificate) old = NULL;
  g_autoptr (FunnelCertificate) other = NULL;
  g_autoptr (GError) error = NULL;
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  g_assert_true (g_file_get_contents (made.chain_file, &chain, NULL, NULL));
  g_assert_true (g_file_get_contents (made.key_file, &key, NULL, NULL));
  old = funnel_certificate_new (chain, key, NAME, "memory", NULL);
  g_assert_nonnull (old);
  g_assert_false (funnel_certificate_is_valid (old, now));
  g_assert_true (funnel_certificate_is_valid (old, now - DAY - DAY / 2));
  other = funnel_certificate_new (chain, key, "other.example.org", "memory", &error);
  g_assert_null (other);
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
}

static void
test_wildcard (Fixture *f, gconstpointer data)
{
  g_auto (MadeCertificate) made = make_certificate (f->dir, "a", "*.example.org", -DAY, DAY);
  g_autoptr (FunnelCertificate) certificate
      = funnel_certificate_load (made.chain_file, made.key_file, NAME, NULL);

  g_assert_nonnull (certificate);
  assert_refused (made.chain_file, made.key_file, "a.b.example.org", "*.example.org");
}

/* The leaf stands first in what is sent, wherever it stood in the file. */
static void
test_chain (Fixture *f, gconstpointer data)
{
  g_auto (MadeCertificate) leaf = make_certificate (f->dir, "a", NAME, -DAY, DAY);
  g_auto (MadeCertificate) other = make_certificate (f->dir, "b", "ca.example.org", -DAY, DAY);
  g_autofree char *first = NULL, *second = NULL, *both = NULL, *chain = NULL;
  g_autoptr (FunnelCertificate) certificate = NULL;
  g_autofree char *hash = hash_of_file (leaf.chain_file);

  g_file_get_contents (leaf.chain_file, &first, NULL, NULL);
  g_file_get_contents (other.chain_file, &second, NULL, NULL);
  both = g_strconcat (first, second, NULL);
  chain = write_text (f, "chain.pem", both);
  certificate = funnel_certificate_load (chain, leaf.key_file, NAME, NULL);
  g_assert_nonnull (certificate);
  g_assert_cmpstr (funnel_certificate_get_leaf (certificate), ==, hash);
}

static void
test_bad_files (Fixture *f, gconstpointer data)
{
  g_auto (MadeCertificate) made = make_certificate (f->dir, "a", NAME, -DAY, DAY);
  g_autofree char *absent = g_build_filename (f->dir, "absent", NULL);
  g_autofree char *text = write_text (f, "text", "hello\n");
  g_autofree char *empty = write_text (f, "empty", "");
  g_autofree char *der = write_text (f, "der", "0\202\001\002");
  g_autofree char *damaged
      = write_text (f, "damaged", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  g_autofree char *bad_key
      = write_text (f, "bad-key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  g_autofree char *locked = write_text (f, "locked",
                                        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                                        "-----END ENCRYPTED PRIVATE KEY-----\n");

  assert_refused (absent, made.key_file, NAME, "certificate file");
  assert_refused (absent, made.key_file, NAME, "absent");
  assert_refused (text, made.key_file, NAME, "holds no certificate");
  assert_refused (empty, made.key_file, NAME, "empty");
  assert_refused (der, made.key_file, NAME, "DER");
  assert_refused (damaged, made.key_file, NAME, "damaged");
  assert_refused (made.key_file, made.key_file, NAME, "holds no certificate");
  assert_refused (made.chain_file, absent, NAME, "key file");
  assert_refused (made.chain_file, text, NAME, "holds no private key");
  assert_refused (made.chain_file, made.chain_file, NAME, "holds no private key");
  assert_refused (made.chain_file, bad_key, NAME, "damaged");
  assert_refused (made.chain_file, locked, NAME, "password");
}

static void
test_wrong_key (Fixture *f, gconstpointer data)
{
  g_auto (MadeCertificate) a = make_certificate (f->dir, "a", NAME, -DAY, DAY);
  g_auto (MadeCertificate) b = make_certificate (f->dir, "b", NAME, -DAY, DAY);

  assert_refused (a.chain_file, b.key_file, NAME, "does not belong");
}

static void
test_wrong_name (Fixture *f, gconstpointer data)
{
  g_auto (MadeCertificate) made
      = make_certificate (f->dir, "a", "x.example.org,y.example.org", -DAY, DAY);
  g_auto (MadeCertificate) nameless = make_certificate (f->dir, "b", NULL, -DAY, DAY);

  assert_refused (made.chain_file, made.key_file, NAME, "it is for x.example.org, y.example.org");
  assert_refused (nameless.chain_file, nameless.key_file, NAME, "names no host");
}

static void
test_time (Fixture *f, gconstpointer data)
{
  g_auto (MadeCertificate) old = make_certificate (f->dir, "a", NAME, -2 * DAY, -DAY);
  g_auto (MadeCertificate) young = make_certificate (f->dir, "b", NAME, DAY, 2 * DAY);

  assert_refused (old.chain_file, old.key_file, NAME, "expired on");
  assert_refused (old.chain_file, old.key_file, NAME, "clock");
  assert_refused (young.chain_file, young.key_file, NAME, "not valid before");
  assert_refused (young.chain_file, young.key_file, NAME, "clock");
}

static gpointer
ref_and_unref (gpointer data)
{
  for (int i = 0; i < 100000; i++)
    funnel_certificate_unref (funnel_certificate_ref (data));
  return NULL;
}

static void
test_threads (Fixture *f, gconstpointer data)
{
  g_auto (MadeCertificate) made = make_certificate (f->dir, "a", NAME, -DAY, DAY);
  g_autoptr (FunnelCertificate) certificate
      = funnel_certificate_load (made.chain_file, made.key_file, NAME, NULL);
  GThread *a = g_thread_new ("a", ref_and_unref, certificate);
  GThread *b = g_thread_new ("b", ref_and_unref, certificate);

  g_thread_join (a);
  g_thread_join (b);
  g_assert_cmpuint (strlen (funnel_certificate_get_leaf (certificate)), ==, 64);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/certificate/good", test_good);
  ADD ("/certificate/pem", test_pem);
  ADD ("/certificate/expired-memory", test_expired_memory);
  ADD ("/certificate/wildcard", test_wildcard);
  ADD ("/certificate/chain", test_chain);
  ADD ("/certificate/bad-files", test_bad_files);
  ADD ("/certificate/wrong-key", test_wrong_key);
  ADD ("/certificate/wrong-name", test_wrong_name);
  ADD ("/certificate/time", test_time);
  ADD ("/certificate/threads", test_threads);
  return g_test_run ();
}
