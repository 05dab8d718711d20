/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* All shares of the node. Of one name and port there is one share. */

#include "daemon/model/share.h"

G_BEGIN_DECLS

#define FUNNEL_SHARES_MAX 500

#define FUNNEL_TYPE_SHARE_LIST (funnel_share_list_get_type ())
G_DECLARE_FINAL_TYPE (FunnelShareList, funnel_share_list, FUNNEL, SHARE_LIST, GObject)

/* Signals: "added" (FunnelShare *), "removed" (FunnelShare *), "replaced" (FunnelShare *).
 * Property: etag (string). */

FunnelShareList *funnel_share_list_new (void);

/** funnel_share_list_check: may @spec be put? FUNNEL_ERROR_CONFLICT when something else already
 * serves its name and port: another kind, a foreground share of somebody else, or a background
 * share where @spec is a foreground one. */
gboolean
funnel_share_list_check (FunnelShareList *self, const FunnelShareSpec *spec, GError **error);

/** funnel_share_list_put: add @spec, or replace the target of the share of that name and port;
 * after a successful check. An id of 0 is filled in. The share belongs to the list. */
FunnelShare *funnel_share_list_put (FunnelShareList *self, const FunnelShareSpec *spec);
void funnel_share_list_remove (FunnelShareList *self, FunnelShare *share);
FunnelShare *funnel_share_list_find (FunnelShareList *self, const char *name, guint16 port);
/** funnel_share_list_has_files: whether a share of @name brings certificate files of its own. */
gboolean funnel_share_list_has_files (FunnelShareList *self, const char *name);
FunnelShare *funnel_share_list_find_id (FunnelShareList *self, guint32 id);
/** funnel_share_list_match: the shares @filter matches, each with a reference. */
GPtrArray *funnel_share_list_match (FunnelShareList *self, const FunnelShareFilter *filter);
guint funnel_share_list_get_length (FunnelShareList *self);
FunnelShare *funnel_share_list_get (FunnelShareList *self, guint index);

const char *funnel_share_list_get_etag (FunnelShareList *self);
/** funnel_share_list_check_etag: FUNNEL_ERROR_CONFLICT unless @if_match is NULL or the current one.
 */
gboolean funnel_share_list_check_etag (FunnelShareList *self, const char *if_match, GError **error);

G_END_DECLS
