/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/daemon/cert/make-certificate.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

static void
ok (int result)
{
  if (result < 0)
    g_error ("GnuTLS: %s", gnutls_strerror (result));
}

static char *
write_pem (const char *dir, const char *base, const char *suffix, gnutls_datum_t pem)
{
  g_autofree char *file_name = g_strconcat (base, suffix, NULL);
  char *path = g_build_filename (dir, file_name, NULL);

  g_assert_true (g_file_set_contents (path, (const char *)pem.data, pem.size, NULL));
  gnutls_free (pem.data);
  return path;
}

static gnutls_x509_crt_t
sign (gnutls_x509_privkey_t key, const char *names, gint64 begin, gint64 end)
{
  gnutls_x509_crt_t crt;
  guint64 serial = GUINT64_TO_BE ((guint64)g_random_int ());
  g_auto (GStrv) list = g_strsplit (names != NULL ? names : "", ",", -1);
  time_t now = time (NULL);

  ok (gnutls_x509_crt_init (&crt));
  ok (gnutls_x509_crt_set_version (crt, 3));
  ok (gnutls_x509_crt_set_serial (crt, &serial, sizeof serial));
  ok (gnutls_x509_crt_set_dn (crt, "CN=test", NULL));
  ok (gnutls_x509_crt_set_activation_time (crt, now + begin));
  ok (gnutls_x509_crt_set_expiration_time (crt, now + end));
  ok (gnutls_x509_crt_set_key (crt, key));
  ok (gnutls_x509_crt_set_basic_constraints (crt, 1, -1));
  for (guint i = 0; list[i] != NULL; i++)
    ok (gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_DNSNAME, list[i], strlen (list[i]),
                                              GNUTLS_FSAN_APPEND));
  ok (gnutls_x509_crt_sign2 (crt, crt, key, GNUTLS_DIG_SHA256, 0));
  return crt;
}

MadeCertificate
make_certificate (const char *dir, const char *base, const char *names, gint64 begin, gint64 end)
{
  MadeCertificate made;
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t crt;
  gnutls_datum_t pem;

  ok (gnutls_x509_privkey_init (&key));
  ok (gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA,
                                    GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0));
  crt = sign (key, names, begin, end);
  ok (gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_PEM, &pem));
  made.chain_file = write_pem (dir, base, ".pem", pem);
  ok (gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem));
  made.key_file = write_pem (dir, base, ".key", pem);
  gnutls_x509_crt_deinit (crt);
  gnutls_x509_privkey_deinit (key);
  return made;
}

void
made_certificate_clear (MadeCertificate *made)
{
  g_clear_pointer (&made->chain_file, g_free);
  g_clear_pointer (&made->key_file, g_free);
}

void
remove_dir (const char *dir)
{
  GDir *entries = g_dir_open (dir, 0, NULL);
  const char *name;

  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *path = g_build_filename (dir, name, NULL);

      g_unlink (path);
    }
  g_clear_pointer (&entries, g_dir_close);
  g_rmdir (dir);
}
