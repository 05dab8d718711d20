/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/link/pinned-call.h"

#include "daemon/link/pinned-database.h"
#include "lib/base/error.h"
#include "lib/base/expiry.h"
#include "lib/base/host.h"
#include "lib/base/join-message.h"

#include <glib/gi18n.h>
#include <libsoup/soup.h>

typedef struct
{
  SoupSession *session;
  SoupMessage *message;
  GInputStream *body;
  FunnelExpiry *expiry;
  guint milliseconds;
  char *endpoint; /* for messages */
  FunnelPinnedDatabase *trust;
  char answer[FUNNEL_JOIN_ANSWER_MAX + 1];
} Call;

static void
call_free (Call *call)
{
  g_tls_backend_set_default_database (g_tls_backend_get_default (), NULL);
  g_clear_object (&call->body);
  g_clear_object (&call->message);
  g_clear_object (&call->session);
  g_clear_object (&call->trust);
  funnel_expiry_free (call->expiry);
  g_free (call->endpoint);
  g_free (call);
}

void
funnel_pinned_answer_free (FunnelPinnedAnswer *answer)
{
  if (answer == NULL)
    return;
  g_free (answer->body);
  g_free (answer);
}

static void
return_failure (GTask *task, const GError *cause)
{
  Call *call = g_task_get_task_data (task);

  if (g_task_return_error_if_cancelled (task))
    return;
  if (funnel_pinned_database_has_refused (call->trust))
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNTRUSTED,
                             N_ ("%s shows another key than the one it is known by"),
                             call->endpoint);
  else if (funnel_expiry_has_passed (call->expiry))
    g_task_return_new_error (
        task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
        N_ ("%s did not answer within %u seconds; check that the ingress runs and "
            "that its TCP port is open"),
        call->endpoint, call->milliseconds / 1000);
  else
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                             N_ ("cannot reach the ingress at %s: %s"), call->endpoint,
                             cause->message);
}

static void
read_all_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Call *call = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  FunnelPinnedAnswer *answer = NULL;
  gsize len = 0;

  if (!g_input_stream_read_all_finish (G_INPUT_STREAM (source), result, &len, &error))
    {
      return_failure (task, error);
      return;
    }
  answer = g_new0 (FunnelPinnedAnswer, 1);
  answer->status = soup_message_get_status (call->message);
  answer->body = g_strndup (call->answer, len);
  answer->len = len;
  g_task_return_pointer (task, answer, (GDestroyNotify)funnel_pinned_answer_free);
}

static void
send_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Call *call = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  call->body = soup_session_send_finish (SOUP_SESSION (source), result, &error);
  if (call->body == NULL)
    {
      return_failure (task, error);
      return;
    }
  g_input_stream_read_all_async (call->body, call->answer, sizeof call->answer, G_PRIORITY_DEFAULT,
                                 funnel_expiry_get (call->expiry), read_all_cb,
                                 g_steal_pointer (&task));
}

static SoupMessage *
make_message (const char *host, guint16 port, const char *path, GBytes *body)
{
  g_autoptr (GUri) uri
      = g_uri_build (G_URI_FLAGS_NONE, "https", NULL, host, port, path, NULL, NULL);
  SoupMessage *message = soup_message_new_from_uri (SOUP_METHOD_POST, uri);

  if (message == NULL)
    return NULL;
  soup_message_set_request_body_from_bytes (message, "application/json", body);
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_NEW_CONNECTION);
  return message;
}

void
funnel_pinned_call_async (const char *host,
                          guint16 port,
                          const char *path,
                          const guint8 key_hash[FUNNEL_KEY_HASH_LEN],
                          GBytes *body,
                          guint milliseconds,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Call *call = g_new0 (Call, 1);

  g_task_set_source_tag (task, funnel_pinned_call_async);
  g_task_set_task_data (task, call, (GDestroyNotify)call_free);
  call->trust = funnel_pinned_database_new (key_hash);
  call->endpoint = funnel_endpoint_join (host, port);
  call->milliseconds = milliseconds;
  call->expiry = funnel_expiry_new (cancellable, milliseconds);
  call->message = make_message (host, port, path, body);
  if (call->message == NULL)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                               N_ ("not a usable host: \"%s\""), host);
      g_object_unref (task);
      return;
    }
  /* GIO's TLS asks for the default database before it uses the session's: without this it would
   * read all authorities of the system, megabytes that are never given back. */
  g_tls_backend_set_default_database (g_tls_backend_get_default (), G_TLS_DATABASE (call->trust));
  call->session = soup_session_new_with_options ("proxy-resolver", NULL, "tls-database",
                                                 call->trust, "max-conns", 1, NULL);
  soup_session_send_async (call->session, call->message, G_PRIORITY_DEFAULT,
                           funnel_expiry_get (call->expiry), send_cb, task);
}

FunnelPinnedAnswer *
funnel_pinned_call_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_pinned_call_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
