/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Everything about one share, and its rules. */

#include <adwaita.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_DETAILS_PAGE (funnel_details_page_get_type ())
G_DECLARE_FINAL_TYPE (FunnelDetailsPage, funnel_details_page, FUNNEL, DETAILS_PAGE, AdwBin)

void funnel_details_page_set_connection (FunnelDetailsPage *self, FunnelConnection *connection);
/** funnel_details_page_set_share: @share: NULL: none. When the share ends, the page goes back. */
void funnel_details_page_set_share (FunnelDetailsPage *self, FunnelDBusShare *share);
/** funnel_details_page_get_share: borrowed; NULL: none. */
FunnelDBusShare *funnel_details_page_get_share (FunnelDetailsPage *self);

G_END_DECLS
