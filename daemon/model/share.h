/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One share: what the user asked for (spec) and what is known about it (properties that change). */

#include "daemon/model/share-spec.h"
#include "daemon/model/share-state.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* Which mounts of which shares are meant; unset members match everything. */
typedef struct
{
  char *name;
  guint16 port;
  gboolean has_kind;
  FunnelShareKind kind;
  char *target; /* as typed; read with each share's kind */
  char *path;   /* of a mount, canonical */
} FunnelShareFilter;

void funnel_share_filter_clear (FunnelShareFilter *filter);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FunnelShareFilter, funnel_share_filter_clear)

typedef struct
{
  guint32 flows_active;
  guint64 flows_total;
  guint64 bytes_in;
  guint64 bytes_out;
} FunnelShareTraffic;

#define FUNNEL_TYPE_SHARE (funnel_share_get_type ())
G_DECLARE_FINAL_TYPE (FunnelShare, funnel_share, FUNNEL, SHARE, GObject)

/* Properties, named and typed as on D-Bus: name port kind target mounts url foreground command
 * enabled access expires proxy-protocol alpn warnings state reason next-step certificate
 * certificate-step flows-active flows-total bytes-in bytes-out refusals requests. */

FunnelShare *funnel_share_new (const FunnelShareSpec *spec);
const FunnelShareSpec *funnel_share_get_spec (FunnelShare *self);
/** funnel_share_replace: take everything from @spec but kind, name, port and id. */
void funnel_share_replace (FunnelShare *self, const FunnelShareSpec *spec);
FunnelShareState funnel_share_get_state (FunnelShare *self);
void funnel_share_set_status (FunnelShare *self, const FunnelShareStatus *status);
void funnel_share_set_traffic (FunnelShare *self, const FunnelShareTraffic *traffic);
/** funnel_share_set_certificate: @step: what is being done to get one, "" nothing; @certificate is
 * a{sv}, a floating one is taken. */
void funnel_share_set_certificate (FunnelShare *self, const char *step, GVariant *certificate);
/** funnel_share_set_refusals: @refusals is a{st}; a floating one is taken. */
void funnel_share_set_refusals (FunnelShare *self, GVariant *refusals);
/** funnel_share_set_requests: requests answered, by class of status ("2xx"), a{st}; a floating one
 * is taken. */
void funnel_share_set_requests (FunnelShare *self, GVariant *requests);
/** funnel_share_set_problem: why the mount at @path does not work; NULL: it does. */
void funnel_share_set_problem (FunnelShare *self, const char *path, const char *problem);
/** funnel_share_matches: whether at least one of its mounts is meant. */
gboolean funnel_share_matches (FunnelShare *self, const FunnelShareFilter *filter);
/** funnel_share_without: what is left of it when the mounts meant are taken away; NULL: nothing. */
FunnelShareSpec *funnel_share_without (FunnelShare *self, const FunnelShareFilter *filter);

G_END_DECLS
