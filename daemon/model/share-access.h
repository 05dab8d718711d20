/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Who may come to a share, as the user said it. */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_ACCESS_RANGES_MAX 1000 /* of allow, and of deny */
#define FUNNEL_ACCESS_USER_MAX 64     /* bytes */
#define FUNNEL_ACCESS_NUMBER_MAX 1000000

typedef struct
{
  GStrv allow; /* canonical ranges; empty: everybody */
  GStrv deny;  /* wins over allow */
  guint max_conns;
  guint rate; /* new connections a second */
  char *auth_user;
  char *auth_hash; /* crypt(3); NULL with auth_user */
} FunnelShareAccess;

/** funnel_share_access_init: everybody may come. */
void funnel_share_access_init (FunnelShareAccess *access);
void funnel_share_access_copy (const FunnelShareAccess *from, FunnelShareAccess *to);
void funnel_share_access_clear (FunnelShareAccess *access);

/** funnel_share_access_check: make it canonical, or FUNNEL_ERROR_INVALID_ARGUMENT. */
gboolean funnel_share_access_check (FunnelShareAccess *access, GError **error);
/** funnel_share_access_is_public: whether anybody on the internet may come: neither addresses nor a
 * password restrict it. */
gboolean funnel_share_access_is_public (const FunnelShareAccess *access);

G_END_DECLS
