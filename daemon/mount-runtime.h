/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What goes on around one mount: where its target's name leads, and whether the target works.
 *
 * A name is looked up when the mount is made, and again whenever the target fails, by GResolver and
 * so not on the main thread; what it leads to must pass target-guard.h each time. A target that
 * fails is tried again after 1, 2, 4, … 30 seconds. One that works is not disturbed: that it fails
 * is for the data plane to notice; only files and folders are looked at every 30 seconds. */

#include "daemon/model/share-spec.h"
#include "daemon/serve/serve-share.h"

G_BEGIN_DECLS

typedef struct _FunnelMountRuntime FunnelMountRuntime;

/* Whether it works, or where its target is, is different. @recovered: it works again. */
typedef void (*FunnelMountRuntimeChanged) (gpointer user_data, gboolean recovered);

/** funnel_mount_runtime_new: @mount is canonical and copied.
 * @state_dir: see target-guard.h; must stay
 * @server_name: shake hands in TLS for this name and learn the target's certificate; NULL: do not
 */
FunnelMountRuntime *funnel_mount_runtime_new (const FunnelMountSpec *mount,
                                              FunnelShareKind kind,
                                              const char *state_dir,
                                              const char *server_name,
                                              FunnelMountRuntimeChanged changed,
                                              gpointer user_data);
void funnel_mount_runtime_free (FunnelMountRuntime *self);

const FunnelMountSpec *funnel_mount_runtime_get_spec (FunnelMountRuntime *self);
/** funnel_mount_runtime_get_problem: why it does not work; NULL: it does, as far as known. */
const char *funnel_mount_runtime_get_problem (FunnelMountRuntime *self);
/** funnel_mount_runtime_get_leaf: hex SHA-256 of the certificate the target shows; NULL not known.
 */
const char *funnel_mount_runtime_get_leaf (FunnelMountRuntime *self);
/** funnel_mount_runtime_forget_leaf: it may be another one now; find out. */
void funnel_mount_runtime_forget_leaf (FunnelMountRuntime *self);
/** funnel_mount_runtime_check: look now. */
void funnel_mount_runtime_check (FunnelMountRuntime *self);
/** funnel_mount_runtime_is_checking: whether the answer to that is still to come. */
gboolean funnel_mount_runtime_is_checking (FunnelMountRuntime *self);
/** funnel_mount_runtime_fail: somebody else saw it fail. */
void funnel_mount_runtime_fail (FunnelMountRuntime *self, const char *problem);

/** funnel_mount_runtime_fill_target: where to connect; empty while a name is not resolved. */
void funnel_mount_runtime_fill_target (FunnelMountRuntime *self, FunnelServeTarget *out);
/** funnel_mount_runtime_make_serve_mount: for the data plane; caller frees. */
FunnelServeMount *funnel_mount_runtime_make_serve_mount (FunnelMountRuntime *self);

G_END_DECLS
