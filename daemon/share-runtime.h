/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What goes on around one share: its target's health, its certificate, the last probe. Collects the
 * facts its state is made of. */

#include "daemon/cert/certificate-keeper.h"
#include "daemon/model/share.h"
#include "daemon/serve/serve.h"

G_BEGIN_DECLS

typedef struct _FunnelShareRuntime FunnelShareRuntime;

/* Something the state, the data plane or the link depends on is different. */
typedef void (*FunnelShareRuntimeChanged) (gpointer user_data);

/** funnel_share_runtime_new: @state_dir: of this daemon, see target-guard.h; @keeper: has the
 * certificates of shares that name no files. */
FunnelShareRuntime *funnel_share_runtime_new (FunnelShare *share,
                                              const char *state_dir,
                                              FunnelCertificateKeeper *keeper,
                                              FunnelShareRuntimeChanged changed,
                                              gpointer user_data);
void funnel_share_runtime_free (FunnelShareRuntime *self);

FunnelShare *funnel_share_runtime_get_share (FunnelShareRuntime *self);
/** funnel_share_runtime_restart: the share's spec was replaced. */
void funnel_share_runtime_restart (FunnelShareRuntime *self);
/** funnel_share_runtime_forget_probe: the link is gone; what was seen over it is no longer fresh.
 */
void funnel_share_runtime_forget_probe (FunnelShareRuntime *self);
void funnel_share_runtime_take_probe (FunnelShareRuntime *self, const FunnelLinkMessage *probe);
void
funnel_share_runtime_take_counters (FunnelShareRuntime *self, const FunnelServeCounters *counters);
/** funnel_share_runtime_fill: everything in @facts that this share alone knows; borrowed. */
void funnel_share_runtime_fill (FunnelShareRuntime *self, FunnelShareFacts *facts);
/** funnel_share_runtime_is_servable: whether visitors could be served at all: there is a
 * certificate where one is needed. */
gboolean funnel_share_runtime_is_servable (FunnelShareRuntime *self);
/** funnel_share_runtime_recheck, funnel_share_runtime_is_checking: see whether the target works
 * now; "changed" follows. */
void funnel_share_runtime_recheck (FunnelShareRuntime *self);
gboolean funnel_share_runtime_is_checking (FunnelShareRuntime *self);
/** funnel_share_runtime_get_probed_at: Unix seconds of the last probe; 0 none. */
gint64 funnel_share_runtime_get_probed_at (FunnelShareRuntime *self);
guint32 funnel_share_runtime_get_epoch (FunnelShareRuntime *self);
/** funnel_share_runtime_make_serve_share: for the data plane; a new reference. */
FunnelServeShare *funnel_share_runtime_make_serve_share (FunnelShareRuntime *self);

G_END_DECLS
