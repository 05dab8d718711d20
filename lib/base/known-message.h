/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A node asks the ingress, outside the tunnel, whether it is known there (docs/protocol.md,
 * "Known"). Errors of parsing are FUNNEL_ERROR_PROTOCOL and name the member. */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_KNOWN_VERSION 1

typedef struct
{
  gboolean known;           /* the others but time are set then */
  gint64 time;              /* the ingress's clock, Unix seconds */
  gint64 handshake;         /* of that node, by the same clock; 0 never, or not known */
  char *ingress_public_key; /* WireGuard, base64 */
} FunnelKnownAnswer;

void funnel_known_answer_free (FunnelKnownAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelKnownAnswer, funnel_known_answer_free)

/** funnel_known_request_print: @public_key: WireGuard, base64. */
char *funnel_known_request_print (const char *public_key);
/** funnel_known_request_parse: the key; caller frees. */
char *funnel_known_request_parse (const char *text, gsize len, GError **error);
char *funnel_known_answer_print (const FunnelKnownAnswer *answer);
FunnelKnownAnswer *funnel_known_answer_parse (const char *text, gsize len, GError **error);

G_END_DECLS
