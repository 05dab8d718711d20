/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One probe: what a visitor of NAME:PORT gets. Resolves the public name as anyone would, connects
 * to the public port, and makes a TLS handshake with SNI that accepts any certificate: whether it
 * is the right one is for the node to judge. */

#include "lib/base/link-message.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define PROBE_SECONDS 10

typedef struct
{
  FunnelProbeOutcome outcome;
  char *detail;    /* one line, NULL when ok */
  char *leaf;      /* ok: lower-case hex SHA-256 */
  GStrv addresses; /* what the name resolved to; never NULL */
} ProbeResult;

void probe_result_free (ProbeResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ProbeResult, probe_result_free)

/** probe_async: takes at most PROBE_SECONDS. @resolver: address of the one to ask; NULL: as any
 * program of this host does. */
void probe_async (const char *name,
                  guint16 port,
                  const char *resolver,
                  GCancellable *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer user_data);
/** probe_finish: a result, whatever it is; NULL only when cancelled. */
ProbeResult *probe_finish (GAsyncResult *result, GError **error);

/** probe_alert_text: what a TLS alert received from the relay or the node means here. */
const char *probe_alert_text (int alert);

G_END_DECLS
