/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Which users of this machine may have the key of which names, beside root and the daemon's own
 * user. No I/O. */

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

#define FUNNEL_CERT_ACCESS_MAX 1000 /* entries */

typedef struct _FunnelCertAccess FunnelCertAccess;

FunnelCertAccess *funnel_cert_access_new (void);
void funnel_cert_access_free (FunnelCertAccess *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelCertAccess, funnel_cert_access_free)

/** funnel_cert_access_may_read: @name is canonical; @owner is the daemon's user. */
gboolean funnel_cert_access_may_read (const FunnelCertAccess *self,
                                      uid_t uid,
                                      uid_t owner,
                                      const char *name);
/** funnel_cert_access_allow: @user is what @uid is called now, for people. FALSE: the list is full.
 */
gboolean funnel_cert_access_allow (FunnelCertAccess *self,
                                   const char *name,
                                   uid_t uid,
                                   const char *user,
                                   GError **error);
/** funnel_cert_access_deny: FALSE and FUNNEL_ERROR_NOT_FOUND if it was not allowed. */
gboolean
funnel_cert_access_deny (FunnelCertAccess *self, const char *name, uid_t uid, GError **error);
/** funnel_cert_access_deny_all: nobody may have @name any more. */
void funnel_cert_access_deny_all (FunnelCertAccess *self, const char *name);
/** funnel_cert_access_list: who may have @name, as called when allowed; g_strfreev. */
GStrv funnel_cert_access_list (const FunnelCertAccess *self, const char *name);

/** funnel_cert_access_print: as JSON; g_free. */
char *funnel_cert_access_print (const FunnelCertAccess *self);
/** funnel_cert_access_parse: NULL and FUNNEL_ERROR_PROTOCOL saying what is wrong. */
FunnelCertAccess *funnel_cert_access_parse (const char *text, gsize len, GError **error);

G_END_DECLS
