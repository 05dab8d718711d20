/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Signed requests: JWS (RFC 7515) with ES256 (RFC 7518 section 3.4) in the flattened form ACME
 * wants (RFC 8555 section 6.2), key thumbprints (RFC 7638), external account binding. No I/O. */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_ACME_SHA256_LEN 32

/* The account's key pair; immutable. */
typedef struct _FunnelAcmeKey FunnelAcmeKey;

/** funnel_acme_key_new_from_pem: a P-256 private key without password; else
 * FUNNEL_ACME_ERROR_CONFIGURATION. */
FunnelAcmeKey *funnel_acme_key_new_from_pem (const char *pem, GError **error);
void funnel_acme_key_free (FunnelAcmeKey *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelAcmeKey, funnel_acme_key_free)

/** funnel_acme_key_get_jwk: the public key as RFC 7638 wants it hashed: members sorted, no spaces.
 */
const char *funnel_acme_key_get_jwk (FunnelAcmeKey *self);
/** funnel_acme_key_get_thumbprint: base64url. */
const char *funnel_acme_key_get_thumbprint (FunnelAcmeKey *self);
/** funnel_acme_key_authorize: SHA-256 of the key authorization of @token (RFC 8555 section 8.1). */
void funnel_acme_key_authorize (FunnelAcmeKey *self,
                                const char *token,
                                guint8 digest[FUNNEL_ACME_SHA256_LEN]);

/**
 * funnel_acme_jws_sign: the body of a request to @url.
 * @kid: account URL; NULL puts the public key itself in
 * @payload: JSON; "" for POST-as-GET
 */
char *funnel_acme_jws_sign (FunnelAcmeKey *key,
                            const char *kid,
                            const char *nonce,
                            const char *url,
                            const char *payload,
                            GError **error);

/** funnel_acme_jws_bind: the external account binding of @key (RFC 8555 section 7.3.4), HS256.
 * FUNNEL_ACME_ERROR_CONFIGURATION if @mac_key is not base64url. */
char *funnel_acme_jws_bind (FunnelAcmeKey *key,
                            const char *eab_kid,
                            const char *mac_key,
                            const char *url,
                            GError **error);

/** funnel_acme_base64url: without padding (RFC 7515 section 2). */
char *funnel_acme_base64url (const void *data, gsize len);
/** funnel_acme_base64url_decode: NULL if @text is not canonical base64url (padding is let pass). */
GBytes *funnel_acme_base64url_decode (const char *text);
/** funnel_acme_is_base64url: 1 … @max characters of that alphabet. */
gboolean funnel_acme_is_base64url (const char *text, gsize max);

G_END_DECLS
