/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One order of the keeper: the ACME client on one side, the way of challenges on the other. */

#include "daemon/cert/acme-client.h"
#include "daemon/cert/certificate-keeper.h"

G_BEGIN_DECLS

typedef struct _FunnelCertificateOrder FunnelCertificateOrder;

typedef struct
{
  /* The order is at @step; @text is for people. */
  void (*progress) (gpointer user_data, const char *text);
  /* Called once, also after cancelling, unless the main loop ended: @issued, or @error. @way_error:
   * what the way said when it was the reason, or NULL. The order is freed afterwards. */
  void (*done) (gpointer user_data,
                const FunnelAcmeIssued *issued,
                const GError *error,
                const GError *way_error);
} FunnelCertificateOrderEvents;

/**
 * funnel_certificate_order_start:
 * @replaces: as for funnel_acme_client_order_async
 * @way, @owner, @events, @user_data: must stay until done was called
 * Returns the order, to be cancelled or forgotten; it frees itself.
 */
FunnelCertificateOrder *funnel_certificate_order_start (FunnelAcmeClient *client,
                                                        const char *name,
                                                        const char *replaces,
                                                        const FunnelChallengeWay *way,
                                                        gpointer owner,
                                                        const FunnelCertificateOrderEvents *events,
                                                        gpointer user_data);
/** funnel_certificate_order_cancel: done is called soon; no more progress. */
void funnel_certificate_order_cancel (FunnelCertificateOrder *self);
gboolean funnel_certificate_order_is_cancelled (FunnelCertificateOrder *self);
/** funnel_certificate_order_needs_way: the authority may still have to reach this node. */
gboolean funnel_certificate_order_needs_way (FunnelCertificateOrder *self);
/** funnel_certificate_order_get_ca: URL of the directory. */
const char *funnel_certificate_order_get_ca (FunnelCertificateOrder *self);

G_END_DECLS
