/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/acme-jws.h"

#include "daemon/cert/acme-error.h"
#include "lib/base/json-read.h"

#include <glib/gi18n.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

#define COORDINATE_LEN 32 /* P-256 */
#define MAC_LEN 32        /* HMAC-SHA-256 */
#define BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

struct _FunnelAcmeKey
{
  gnutls_privkey_t key;
  char *jwk;
  char *thumbprint;
};

char *
funnel_acme_base64url (const void *data, gsize len)
{
  char *text = g_base64_encode (data, len);

  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  text[strcspn (text, "=")] = '\0';
  return text;
}

gboolean
funnel_acme_is_base64url (const char *text, gsize max)
{
  gsize len = strlen (text);

  return len > 0 && len <= max && strspn (text, BASE64URL) == len;
}

GBytes *
funnel_acme_base64url_decode (const char *text)
{
  gsize plain = strspn (text, BASE64URL);
  g_autoptr (GString) padded = g_string_new_len (text, (gssize)plain);
  g_autofree char *again = NULL;
  guchar *data;
  gsize len = 0;

  if (plain == 0 || plain % 4 == 1 || strspn (text + plain, "=") != strlen (text + plain))
    return NULL;
  while (padded->len % 4 != 0)
    g_string_append_c (padded, '=');
  g_strdelimit (padded->str, "-", '+');
  g_strdelimit (padded->str, "_", '/');
  data = g_base64_decode (padded->str, &len);
  again = funnel_acme_base64url (data, len);
  if (strlen (again) == plain && memcmp (again, text, plain) == 0)
    return g_bytes_new_take (data, len);
  g_free (data);
  return NULL;
}

/* A number of GnuTLS as bytes of fixed length: it may have a leading zero too many, or too few. */
static gboolean
copy_number (const gnutls_datum_t *number, guint8 out[COORDINATE_LEN])
{
  const guint8 *data = number->data;
  gsize len = number->size;

  while (len > 0 && *data == 0)
    {
      data++;
      len--;
    }
  if (len > COORDINATE_LEN)
    return FALSE;
  memset (out, 0, COORDINATE_LEN - len);
  if (len > 0)
    memcpy (out + COORDINATE_LEN - len, data, len);
  return TRUE;
}

static char *
encode_number (const gnutls_datum_t *number)
{
  guint8 fixed[COORDINATE_LEN];

  return copy_number (number, fixed) ? funnel_acme_base64url (fixed, sizeof fixed) : NULL;
}

static char *
hash_text (const char *text)
{
  guint8 digest[FUNNEL_ACME_SHA256_LEN];

  gnutls_hash_fast (GNUTLS_DIG_SHA256, text, strlen (text), digest);
  return funnel_acme_base64url (digest, sizeof digest);
}

static gboolean
describe (FunnelAcmeKey *self)
{
  gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
  gnutls_datum_t x = {NULL, 0}, y = {NULL, 0};
  g_autofree char *x_text = NULL, *y_text = NULL;

  if (gnutls_privkey_get_pk_algorithm (self->key, NULL) != GNUTLS_PK_ECDSA
      || gnutls_privkey_export_ecc_raw (self->key, &curve, &x, &y, NULL) < 0)
    return FALSE;
  if (curve == GNUTLS_ECC_CURVE_SECP256R1)
    {
      x_text = encode_number (&x);
      y_text = encode_number (&y);
    }
  gnutls_free (x.data);
  gnutls_free (y.data);
  if (x_text == NULL || y_text == NULL)
    return FALSE;
  self->jwk = g_strdup_printf ("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
                               x_text, y_text);
  self->thumbprint = hash_text (self->jwk);
  return TRUE;
}

FunnelAcmeKey *
funnel_acme_key_new_from_pem (const char *pem, GError **error)
{
  g_autoptr (FunnelAcmeKey) self = g_new0 (FunnelAcmeKey, 1);
  gnutls_datum_t datum = {(unsigned char *)pem, (unsigned int)strlen (pem)};
  int result;

  gnutls_privkey_init (&self->key);
  result = gnutls_privkey_import_x509_raw (self->key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
  if (result >= 0 && describe (self))
    return g_steal_pointer (&self);
  g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CONFIGURATION,
               N_ ("the account key is unusable: %s"),
               result < 0 ? gnutls_strerror (result) : N_ ("it must be an EC key on curve P-256"));
  return NULL;
}

void
funnel_acme_key_free (FunnelAcmeKey *self)
{
  gnutls_privkey_deinit (self->key);
  g_free (self->jwk);
  g_free (self->thumbprint);
  g_free (self);
}

const char *
funnel_acme_key_get_jwk (FunnelAcmeKey *self)
{
  return self->jwk;
}

const char *
funnel_acme_key_get_thumbprint (FunnelAcmeKey *self)
{
  return self->thumbprint;
}

void
funnel_acme_key_authorize (FunnelAcmeKey *self,
                           const char *token,
                           guint8 digest[FUNNEL_ACME_SHA256_LEN])
{
  g_autofree char *text = g_strconcat (token, ".", self->thumbprint, NULL);

  gnutls_hash_fast (GNUTLS_DIG_SHA256, text, strlen (text), digest);
}

/* ECDSA in JWS is r and s side by side, not the DER that GnuTLS makes. */
static char *
sign_input (FunnelAcmeKey *key, const char *input, GError **error)
{
  gnutls_datum_t data = {(unsigned char *)input, (unsigned int)strlen (input)};
  gnutls_datum_t der = {NULL, 0}, r = {NULL, 0}, s = {NULL, 0};
  guint8 raw[2 * COORDINATE_LEN];
  int result = gnutls_privkey_sign_data2 (key->key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &der);
  gboolean fits = FALSE;

  if (result >= 0)
    result = gnutls_decode_rs_value (&der, &r, &s);
  if (result >= 0)
    fits = copy_number (&r, raw) && copy_number (&s, raw + COORDINATE_LEN);
  gnutls_free (der.data);
  gnutls_free (r.data);
  gnutls_free (s.data);
  if (fits)
    return funnel_acme_base64url (raw, sizeof raw);
  g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CONFIGURATION,
               N_ ("the account key cannot sign: %s"), gnutls_strerror (result));
  return NULL;
}

static char *
encode_object (JsonObject *object)
{
  g_autofree char *text = funnel_json_print_object (object);

  return funnel_acme_base64url (text, strlen (text));
}

static char *
join_parts (const char *protected, const char *payload, const char *signature)
{
  JsonObject *jws = json_object_new ();

  json_object_set_string_member (jws, "protected", protected);
  json_object_set_string_member (jws, "payload", payload);
  json_object_set_string_member (jws, "signature", signature);
  return funnel_json_print_object (jws);
}

char *
funnel_acme_jws_sign (FunnelAcmeKey *key,
                      const char *kid,
                      const char *nonce,
                      const char *url,
                      const char *payload,
                      GError **error)
{
  JsonObject *header = json_object_new ();
  g_autofree char *protected = NULL, *body = NULL, *input = NULL, *signature = NULL;

  json_object_set_string_member (header, "alg", "ES256");
  if (kid != NULL)
    json_object_set_string_member (header, "kid", kid);
  else
    json_object_set_object_member (header, "jwk",
                                   funnel_json_parse_object (key->jwk, strlen (key->jwk), NULL));
  json_object_set_string_member (header, "nonce", nonce);
  json_object_set_string_member (header, "url", url);
  protected = encode_object (header);
  body = funnel_acme_base64url (payload, strlen (payload));
  input = g_strconcat (protected, ".", body, NULL);
  signature = sign_input (key, input, error);
  return signature != NULL ? join_parts (protected, body, signature) : NULL;
}

static void
wipe (GBytes *secret)
{
  gsize len;
  gpointer data = g_bytes_unref_to_data (secret, &len);

  explicit_bzero (data, len);
  g_free (data);
}

char *
funnel_acme_jws_bind (FunnelAcmeKey *key,
                      const char *eab_kid,
                      const char *mac_key,
                      const char *url,
                      GError **error)
{
  GBytes *secret = funnel_acme_base64url_decode (mac_key);
  JsonObject *header;
  g_autofree char *protected = NULL, *payload = NULL, *input = NULL, *signature = NULL;
  guint8 mac[MAC_LEN];

  if (secret == NULL)
    {
      g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CONFIGURATION,
                   "the key of the external account binding is not base64url; copy it as the CA "
                   "shows it");
      return NULL;
    }
  header = json_object_new ();
  json_object_set_string_member (header, "alg", "HS256");
  json_object_set_string_member (header, "kid", eab_kid);
  json_object_set_string_member (header, "url", url);
  protected = encode_object (header);
  payload = funnel_acme_base64url (key->jwk, strlen (key->jwk));
  input = g_strconcat (protected, ".", payload, NULL);
  gnutls_hmac_fast (GNUTLS_MAC_SHA256, g_bytes_get_data (secret, NULL), g_bytes_get_size (secret),
                    input, strlen (input), mac);
  wipe (secret);
  signature = funnel_acme_base64url (mac, sizeof mac);
  return join_parts (protected, payload, signature);
}
