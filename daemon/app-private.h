/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The daemon put together. Private to app.c, which has its beginning and end and leads facts to
 * states, data plane and link; and app-methods.c, which has what callers on D-Bus wish. */

#include "daemon/app-certificates.h"
#include "daemon/app-doctor.h"
#include "daemon/app-local-certificates.h"
#include "daemon/app.h"
#include "daemon/bus/bus-service.h"
#include "daemon/ingress-runtime.h"
#include "daemon/store/joined-store.h"
#include "daemon/store/share-store.h"

G_BEGIN_DECLS

#define FUNNEL_APP_EXPOSED_FILE "exposed" /* is there since the first share */

struct _FunnelApp
{
  FunnelStateDir *dir;
  FunnelShareStore *share_store;
  FunnelJoinedStore *joined_store;
  FunnelShareList *list;
  GHashTable *runtimes; /* share id → FunnelShareRuntime* */
  FunnelAppCertificates *certificates;
  FunnelAppLocalCertificates *local;
  FunnelServe *serve;
  GPtrArray *served; /* FunnelServeShare*: what the data plane has */
  FunnelIngressRuntime *ingress;
  FunnelBus *bus;
  FunnelAppDoctor *doctor;
  GCancellable *joining; /* NULL: no join under way */
  guint update_source;
  guint expiry_source;
};

extern const FunnelBusMethods funnel_app_methods;

/** funnel_app_get_ingress: NULL when this node has not joined. */
FunnelIngress *funnel_app_get_ingress (FunnelApp *self);
/** funnel_app_start_ingress: begin with what the store says was joined, if anything. */
void funnel_app_start_ingress (FunnelApp *self);
/** funnel_app_stop_ingress: harmless when there is none. */
void funnel_app_stop_ingress (FunnelApp *self);
/** funnel_app_show_authority: put on D-Bus which authorities are asked. */
void funnel_app_show_authority (FunnelApp *self);

G_END_DECLS
