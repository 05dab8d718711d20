/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What users of this machine have asked for about certificates, on disk: names to be kept current
 * ("funnel cert NAME"), folders to be kept filled, and who may have which key. A file that cannot
 * be understood is left untouched, and nothing is written while it is there. */

#include "daemon/install/install.h"
#include "daemon/local-api/cert-access.h"
#include "daemon/store/state-dir.h"

G_BEGIN_DECLS

#define FUNNEL_WISHES_NAMES_MAX 1000
#define FUNNEL_WISHES_INSTALLS_MAX 200

typedef struct
{
  GPtrArray *names;    /* char*, sorted by coming */
  GPtrArray *installs; /* FunnelInstallSpec* */
  FunnelCertAccess *access;
} FunnelCertificateWishes;

FunnelCertificateWishes *funnel_certificate_wishes_new (void);
void funnel_certificate_wishes_free (FunnelCertificateWishes *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelCertificateWishes, funnel_certificate_wishes_free)

/** funnel_certificate_wishes_load: never NULL without an error; nothing stored is an empty one.
 * FUNNEL_ERROR_STORE names the file. */
FunnelCertificateWishes *funnel_certificate_wishes_load (FunnelStateDir *dir, GError **error);
gboolean funnel_certificate_wishes_save (const FunnelCertificateWishes *self,
                                         FunnelStateDir *dir,
                                         GError **error);

G_END_DECLS
