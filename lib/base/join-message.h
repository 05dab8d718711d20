/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Request and answer of the join API, node <-> ingress, as JSON text (docs/protocol.md, "Join").
 * Parsing checks every member and names the one at fault (FUNNEL_ERROR_PROTOCOL). */

#include "lib/base/token.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_JOIN_VERSION 1
#define FUNNEL_JOIN_REQUEST_MAX 4096
#define FUNNEL_JOIN_ANSWER_MAX 16384

typedef struct
{
  guint8 secret[FUNNEL_TOKEN_SECRET_LEN];
  char *public_key; /* WireGuard, base64 */
  char *software;
} FunnelJoinRequest;

typedef struct
{
  char *node;
  char *zone;
  GStrv names;              /* assigned, canonical */
  char *address;            /* the node's tunnel address, IPv4 */
  char *ingress_address;    /* the ingress's tunnel address, IPv4 */
  char *ingress_public_key; /* WireGuard, base64 */
  char *endpoint_host;      /* of the WireGuard endpoint; name or IP literal, without brackets */
  guint16 endpoint_port;
  guint16 link_port;
  GArray *public_ports; /* guint16 */
  char *tunnel;         /* "wireguard" or "direct" */
} FunnelJoinAnswer;

void funnel_join_request_free (FunnelJoinRequest *request); /* wipes the secret */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelJoinRequest, funnel_join_request_free)
/** funnel_join_request_print: JSON text; holds the secret, so free with funnel_secret_free. */
char *funnel_join_request_print (const FunnelJoinRequest *request);
FunnelJoinRequest *funnel_join_request_parse (const char *text, gsize len, GError **error);

FunnelJoinAnswer *funnel_join_answer_new (void);
void funnel_join_answer_free (FunnelJoinAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelJoinAnswer, funnel_join_answer_free)
char *funnel_join_answer_print (const FunnelJoinAnswer *answer);
FunnelJoinAnswer *funnel_join_answer_parse (const char *text, gsize len, GError **error);

/** funnel_join_error_print: {"error":{"code","message"}} of an error in FUNNEL_ERROR ("failed"
 * otherwise). */
char *funnel_join_error_print (const GError *error);
/** funnel_join_error_parse: the error such a text stands for; FUNNEL_ERROR_PROTOCOL if it is none.
 * Never NULL. */
GError *funnel_join_error_parse (const char *text, gsize len);

G_END_DECLS
