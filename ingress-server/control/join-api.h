/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The join API (docs/protocol.md, "Join"): HTTPS on the TCP port with the number of the WireGuard
 * port. The only part of the control process strangers can reach. */

#include "ingress-server/control/agent-host.h"
#include "ingress-server/control/ingress-registry.h"

G_BEGIN_DECLS

typedef struct _JoinApi JoinApi;

/* Called when @node may be answered: its WireGuard peer is to be in place first. Must end with
 * join_api_answer (or the other way round, at once), with the @ticket. */
typedef void (*JoinApiPrepare) (const IngressNode *node, gpointer ticket, gpointer user_data);

/** join_api_new: start listening. @agent: knows when nodes shook hands; @wireguard_key: the
 * ingress's public key. */
JoinApi *join_api_new (IngressRegistry *registry,
                       IngressAgentHost *agent,
                       GTlsCertificate *certificate,
                       const char *wireguard_key,
                       JoinApiPrepare prepare,
                       gpointer user_data,
                       GError **error);
void join_api_free (JoinApi *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (JoinApi, join_api_free)

/** join_api_answer: send the answer @ticket waits for. */
void join_api_answer (gpointer ticket);

G_END_DECLS
