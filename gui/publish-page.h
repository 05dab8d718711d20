/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Something new is published: what listens on this computer, with a switch each, or a target that
 * is typed. */

#include <adwaita.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_PUBLISH_PAGE (funnel_publish_page_get_type ())
G_DECLARE_FINAL_TYPE (FunnelPublishPage, funnel_publish_page, FUNNEL, PUBLISH_PAGE, AdwBin)

void funnel_publish_page_set_connection (FunnelPublishPage *self, FunnelConnection *connection);
/** funnel_publish_page_open: look anew what listens. */
void funnel_publish_page_open (FunnelPublishPage *self);
/** funnel_publish_page_close: nobody looks any more. */
void funnel_publish_page_close (FunnelPublishPage *self);

G_END_DECLS
