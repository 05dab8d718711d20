/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the user should be told of although no window is open: a pure function of what the daemon
 * says and of what was told before. Nothing is told twice, nothing more often than a person can
 * bear, and what is over is taken back. */

#include <glib.h>

G_BEGIN_DECLS

/* Seconds without a connection to the ingress before it is worth telling. */
#define FUNNEL_NOTICE_TUNNEL_SECONDS 30
/* So many at once; then one more each so many seconds. */
#define FUNNEL_NOTICE_BURST 4
#define FUNNEL_NOTICE_SECONDS 300

typedef enum
{
  FUNNEL_NOTICE_VISITOR,     /* the first one of a share */
  FUNNEL_NOTICE_CERTIFICATE, /* cannot be had */
  FUNNEL_NOTICE_EXPIRED,     /* a share has reached its end */
  FUNNEL_NOTICE_TUNNEL,      /* down for a while, and missed */
} FunnelNoticeKind;

typedef struct
{
  FunnelNoticeKind kind;
  gboolean over; /* take back what was told under this id; the texts are NULL then */
  char *id;
  char *title;
  char *body;
  char *path; /* of the share; NULL where it is about none */
} FunnelNotice;

/* Strings are borrowed. */
typedef struct
{
  const char *path;
  const char *name;
  guint16 port;
  const char *state; /* as on D-Bus */
  const char *reason;
  guint64 visitors; /* so far */
  guint64 expires;  /* Unix seconds, 0 never */
} FunnelNoticeShare;

typedef struct
{
  gboolean known; /* the daemon is there; if not, nothing below counts */
  gboolean joined;
  gboolean linked;
  const char *ingress;
  const char *reason; /* why it is not linked */
  const FunnelNoticeShare *shares;
  gsize n_shares;
} FunnelNoticeFacts;

typedef struct _FunnelNotices FunnelNotices;

FunnelNotices *funnel_notices_new (void);
void funnel_notices_free (FunnelNotices *self);

/**
 * funnel_notices_take: what there is to tell now.
 * @now: monotonic, microseconds; never less than before
 * @wall: Unix seconds
 * Returns: (transfer full): FunnelNotice*
 */
GPtrArray *
funnel_notices_take (FunnelNotices *self, const FunnelNoticeFacts *facts, gint64 now, gint64 wall);

/** funnel_notices_next: when to ask again although nothing has changed; monotonic, microseconds;
 * -1: never. */
gint64 funnel_notices_next (FunnelNotices *self);

/** funnel_notices_lost: the connection has been away for FUNNEL_NOTICE_TUNNEL_SECONDS. */
gboolean funnel_notices_lost (FunnelNotices *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelNotices, funnel_notices_free)

G_END_DECLS
