/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/wg-key.h"

#include "lib/base/error.h"
#include "lib/base/token.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#define KEY_LEN 32

static gboolean
decode_key (const char *text, guint8 key[KEY_LEN])
{
  g_autofree guchar *bytes = NULL;
  g_autofree char *again = NULL;
  gsize len = 0;
  gboolean ok;

  if (!text || strlen (text) != FUNNEL_WG_KEY_TEXT || text[FUNNEL_WG_KEY_TEXT - 1] != '=')
    return FALSE;
  bytes = g_base64_decode (text, &len);
  if (len == KEY_LEN)
    memcpy (key, bytes, KEY_LEN);
  /* g_base64_decode skips what it does not know; only a text that encodes back to itself counts. */
  again = g_base64_encode (bytes, len);
  ok = len == KEY_LEN && strcmp (again, text) == 0;
  explicit_bzero (bytes, len);
  explicit_bzero (again, strlen (again));
  return ok;
}

/* GnuTLS 3.7 has no call for the public half of an X25519 key alone, but computes it when it reads
 * a private key in its standard wrapping (RFC 8410, 7: PKCS #8 without attributes). */
static int
compute_public (const guint8 private_key[KEY_LEN], guint8 public_key[KEY_LEN])
{
  static const guint8 wrapping[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                    0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20};
  guint8 der[sizeof wrapping + KEY_LEN];
  gnutls_datum_t input = {der, sizeof der};
  gnutls_datum_t x = {NULL, 0}, k = {NULL, 0};
  gnutls_ecc_curve_t curve;
  gnutls_x509_privkey_t key;
  int rc = gnutls_x509_privkey_init (&key);

  if (rc < 0)
    return rc;
  memcpy (der, wrapping, sizeof wrapping);
  memcpy (der + sizeof wrapping, private_key, KEY_LEN);
  rc = gnutls_x509_privkey_import_pkcs8 (key, &input, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN);
  if (rc >= 0)
    rc = gnutls_x509_privkey_export_ecc_raw (key, &curve, &x, NULL, &k);
  if (rc >= 0 && (x.size != KEY_LEN || curve != GNUTLS_ECC_CURVE_X25519))
    rc = GNUTLS_E_INTERNAL_ERROR;
  if (rc >= 0)
    memcpy (public_key, x.data, KEY_LEN);
  if (k.data)
    explicit_bzero (k.data, k.size);
  gnutls_free (k.data);
  gnutls_free (x.data);
  gnutls_x509_privkey_deinit (key);
  explicit_bzero (der, sizeof der);
  return rc;
}

static char *
public_text (const guint8 private_key[KEY_LEN], GError **error)
{
  guint8 public_key[KEY_LEN];
  int rc = compute_public (private_key, public_key);

  if (rc < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "Cannot compute a WireGuard key: %s",
                   gnutls_strerror (rc));
      return NULL;
    }
  return g_base64_encode (public_key, KEY_LEN);
}

gboolean
funnel_wg_key_generate (char **private_key, char **public_key, GError **error)
{
  guint8 key[KEY_LEN];
  int rc = gnutls_rnd (GNUTLS_RND_KEY, key, sizeof key);
  char *public_part;

  if (rc < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "Cannot get random bytes: %s",
                   gnutls_strerror (rc));
      return FALSE;
    }
  /* Clamped at birth, as `wg genkey` does, so that the text is the same wherever it is read back.
   */
  key[0] &= 248;
  key[31] = (key[31] & 127) | 64;
  public_part = public_text (key, error);
  if (public_part)
    {
      *private_key = g_base64_encode (key, KEY_LEN);
      *public_key = public_part;
    }
  explicit_bzero (key, sizeof key);
  return public_part != NULL;
}

char *
funnel_wg_key_public (const char *private_key, GError **error)
{
  guint8 key[KEY_LEN];
  char *text;

  if (!decode_key (private_key, key))
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                           "This is not a WireGuard key");
      return NULL;
    }
  key[0] &= 248;
  key[31] = (key[31] & 127) | 64;
  text = public_text (key, error);
  explicit_bzero (key, sizeof key);
  return text;
}

gboolean
funnel_wg_key_is_valid (const char *text)
{
  guint8 key[KEY_LEN];
  gboolean valid = decode_key (text, key);

  explicit_bzero (key, sizeof key);
  return valid;
}
