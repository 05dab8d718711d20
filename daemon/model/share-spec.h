/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the user asked for: one share, as it is stored. To add a setting: a member here, a line in
 * copy, free and merge, a row in share-document.c and one in the bus's option table. */

#include "daemon/model/mount.h"
#include "daemon/model/share-access.h"

G_BEGIN_DECLS

#define FUNNEL_ALPN_MAX 8 /* protocols */

typedef struct
{
  guint32 id; /* 0 until it is in a list */
  char *name; /* canonical */
  guint16 port;
  FunnelShareKind kind;
  GPtrArray *mounts;      /* FunnelMountSpec*, by path; never empty but while being made */
  char *certificate_file; /* absolute paths, PEM; NULL none */
  char *key_file;
  FunnelShareAccess access;
  gint64 expires;        /* Unix seconds; 0 never */
  guint proxy_protocol;  /* 0 none, 1 or 2; TCP kinds */
  GStrv alpn;            /* NULL none; FUNNEL_SHARE_TLS_TERMINATED_TCP */
  gboolean switched_off; /* kept, and not served until it is switched on or shared again */
  gboolean paused;       /* the same, by a wish about all shares */
  gboolean foreground;   /* ends with @owner, never stored */
  char *owner;           /* unique bus name of who asked; NULL once nobody needs to know */
  char *command;         /* of a foreground share: the program it was made for; NULL none */
} FunnelShareSpec;

/* Settings of a share that a wish may leave as they are. */
typedef enum
{
  FUNNEL_SHARE_GIVES_CERTIFICATE = 1 << 0,
  FUNNEL_SHARE_GIVES_ALLOW = 1 << 1,
  FUNNEL_SHARE_GIVES_DENY = 1 << 2,
  FUNNEL_SHARE_GIVES_MAX_CONNS = 1 << 3,
  FUNNEL_SHARE_GIVES_RATE = 1 << 4,
  FUNNEL_SHARE_GIVES_AUTH = 1 << 5,
  FUNNEL_SHARE_GIVES_EXPIRES = 1 << 6,
  FUNNEL_SHARE_GIVES_PROXY_PROTOCOL = 1 << 7,
  FUNNEL_SHARE_GIVES_ALPN = 1 << 8,
  FUNNEL_SHARE_GIVES_ALL = (1 << 9) - 1,
} FunnelShareGives;

FunnelShareSpec *funnel_share_spec_new (void);
FunnelShareSpec *funnel_share_spec_copy (const FunnelShareSpec *spec);
void funnel_share_spec_free (FunnelShareSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelShareSpec, funnel_share_spec_free)

/** funnel_share_spec_check: make all of it canonical, or FUNNEL_ERROR_INVALID_ARGUMENT for what
 * contradicts itself. */
gboolean funnel_share_spec_check (FunnelShareSpec *spec, GError **error);

/**
 * funnel_share_spec_merge: what becomes of @old when @wish comes: its mounts are added or replace
 * those of the same path, and of the other settings those in @given (FunnelShareGives) change. So
 * rules about who may come stay until somebody says otherwise. An expiry that has passed by @now
 * does not stay, nor does being switched off or paused: who shares again wants it on.
 */
FunnelShareSpec *funnel_share_spec_merge (const FunnelShareSpec *old,
                                          const FunnelShareSpec *wish,
                                          guint given,
                                          gint64 now);

/** funnel_share_spec_change_access: take those of @given that are about access from @access. */
void funnel_share_spec_change_access (FunnelShareSpec *spec,
                                      const FunnelShareAccess *access,
                                      guint given);

/** funnel_share_spec_get_target: of the mount at "/", else of the first. */
const char *funnel_share_spec_get_target (const FunnelShareSpec *spec);
/** funnel_share_spec_is_enabled: neither switched off nor paused. */
gboolean funnel_share_spec_is_enabled (const FunnelShareSpec *spec);
gboolean funnel_share_spec_is_expired (const FunnelShareSpec *spec, gint64 now);
/** funnel_share_spec_dup_warnings: what somebody who shares this should know, one sentence each. */
GStrv funnel_share_spec_dup_warnings (const FunnelShareSpec *spec);

G_END_DECLS
