/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/ingress-setup.h"

#include "lib/base/error.h"
#include "lib/base/fingerprint.h"
#include "lib/base/wg-key.h"
#include "ingress-server/store/ingress-store.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

/* The certificate is pinned by its key and never checked for dates; RFC 5280 4.1.2.5's "no
 * well-defined expiration" says so to whoever looks. */
#define CERTIFICATE_BEGIN                                                                          \
  ((time_t)1577836800) /* 2020: clocks of small hosts may start in the past */
#define CERTIFICATE_END ((time_t)253402300799)
#define SERIAL_LEN 16

static gboolean
write_file (const IngressConfig *config, const char *file, const char *text, GError **error)
{
  g_autofree char *path = ingress_config_path (config, file);

  return g_file_set_contents_full (
      path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
}

static gboolean
write_wireguard_key (const IngressConfig *config, GError **error)
{
  char *private_key = NULL;
  g_autofree char *public_key = NULL;
  gboolean ok;

  if (!funnel_wg_key_generate (&private_key, &public_key, error))
    return FALSE;
  ok = write_file (config, INGRESS_WIREGUARD_KEY_FILE, private_key, error);
  funnel_secret_free (private_key);
  return ok;
}

static int
fill_certificate (gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key, const char *host)
{
  guint8 serial[SERIAL_LEN];
  int rc = gnutls_rnd (GNUTLS_RND_NONCE, serial, sizeof serial);

  serial[0] &= 0x7f; /* positive */
  if (rc < 0 || (rc = gnutls_x509_crt_set_version (certificate, 3)) < 0
      || (rc = gnutls_x509_crt_set_serial (certificate, serial, sizeof serial)) < 0
      || (rc = gnutls_x509_crt_set_activation_time (certificate, CERTIFICATE_BEGIN)) < 0
      || (rc = gnutls_x509_crt_set_expiration_time (certificate, CERTIFICATE_END)) < 0
      || (rc = gnutls_x509_crt_set_key (certificate, key)) < 0
      || (rc = gnutls_x509_crt_set_dn (certificate, "CN=Funnel ingress", NULL)) < 0)
    return rc;
  if (!g_hostname_is_ip_address (host)
      && (rc = gnutls_x509_crt_set_subject_alt_name (certificate, GNUTLS_SAN_DNSNAME, host,
                                                     (unsigned)strlen (host), GNUTLS_FSAN_SET))
             < 0)
    return rc;
  return gnutls_x509_crt_sign2 (certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
}

static int
make_certificate (const char *host, gnutls_datum_t *key_pem, gnutls_datum_t *certificate_pem)
{
  gnutls_x509_privkey_t key = NULL;
  gnutls_x509_crt_t certificate = NULL;
  int rc;

  if ((rc = gnutls_x509_privkey_init (&key)) < 0)
    return rc;
  if ((rc = gnutls_x509_crt_init (&certificate)) >= 0
      && (rc = gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA,
                                             GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0))
             >= 0
      && (rc = fill_certificate (certificate, key, host)) >= 0
      && (rc = gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                                  key_pem))
             >= 0)
    rc = gnutls_x509_crt_export2 (certificate, GNUTLS_X509_FMT_PEM, certificate_pem);
  if (certificate)
    gnutls_x509_crt_deinit (certificate);
  gnutls_x509_privkey_deinit (key);
  return rc;
}

static gboolean
write_certificate (const IngressConfig *config, GError **error)
{
  gnutls_datum_t key = {NULL, 0}, certificate = {NULL, 0};
  int rc = make_certificate (config->endpoint_host, &key, &certificate);
  gboolean ok = FALSE;

  if (rc < 0)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "Cannot make a certificate: %s",
                 gnutls_strerror (rc));
  else
    ok = write_file (config, INGRESS_JOIN_KEY_FILE, (const char *)key.data, error)
         && write_file (config, INGRESS_JOIN_CERTIFICATE_FILE, (const char *)certificate.data,
                        error);
  if (key.data)
    explicit_bzero (key.data, key.size);
  gnutls_free (key.data);
  gnutls_free (certificate.data);
  return ok;
}

static gboolean
check_nothing_is_there (const IngressConfig *config, GError **error)
{
  static const char *const files[] = {INGRESS_CONFIG_FILE, INGRESS_WIREGUARD_KEY_FILE,
                                      INGRESS_JOIN_KEY_FILE, INGRESS_DATABASE_FILE};

  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = ingress_config_path (config, files[i]);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        {
          g_set_error (
              error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
              "There is an ingress in %s already (%s exists). To change it "
              "edit " INGRESS_CONFIG_FILE
              "; to start anew move the directory away, but then every node must join again",
              config->state_dir, files[i]);
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
ingress_setup_create (const IngressConfig *config, GError **error)
{
  g_autofree char *database = ingress_config_path (config, INGRESS_DATABASE_FILE);
  g_autofree char *text = ingress_config_print (config);
  g_autoptr (IngressStore) store = NULL;

  if (g_mkdir_with_parents (config->state_dir, 0700) < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "Cannot make %s: %s", config->state_dir,
                   g_strerror (errno));
      return FALSE;
    }
  if (!check_nothing_is_there (config, error) || !write_wireguard_key (config, error)
      || !write_certificate (config, error))
    return FALSE;
  store = ingress_store_open (database, error);
  /* The configuration comes last: without it the daemon refuses to start on half a state directory.
   */
  return store && write_file (config, INGRESS_CONFIG_FILE, text, error);
}

gboolean
ingress_setup_load_wireguard (const IngressConfig *config,
                              char **private_key,
                              char **public_key,
                              GError **error)
{
  g_autofree char *path = ingress_config_path (config, INGRESS_WIREGUARD_KEY_FILE);
  char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;
  g_strchomp (text);
  *public_key = funnel_wg_key_public (text, error);
  if (!*public_key)
    {
      g_prefix_error (error, "%s: ", path);
      funnel_secret_free (text);
      return FALSE;
    }
  *private_key = text;
  return TRUE;
}

GTlsCertificate *
ingress_setup_load_certificate (const IngressConfig *config,
                                guint8 key_hash[FUNNEL_KEY_HASH_LEN],
                                GError **error)
{
  g_autofree char *key_path = ingress_config_path (config, INGRESS_JOIN_KEY_FILE);
  g_autofree char *certificate_path = ingress_config_path (config, INGRESS_JOIN_CERTIFICATE_FILE);
  g_autoptr (GTlsCertificate) certificate
      = g_tls_certificate_new_from_files (certificate_path, key_path, error);
  g_autoptr (GByteArray) der = NULL;

  if (!certificate)
    {
      g_prefix_error (error, "%s: ", certificate_path);
      return NULL;
    }
  g_object_get (certificate, "certificate", &der, NULL);
  if (!funnel_fingerprint_spki (der->data, der->len, key_hash, error))
    return NULL;
  return g_steal_pointer (&certificate);
}
