/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* shares.json: the background shares on disk. A file that cannot be understood is left untouched,
 * and nothing is written until reset. */

#include "daemon/model/share-list.h"
#include "daemon/store/state-dir.h"

G_BEGIN_DECLS

typedef struct _FunnelShareStore FunnelShareStore;

/** funnel_share_store_new: @dir must outlive it. */
FunnelShareStore *funnel_share_store_new (FunnelStateDir *dir);
void funnel_share_store_free (FunnelShareStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelShareStore, funnel_share_store_free)

/** funnel_share_store_load: put what is stored into @list. FALSE: the file is unreadable, and the
 * store is blocked. */
gboolean funnel_share_store_load (FunnelShareStore *self, FunnelShareList *list, GError **error);
/** funnel_share_store_get_problem: why the store is blocked; NULL it is not. */
const char *funnel_share_store_get_problem (FunnelShareStore *self);
/** funnel_share_store_check: FUNNEL_ERROR_STORE while the store is blocked. */
gboolean funnel_share_store_check (FunnelShareStore *self, GError **error);
/** funnel_share_store_save: write the background shares of @list, if they differ from the disk. A
 * file of an older version is kept as shares.json.version-N the first time. */
gboolean funnel_share_store_save (FunnelShareStore *self, FunnelShareList *list, GError **error);
/** funnel_share_store_reset: set an unreadable file aside; fine when there is none. */
gboolean funnel_share_store_reset (FunnelShareStore *self, GError **error);

G_END_DECLS
