/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* ingress.json: the ingress this node has joined, with the node's private key, and the key of a
 * join that is under way: a lost answer can be fetched again only with the same key. */

#include "daemon/model/ingress.h"
#include "daemon/store/state-dir.h"

G_BEGIN_DECLS

typedef struct _FunnelJoinedStore FunnelJoinedStore;

/** funnel_joined_store_new: @dir must outlive it. */
FunnelJoinedStore *funnel_joined_store_new (FunnelStateDir *dir);
void funnel_joined_store_free (FunnelJoinedStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelJoinedStore, funnel_joined_store_free)

/** funnel_joined_store_load: FALSE: the file is unreadable, and the store is blocked. */
gboolean funnel_joined_store_load (FunnelJoinedStore *self, GError **error);
/** funnel_joined_store_get_problem: why the store is blocked; NULL it is not. */
const char *funnel_joined_store_get_problem (FunnelJoinedStore *self);
/** funnel_joined_store_check: FUNNEL_ERROR_STORE while the store is blocked. */
gboolean funnel_joined_store_check (FunnelJoinedStore *self, GError **error);
/** funnel_joined_store_get: the joined ingress, or NULL; owned by the store. */
const FunnelIngressSpec *funnel_joined_store_get (FunnelJoinedStore *self);
/** funnel_joined_store_set: write @spec, or that there is none; ends a pending join. */
gboolean
funnel_joined_store_set (FunnelJoinedStore *self, const FunnelIngressSpec *spec, GError **error);

/**
 * funnel_joined_store_begin_join: the private key to join with, on disk before it is used.
 * @token_id: identifies the token without being it; the same token gets the same key again
 * Returns: free with funnel_secret_free
 */
char *
funnel_joined_store_begin_join (FunnelJoinedStore *self, const char *token_id, GError **error);
/** funnel_joined_store_reset: set an unreadable file aside; fine when there is none. */
gboolean funnel_joined_store_reset (FunnelJoinedStore *self, GError **error);

G_END_DECLS
