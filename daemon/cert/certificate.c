/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/certificate.h"

#include "lib/base/error.h"
#include "lib/base/fingerprint.h"

#include <gnutls/x509.h>
#include <string.h>

#define KEY_ID_LEN 32 /* SHA-256 of the public key */
#define SAN_MAX 256   /* bytes of one name in a certificate; a host name has at most 253 */
#define SANS_SHOWN 8  /* names listed in an error message */

struct _FunnelCertificate
{
  int refs; /* atomic */
  gnutls_certificate_credentials_t credentials;
  char *leaf;
  gint64 expiry;
};

/* The parts while they are being put together. */
typedef struct
{
  const char *chain_file;
  const char *key_file;
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

static gboolean
read_file (const char *what, const char *file, char **data, gsize *len, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (g_file_get_contents (file, data, len, &local))
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
    return "the file is empty";
  if ((guint8)data[0] == 0x30)
    return "it looks like DER or PKCS #12; convert it to PEM with openssl";
  return "expected a PEM file";
}

static gboolean
read_chain (Parts *parts, GError **error)
{
  g_autofree char *data = NULL;
  gsize len = 0;
  gnutls_datum_t datum;
  int result;

  if (!read_file ("certificate", parts->chain_file, &data, &len, error))
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
                 "certificate file “%s” is damaged: %s", parts->chain_file,
                 gnutls_strerror (result));
  else
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 "certificate file “%s” holds no certificate: %s", parts->chain_file,
                 format_hint (data, len));
  return FALSE;
}

static void
explain_key (Parts *parts, const char *data, gsize len, int result, GError **error)
{
  if (strstr (data, "-----BEGIN ENCRYPTED") != NULL
      || strstr (data, "Proc-Type: 4,ENCRYPTED") != NULL)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 "key file “%s” is encrypted with a password; give a key without one",
                 parts->key_file);
  else if (strstr (data, "PRIVATE KEY-----") != NULL)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "key file “%s” is damaged: %s",
                 parts->key_file, gnutls_strerror (result));
  else
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 "key file “%s” holds no private key: %s", parts->key_file,
                 format_hint (data, len));
}

static gboolean
read_key (Parts *parts, GError **error)
{
  char *data = NULL;
  gsize len = 0;
  gnutls_datum_t datum;
  int result;

  if (!read_file ("key", parts->key_file, &data, &len, error))
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
               "key file “%s” does not belong to the certificate in “%s”", parts->key_file,
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
                   "the certificate in “%s” names no host (no DNS subjectAltName)",
                   parts->chain_file);
      return FALSE;
    }
  if (gnutls_x509_crt_check_hostname2 (parts->chain[0], parts->name, 0))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               "the certificate in “%s” is not for %s; it is for %s", parts->chain_file,
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
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 "the certificate in “%s” is not valid before %s, and this machine's clock says %s;"
                 " check the clock",
                 parts->chain_file, limit, clock);
  else if (now >= end)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 "the certificate in “%s” expired on %s (this machine's clock says %s);"
                 " renew it, or check the clock",
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

static FunnelCertificate *
assemble (Parts *parts, GError **error)
{
  g_autoptr (FunnelCertificate) self = g_new0 (FunnelCertificate, 1);
  int result;

  self->refs = 1;
  self->expiry = gnutls_x509_crt_get_expiration_time (parts->chain[0]);
  self->leaf = leaf_fingerprint (parts);
  result = gnutls_certificate_allocate_credentials (&self->credentials);
  if (result >= 0)
    result = gnutls_certificate_set_x509_key (self->credentials, parts->chain,
                                              (int)parts->chain_len, parts->key);
  if (result >= 0 && self->leaf != NULL)
    return g_steal_pointer (&self);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               "certificate file “%s” cannot be used: %s", parts->chain_file,
               result < 0 ? gnutls_strerror (result) : "no fingerprint");
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
  g_free (self);
}

const char *
funnel_certificate_get_leaf (FunnelCertificate *self)
{
  return self->leaf;
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
