/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Composition root of funnel-ingressd: makes the parts and wires them. */

#include "ingress-server/control/agent-host.h"
#include "ingress-server/control/domain-claims.h"
#include "ingress-server/control/ingress-registry.h"
#include "ingress-server/control/ingress-routes.h"
#include "ingress-server/control/link-server.h"
#include "ingress-server/control/prober.h"
#include "ingress-server/control/store-watch.h"
#include "ingress-server/dns/dns-publisher.h"

G_BEGIN_DECLS

#define INGRESS_GRACE_MS 10000 /* for nodes to come back after a restart of this process */

typedef struct _IngressApp IngressApp;

/* The parts an admin may look at. */
typedef struct
{
  const IngressConfig *config;
  IngressRegistry *registry;
  IngressRoutes *routes;
  LinkServer *links;
  Prober *prober;
  DomainClaims *claims;
  IngressAgentHost *agent;
  StoreWatch *watch;
  DnsPublisher *dns;      /* NULL: records are made by hand */
  const guint8 *key_hash; /* of the join API's certificate */
  IngressApp *app;
} IngressParts;

/** ingress_app_new: read @state_dir, open what can be opened, and start. @relay_socket: of the
 * relay's own unit, or NULL. */
IngressApp *ingress_app_new (const char *state_dir,
                             const char *run_dir,
                             const char *relay_socket,
                             GError **error);
/** ingress_app_run: until ingress_app_quit; FALSE when the first set-up of the tunnel failed. */
gboolean ingress_app_run (IngressApp *self, GError **error);
void ingress_app_quit (IngressApp *self);
/** ingress_app_can_reload: whether configuration and database could be used if they were read
 * again. */
gboolean ingress_app_can_reload (IngressApp *self, GError **error);
/** ingress_app_reload: read both again; if they can be used, ingress_app_run ends and
 * ingress_app_wants_reload is TRUE, else the error says why and all stays as it is. */
gboolean ingress_app_reload (IngressApp *self, GError **error);
gboolean ingress_app_wants_reload (IngressApp *self);
/** ingress_app_free: @keep_agent: leave tunnel and relay running for a later control process. */
void ingress_app_free (IngressApp *self, gboolean keep_agent);

G_END_DECLS
