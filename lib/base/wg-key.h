/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* WireGuard keys as base64 text (44 characters), made and derived by GnuTLS (X25519, RFC 7748). */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_WG_KEY_TEXT 44

/** funnel_wg_key_generate: a new pair; free @private_key with funnel_secret_free. */
gboolean funnel_wg_key_generate (char **private_key, char **public_key, GError **error);
/** funnel_wg_key_public: the public key of @private_key. */
char *funnel_wg_key_public (const char *private_key, GError **error);
/** funnel_wg_key_is_valid: exactly 32 bytes in canonical base64. */
gboolean funnel_wg_key_is_valid (const char *text);

G_END_DECLS
