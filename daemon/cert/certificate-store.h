/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Certificates, their keys and the account keys on disk, in a folder of their own:
 *
 *   certificates/NAME                  symbolic link to the complete folder that counts
 *   certificates/.versions/NAME.XXXXXX/{privkey.pem,fullchain.pem,order.json}
 *   certificates/.accounts/HASH.pem    account key of one ACME directory
 *   certificates/.history/NAME         serial numbers ever ordered, one per line
 *
 * A version is written and synced as a whole (key before chain), then NAME is switched to it by one
 * rename(2) of a fresh link. So whoever opens NAME finds either the old pair or the new one, and a
 * crash at any point leaves no more than a folder nobody points to, which the next start removes. A
 * link was chosen over exchanging two folders (RENAME_EXCHANGE) because every file system a home
 * may be on has it, NFS included. Host names cannot begin with a dot, so nothing collides.
 *
 * Everything is 0700 and 0600 and belongs to the daemon's user. What is not is not used: others may
 * have read the key, or put one of theirs in place. Calls block for a few small files. Errors are
 * FUNNEL_ERROR_STORE with path and remedy. */

#include "daemon/cert/certificate.h"

G_BEGIN_DECLS

typedef struct _FunnelCertificateStore FunnelCertificateStore;

/* How a certificate came. Strings are NULL when not known. */
typedef struct
{
  char *ca; /* URL of the ACME directory */
  char *order_url;
  char *account_url;
  char *certificate_id; /* RFC 9773 */
  gint64 issued;        /* Unix seconds */
} FunnelOrderRecord;

FunnelOrderRecord *funnel_order_record_copy (const FunnelOrderRecord *record);
void funnel_order_record_free (FunnelOrderRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelOrderRecord, funnel_order_record_free)

/** funnel_certificate_store_new: touches nothing yet. */
FunnelCertificateStore *funnel_certificate_store_new (const char *state_dir);
void funnel_certificate_store_free (FunnelCertificateStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelCertificateStore, funnel_certificate_store_free)

/** funnel_certificate_store_check: make the folders if need be, and see that they are ours, private
 * and can be written, with room for another certificate. */
gboolean funnel_certificate_store_check (FunnelCertificateStore *self, GError **error);
/** funnel_certificate_store_clean: remove what a crash left behind. Only for the one daemon that
 * uses the folder, before anything else. */
void funnel_certificate_store_clean (FunnelCertificateStore *self);

/** funnel_certificate_store_list: names that are kept, sorted; empty when unreadable. */
GStrv funnel_certificate_store_list (FunnelCertificateStore *self);
/** funnel_certificate_store_load: *@certificate is NULL when there is none for @name. It may have
 * expired. */
gboolean funnel_certificate_store_load (FunnelCertificateStore *self,
                                        const char *name,
                                        FunnelCertificate **certificate,
                                        FunnelOrderRecord **record,
                                        GError **error);
/** funnel_certificate_store_install: replace what is kept for @name, or leave it as it was. */
gboolean funnel_certificate_store_install (FunnelCertificateStore *self,
                                           const char *name,
                                           FunnelCertificate *certificate,
                                           const FunnelOrderRecord *record,
                                           GError **error);
gboolean
funnel_certificate_store_remove (FunnelCertificateStore *self, const char *name, GError **error);

/** funnel_certificate_store_read_account: the key (PEM) for the directory @ca; *@key is NULL when
 * there is none. Free with funnel_secret_free. */
gboolean funnel_certificate_store_read_account (FunnelCertificateStore *self,
                                                const char *ca,
                                                char **key,
                                                GError **error);
gboolean funnel_certificate_store_write_account (FunnelCertificateStore *self,
                                                 const char *ca,
                                                 const char *key,
                                                 GError **error);

#define FUNNEL_HISTORY_MAX 500

/** funnel_certificate_store_get_history: of @name, oldest first. Free with g_strfreev. */
GStrv funnel_certificate_store_get_history (FunnelCertificateStore *self, const char *name);
/** funnel_certificate_store_add_history: a failure is logged only. Returns whether @name had no
 * history before. */
void funnel_certificate_store_add_history (FunnelCertificateStore *self,
                                           const char *name,
                                           const char *serial);
/** funnel_certificate_store_take_notice: TRUE when @name was never noted; notes it. */
gboolean funnel_certificate_store_take_notice (FunnelCertificateStore *self, const char *name);

G_END_DECLS
