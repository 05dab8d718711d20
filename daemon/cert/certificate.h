/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A certificate chain with its private key, ready for GnuTLS; immutable, shared by reference across
 * threads. */

#include <gio/gio.h>
#include <gnutls/gnutls.h>

G_BEGIN_DECLS

typedef struct _FunnelCertificate FunnelCertificate;

/**
 * funnel_certificate_load: read PEM files and check that key and leaf match, that the leaf covers
 * @name and is valid now. FUNNEL_ERROR_INVALID_ARGUMENT says which file and what is wrong.
 */
FunnelCertificate *funnel_certificate_load (const char *chain_file,
                                            const char *key_file,
                                            const char *name,
                                            GError **error);
/**
 * funnel_certificate_new: the same from PEM text, whether or not it is valid now.
 * @from: where it is from, for messages ("certificates/laptop.example.org")
 */
FunnelCertificate *funnel_certificate_new (const char *chain_pem,
                                           const char *key_pem,
                                           const char *name,
                                           const char *from,
                                           GError **error);
FunnelCertificate *funnel_certificate_ref (FunnelCertificate *self);
void funnel_certificate_unref (FunnelCertificate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelCertificate, funnel_certificate_unref)

/** funnel_certificate_get_leaf: lower-case hex SHA-256 of the leaf, as probes report it. */
const char *funnel_certificate_get_leaf (FunnelCertificate *self);
/** funnel_certificate_get_chain_pem: leaf first, nothing but certificates; ends with a newline. */
const char *funnel_certificate_get_chain_pem (FunnelCertificate *self);
/** funnel_certificate_get_key_pem: PKCS #8, unencrypted; a secret. Ends with a newline. */
const char *funnel_certificate_get_key_pem (FunnelCertificate *self);
const char *funnel_certificate_get_serial (FunnelCertificate *self); /* lower-case hex */
/** funnel_certificate_get_issuer: for people, one line ("Let's Encrypt, E7"). */
const char *funnel_certificate_get_issuer (FunnelCertificate *self);
gint64 funnel_certificate_get_begin (FunnelCertificate *self);  /* Unix seconds */
gint64 funnel_certificate_get_expiry (FunnelCertificate *self); /* Unix seconds */
/** funnel_certificate_is_valid: at @now, Unix seconds. */
gboolean funnel_certificate_is_valid (FunnelCertificate *self, gint64 now);
gnutls_certificate_credentials_t funnel_certificate_get_credentials (FunnelCertificate *self);

G_END_DECLS
