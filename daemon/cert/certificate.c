/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/certificate.h"

#include "lib/base/error.h"
#include "lib/base/fingerprint.h"
#include "lib/base/token.h"

#include <glib/gi18n.h>
#include <gnutls/x509.h>
#include <string.h>

#define KEY_ID_LEN 32 /* SHA-256 of the public key */
#define SAN_MAX 256   /* bytes of one name in a certificate; a host name has at most 253 */
#define SANS_SHOWN 8  /* names listed in an error message */
#define SERIAL_MAX 64 /* bytes; RFC 5280 allows 20 */
#define ISSUER_MAX 256

struct _FunnelCertificate
{
  int refs; /* atomic */
  gnutls_certificate_credentials_t credentials;
  char *leaf;
  char *serial;
  char *issuer;
  char *chain_pem;
  char *key_pem; /* a secret */
  gint64 begin;
  gint64 expiry;
};

/* The parts while they are being put together. */
typedef struct
{
  const char *chain_file;
  const char *key_file;
  const char *chain_text; /* instead of the file's content; NULL: read the file */
  const char *key_text;
  const char *name;
  gnutls_x509_crt_t *chain;
  guint chain_len;
  gnutls_x509_privkey_t key;
} Parts;

static void
parts_clear (Parts *parts)
{
  for (guint i = 0; i < parts->chain_len; i++)
    gnutls_x509_crt_deinit (parts->chain[i]);
  gnutls_free (parts->chain);
  if (parts->key != NULL)
    gnutls_x509_privkey_deinit (parts->key);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Parts, parts_clear)

/* @text: what to take instead of the file. */
static gboolean
read_file (const char *what,
           const char *file,
           const char *text,
           char **data,
           gsize *len,
           GError **error)
{
  g_autoptr (GError) local = NULL;

  *data = g_strdup (text);
  *len = text != NULL ? strlen (text) : 0;
  if (text != NULL || g_file_get_contents (file, data, len, &local))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "%s file: %s", what,
               local->message);
  return FALSE;
}

/* What to do about a file GnuTLS found no PEM in. */
static const char *
format_hint (const char *data, gsize len)
{
  if (len == 0)
    return N_ ("the file is empty");
  if ((guint8)data[0] == 0x30)
    return N_ ("it looks like DER or PKCS #12; convert it to PEM with openssl");
  return N_ ("expected a PEM file");
}

static gboolean
read_chain (Parts *parts, GError **error)
{
  g_autofree char *data = NULL;
  gsize len = 0;
  gnutls_datum_t datum;
  int result;

  if (!read_file ("certificate", parts->chain_file, parts->chain_text, &data, &len, error))
    return FALSE;
  datum = (gnutls_datum_t) {(unsigned char *)data, (unsigned int)len};
  result = gnutls_x509_crt_list_import2 (&parts->chain, &parts->chain_len, &datum,
                                         GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);
  if (result >= 0 && parts->chain_len > 0)
    return TRUE;
  if (result < 0)
    parts->chain_len = 0;
  if (strstr (data, "-----BEGIN CERTIFICATE-----") != NULL)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 N_ ("certificate file “%s” is damaged: %s"), parts->chain_file,
                 gnutls_strerror (result));
  else
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 N_ ("certificate file “%s” holds no certificate: %s"), parts->chain_file,
                 format_hint (data, len));
  return FALSE;
}

static void
explain_key (Parts *parts, const char *data, gsize len, int result, GError **error)
{
  if (strstr (data, "-----BEGIN ENCRYPTED") != NULL
      || strstr (data, "Proc-Type: 4,ENCRYPTED") != NULL)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 N_ ("key file “%s” is encrypted with a password; give a key without one"),
                 parts->key_file);
  else if (strstr (data, "PRIVATE KEY-----") != NULL)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 N_ ("key file “%s” is damaged: %s"), parts->key_file, gnutls_strerror (result));
  else
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 N_ ("key file “%s” holds no private key: %s"), parts->key_file,
                 format_hint (data, len));
}

static gboolean
read_key (Parts *parts, GError **error)
{
  char *data = NULL;
  gsize len = 0;
  gnutls_datum_t datum;
  int result;

  if (!read_file ("key", parts->key_file, parts->key_text, &data, &len, error))
    return FALSE;
  datum = (gnutls_datum_t) {(unsigned char *)data, (unsigned int)len};
  gnutls_x509_privkey_init (&parts->key);
  result = gnutls_x509_privkey_import2 (parts->key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
  if (result < 0)
    explain_key (parts, data, len, result, error);
  gnutls_memset (data, 0, len);
  g_free (data);
  return result >= 0;
}

static gboolean
check_key_matches (Parts *parts, GError **error)
{
  guint8 of_leaf[KEY_ID_LEN], of_key[KEY_ID_LEN];
  size_t leaf_len = sizeof of_leaf, key_len = sizeof of_key;

  if (gnutls_x509_crt_get_key_id (parts->chain[0], GNUTLS_KEYID_USE_SHA256, of_leaf, &leaf_len) >= 0
      && gnutls_x509_privkey_get_key_id (parts->key, GNUTLS_KEYID_USE_SHA256, of_key, &key_len) >= 0
      && leaf_len == key_len && memcmp (of_leaf, of_key, key_len) == 0)
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               N_ ("key file “%s” does not belong to the certificate in “%s”"), parts->key_file,
               parts->chain_file);
  return FALSE;
}

/* The DNS names @leaf is for, as one text; NULL if it names none. */
static char *
list_names (gnutls_x509_crt_t leaf)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint shown = 0;

  for (unsigned int i = 0;; i++)
    {
      char name[SAN_MAX];
      size_t len = sizeof name;
      int type = gnutls_x509_crt_get_subject_alt_name (leaf, i, name, &len, NULL);

      if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
        continue;
      if (type < 0)
        break;
      if (type != GNUTLS_SAN_DNSNAME)
        continue;
      if (++shown > SANS_SHOWN)
        {
          g_string_append (text, ", …");
          break;
        }
      g_string_append_printf (text, "%s%.*s", shown > 1 ? ", " : "", (int)len, name);
    }
  return shown > 0 ? g_utf8_make_valid (text->str, (gssize)text->len) : NULL;
}

static gboolean
check_name (Parts *parts, GError **error)
{
  g_autofree char *names = list_names (parts->chain[0]);

  if (names == NULL)
    {
      /* Browsers have not looked at the common name for years. */
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   N_ ("the certificate in “%s” names no host (no DNS subjectAltName)"),
                   parts->chain_file);
      return FALSE;
    }
  if (gnutls_x509_crt_check_hostname2 (parts->chain[0], parts->name, 0))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               N_ ("the certificate in “%s” is not for %s; it is for %s"), parts->chain_file,
               parts->name, names);
  return FALSE;
}

static char *
format_time (gint64 seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (seconds);

  return time != NULL ? g_date_time_format (time, "%Y-%m-%d %H:%M UTC") : g_strdup ("?");
}

static gboolean
check_time (Parts *parts, GError **error)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  gint64 begin = gnutls_x509_crt_get_activation_time (parts->chain[0]);
  gint64 end = gnutls_x509_crt_get_expiration_time (parts->chain[0]);
  g_autofree char *clock = format_time (now);
  g_autofree char *limit = format_time (now < begin ? begin : end);

  if (now < begin)
    g_set_error (
        error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
        N_ ("the certificate in “%s” is not valid before %s, and this machine's clock says %s;"
            " check the clock"),
        parts->chain_file, limit, clock);
  else if (now >= end)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 N_ ("the certificate in “%s” expired on %s (this machine's clock says %s);"
                     " renew it, or check the clock"),
                 parts->chain_file, limit, clock);
  return now >= begin && now < end;
}

static char *
leaf_fingerprint (Parts *parts)
{
  gnutls_datum_t der = {NULL, 0};
  char *leaf = NULL;

  if (gnutls_x509_crt_export2 (parts->chain[0], GNUTLS_X509_FMT_DER, &der) >= 0)
    leaf = funnel_fingerprint_leaf (der.data, der.size);
  gnutls_free (der.data);
  return leaf;
}

static char *
read_serial (Parts *parts)
{
  guint8 serial[SERIAL_MAX];
  char text[2 * SERIAL_MAX + 1];
  size_t len = sizeof serial, text_len = sizeof text;
  gnutls_datum_t datum = {serial, 0};

  if (gnutls_x509_crt_get_serial (parts->chain[0], serial, &len) < 0)
    return g_strdup ("");
  datum.size = (unsigned int)len;
  return gnutls_hex_encode (&datum, text, &text_len) >= 0 ? g_strdup (text) : g_strdup ("");
}

static char *
read_issuer_part (gnutls_x509_crt_t leaf, const char *oid)
{
  char text[ISSUER_MAX];
  size_t len = sizeof text;

  if (gnutls_x509_crt_get_issuer_dn_by_oid (leaf, oid, 0, 0, text, &len) < 0 || len == 0)
    return NULL;
  return g_utf8_make_valid (text, (gssize)len);
}

static char *
read_issuer (Parts *parts)
{
  g_autofree char *organization
      = read_issuer_part (parts->chain[0], GNUTLS_OID_X520_ORGANIZATION_NAME);
  g_autofree char *common = read_issuer_part (parts->chain[0], GNUTLS_OID_X520_COMMON_NAME);

  if (organization != NULL && common != NULL)
    return g_strdup_printf ("%s, %s", organization, common);
  if (organization != NULL || common != NULL)
    return g_strdup (organization != NULL ? organization : common);
  return g_strdup (N_ ("an authority without a name"));
}

static char *
export_chain (Parts *parts)
{
  g_autoptr (GString) pem = g_string_new (NULL);

  for (guint i = 0; i < parts->chain_len; i++)
    {
      gnutls_datum_t one = {NULL, 0};

      if (gnutls_x509_crt_export2 (parts->chain[i], GNUTLS_X509_FMT_PEM, &one) < 0)
        return NULL;
      g_string_append_len (pem, (const char *)one.data, (gssize)one.size);
      gnutls_free (one.data);
    }
  return g_string_free (g_steal_pointer (&pem), FALSE);
}

static char *
export_key (Parts *parts)
{
  gnutls_datum_t pem = {NULL, 0};
  char *text = NULL;

  if (gnutls_x509_privkey_export2_pkcs8 (parts->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                         &pem)
      < 0)
    return NULL;
  text = g_strndup ((const char *)pem.data, pem.size);
  gnutls_memset (pem.data, 0, pem.size);
  gnutls_free (pem.data);
  return text;
}

static FunnelCertificate *
assemble (Parts *parts, GError **error)
{
  g_autoptr (FunnelCertificate) self = g_new0 (FunnelCertificate, 1);
  int result;

  self->refs = 1;
  self->begin = gnutls_x509_crt_get_activation_time (parts->chain[0]);
  self->expiry = gnutls_x509_crt_get_expiration_time (parts->chain[0]);
  self->leaf = leaf_fingerprint (parts);
  self->serial = read_serial (parts);
  self->issuer = read_issuer (parts);
  self->chain_pem = export_chain (parts);
  self->key_pem = export_key (parts);
  result = gnutls_certificate_allocate_credentials (&self->credentials);
  if (result >= 0)
    result = gnutls_certificate_set_x509_key (self->credentials, parts->chain,
                                              (int)parts->chain_len, parts->key);
  if (result >= 0 && self->leaf != NULL && self->chain_pem != NULL && self->key_pem != NULL)
    return g_steal_pointer (&self);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               N_ ("certificate file “%s” cannot be used: %s"), parts->chain_file,
               result < 0 ? gnutls_strerror (result) : N_ ("it cannot be written as PEM"));
  return NULL;
}

FunnelCertificate *
funnel_certificate_load (const char *chain_file,
                         const char *key_file,
                         const char *name,
                         GError **error)
{
  g_auto (Parts) parts = {.chain_file = chain_file, .key_file = key_file, .name = name};

  if (!read_chain (&parts, error) || !read_key (&parts, error) || !check_key_matches (&parts, error)
      || !check_name (&parts, error) || !check_time (&parts, error))
    return NULL;
  return assemble (&parts, error);
}

FunnelCertificate *
funnel_certificate_new (const char *chain_pem,
                        const char *key_pem,
                        const char *name,
                        const char *from,
                        GError **error)
{
  g_auto (Parts) parts = {.chain_file = from,
                          .key_file = from,
                          .chain_text = chain_pem,
                          .key_text = key_pem,
                          .name = name};

  if (!read_chain (&parts, error) || !read_key (&parts, error) || !check_key_matches (&parts, error)
      || !check_name (&parts, error))
    return NULL;
  return assemble (&parts, error);
}

FunnelCertificate *
funnel_certificate_ref (FunnelCertificate *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
funnel_certificate_unref (FunnelCertificate *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  if (self->credentials != NULL)
    gnutls_certificate_free_credentials (self->credentials);
  g_free (self->leaf);
  g_free (self->serial);
  g_free (self->issuer);
  g_free (self->chain_pem);
  funnel_secret_free (self->key_pem);
  g_free (self);
}

const char *
funnel_certificate_get_leaf (FunnelCertificate *self)
{
  return self->leaf;
}

const char *
funnel_certificate_get_chain_pem (FunnelCertificate *self)
{
  return self->chain_pem;
}

const char *
funnel_certificate_get_key_pem (FunnelCertificate *self)
{
  return self->key_pem;
}

const char *
funnel_certificate_get_serial (FunnelCertificate *self)
{
  return self->serial;
}

const char *
funnel_certificate_get_issuer (FunnelCertificate *self)
{
  return self->issuer;
}

gint64
funnel_certificate_get_begin (FunnelCertificate *self)
{
  return self->begin;
}

gboolean
funnel_certificate_is_valid (FunnelCertificate *self, gint64 now)
{
  return now >= self->begin && now < self->expiry;
}

gint64
funnel_certificate_get_expiry (FunnelCertificate *self)
{
  return self->expiry;
}

gnutls_certificate_credentials_t
funnel_certificate_get_credentials (FunnelCertificate *self)
{
  return self->credentials;
}
