/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One share: what the user asked for (spec) and what is known about it (properties that change). */

#include "daemon/model/share-state.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* What the user asked for. */
typedef struct
{
  guint32 id; /* 0 until it is in a list */
  char *name; /* canonical */
  guint16 port;
  FunnelShareKind kind;
  char *target;           /* canonical text */
  char *certificate_file; /* absolute paths, PEM; NULL none */
  char *key_file;
  gboolean foreground; /* ends with @owner, never stored */
  char *owner;         /* unique bus name of who asked; NULL once nobody needs to know */
} FunnelShareSpec;

FunnelShareSpec *funnel_share_spec_copy (const FunnelShareSpec *spec);
void funnel_share_spec_free (FunnelShareSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelShareSpec, funnel_share_spec_free)

/* Which shares are meant; unset members match everything. */
typedef struct
{
  char *name;
  guint16 port;
  gboolean has_kind;
  FunnelShareKind kind;
  char *target; /* as typed; read with each share's kind */
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

/* Properties, named and typed as on D-Bus: name port kind target url foreground state reason
 * next-step certificate certificate-step flows-active flows-total bytes-in bytes-out refusals. */

FunnelShare *funnel_share_new (const FunnelShareSpec *spec);
const FunnelShareSpec *funnel_share_get_spec (FunnelShare *self);
/** funnel_share_replace: take target, files and owner from @spec; name, port and id stay. */
void funnel_share_replace (FunnelShare *self, const FunnelShareSpec *spec);
FunnelShareState funnel_share_get_state (FunnelShare *self);
void funnel_share_set_status (FunnelShare *self, const FunnelShareStatus *status);
void funnel_share_set_traffic (FunnelShare *self, const FunnelShareTraffic *traffic);
/** funnel_share_set_certificate: @step: what is being done to get one, "" nothing; @certificate is
 * a{sv}, a floating one is taken. */
void funnel_share_set_certificate (FunnelShare *self, const char *step, GVariant *certificate);
/** funnel_share_set_refusals: @refusals is a{st}; a floating one is taken. */
void funnel_share_set_refusals (FunnelShare *self, GVariant *refusals);
gboolean funnel_share_matches (FunnelShare *self, const FunnelShareFilter *filter);

G_END_DECLS
