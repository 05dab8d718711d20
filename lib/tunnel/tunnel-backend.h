/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the back ends of FunnelTunnel share. For them alone. */

#include "lib/tunnel/tunnel.h"

G_BEGIN_DECLS

/** funnel_tunnel_check_up: TRUE when @up; otherwise @task is answered with UNREACHABLE. */
gboolean funnel_tunnel_check_up (gboolean up, GTask *task);

/** funnel_tunnel_note_port: add the port that @socket is bound to to @ports (guint16), which are
 * the tunnel's own listeners, unless it is there or there are too many. */
void funnel_tunnel_note_port (GArray *ports, GSocket *socket);

/** funnel_tunnel_connect_socket: the end of "connect": connect @socket, made as the back end needs
 * it, to @port on the address @peer, and answer @task. */
void funnel_tunnel_connect_socket (GSocket *socket, const char *peer, guint16 port, GTask *task);

G_END_DECLS
