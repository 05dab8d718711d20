/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One folder that is kept holding the current certificate of one name for a web server, and the
 * hook that tells the server. Writing happens in a thread; the hook follows once the files are in
 * place. What fails is tried again, with growing pauses, for as long as it takes: a failing hook
 * never undoes the files. On the main thread. */

#include "daemon/cert/certificate.h"

G_BEGIN_DECLS

typedef struct
{
  char *name;   /* canonical */
  char *folder; /* absolute */
  char *group;  /* may read the files; NULL none */
  char *hook;   /* shell command; NULL none */
  char *told;   /* leaf (hex SHA-256) the hook last succeeded for; NULL none */
} FunnelInstallSpec;

FunnelInstallSpec *funnel_install_spec_copy (const FunnelInstallSpec *spec);
void funnel_install_spec_free (FunnelInstallSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelInstallSpec, funnel_install_spec_free)
/** funnel_install_spec_check: text fit to be kept; FUNNEL_ERROR_INVALID_ARGUMENT. No I/O. */
gboolean funnel_install_spec_check (const FunnelInstallSpec *spec, GError **error);

typedef struct _FunnelInstall FunnelInstall;

/** funnel_install_new: @changed: its spec's told, its leaf, its problem or its retry time is
 * different; not called from within a call of ours. */
FunnelInstall *funnel_install_new (const FunnelInstallSpec *spec,
                                   void (*changed) (gpointer user_data),
                                   gpointer user_data);
/** funnel_install_follow: tell somebody else from now on. */
void funnel_install_follow (FunnelInstall *self,
                            void (*changed) (gpointer user_data),
                            gpointer user_data);
/** funnel_install_free: what is under way is cancelled; the files stay. */
void funnel_install_free (FunnelInstall *self);

const FunnelInstallSpec *funnel_install_get_spec (FunnelInstall *self);
/** funnel_install_get_leaf: what is in the folder, hex SHA-256; NULL not known. */
const char *funnel_install_get_leaf (FunnelInstall *self);
/** funnel_install_get_problem: what is wrong now, one sentence; NULL nothing. */
const char *funnel_install_get_problem (FunnelInstall *self);
/** funnel_install_get_retry_at: Unix seconds; 0: nothing is waited for. */
gint64 funnel_install_get_retry_at (FunnelInstall *self);

/** funnel_install_set_certificate: what the folder shall hold; NULL: leave it as it is. */
void funnel_install_set_certificate (FunnelInstall *self, FunnelCertificate *certificate);

/** funnel_install_settle_async: finish when the first attempt with the present certificate is over,
 * files and hook, whatever came of it. @self may be freed by the callback. */
void funnel_install_settle_async (FunnelInstall *self,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
void funnel_install_settle_finish (FunnelInstall *self, GAsyncResult *result);

G_END_DECLS
