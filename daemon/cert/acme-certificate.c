/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/acme-certificate.h"

#include "daemon/cert/acme-client.h"
#include "daemon/cert/acme-jws.h"
#include "lib/base/token.h"

#include <glib/gi18n.h>
#include <gnutls/crypto.h>
#include <string.h>

#define ACME_IDENTIFIER_OID "1.3.6.1.5.5.7.1.31" /* RFC 8737 section 3 */
#define DAY_S (24 * 3600)
#define NUMBER_MAX 64 /* bytes of a serial number or a key identifier */
#define KEY_ID_LEN 32 /* SHA-256 of a public key */

typedef struct
{
  gnutls_x509_crt_t *crts;
  guint n;
} Chain;

static void
chain_clear (Chain *chain)
{
  for (guint i = 0; i < chain->n; i++)
    gnutls_x509_crt_deinit (chain->crts[i]);
  gnutls_free (chain->crts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Chain, chain_clear)

static gboolean
refuse (GError **error, const char *what)
{
  g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CERTIFICATE,
               N_ ("the CA issued a certificate that cannot be used: %s"), what);
  return FALSE;
}

static gboolean
check_gnutls (int result, const char *what, GError **error)
{
  if (result >= 0)
    return TRUE;
  g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CHALLENGE, N_ ("cannot make %s: %s"),
               what, gnutls_strerror (result));
  return FALSE;
}

gnutls_x509_privkey_t
funnel_acme_certificate_key_new (GError **error)
{
  gnutls_x509_privkey_t key = NULL;
  int result = gnutls_x509_privkey_init (&key);

  if (result >= 0)
    result = gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA,
                                           GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0);
  if (check_gnutls (result, "a key", error))
    return key;
  if (key != NULL)
    gnutls_x509_privkey_deinit (key);
  return NULL;
}

char *
funnel_acme_certificate_key_print (gnutls_x509_privkey_t key, GError **error)
{
  gnutls_datum_t pem = {NULL, 0};
  char *text;
  int result
      = gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);

  if (!check_gnutls (result, "a key", error))
    return NULL;
  text = g_strndup ((const char *)pem.data, pem.size);
  gnutls_memset (pem.data, 0, pem.size);
  gnutls_free (pem.data);
  return text;
}

char *
funnel_acme_account_key_new (GError **error)
{
  gnutls_x509_privkey_t key = funnel_acme_certificate_key_new (error);
  char *pem;

  if (key == NULL)
    return NULL;
  pem = funnel_acme_certificate_key_print (key, error);
  gnutls_x509_privkey_deinit (key);
  return pem;
}

char *
funnel_acme_certificate_request (gnutls_x509_privkey_t key, const char *name, GError **error)
{
  gnutls_x509_crq_t request = NULL;
  gnutls_datum_t der = {NULL, 0};
  char *text = NULL;
  int result = gnutls_x509_crq_init (&request);

  if (result >= 0)
    result = gnutls_x509_crq_set_version (request, 1);
  if (result >= 0)
    result = gnutls_x509_crq_set_key (request, key);
  if (result >= 0)
    result = gnutls_x509_crq_set_subject_alt_name (request, GNUTLS_SAN_DNSNAME, name,
                                                   (unsigned int)strlen (name), GNUTLS_FSAN_SET);
  if (result >= 0)
    result = gnutls_x509_crq_sign2 (request, key, GNUTLS_DIG_SHA256, 0);
  if (result >= 0)
    result = gnutls_x509_crq_export2 (request, GNUTLS_X509_FMT_DER, &der);
  if (check_gnutls (result, "a signing request", error))
    text = funnel_acme_base64url (der.data, der.size);
  gnutls_free (der.data);
  if (request != NULL)
    gnutls_x509_crq_deinit (request);
  return text;
}

/* The fields of a challenge certificate (RFC 8737 section 3), signed with @key. */
static int
fill_challenge (gnutls_x509_crt_t crt,
                gnutls_x509_privkey_t key,
                const char *name,
                const guint8 digest[FUNNEL_ACME_DIGEST_LEN])
{
  guint8 octets[2 + FUNNEL_ACME_DIGEST_LEN] = {0x04, FUNNEL_ACME_DIGEST_LEN}; /* OCTET STRING */
  guint8 serial[16];
  time_t now = (time_t)(g_get_real_time () / G_USEC_PER_SEC);
  int result;

  memcpy (octets + 2, digest, FUNNEL_ACME_DIGEST_LEN);
  result = gnutls_rnd (GNUTLS_RND_NONCE, serial, sizeof serial);
  serial[0] = (serial[0] & 0x3f) | 0x40;
  if (result >= 0)
    result = gnutls_x509_crt_set_version (crt, 3);
  if (result >= 0)
    result = gnutls_x509_crt_set_serial (crt, serial, sizeof serial);
  if (result >= 0)
    result = gnutls_x509_crt_set_dn (crt, "CN=tls-alpn-01 challenge", NULL);
  if (result >= 0)
    result = gnutls_x509_crt_set_activation_time (crt, now - DAY_S);
  if (result >= 0)
    result = gnutls_x509_crt_set_expiration_time (crt, now + 7 * DAY_S);
  if (result >= 0)
    result = gnutls_x509_crt_set_key (crt, key);
  if (result >= 0)
    result = gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_DNSNAME, name,
                                                   (unsigned int)strlen (name), GNUTLS_FSAN_SET);
  if (result >= 0)
    result
        = gnutls_x509_crt_set_extension_by_oid (crt, ACME_IDENTIFIER_OID, octets, sizeof octets, 1);
  if (result >= 0)
    result = gnutls_x509_crt_sign2 (crt, crt, key, GNUTLS_DIG_SHA256, 0);
  return result;
}

static char *
print_certificate (gnutls_x509_crt_t crt)
{
  gnutls_datum_t pem = {NULL, 0};
  char *text;

  if (gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_PEM, &pem) < 0)
    return NULL;
  text = g_strndup ((const char *)pem.data, pem.size);
  gnutls_free (pem.data);
  return text;
}

FunnelCertificate *
funnel_acme_make_challenge_certificate (const char *name,
                                        const guint8 digest[FUNNEL_ACME_DIGEST_LEN],
                                        GError **error)
{
  gnutls_x509_privkey_t key = funnel_acme_certificate_key_new (error);
  gnutls_x509_crt_t crt = NULL;
  FunnelCertificate *certificate = NULL;
  g_autofree char *pem = NULL;
  char *key_pem = NULL;
  int result;

  if (key == NULL)
    return NULL;
  result = gnutls_x509_crt_init (&crt);
  if (result >= 0)
    result = fill_challenge (crt, key, name, digest);
  if (result >= 0)
    pem = print_certificate (crt);
  if (check_gnutls (pem != NULL ? 0 : MIN (result, -1), "a challenge certificate", error))
    key_pem = funnel_acme_certificate_key_print (key, error);
  if (key_pem != NULL)
    certificate
        = funnel_certificate_new (pem, key_pem, name, N_ ("the challenge certificate"), error);
  funnel_secret_free (key_pem);
  if (crt != NULL)
    gnutls_x509_crt_deinit (crt);
  gnutls_x509_privkey_deinit (key);
  return certificate;
}

/* Whether every PEM block of the text is a certificate, and there is one. */
static gboolean
holds_only_certificates (const char *pem)
{
  guint blocks = 0;

  for (const char *p = strstr (pem, "-----BEGIN "); p != NULL; p = strstr (p + 1, "-----BEGIN "))
    {
      if (!g_str_has_prefix (p, "-----BEGIN CERTIFICATE-----"))
        return FALSE;
      blocks++;
    }
  return blocks > 0 && blocks <= FUNNEL_ACME_CHAIN_MAX;
}

static gboolean
read_chain (Chain *chain, const char *text, GError **error)
{
  gnutls_datum_t datum = {(unsigned char *)text, (unsigned int)strlen (text)};
  int result;

  if (!holds_only_certificates (text))
    return refuse (error, N_ ("it is no chain of PEM certificates"));
  result = gnutls_x509_crt_list_import2 (&chain->crts, &chain->n, &datum, GNUTLS_X509_FMT_PEM, 0);
  if (result >= 0 && chain->n > 0)
    return TRUE;
  chain->n = 0;
  return refuse (error, result < 0 ? gnutls_strerror (result) : N_ ("it is empty"));
}

static gboolean
is_linked (Chain *chain)
{
  for (guint i = 0; i + 1 < chain->n; i++)
    {
      unsigned int verify = 0;

      if (gnutls_x509_crt_check_issuer (chain->crts[i], chain->crts[i + 1]) != 1
          || gnutls_x509_crt_verify (chain->crts[i], &chain->crts[i + 1], 1,
                                     GNUTLS_VERIFY_DISABLE_TIME_CHECKS
                                         | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS
                                         | GNUTLS_VERIFY_DO_NOT_ALLOW_SAME,
                                     &verify)
                 < 0
          || (verify & GNUTLS_CERT_SIGNATURE_FAILURE) != 0)
        return FALSE;
    }
  return TRUE;
}

static gboolean
key_matches (gnutls_x509_crt_t leaf, gnutls_x509_privkey_t key)
{
  guint8 of_leaf[KEY_ID_LEN], of_key[KEY_ID_LEN];
  size_t leaf_len = sizeof of_leaf, key_len = sizeof of_key;

  return gnutls_x509_crt_get_key_id (leaf, GNUTLS_KEYID_USE_SHA256, of_leaf, &leaf_len) >= 0
         && gnutls_x509_privkey_get_key_id (key, GNUTLS_KEYID_USE_SHA256, of_key, &key_len) >= 0
         && leaf_len == key_len && memcmp (of_leaf, of_key, key_len) == 0;
}

static char *
format_time (gint64 seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (seconds);

  return time != NULL ? g_date_time_format (time, "%Y-%m-%d %H:%M UTC") : g_strdup ("?");
}

static gboolean
check_time (gint64 begin, gint64 expiry, gint64 now, GError **error)
{
  g_autofree char *clock = format_time (now);
  g_autofree char *limit = format_time (now < begin ? begin : expiry);

  if (now >= begin - FUNNEL_ACME_CLOCK_MAX_S && now < expiry)
    return TRUE;
  g_set_error (error, FUNNEL_ACME_ERROR,
               now < begin ? FUNNEL_ACME_ERROR_CLOCK : FUNNEL_ACME_ERROR_CERTIFICATE,
               now < begin ? N_ ("the certificate just issued is not valid before %s, and this "
                                 "machine's clock says %s; check the clock")
                           : N_ ("the certificate just issued expired on %s, and this machine's "
                                 "clock says %s; check the clock"),
               limit, clock);
  return FALSE;
}

static char *
print_chain (Chain *chain)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < chain->n; i++)
    {
      g_autofree char *pem = print_certificate (chain->crts[i]);

      if (pem == NULL)
        return NULL;
      g_string_append (text, pem);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
funnel_acme_certificate_check (const char *pem,
                               gsize len,
                               gnutls_x509_privkey_t key,
                               const char *name,
                               gint64 now,
                               gint64 *begin,
                               gint64 *expiry,
                               GError **error)
{
  g_autofree char *text = g_strndup (pem, len);
  g_auto (Chain) chain = {NULL, 0};

  if (strlen (text) != len)
    {
      refuse (error, N_ ("it is no chain of PEM certificates"));
      return NULL;
    }
  if (!read_chain (&chain, text, error))
    return NULL;
  if (!key_matches (chain.crts[0], key))
    {
      refuse (error, N_ ("it is for another key than the one asked for"));
      return NULL;
    }
  if (!gnutls_x509_crt_check_hostname2 (chain.crts[0], name, GNUTLS_VERIFY_DO_NOT_ALLOW_WILDCARDS))
    {
      refuse (error, N_ ("it is for another name than the one asked for"));
      return NULL;
    }
  if (!is_linked (&chain))
    {
      refuse (error, N_ ("its chain is broken or out of order"));
      return NULL;
    }
  *begin = gnutls_x509_crt_get_activation_time (chain.crts[0]);
  *expiry = gnutls_x509_crt_get_expiration_time (chain.crts[0]);
  return check_time (*begin, *expiry, now, error) ? print_chain (&chain) : NULL;
}

static gnutls_x509_crt_t
read_leaf (const char *chain)
{
  const char *pem = strstr (chain, "-----BEGIN CERTIFICATE-----");
  gnutls_datum_t datum = {(unsigned char *)pem, pem != NULL ? (unsigned int)strlen (pem) : 0};
  gnutls_x509_crt_t leaf = NULL;

  if (pem == NULL || gnutls_x509_crt_init (&leaf) < 0)
    return NULL;
  if (gnutls_x509_crt_import (leaf, &datum, GNUTLS_X509_FMT_PEM) >= 0)
    return leaf;
  gnutls_x509_crt_deinit (leaf);
  return NULL;
}

char *
funnel_acme_certificate_leaf (const char *chain)
{
  gnutls_x509_crt_t leaf = read_leaf (chain);
  gnutls_datum_t der = {NULL, 0};
  char *text = NULL;

  if (leaf == NULL)
    return NULL;
  if (gnutls_x509_crt_export2 (leaf, GNUTLS_X509_FMT_DER, &der) >= 0)
    text = funnel_acme_base64url (der.data, der.size);
  gnutls_free (der.data);
  gnutls_x509_crt_deinit (leaf);
  return text;
}

char *
funnel_acme_certificate_id (const char *chain)
{
  gnutls_x509_crt_t leaf = read_leaf (chain);
  guint8 authority[NUMBER_MAX], serial[NUMBER_MAX];
  size_t authority_len = sizeof authority, serial_len = sizeof serial;
  g_autofree char *first = NULL, *second = NULL;
  gboolean known;

  if (leaf == NULL)
    return NULL;
  known = gnutls_x509_crt_get_authority_key_id (leaf, authority, &authority_len, NULL) >= 0
          && gnutls_x509_crt_get_serial (leaf, serial, &serial_len) >= 0 && authority_len > 0
          && serial_len > 0;
  gnutls_x509_crt_deinit (leaf);
  if (!known)
    return NULL;
  first = funnel_acme_base64url (authority, authority_len);
  second = funnel_acme_base64url (serial, serial_len);
  return g_strconcat (first, ".", second, NULL);
}
