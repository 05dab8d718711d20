/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/fingerprint.h"

#include "lib/base/error.h"

#include <gnutls/x509.h>

gboolean
funnel_fingerprint_spki (const guint8 *der,
                         gsize len,
                         guint8 out[FUNNEL_KEY_HASH_LEN],
                         GError **error)
{
  gnutls_datum_t input = {(guint8 *)der, (unsigned int)len};
  gnutls_x509_crt_t certificate;
  size_t size = FUNNEL_KEY_HASH_LEN;
  int rc = gnutls_x509_crt_init (&certificate);

  if (rc >= 0)
    {
      rc = gnutls_x509_crt_import (certificate, &input, GNUTLS_X509_FMT_DER);
      if (rc >= 0)
        rc = gnutls_x509_crt_get_key_id (certificate, GNUTLS_KEYID_USE_SHA256, out, &size);
      gnutls_x509_crt_deinit (certificate);
    }
  if (rc < 0 || size != FUNNEL_KEY_HASH_LEN)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "Cannot read the certificate: %s",
                   gnutls_strerror (rc < 0 ? rc : GNUTLS_E_INTERNAL_ERROR));
      return FALSE;
    }
  return TRUE;
}

char *
funnel_fingerprint_leaf (const guint8 *der, gsize len)
{
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, der, len);
}
