/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One listening socket of the local API and its clients, which it caps in number: in all and per
 * user. Where one too many comes, the one that has been idle for longest goes; when none is idle,
 * the new one is told 503. On the main thread. */

#include "daemon/local-api/local-answer.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_LOCAL_CLIENTS_MAX 512
#define FUNNEL_LOCAL_CLIENTS_PER_USER 256

typedef struct _FunnelLocalListener FunnelLocalListener;

/**
 * funnel_local_listener_new_unix: a socket at @path. Its folder is made if it is not there.
 * @open: every local user may connect (folder 0755, socket 0666), else only our own (0700, 0600).
 *   What one is given depends on who it is, either way.
 * @source, @owner: must stay
 *
 * FUNNEL_ERROR_CONFLICT: another program answers there; FUNNEL_ERROR_INVALID_ARGUMENT: the path
 * cannot be used.
 */
FunnelLocalListener *funnel_local_listener_new_unix (const char *path,
                                                     gboolean open,
                                                     const FunnelLocalSource *source,
                                                     gpointer owner,
                                                     GError **error);
/**
 * funnel_local_listener_new_tcp: 127.0.0.1:@port; @port 0: any.
 * @secret: copied, and wiped in the end
 */
FunnelLocalListener *funnel_local_listener_new_tcp (guint16 port,
                                                    const char *secret,
                                                    const FunnelLocalSource *source,
                                                    gpointer owner,
                                                    GError **error);
/** funnel_local_listener_free: ends all its clients, and removes the socket's file. */
void funnel_local_listener_free (FunnelLocalListener *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelLocalListener, funnel_local_listener_free)

/** funnel_local_listener_get_port: of a TCP listener. */
guint16 funnel_local_listener_get_port (FunnelLocalListener *self);

G_END_DECLS
