/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/link/ingress-question.h"

#include "daemon/link/pinned-call.h"
#include "lib/base/error.h"
#include "lib/base/names.h"

#include <glib/gi18n.h>
#include <libsoup/soup.h>
#include <string.h>

/* Nothing has the hash that is left when @text is none: an answer is then not believed. */
static gboolean
read_hash (const char *text, guint8 hash[FUNNEL_KEY_HASH_LEN])
{
  memset (hash, 0, FUNNEL_KEY_HASH_LEN);
  if (text == NULL || strlen (text) != (gsize)FUNNEL_KEY_HASH_LEN * 2)
    return FALSE;
  for (guint i = 0; i < FUNNEL_KEY_HASH_LEN; i++)
    hash[i] = (guint8)(g_ascii_xdigit_value (text[2 * i]) << 4
                       | g_ascii_xdigit_value (text[2 * i + 1]));
  return TRUE;
}

static void
call_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  gboolean pinned = GPOINTER_TO_INT (g_task_get_task_data (task));
  GError *error = NULL;
  g_autoptr (FunnelPinnedAnswer) raw = funnel_pinned_call_finish (result, &error);
  FunnelKnownAnswer *answer = NULL;

  if (raw == NULL)
    {
      if (!pinned && g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_UNTRUSTED))
        error->code = FUNNEL_ERROR_PROTOCOL;
      g_task_return_error (task, error);
      return;
    }
  if (raw->status != SOUP_STATUS_OK)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL, N_ ("HTTP status %u"),
                               raw->status);
      return;
    }
  answer = funnel_known_answer_parse (raw->body, raw->len, &error);
  if (answer == NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, answer, (GDestroyNotify)funnel_known_answer_free);
}

void
funnel_ingress_question_async (const char *host,
                               guint16 port,
                               const char *key_hash,
                               const char *public_key,
                               guint milliseconds,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  guint8 hash[FUNNEL_KEY_HASH_LEN];
  char *text = funnel_known_request_print (public_key);
  g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));

  g_task_set_source_tag (task, funnel_ingress_question_async);
  g_task_set_task_data (task, GINT_TO_POINTER (read_hash (key_hash, hash)), NULL);
  funnel_pinned_call_async (host, port, FUNNEL_KNOWN_PATH, hash, body, milliseconds, cancellable,
                            call_cb, task);
}

FunnelKnownAnswer *
funnel_ingress_question_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_ingress_question_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
