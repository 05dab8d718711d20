/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Dynamic updates of a zone (RFC 2136), signed with a shared key (TSIG, RFC 8945). One update is
 * one transaction of the server: all of it happens, or nothing. */

#include <gio/gio.h>

G_BEGIN_DECLS

/* "NAME:ALGORITHM:BASE64", as knot's keymgr prints it, or the key block of a BIND key file. */
typedef struct
{
  char *name;
  char *algorithm; /* "hmac-sha256" */
  char *secret;    /* base64; a secret */
} FunnelDnsKey;

/** funnel_dns_key_load: from @path, which others must not be able to read.
 * FUNNEL_ERROR_INVALID_ARGUMENT says what is wrong with it. */
FunnelDnsKey *funnel_dns_key_load (const char *path, GError **error);
/** funnel_dns_key_parse: the same from text. */
FunnelDnsKey *funnel_dns_key_parse (const char *text, GError **error);
void funnel_dns_key_free (FunnelDnsKey *key); /* wipes the secret */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelDnsKey, funnel_dns_key_free)

/* What a name is to lead to: all its A and AAAA records are replaced by these. */
typedef struct
{
  char *name;
  GStrv addresses; /* IP literals; NULL or empty: the name is to have none */
} FunnelDnsChange;

FunnelDnsChange *funnel_dns_change_new (const char *name, const char *const *addresses);
void funnel_dns_change_free (FunnelDnsChange *change);

/**
 * funnel_dns_update_async: change names of @zone at @server.
 * @key: NULL: unsigned
 * @changes: FunnelDnsChange*, copied
 * @ttl: seconds
 * FUNNEL_ERROR_NOT_ALLOWED: the server does not know the key, does not accept the signature, does
 * not allow the change, or does not serve the zone (the message says which and what to do);
 * UNREACHABLE: no answer; FAILED: anything else the server says.
 */
void funnel_dns_update_async (const char *server,
                              const char *zone,
                              const FunnelDnsKey *key,
                              GPtrArray *changes,
                              guint ttl,
                              guint seconds,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
gboolean funnel_dns_update_finish (GAsyncResult *result, GError **error);

G_END_DECLS
