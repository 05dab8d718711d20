/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Certificates put together: the keeper, the way of authorities to this node, and what the user has
 * set about them. */

#include "daemon/challenge-routes.h"
#include "daemon/settings.h"

G_BEGIN_DECLS

typedef struct _FunnelAppCertificates FunnelAppCertificates;

/**
 * funnel_app_certificates_new:
 * @override: authorities for this run instead of those that are set; NULL none
 * @changed: another list must be served and announced
 */
FunnelAppCertificates *funnel_app_certificates_new (FunnelStateDir *dir,
                                                    FunnelShareList *list,
                                                    const FunnelAuthority *override,
                                                    void (*changed) (gpointer user_data),
                                                    gpointer user_data);
/** funnel_app_certificates_stop: cancel what is under way; before the ingress goes. */
void funnel_app_certificates_stop (FunnelAppCertificates *self);
void funnel_app_certificates_free (FunnelAppCertificates *self);

FunnelCertificateKeeper *funnel_app_certificates_get_keeper (FunnelAppCertificates *self);
FunnelChallengeRoutes *funnel_app_certificates_get_routes (FunnelAppCertificates *self);

/** funnel_app_certificates_get_problem: why the settings cannot be read; NULL they can. */
const char *funnel_app_certificates_get_problem (FunnelAppCertificates *self);

/** funnel_app_certificates_follow: something about @ingress (NULL: not joined) may be different. If
 * it is the link or the grants, orders that wait for those are tried. */
void funnel_app_certificates_follow (FunnelAppCertificates *self, FunnelIngressRuntime *ingress);

/** funnel_app_certificates_set: as the method SetCertificateAuthority on D-Bus. */
gboolean funnel_app_certificates_set (FunnelAppCertificates *self,
                                      GVariant *directories,
                                      GVariant *options,
                                      GError **error);
/** funnel_app_certificates_describe: the property CertificateAuthority, aa{sv}; floating. Without
 * secrets. */
GVariant *funnel_app_certificates_describe (FunnelAppCertificates *self);
const char *funnel_app_certificates_get_contact (FunnelAppCertificates *self); /* "" none */

G_END_DECLS
