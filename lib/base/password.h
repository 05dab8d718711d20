/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Passwords of basic authentication, kept only as crypt(3) hashes. */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_PASSWORD_MAX 256 /* bytes; what a visitor sends is bounded too */

/** funnel_password_hash: a salted SHA-512 hash ("$6$…"): its cost, a few milliseconds, is what a
 * stranger's wrong guess may take of the node; caller frees. NULL and
 * FUNNEL_ERROR_INVALID_ARGUMENT for an empty or too long password. */
char *funnel_password_hash (const char *password, GError **error);
/** funnel_password_hash_is_valid: whether crypt(3) could check a password against @hash. */
gboolean funnel_password_hash_is_valid (const char *hash);
/** funnel_password_matches: in constant time as far as the hash goes. */
gboolean funnel_password_matches (const char *password, const char *hash);

G_END_DECLS
