/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/link/join-client.h"

#include "daemon/link/pinned-call.h"
#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/base/names.h"

#include <glib/gi18n.h>
#include <libsoup/soup.h>
#include <string.h>

#define DEADLINE_MS 15000

static GBytes *
make_body (const FunnelToken *token, const char *public_key)
{
  FunnelJoinRequest request
      = {.public_key = (char *)public_key, .software = (char *)"funnel/" FUNNEL_VERSION};
  char *text = NULL;

  memcpy (request.secret, token->secret, sizeof request.secret);
  text = funnel_join_request_print (&request);
  explicit_bzero (request.secret, sizeof request.secret);
  return g_bytes_new_with_free_func (text, strlen (text), (GDestroyNotify)funnel_secret_free, text);
}

/* In the words of who has typed a token; @error is taken. */
static void
return_failure (GTask *task, GError *error)
{
  const char *endpoint = g_task_get_task_data (task);

  if (g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_UNTRUSTED))
    g_task_return_new_error (
        task, FUNNEL_ERROR, FUNNEL_ERROR_UNTRUSTED,
        N_ ("%s shows another key than the token's: either somebody else answers "
            "there, or the ingress was set up anew; ask for a new token"),
        endpoint);
  else if (g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT))
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_INVALID,
                             N_ ("the token names no usable host: %s"), endpoint);
  else
    {
      g_task_return_error (task, error);
      return;
    }
  g_error_free (error);
}

static void
call_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (FunnelPinnedAnswer) raw = funnel_pinned_call_finish (result, &error);
  FunnelJoinAnswer *answer = NULL;

  if (raw == NULL)
    {
      return_failure (task, error);
      return;
    }
  if (raw->status != SOUP_STATUS_OK)
    {
      g_task_return_error (task, funnel_join_error_parse (raw->body, raw->len));
      return;
    }
  answer = funnel_join_answer_parse (raw->body, raw->len, &error);
  if (answer == NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, answer, (GDestroyNotify)funnel_join_answer_free);
}

void
funnel_join_async (const FunnelToken *token,
                   const char *public_key,
                   GCancellable *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GBytes) body = make_body (token, public_key);

  g_task_set_source_tag (task, funnel_join_async);
  g_task_set_task_data (task, funnel_endpoint_join (token->host, token->port), g_free);
  funnel_pinned_call_async (token->host, token->port, FUNNEL_JOIN_PATH, token->key_hash, body,
                            DEADLINE_MS, cancellable, call_cb, task);
}

FunnelJoinAnswer *
funnel_join_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_join_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
