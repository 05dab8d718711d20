/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/expiry.h"
#include "daemon/link/web-socket.h"

#include "lib/base/error.h"

#include <string.h>
#include <sys/socket.h>

#define PROTOCOL "funnel-link-1"

typedef struct
{
  GMainLoop *loop;
  SoupWebsocketConnection *socket;
  GError *error;
} Opened;

static void
open_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Opened *opened = user_data;

  opened->socket = funnel_web_socket_open_finish (result, &opened->error);
  g_main_loop_quit (opened->loop);
}

static void
opened_clear (Opened *opened)
{
  g_clear_object (&opened->socket);
  g_clear_error (&opened->error);
  g_main_loop_unref (opened->loop);
}

static void
open_over (Opened *opened, GSocketConnection *connection, GCancellable *cancellable)
{
  *opened = (Opened) {.loop = g_main_loop_new (NULL, FALSE)};
  funnel_web_socket_open_async (connection, "ingress:7780", "/v1/link", PROTOCOL, cancellable,
                                open_cb, opened);
  g_main_loop_run (opened->loop);
}

static GSocketConnection *
wrap (int fd)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, NULL);

  return g_socket_connection_factory_create_connection (socket);
}

/* --- Against libsoup's own server ------------------------------------------------------------- */

static void
on_server_message (SoupWebsocketConnection *socket, int type, GBytes *bytes, gpointer user_data)
{
  soup_websocket_connection_send_text (socket, g_bytes_get_data (bytes, NULL));
}

static void
on_server_opened (SoupServer *server,
                  SoupServerMessage *message,
                  const char *path,
                  SoupWebsocketConnection *socket,
                  gpointer user_data)
{
  SoupWebsocketConnection **kept = user_data;

  *kept = g_object_ref (socket);
  /* Sent at once, so that it may stand in the same segment as the head. */
  soup_websocket_connection_send_text (socket, "early");
  g_signal_connect (socket, "message", G_CALLBACK (on_server_message), NULL);
}

static void
on_client_message (SoupWebsocketConnection *socket, int type, GBytes *bytes, GString *heard)
{
  gsize len = 0;
  const char *text = g_bytes_get_data (bytes, &len);

  g_string_append_len (heard, text, (gssize)len);
  g_string_append_c (heard, '|');
}

static void
test_real_server (void)
{
  g_autoptr (SoupServer) server = soup_server_new (NULL, NULL);
  g_auto (GStrv) protocols = g_strsplit (PROTOCOL, " ", 0);
  g_autoptr (SoupWebsocketConnection) theirs = NULL;
  g_autoptr (GString) heard = g_string_new (NULL);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GError) error = NULL;
  GSList *uris = NULL;
  Opened opened;

  soup_server_add_websocket_handler (server, "/v1/link", NULL, protocols, on_server_opened, &theirs,
                                     NULL);
  g_assert_true (soup_server_listen_local (server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error));
  uris = soup_server_get_uris (server);
  connection = g_socket_client_connect_to_host (client, "127.0.0.1",
                                                (guint16)g_uri_get_port (uris->data), NULL, &error);
  g_assert_no_error (error);
  open_over (&opened, connection, NULL);
  g_assert_no_error (opened.error);
  g_assert_cmpstr (soup_websocket_connection_get_protocol (opened.socket), ==, PROTOCOL);
  g_signal_connect (opened.socket, "message", G_CALLBACK (on_client_message), heard);
  soup_websocket_connection_send_text (opened.socket, "echo");
  while (strcmp (heard->str, "early|echo|") != 0)
    g_main_context_iteration (NULL, TRUE);
  opened_clear (&opened);
  g_slist_free_full (uris, (GDestroyNotify)g_uri_unref);
  /* The server lets go of a connection only when its end of it is closed. */
  while (soup_websocket_connection_get_state (theirs) != SOUP_WEBSOCKET_STATE_CLOSED)
    g_main_context_iteration (NULL, TRUE);
  soup_server_disconnect (server);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

/* --- Against a peer that answers what we say -----------------------------------------------------
 */

static char *
make_accept (const char *request)
{
  const char *key = strstr (request, "Sec-WebSocket-Key: ") + strlen ("Sec-WebSocket-Key: ");
  g_autofree char *text = g_strdup_printf ("%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 digest[20];
  gsize len = sizeof digest;

  g_checksum_update (checksum, (const guchar *)text, -1);
  g_checksum_get_digest (checksum, digest, &len);
  return g_base64_encode (digest, len);
}

typedef struct
{
  int fd;
  const char *answer; /* "%s" stands for the right accept value */
  gboolean by_bytes;
} Peer;

static gpointer
run_peer (gpointer data)
{
  Peer *peer = data;
  char request[2048] = {0};
  gssize n = recv (peer->fd, request, sizeof request - 1, 0);
  g_autofree char *accept = NULL;
  g_auto (GStrv) parts = g_strsplit (peer->answer, "%s", 2);
  g_autofree char *answer = NULL;

  g_assert_cmpint (n, >, 0);
  g_assert_true (g_str_has_prefix (request, "GET /v1/link HTTP/1.1\r\nHost: ingress:7780\r\n"));
  accept = make_accept (request);
  answer = g_strjoinv (accept, parts);
  for (gsize i = 0, len = strlen (answer); i < len;)
    {
      gsize part = peer->by_bytes ? 1 : len;

      g_assert_cmpint (send (peer->fd, answer + i, part, MSG_NOSIGNAL), ==, (gssize)part);
      i += part;
    }
  shutdown (peer->fd, SHUT_WR);
  return NULL;
}

static void
converse (Opened *opened, const char *answer, gboolean by_bytes)
{
  int fds[2];
  Peer peer = {0};
  GThread *thread = NULL;
  g_autoptr (GSocketConnection) connection = NULL;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  peer = (Peer) {fds[1], answer, by_bytes};
  connection = wrap (fds[0]);
  thread = g_thread_new ("peer", run_peer, &peer);
  open_over (opened, connection, NULL);
  g_thread_join (thread);
  close (fds[1]);
}

#define HEAD "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE "Upgrade: WebSocket\r\n"
#define CONNECTION "Connection: keep-alive, Upgrade\r\n"
#define ACCEPT "Sec-WebSocket-Accept: %s\r\n"
#define SUBPROTOCOL "Sec-WebSocket-Protocol: " PROTOCOL "\r\n"

static void
test_any_split (void)
{
  Opened opened;

  converse (&opened, HEAD UPGRADE CONNECTION ACCEPT SUBPROTOCOL "\r\n", TRUE);
  g_assert_no_error (opened.error);
  g_assert_nonnull (opened.socket);
  opened_clear (&opened);
}

static void
test_wrong_answers (void)
{
  static const struct
  {
    const char *answer;
    int code;
    const char *says;
  } cases[] = {
      {"", FUNNEL_ERROR_UNREACHABLE, "closed"},
      {HEAD UPGRADE, FUNNEL_ERROR_UNREACHABLE, "closed"},
      {"SSH-2.0-OpenSSH\r\n\r\n", FUNNEL_ERROR_PROTOCOL, "not HTTP"},
      {"HTTP/1.1 403 Forbidden\r\n\r\n", FUNNEL_ERROR_PROTOCOL, "403"},
      {HEAD CONNECTION ACCEPT SUBPROTOCOL "\r\n", FUNNEL_ERROR_PROTOCOL, "Upgrade"},
      {HEAD UPGRADE ACCEPT SUBPROTOCOL "\r\n", FUNNEL_ERROR_PROTOCOL, "Connection"},
      {HEAD UPGRADE CONNECTION SUBPROTOCOL "\r\n", FUNNEL_ERROR_PROTOCOL, "Accept"},
      {HEAD UPGRADE CONNECTION "Sec-WebSocket-Accept: AAAA\r\n" SUBPROTOCOL "\r\n",
       FUNNEL_ERROR_PROTOCOL, "Accept"},
      {HEAD UPGRADE CONNECTION ACCEPT "\r\n", FUNNEL_ERROR_PROTOCOL, "Protocol"},
      {HEAD UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol: other\r\n\r\n",
       FUNNEL_ERROR_PROTOCOL, "Protocol"},
      {HEAD UPGRADE CONNECTION ACCEPT SUBPROTOCOL
       "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
       FUNNEL_ERROR_PROTOCOL, "Extensions"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Opened opened;

      converse (&opened, cases[i].answer, FALSE);
      g_assert_null (opened.socket);
      g_test_message ("%s", opened.error->message);
      g_assert_error (opened.error, FUNNEL_ERROR, cases[i].code);
      g_assert_nonnull (strstr (opened.error->message, cases[i].says));
      opened_clear (&opened);
    }
}

static void
test_endless_head (void)
{
  g_autofree char *fill = g_strnfill (8192, 'x');
  g_autofree char *answer = g_strconcat (HEAD "X: ", fill, NULL);
  Opened opened;

  converse (&opened, answer, FALSE);
  g_assert_error (opened.error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL);
  opened_clear (&opened);
}

static void
test_deadline (void)
{
  int fds[2];
  g_autoptr (FunnelExpiry) expiry = funnel_expiry_new (NULL, 50);
  g_autoptr (GSocketConnection) connection = NULL;
  Opened opened;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  connection = wrap (fds[0]);
  open_over (&opened, connection, funnel_expiry_get (expiry));
  g_assert_error (opened.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (funnel_expiry_has_passed (expiry));
  opened_clear (&opened);
  close (fds[1]);
}

static void
test_expiry_parent (void)
{
  g_autoptr (GCancellable) parent = g_cancellable_new ();
  FunnelExpiry *expiry = funnel_expiry_new (parent, 60000);
  g_autoptr (GCancellable) own = g_object_ref (funnel_expiry_get (expiry));
  FunnelExpiry *freed = funnel_expiry_new (parent, 60000);
  g_autoptr (GCancellable) unaffected = g_object_ref (funnel_expiry_get (freed));
  g_autoptr (FunnelExpiry) late = NULL;

  funnel_expiry_free (freed);
  g_cancellable_cancel (parent);
  g_assert_true (g_cancellable_is_cancelled (own));
  g_assert_false (funnel_expiry_has_passed (expiry));
  g_assert_false (g_cancellable_is_cancelled (unaffected));
  funnel_expiry_free (expiry);
  /* Of a parent that is cancelled already. */
  late = funnel_expiry_new (parent, 60000);
  g_assert_true (g_cancellable_is_cancelled (funnel_expiry_get (late)));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/web-socket/real-server", test_real_server);
  g_test_add_func ("/web-socket/any-split", test_any_split);
  g_test_add_func ("/web-socket/wrong-answers", test_wrong_answers);
  g_test_add_func ("/web-socket/endless-head", test_endless_head);
  g_test_add_func ("/web-socket/deadline", test_deadline);
  g_test_add_func ("/expiry/parent", test_expiry_parent);
  return g_test_run ();
}
