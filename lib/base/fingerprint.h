/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Hashes of certificates: the public key's for pinning the join API, the leaf's for probes. */

#include "lib/base/token.h"

#include <glib.h>

G_BEGIN_DECLS

/** funnel_fingerprint_spki: SHA-256 of the SubjectPublicKeyInfo of the certificate @der; this is
 * FunnelToken.key_hash. */
gboolean funnel_fingerprint_spki (const guint8 *der,
                                  gsize len,
                                  guint8 out[FUNNEL_KEY_HASH_LEN],
                                  GError **error);

/** funnel_fingerprint_leaf: lower-case hex SHA-256 of the certificate @der; this is the "leaf" of a
 * probe. */
char *funnel_fingerprint_leaf (const guint8 *der, gsize len);

G_END_DECLS
