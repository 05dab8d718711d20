/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A deadline for one asynchronous call: a cancellable that is cancelled when the time is over, or
 * when the caller's own is. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _FunnelExpiry FunnelExpiry;

/** funnel_expiry_new: starts now. @parent may be NULL. */
FunnelExpiry *funnel_expiry_new (GCancellable *parent, guint milliseconds);
/** funnel_expiry_free: from the thread it was made in; nothing is cancelled any more. */
void funnel_expiry_free (FunnelExpiry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelExpiry, funnel_expiry_free)

/** funnel_expiry_get: for the call. */
GCancellable *funnel_expiry_get (FunnelExpiry *self);
/** funnel_expiry_has_passed: whether it was the time, and not the parent. */
gboolean funnel_expiry_has_passed (FunnelExpiry *self);

G_END_DECLS
