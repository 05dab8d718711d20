/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the user has set for the whole node, in settings.json of the state directory. Members that
 * are not known here are kept. */

#include "daemon/cert/authority.h"
#include "daemon/store/state-dir.h"

G_BEGIN_DECLS

typedef struct _FunnelSettings FunnelSettings;

/** funnel_settings_new: read what is stored. A file that cannot be read is reported to the log,
 * then to whoever wants to change something; the defaults hold meanwhile. */
FunnelSettings *funnel_settings_new (FunnelStateDir *dir);
void funnel_settings_free (FunnelSettings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelSettings, funnel_settings_free)

/** funnel_settings_get_authority: what is stored, else the default. Borrowed. */
const FunnelAuthority *funnel_settings_get_authority (FunnelSettings *self);
/** funnel_settings_get_problem: why the file cannot be read; NULL it can. */
const char *funnel_settings_get_problem (FunnelSettings *self);
/** funnel_settings_set_authority: store it; FUNNEL_ERROR_INVALID_ARGUMENT or _STORE, and nothing is
 * different then. */
gboolean funnel_settings_set_authority (FunnelSettings *self,
                                        const FunnelAuthority *authority,
                                        GError **error);

G_END_DECLS
