/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Shares out of a document somebody has: our own export, or what "tailscale serve status" prints as
 * JSON. Of the latter only what was public (AllowFunnel) is taken: what was private must not become
 * public by being moved. */

#include "daemon/model/share-spec.h"

G_BEGIN_DECLS

#define FUNNEL_IMPORT_MAX (4 * 1024 * 1024) /* bytes of a document */

/**
 * funnel_share_import_parse: FunnelShareSpec*, without ids; or NULL and
 * FUNNEL_ERROR_INVALID_ARGUMENT when @document is neither of the two.
 * @notes: gets one sentence (char*) for each thing that is not taken over
 *
 * A name below .ts.net is left out (NULL: this node's own).
 */
GPtrArray *funnel_share_import_parse (const char *document, GPtrArray *notes, GError **error);

/** funnel_share_import_trim: take permissions off mounts where they mean nothing. */
void funnel_share_import_trim (FunnelShareSpec *spec);

G_END_DECLS
