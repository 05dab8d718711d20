/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The way to the ingress: link, tunnel, names; the doctor; leaving. */

#include <adwaita.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_CONNECTION_PAGE (funnel_connection_page_get_type ())
G_DECLARE_FINAL_TYPE (FunnelConnectionPage, funnel_connection_page, FUNNEL, CONNECTION_PAGE, AdwBin)

void
funnel_connection_page_set_connection (FunnelConnectionPage *self, FunnelConnection *connection);

G_END_DECLS
