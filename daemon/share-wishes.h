/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What is done about wishes for shares: completed, checked, put into the list and on disk; or
 * refused, and nothing is changed. See FunnelBusMethods for what each wish means. */

#include "daemon/bus/bus-options.h"
#include "daemon/model/ingress.h"
#include "daemon/model/share-list.h"
#include "daemon/store/share-store.h"

G_BEGIN_DECLS

/* What wishes are about; all of it the owner's. */
typedef struct
{
  FunnelShareList *list;
  FunnelShareStore *store;
  const char *state_dir;
  FunnelIngress *ingress; /* NULL: not joined */
} FunnelShareWishes;

FunnelShare *funnel_share_wishes_share (FunnelShareWishes *self,
                                        const FunnelShareSpec *wish,
                                        guint given,
                                        const char *if_match,
                                        GError **error);
gboolean funnel_share_wishes_unshare (FunnelShareWishes *self,
                                      const FunnelShareFilter *filter,
                                      const char *if_match,
                                      gboolean dry_run,
                                      guint *count,
                                      GError **error);
/** funnel_share_wishes_remove: end @shares (FunnelShare*). They end even if that cannot be written
 * down; the error then tells that they will be back. */
gboolean funnel_share_wishes_remove (FunnelShareWishes *self, GPtrArray *shares, GError **error);
gboolean funnel_share_wishes_set_access (FunnelShareWishes *self,
                                         FunnelShare *share,
                                         const FunnelShareAccess *access,
                                         guint given,
                                         GError **error);
gboolean funnel_share_wishes_set_expires (FunnelShareWishes *self,
                                          FunnelShare *share,
                                          gint64 expires,
                                          GError **error);
/** funnel_share_wishes_set_enabled: switch @share on or off; one that has expired comes back
 * without an end. */
gboolean funnel_share_wishes_set_enabled (FunnelShareWishes *self,
                                          FunnelShare *share,
                                          gboolean enabled,
                                          GError **error);
/** funnel_share_wishes_set_paused: pause every share that is on, or have those that are paused go
 * on. @count: how many. All of them, or none with an error. */
gboolean funnel_share_wishes_set_paused (FunnelShareWishes *self,
                                         gboolean paused,
                                         guint *count,
                                         GError **error);
char *funnel_share_wishes_export (FunnelShareWishes *self, GError **error);
gboolean funnel_share_wishes_import (FunnelShareWishes *self,
                                     const char *document,
                                     const FunnelOptions *options,
                                     GVariant **shares,
                                     GVariant **left,
                                     GError **error);

G_END_DECLS
