/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The shares as JSON text: what stands on disk, what is exported, and what the ETag is the SHA-256
 * of.
 *
 * Version 2:
 *   { "version": 2,
 *     "shares": [ { "id": 1, "name": "laptop.example.org", "port": 443, "kind": "https",
 *       "mounts": [ { "path": "/", "target": "http://localhost:3000", "lan": true, "force": true,
 *                     "host_header": "target", "keep_prefix": true, "listing": true } ],
 *       "certificate_file": "/…", "key_file": "/…",
 *       "access": { "allow": [ "203.0.113.0/24" ], "deny": [], "max_conns": 10, "rate": 5,
 *                   "auth_user": "me", "auth_hash": "$6$…" },
 *       "expires": 1790000000, "proxy_protocol": 2, "alpn": [ "postgresql" ],
 *       "foreground": true } ] }
 * Members that say nothing (false, 0, none) are left out. An unknown member is refused, so that a
 * rule about who may come is never lost by a spelling mistake. Version 1 had "target" instead of
 * "mounts", and none of what follows "key_file". */

#include "daemon/model/share-list.h"

G_BEGIN_DECLS

#define FUNNEL_SHARE_DOCUMENT_VERSION 2

/** funnel_share_document_print: the same shares always give the same text.
 * @foreground: include foreground shares (never for the disk) */
char *funnel_share_document_print (FunnelShareList *list, gboolean foreground);

/** funnel_share_document_parse: FunnelShareSpec* array, or NULL and FUNNEL_ERROR_STORE with what is
 * wrong: not JSON, of a newer version, or a share that could not have been written.
 * @version: of @text; NULL */
GPtrArray *
funnel_share_document_parse (const char *text, gsize len, guint *version, GError **error);

G_END_DECLS
