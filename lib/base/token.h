/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Join tokens: one string an admin hands to a node. Text: "funnel1-" + base64url(payload) where
 * payload = port u16 | key hash [32] | secret [16] | host bytes | CRC-32 of all before (big
 * endian). The check sum exists to tell a cut-off paste from an unknown token; it is not security.
 */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_TOKEN_PREFIX "funnel1-"
#define FUNNEL_TOKEN_SECRET_LEN 16
#define FUNNEL_KEY_HASH_LEN 32 /* SHA-256 of the join API's SubjectPublicKeyInfo, DER */

typedef struct
{
  char *host;   /* name or IP literal of the ingress, without brackets */
  guint16 port; /* TCP port of the join API */
  guint8 key_hash[FUNNEL_KEY_HASH_LEN];
  guint8 secret[FUNNEL_TOKEN_SECRET_LEN];
} FunnelToken;

/** funnel_token_print: the text of @token; caller frees (funnel_secret_free). */
char *funnel_token_print (const FunnelToken *token);
/** funnel_token_parse: NULL and FUNNEL_ERROR_TOKEN_INVALID with what is wrong. Tolerates
 * surrounding white space and a leading "funnel join ". */
FunnelToken *funnel_token_parse (const char *text, GError **error);
/** funnel_token_free: wipes the secret. */
void funnel_token_free (FunnelToken *token);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelToken, funnel_token_free)

/** funnel_secret_free: wipe (explicit_bzero) and g_free a NUL-terminated secret; NULL is fine. */
void funnel_secret_free (char *secret);

G_END_DECLS
