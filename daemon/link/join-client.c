/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/link/join-client.h"

#include "lib/base/expiry.h"
#include "daemon/link/pinned-database.h"
#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/base/names.h"

#include <libsoup/soup.h>
#include <string.h>

#define DEADLINE_MS 15000

typedef struct
{
  SoupSession *session;
  SoupMessage *message;
  GInputStream *body;
  FunnelExpiry *expiry;
  char *endpoint; /* for messages */
  FunnelPinnedDatabase *trust;
  char answer[FUNNEL_JOIN_ANSWER_MAX + 1];
} Join;

static void
join_free (Join *join)
{
  g_tls_backend_set_default_database (g_tls_backend_get_default (), NULL);
  g_clear_object (&join->body);
  g_clear_object (&join->message);
  g_clear_object (&join->session);
  g_clear_object (&join->trust);
  funnel_expiry_free (join->expiry);
  g_free (join->endpoint);
  g_free (join);
}

static void
return_failure (GTask *task, const GError *cause)
{
  Join *join = g_task_get_task_data (task);

  if (g_task_return_error_if_cancelled (task))
    return;
  if (funnel_pinned_database_has_refused (join->trust))
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNTRUSTED,
                             "%s shows another key than the token's: either somebody else answers "
                             "there, or the ingress was set up anew; ask for a new token",
                             join->endpoint);
  else if (funnel_expiry_has_passed (join->expiry))
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                             "%s did not answer within %d seconds; check that the ingress runs and "
                             "that its TCP port is open",
                             join->endpoint, DEADLINE_MS / 1000);
  else
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                             "cannot reach the ingress at %s: %s", join->endpoint, cause->message);
}

static void
read_all_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Join *join = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  FunnelJoinAnswer *answer = NULL;
  gsize len = 0;

  if (!g_input_stream_read_all_finish (G_INPUT_STREAM (source), result, &len, &error))
    {
      return_failure (task, error);
      return;
    }
  if (soup_message_get_status (join->message) != SOUP_STATUS_OK)
    {
      g_task_return_error (task, funnel_join_error_parse (join->answer, len));
      return;
    }
  answer = funnel_join_answer_parse (join->answer, len, &error);
  if (answer == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, answer, (GDestroyNotify)funnel_join_answer_free);
}

static void
send_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Join *join = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  join->body = soup_session_send_finish (SOUP_SESSION (source), result, &error);
  if (join->body == NULL)
    {
      return_failure (task, error);
      return;
    }
  g_input_stream_read_all_async (join->body, join->answer, sizeof join->answer, G_PRIORITY_DEFAULT,
                                 funnel_expiry_get (join->expiry), read_all_cb,
                                 g_steal_pointer (&task));
}

static SoupMessage *
make_message (const FunnelToken *token, const char *public_key)
{
  FunnelJoinRequest request
      = {.public_key = (char *)public_key, .software = (char *)"funnel/" FUNNEL_VERSION};
  g_autoptr (GUri) uri = g_uri_build (G_URI_FLAGS_NONE, "https", NULL, token->host, token->port,
                                      FUNNEL_JOIN_PATH, NULL, NULL);
  SoupMessage *message = soup_message_new_from_uri (SOUP_METHOD_POST, uri);
  g_autoptr (GBytes) body = NULL;
  char *text = NULL;

  if (message == NULL)
    return NULL;
  memcpy (request.secret, token->secret, sizeof request.secret);
  text = funnel_join_request_print (&request);
  explicit_bzero (request.secret, sizeof request.secret);
  body = g_bytes_new_with_free_func (text, strlen (text), (GDestroyNotify)funnel_secret_free, text);
  soup_message_set_request_body_from_bytes (message, "application/json", body);
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_NEW_CONNECTION);
  return message;
}

void
funnel_join_async (const FunnelToken *token,
                   const char *public_key,
                   GCancellable *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Join *join = g_new0 (Join, 1);

  g_task_set_source_tag (task, funnel_join_async);
  g_task_set_task_data (task, join, (GDestroyNotify)join_free);
  join->trust = funnel_pinned_database_new (token->key_hash);
  join->endpoint = funnel_endpoint_join (token->host, token->port);
  join->expiry = funnel_expiry_new (cancellable, DEADLINE_MS);
  join->message = make_message (token, public_key);
  if (join->message == NULL)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_INVALID,
                               "the token names no usable host: \"%s\"", token->host);
      g_object_unref (task);
      return;
    }
  /* GIO's TLS asks for the default database before it uses the session's: without this it would
   * read all authorities of the system, megabytes that are never given back. */
  g_tls_backend_set_default_database (g_tls_backend_get_default (), G_TLS_DATABASE (join->trust));
  join->session = soup_session_new_with_options ("proxy-resolver", NULL, "tls-database",
                                                 join->trust, "max-conns", 1, NULL);
  soup_session_send_async (join->session, join->message, G_PRIORITY_DEFAULT,
                           funnel_expiry_get (join->expiry), send_cb, task);
}

FunnelJoinAnswer *
funnel_join_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_join_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
