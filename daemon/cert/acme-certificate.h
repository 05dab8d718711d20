/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The X.509 side of an order: key, request, and the check of what came back. No I/O. */

#include <gio/gio.h>
#include <gnutls/x509.h>

G_BEGIN_DECLS

#define FUNNEL_ACME_CHAIN_MAX 10 /* certificates in a chain */

/** funnel_acme_certificate_key_new: a fresh P-256 key; free with gnutls_x509_privkey_deinit. */
gnutls_x509_privkey_t funnel_acme_certificate_key_new (GError **error);
/** funnel_acme_certificate_key_print: PEM (PKCS #8); free with funnel_secret_free. */
char *funnel_acme_certificate_key_print (gnutls_x509_privkey_t key, GError **error);

/** funnel_acme_certificate_request: the signing request (PKCS #10) for @name, in base64url. */
char *funnel_acme_certificate_request (gnutls_x509_privkey_t key, const char *name, GError **error);

/**
 * funnel_acme_certificate_check: whether @pem is a chain whose leaf belongs to @key, covers @name
 * and is valid at @now (Unix seconds) or begins within FUNNEL_ACME_CLOCK_MAX_S, each certificate
 * signed by the next one's holder. Nothing but certificates may be in it (RFC 8555 section 9.1).
 * FUNNEL_ACME_ERROR_CERTIFICATE, _CLOCK.
 * @begin, @expiry: out, of the leaf, Unix seconds
 * Returns: the chain printed anew.
 */
char *funnel_acme_certificate_check (const char *pem,
                                     gsize len,
                                     gnutls_x509_privkey_t key,
                                     const char *name,
                                     gint64 now,
                                     gint64 *begin,
                                     gint64 *expiry,
                                     GError **error);

/** funnel_acme_certificate_leaf: the first certificate of @chain (PEM) as base64url of DER; NULL if
 * there is none. */
char *funnel_acme_certificate_leaf (const char *chain);

G_END_DECLS
