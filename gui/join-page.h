/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* First run: a join line is pasted, and what becomes of it is told step by step. */

#include <adwaita.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_JOIN_PAGE (funnel_join_page_get_type ())
G_DECLARE_FINAL_TYPE (FunnelJoinPage, funnel_join_page, FUNNEL, JOIN_PAGE, AdwBin)

/* Signal "changed" (FunnelJoinPage *self): funnel_join_page_is_busy is different. */

void funnel_join_page_set_connection (FunnelJoinPage *self, FunnelConnection *connection);
/** funnel_join_page_set_link: put @link into the field, as if it had been pasted. */
void funnel_join_page_set_link (FunnelJoinPage *self, const char *link);
/** funnel_join_page_is_busy: from the user's wish until the link is there, or the user goes on. */
gboolean funnel_join_page_is_busy (FunnelJoinPage *self);

G_END_DECLS
