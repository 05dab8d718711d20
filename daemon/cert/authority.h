/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Which certificate authorities certificates are ordered from, and how: a setting of the node. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_DIRECTORIES_MAX 8

/* One authority: an ACME directory and how to use it. Strings are NULL when not set, but for url.
 */
typedef struct
{
  char *url;     /* https */
  char *ca_file; /* absolute path, PEM; trusted for the directory instead of the system's */
  char *eab_kid; /* external account binding (RFC 8555, section 7.3.4); both or none */
  char *eab_key; /* base64url; a secret */
  char *profile; /* certificate profile to ask for */
} FunnelDirectory;

typedef struct
{
  GPtrArray *directories; /* FunnelDirectory*, in the order in which they are tried; never empty */
  char *contact;          /* mail address the authorities may write to, or NULL */
} FunnelAuthority;

/** funnel_authority_new: the default. */
FunnelAuthority *funnel_authority_new (void);
FunnelAuthority *funnel_authority_copy (const FunnelAuthority *self);
/** funnel_authority_free: wipes the keys. */
void funnel_authority_free (FunnelAuthority *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelAuthority, funnel_authority_free)

void funnel_directory_free (FunnelDirectory *directory);
FunnelDirectory *funnel_directory_copy (const FunnelDirectory *directory);

gboolean funnel_authority_equal (const FunnelAuthority *a, const FunnelAuthority *b);
/** funnel_authority_check: FUNNEL_ERROR_INVALID_ARGUMENT naming the member at fault. */
gboolean funnel_authority_check (const FunnelAuthority *self, GError **error);
const FunnelDirectory *funnel_authority_get_directory (const FunnelAuthority *self, guint index);
/** funnel_authority_find: by URL; NULL if it is none of them. */
const FunnelDirectory *funnel_authority_find (const FunnelAuthority *self, const char *url);

/** funnel_authority_print: as JSON text, for the store: it holds the keys. Free with
 * funnel_secret_free. */
char *funnel_authority_print (const FunnelAuthority *self);
/** funnel_authority_parse: FUNNEL_ERROR_PROTOCOL or _INVALID_ARGUMENT naming the member. */
FunnelAuthority *funnel_authority_parse (const char *text, gsize len, GError **error);

G_END_DECLS
