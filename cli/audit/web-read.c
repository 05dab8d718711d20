/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/audit/web-read.h"

#include "lib/base/error.h"

#include <glib/gi18n.h>
#include <libsoup/soup.h>

/* --- Documents --- */

typedef struct
{
  SoupSession *session;
  SoupMessage *message;
  guint8 *data;
} Reading;

static void
reading_free (gpointer data)
{
  Reading *reading = data;

  g_clear_object (&reading->message);
  g_clear_object (&reading->session);
  g_free (reading->data);
  g_free (reading);
}

static void
read_all_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Reading *reading = g_task_get_task_data (task);
  GError *error = NULL;
  gsize got = 0;

  if (!g_input_stream_read_all_finish (G_INPUT_STREAM (source), result, &got, &error))
    g_task_return_error (task, error);
  else if (got > FUNNEL_WEB_BYTES_MAX)
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                             N_ ("the answer is larger than %d MiB"), FUNNEL_WEB_BYTES_MAX >> 20);
  else
    g_task_return_pointer (task, g_bytes_new (reading->data, got), (GDestroyNotify)g_bytes_unref);
}

static void
send_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Reading *reading = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GInputStream) body = soup_session_send_finish (SOUP_SESSION (source), result, &error);

  if (body == NULL)
    g_task_return_error (task, error);
  else if (soup_message_get_status (reading->message) != SOUP_STATUS_OK)
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
                             N_ ("it answers with status %u"),
                             (guint)soup_message_get_status (reading->message));
  else
    {
      reading->data = g_malloc (FUNNEL_WEB_BYTES_MAX + 1);
      g_input_stream_read_all_async (body, reading->data, FUNNEL_WEB_BYTES_MAX + 1,
                                     G_PRIORITY_DEFAULT, g_task_get_cancellable (task), read_all_cb,
                                     g_object_ref (task));
    }
}

void
funnel_web_read_async (const char *url,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Reading *reading = g_new0 (Reading, 1);

  g_task_set_source_tag (task, funnel_web_read_async);
  g_task_set_task_data (task, reading, reading_free);
  reading->message = soup_message_new (SOUP_METHOD_GET, url);
  if (reading->message == NULL)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                               N_ ("“%s” is not a URL"), url);
      g_object_unref (task);
      return;
    }
  reading->session = soup_session_new_with_options ("timeout", FUNNEL_WEB_SECONDS, NULL);
  soup_session_send_async (reading->session, reading->message, G_PRIORITY_DEFAULT, cancellable,
                           send_cb, task);
}

GBytes *
funnel_web_read_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* --- Leaves --- */

typedef struct
{
  gboolean trusted;
} Leaf;

static gboolean
on_accept_certificate (GTlsConnection *connection,
                       GTlsCertificate *certificate,
                       GTlsCertificateFlags errors,
                       gpointer user_data)
{
  Leaf *leaf = user_data;

  leaf->trusted = FALSE;
  return TRUE;
}

static void
on_client_event (GSocketClient *client,
                 GSocketClientEvent event,
                 GSocketConnectable *connectable,
                 GIOStream *connection,
                 gpointer user_data)
{
  if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING)
    g_signal_connect (connection, "accept-certificate", G_CALLBACK (on_accept_certificate),
                      user_data);
}

static void
connect_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GSocketConnection) connection
      = g_socket_client_connect_to_host_finish (G_SOCKET_CLIENT (source), result, &error);
  g_autoptr (GIOStream) tls = NULL;
  g_autoptr (GByteArray) der = NULL;
  GTlsCertificate *certificate = NULL;

  if (connection == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  tls = g_tcp_wrapper_connection_get_base_io_stream (G_TCP_WRAPPER_CONNECTION (connection));
  g_object_ref (tls);
  certificate = g_tls_connection_get_peer_certificate (G_TLS_CONNECTION (tls));
  if (certificate != NULL)
    g_object_get (certificate, "certificate", &der, NULL);
  if (der != NULL)
    g_task_return_pointer (task, g_byte_array_free_to_bytes (g_steal_pointer (&der)),
                           (GDestroyNotify)g_bytes_unref);
  else
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                             N_ ("it shows no certificate"));
}

void
funnel_web_leaf_async (const char *name,
                       guint16 port,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  Leaf *leaf = g_new0 (Leaf, 1);

  g_task_set_source_tag (task, funnel_web_leaf_async);
  leaf->trusted = TRUE;
  g_task_set_task_data (task, leaf, g_free);
  g_socket_client_set_tls (client, TRUE);
  g_socket_client_set_timeout (client, FUNNEL_WEB_SECONDS);
  g_signal_connect (client, "event", G_CALLBACK (on_client_event), leaf);
  g_socket_client_connect_to_host_async (client, name, port, cancellable, connect_cb, task);
}

GBytes *
funnel_web_leaf_finish (GAsyncResult *result, gboolean *trusted, GError **error)
{
  Leaf *leaf = g_task_get_task_data (G_TASK (result));

  *trusted = leaf->trusted;
  return g_task_propagate_pointer (G_TASK (result), error);
}
