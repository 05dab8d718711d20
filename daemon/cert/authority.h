/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Which certificate authorities certificates are ordered from, and how: a setting of the node. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_AUTHORITIES_MAX 8

/* Strings are NULL when not set. */
typedef struct
{
  GStrv urls;    /* ACME directories (https), in the order in which they are tried; NULL: ours */
  char *ca_file; /* PEM; trusted for the directory instead of the system's authorities */
  char *eab_kid; /* external account binding (RFC 8555, section 7.3.4), for the first directory */
  char *eab_key; /* base64url; a secret */
  char *profile; /* certificate profile, if the directory has it */
  char *contact; /* mail address the authority may write to */
} FunnelAuthority;

FunnelAuthority *funnel_authority_new (void);
FunnelAuthority *funnel_authority_copy (const FunnelAuthority *self);
/** funnel_authority_free: wipes the key. */
void funnel_authority_free (FunnelAuthority *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelAuthority, funnel_authority_free)

gboolean funnel_authority_equal (const FunnelAuthority *a, const FunnelAuthority *b);
/** funnel_authority_check: FUNNEL_ERROR_INVALID_ARGUMENT naming the member at fault. */
gboolean funnel_authority_check (const FunnelAuthority *self, GError **error);
/** funnel_authority_get_urls: what is set, else the default list; NULL-terminated, borrowed. */
const char *const *funnel_authority_get_urls (const FunnelAuthority *self);
/** funnel_authority_print: as JSON text, for the store: it holds the key. */
char *funnel_authority_print (const FunnelAuthority *self);
FunnelAuthority *funnel_authority_parse (const char *text, gsize len, GError **error);

G_END_DECLS
