/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/link/web-socket.h"

#include "lib/base/error.h"

#include <glib/gi18n.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#define HEAD_MAX 4096
#define KEY_BYTES 16
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 1.3 */

typedef struct
{
  GSocketConnection *connection;
  char *host;
  char *path;
  char *protocol;
  char *key;
  char *request;
  GString *head;
} Opening;

static void
opening_free (Opening *opening)
{
  g_object_unref (opening->connection);
  g_free (opening->host);
  g_free (opening->path);
  g_free (opening->protocol);
  g_free (opening->key);
  g_free (opening->request);
  g_string_free (opening->head, TRUE);
  g_free (opening);
}

static char *
make_accept (const char *key)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 digest[20];
  gsize len = sizeof digest;

  g_checksum_update (checksum, (const guchar *)key, -1);
  g_checksum_update (checksum, (const guchar *)ACCEPT_GUID, -1);
  g_checksum_get_digest (checksum, digest, &len);
  return g_base64_encode (digest, len);
}

static const char *
check_head (const Opening *opening, SoupMessageHeaders *headers)
{
  const char *upgrade = soup_message_headers_get_one (headers, "Upgrade");
  const char *protocol = soup_message_headers_get_one (headers, "Sec-WebSocket-Protocol");
  const char *accept = soup_message_headers_get_one (headers, "Sec-WebSocket-Accept");
  g_autofree char *wanted = make_accept (opening->key);

  if (upgrade == NULL || g_ascii_strcasecmp (upgrade, "websocket") != 0)
    return "Upgrade";
  if (!soup_message_headers_header_contains (headers, "Connection", "upgrade"))
    return "Connection";
  if (g_strcmp0 (accept, wanted) != 0)
    return "Sec-WebSocket-Accept";
  if (g_strcmp0 (protocol, opening->protocol) != 0)
    return "Sec-WebSocket-Protocol";
  if (soup_message_headers_get_list (headers, "Sec-WebSocket-Extensions") != NULL)
    return "Sec-WebSocket-Extensions";
  return NULL;
}

static void
finish_opening (GTask *task)
{
  Opening *opening = g_task_get_task_data (task);
  g_autoptr (SoupMessageHeaders) headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_RESPONSE);
  g_autoptr (GUri) uri = NULL;
  const char *fault = NULL;
  guint status = 0;

  /* Its length goes up to, and not including, the blank line. */
  if (!soup_headers_parse_response (opening->head->str, (int)opening->head->len - 2, headers, NULL,
                                    &status, NULL))
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                               N_ ("the ingress's answer is not HTTP"));
      return;
    }
  if (status != SOUP_STATUS_SWITCHING_PROTOCOLS)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                               N_ ("the ingress refuses the link (HTTP status %u)"), status);
      return;
    }
  fault = check_head (opening, headers);
  if (fault != NULL)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                               N_ ("the ingress's answer has a wrong %s header"), fault);
      return;
    }
  uri = g_uri_build (G_URI_FLAGS_NONE, "ws", NULL, "ingress", -1, opening->path, NULL, NULL);
  g_task_return_pointer (task,
                         soup_websocket_connection_new (G_IO_STREAM (opening->connection), uri,
                                                        SOUP_WEBSOCKET_CONNECTION_CLIENT, NULL,
                                                        opening->protocol, NULL),
                         g_object_unref);
}

/* Takes bytes off the socket only up to the end of the head: what follows is the WebSocket's. TRUE
 * when the head is complete or the task is answered. */
static gboolean
take_head (GTask *task, GSocket *socket)
{
  Opening *opening = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  char buffer[1024];
  GInputVector vector = {buffer, sizeof buffer};
  int flags = G_SOCKET_MSG_PEEK;
  gsize before = opening->head->len;
  gssize n = g_socket_receive_message (socket, NULL, &vector, 1, NULL, NULL, &flags, NULL, &error);
  const char *end = NULL;
  gsize take = 0;

  if (n < 0 && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return FALSE;
  if (n <= 0)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                               N_ ("the ingress closed the link while it was opened"));
      return TRUE;
    }
  g_string_append_len (opening->head, buffer, n);
  end = strstr (opening->head->str, "\r\n\r\n");
  take = end != NULL ? (gsize)(end + 4 - opening->head->str) - before : (gsize)n;
  g_socket_receive (socket, buffer, take, NULL, NULL);
  g_string_truncate (opening->head, before + take);
  if (end != NULL)
    finish_opening (task);
  else if (opening->head->len > HEAD_MAX)
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                             N_ ("the ingress's answer is too long"));
  else
    return FALSE;
  return TRUE;
}

static gboolean
on_socket_readable (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  GTask *task = user_data;

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;
  return take_head (task, socket) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void
write_all_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Opening *opening = g_task_get_task_data (task);
  GSocket *socket = g_socket_connection_get_socket (opening->connection);
  g_autoptr (GSource) readable = NULL;
  GError *error = NULL;

  if (!g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  readable = g_socket_create_source (socket, G_IO_IN, g_task_get_cancellable (task));
  /* Reading looks only at what is there. */
  g_socket_set_blocking (socket, FALSE);
  g_task_attach_source (task, readable, G_SOURCE_FUNC (on_socket_readable));
}

static char *
make_key (void)
{
  guint8 bytes[KEY_BYTES];

  if (gnutls_rnd (GNUTLS_RND_NONCE, bytes, sizeof bytes) < 0)
    g_error ("No random numbers");
  return g_base64_encode (bytes, sizeof bytes);
}

void
funnel_web_socket_open_async (GSocketConnection *connection,
                              const char *host,
                              const char *path,
                              const char *protocol,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Opening *opening = g_new0 (Opening, 1);
  GOutputStream *output = g_io_stream_get_output_stream (G_IO_STREAM (connection));

  g_task_set_source_tag (task, funnel_web_socket_open_async);
  g_task_set_task_data (task, opening, (GDestroyNotify)opening_free);
  opening->connection = g_object_ref (connection);
  opening->host = g_strdup (host);
  opening->path = g_strdup (path);
  opening->protocol = g_strdup (protocol);
  opening->head = g_string_new (NULL);
  opening->key = make_key ();
  opening->request = g_strdup_printf ("GET %s HTTP/1.1\r\n"
                                      "Host: %s\r\n"
                                      "Upgrade: websocket\r\n"
                                      "Connection: Upgrade\r\n"
                                      "Sec-WebSocket-Version: 13\r\n"
                                      "Sec-WebSocket-Key: %s\r\n"
                                      "Sec-WebSocket-Protocol: %s\r\n"
                                      "\r\n",
                                      path, host, opening->key, protocol);
  g_output_stream_write_all_async (output, opening->request, strlen (opening->request),
                                   G_PRIORITY_DEFAULT, cancellable, write_all_cb, task);
}

SoupWebsocketConnection *
funnel_web_socket_open_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_web_socket_open_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
