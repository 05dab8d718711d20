/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The listening sockets for visitors: made here or inherited from the service manager, served by
 * the relay. Kept for as long as this process lives, so that another agent can have them again;
 * but not where the relay has a unit of its own. */

#include "ingress-server/store/ingress-config.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define PUBLIC_LISTENERS_MAX 60 /* what one request to the agent can carry */

typedef struct
{
  int fd;
  guint16 port;
} PublicListener;

/** public_listeners_new: an empty GArray of PublicListener that closes its sockets. */
GArray *public_listeners_new (void);

/** public_listeners_inherit: take over LISTEN_FDS; returns how many. FALSE when one of them is not
 * a listener at a public port. */
gboolean public_listeners_inherit (GArray *listeners, const IngressConfig *config, GError **error);

/** public_listeners_open: @per_port SO_REUSEPORT sockets at each public port, and one for
 * redirects, but none at a port among @held (guint16). FUNNEL_ERROR_CONFLICT when a port is in use.
 */
gboolean public_listeners_open (GArray *listeners,
                                const IngressConfig *config,
                                guint per_port,
                                const GArray *held,
                                GError **error);

G_END_DECLS
