/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What goes on around one joined ingress: its link, and the offers the data plane takes from it. */

#include "daemon/model/ingress.h"
#include "daemon/model/share-list.h"
#include "daemon/serve/serve.h"

G_BEGIN_DECLS

typedef struct _FunnelIngressRuntime FunnelIngressRuntime;

typedef struct
{
  /* State or grants are different. */
  void (*changed) (gpointer user_data);
  /* The link went: what was probed over it is stale. */
  void (*unlinked) (gpointer user_data);
  void (*probe) (gpointer user_data, const FunnelLinkMessage *probe);
  /* Other shares are routed by the ingress now. */
  void (*routed) (gpointer user_data);
  /* The ingress has told something that belongs into the store. */
  void (*spec_changed) (gpointer user_data);
} FunnelIngressEvents;

/** funnel_ingress_runtime_new: @serve and @events must stay. */
FunnelIngressRuntime *funnel_ingress_runtime_new (const FunnelIngressSpec *spec,
                                                  FunnelServe *serve,
                                                  const FunnelIngressEvents *events,
                                                  gpointer user_data);
/** funnel_ingress_runtime_free: ends the link, the tunnel and all flows that came through it. */
void funnel_ingress_runtime_free (FunnelIngressRuntime *self);

void funnel_ingress_runtime_start (FunnelIngressRuntime *self);
/** funnel_ingress_runtime_get_unreached_device: the tunnel's, when the link is up and this
 * machine's firewall could be why the ingress has not reached the offer port once; NULL otherwise.
 */
const char *funnel_ingress_runtime_get_unreached_device (FunnelIngressRuntime *self);
/** funnel_ingress_runtime_set_tunnel: "auto", a back end, or "on" for the choice there is; the
 * tunnel comes up anew. */
gboolean
funnel_ingress_runtime_set_tunnel (FunnelIngressRuntime *self, const char *choice, GError **error);
FunnelIngress *funnel_ingress_runtime_get_ingress (FunnelIngressRuntime *self);
/** funnel_ingress_runtime_announce: the complete list of armed shares (FunnelLinkShare*, taken). */
void funnel_ingress_runtime_announce (FunnelIngressRuntime *self, GPtrArray *shares);
/** funnel_ingress_runtime_claim: ask the ingress for the names of @list that are outside its zone.
 */
void funnel_ingress_runtime_claim (FunnelIngressRuntime *self, FunnelShareList *list);
/** funnel_ingress_runtime_is_routed: whether visitors of this share come to this node, as far as
 * the ingress is concerned. @epoch: as announced */
gboolean funnel_ingress_runtime_is_routed (FunnelIngressRuntime *self,
                                           const char *name,
                                           guint16 port,
                                           guint32 epoch);
/** funnel_ingress_runtime_query, funnel_ingress_runtime_is_querying: ask for fresh numbers of the
 * tunnel; "changed" follows. */
void funnel_ingress_runtime_query (FunnelIngressRuntime *self);
gboolean funnel_ingress_runtime_is_querying (FunnelIngressRuntime *self);
/** funnel_ingress_runtime_note_serve: what the data plane counts may be different. */
void funnel_ingress_runtime_note_serve (FunnelIngressRuntime *self);

G_END_DECLS
