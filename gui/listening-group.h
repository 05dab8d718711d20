/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What listens on this computer, with a switch each. */

#include <adwaita.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_LISTENING_GROUP (funnel_listening_group_get_type ())
G_DECLARE_FINAL_TYPE (FunnelListeningGroup,
                      funnel_listening_group,
                      FUNNEL,
                      LISTENING_GROUP,
                      AdwPreferencesGroup)

/* Signal "wanted" (FunnelListeningGroup *self, guint port): one that is not shared yet was switched
 * on. */

void
funnel_listening_group_set_connection (FunnelListeningGroup *self, FunnelConnection *connection);
/** funnel_listening_group_look: look anew; switches stand where the shares do. */
void funnel_listening_group_look (FunnelListeningGroup *self);
/** funnel_listening_group_look_again: the same, if somebody still looks. */
void funnel_listening_group_look_again (FunnelListeningGroup *self);
/** funnel_listening_group_close: nobody looks any more. */
void funnel_listening_group_close (FunnelListeningGroup *self);
/** funnel_listening_group_find_program: what waits on the port that @target is, in words; NULL if
 * it is none, or one nothing is known of. Borrowed until the next look. */
const char *funnel_listening_group_find_program (FunnelListeningGroup *self, const char *target);

G_END_DECLS
