/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The client half of a WebSocket's opening handshake (RFC 6455 4.1) over a connection that is
 * already made. libsoup's own client wants to make the connection itself, which here only the
 * tunnel can. */

#include <libsoup/soup.h>

G_BEGIN_DECLS

/**
 * funnel_web_socket_open_async: turn @connection into a WebSocket.
 * @host: for the Host header
 * @path: absolute
 * @protocol: the subprotocol to ask for; the server must choose it
 */
void funnel_web_socket_open_async (GSocketConnection *connection,
                                   const char *host,
                                   const char *path,
                                   const char *protocol,
                                   GCancellable *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);
SoupWebsocketConnection *funnel_web_socket_open_finish (GAsyncResult *result, GError **error);

G_END_DECLS
