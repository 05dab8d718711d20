/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What local users and web servers can ask of certificates, brought onto the bus. */

#include "daemon/bus/bus-service.h"
#include "daemon/local-certificates.h"

G_BEGIN_DECLS

typedef struct _FunnelAppLocalCertificates FunnelAppLocalCertificates;

/** funnel_app_local_certificates_new: see funnel_local_certificates_new. @bus: must stay. */
FunnelAppLocalCertificates *funnel_app_local_certificates_new (FunnelStateDir *dir,
                                                               FunnelCertificateKeeper *keeper,
                                                               const FunnelLocalApiOptions *options,
                                                               FunnelBus *bus,
                                                               GError **error);
/** funnel_app_local_certificates_free: before the bus. */
void funnel_app_local_certificates_free (FunnelAppLocalCertificates *self);

G_END_DECLS
