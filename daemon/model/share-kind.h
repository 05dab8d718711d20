/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* How a share treats the visitor's TLS. */

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_SHARE_HTTPS,              /* TLS ends on this node, the target speaks HTTP */
  FUNNEL_SHARE_TCP,                /* TLS bytes go to a local TLS server untouched */
  FUNNEL_SHARE_TLS_TERMINATED_TCP, /* TLS ends on this node, the target gets plain bytes */
} FunnelShareKind;

/** funnel_share_kind_text: the identifier on D-Bus and on disk ("https"). */
const char *funnel_share_kind_text (FunnelShareKind kind);
/** funnel_share_kind_from_text: FALSE, and FUNNEL_ERROR_INVALID_ARGUMENT naming the kinds. */
gboolean funnel_share_kind_from_text (const char *text, FunnelShareKind *out, GError **error);
/** funnel_share_kind_terminates: whether TLS ends on this node, which then needs a certificate. */
gboolean funnel_share_kind_terminates (FunnelShareKind kind);

G_END_DECLS
