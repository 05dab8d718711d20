/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Trust in one public key and in nothing else: neither authorities nor names nor dates count. */

#include "lib/base/token.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_TYPE_PINNED_DATABASE (funnel_pinned_database_get_type ())
G_DECLARE_FINAL_TYPE (FunnelPinnedDatabase,
                      funnel_pinned_database,
                      FUNNEL,
                      PINNED_DATABASE,
                      GTlsDatabase)

/** funnel_pinned_database_new: @key_hash: SHA-256 of the SubjectPublicKeyInfo. */
FunnelPinnedDatabase *funnel_pinned_database_new (const guint8 key_hash[FUNNEL_KEY_HASH_LEN]);
/** funnel_pinned_database_has_refused: whether another key was seen. Any thread. */
gboolean funnel_pinned_database_has_refused (FunnelPinnedDatabase *self);

G_END_DECLS
