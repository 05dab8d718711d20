/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/acme-calls.h"

#include "daemon/cert/acme-certificate.h"

#include <glib/gi18n.h>
#include <libsoup/soup.h>
#include <string.h>

#define ASK_AGAIN_S (6 * 3600) /* RFC 9773 section 4.3.2, when the CA does not say */
#define ASK_FIRST_S 60
#define ASK_LAST_S (24 * 3600)
#define CERTIFICATE_ID_MAX 256

typedef struct
{
  const FunnelAcmeParty *party;
  FunnelAcmeTalk *talk;
  char *certificate_id;
  char *leaf; /* base64url of DER */
  FunnelAcmeReason reason;
} Call;

static void
call_free (Call *call)
{
  funnel_acme_talk_free (call->talk);
  g_free (call->certificate_id);
  g_free (call->leaf);
  g_free (call);
}

static GTask *
start (const FunnelAcmeParty *party,
       gpointer tag,
       GCancellable *cancellable,
       GAsyncReadyCallback callback,
       gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Call *call = g_new0 (Call, 1);

  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, call, (GDestroyNotify)call_free);
  call->party = party;
  call->talk = funnel_acme_talk_new (party);
  return task;
}

static void post_revocation (GTask *task);

static void
registered_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;

  if (!funnel_acme_talk_register_finish (result, &error))
    g_task_return_error (task, error);
  else if (call->leaf != NULL)
    post_revocation (task);
  else
    g_task_return_pointer (task, g_strdup (funnel_acme_talk_get_account_url (call->talk)), g_free);
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;

  if (funnel_acme_talk_open_finish (result, &error))
    funnel_acme_talk_register_async (call->talk, g_task_get_cancellable (task), registered_cb,
                                     g_object_ref (task));
  else
    g_task_return_error (task, error);
}

void
funnel_acme_account_async (const FunnelAcmeParty *party,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  GTask *task = start (party, funnel_acme_account_async, cancellable, callback, user_data);
  Call *call = g_task_get_task_data (task);

  funnel_acme_talk_open_async (call->talk, cancellable, opened_cb, task);
}

char *
funnel_acme_account_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_acme_account_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static gint64
choose_retry (gint64 retry_at)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  return retry_at != 0 ? CLAMP (retry_at, now + ASK_FIRST_S, now + ASK_LAST_S) : now + ASK_AGAIN_S;
}

static void
return_renewal (GTask *task, FunnelAcmeRenewal renewal)
{
  renewal.retry_at = choose_retry (renewal.retry_at);
  g_task_return_pointer (task, g_memdup2 (&renewal, sizeof renewal), g_free);
}

static void
window_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_transport_send_finish (result, &error);
  FunnelAcmeRenewal renewal = {FALSE};
  const char *text;
  gsize len;

  if (reply != NULL && (reply->status == 404 || reply->status == 410 || reply->status == 400))
    {
      /* The CA knows nothing of this certificate: it may be another CA's. */
      renewal.retry_at = funnel_acme_reply_get_retry (reply);
      return_renewal (task, renewal);
      return;
    }
  if (reply == NULL || !funnel_acme_reply_check (reply, "json", &error))
    {
      g_task_return_error (task, error);
      return;
    }
  text = funnel_acme_reply_get_text (reply, &len);
  renewal.offered = funnel_acme_window_parse (text, len, &renewal.begin, &renewal.end, &error);
  renewal.retry_at = funnel_acme_reply_get_retry (reply);
  if (renewal.offered)
    return_renewal (task, renewal);
  else
    {
      g_prefix_error (&error, N_ ("%s: renewal information: "), reply->host);
      g_task_return_error (task, error);
    }
}

static void
renewal_opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;
  FunnelAcmeRenewal renewal = {FALSE};
  const char *base;
  g_autofree char *url = NULL;

  if (!funnel_acme_talk_open_finish (result, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  base = funnel_acme_talk_get_directory (call->talk)->renewal_info;
  if (base == NULL)
    {
      renewal.retry_at = g_get_real_time () / G_USEC_PER_SEC + ASK_LAST_S;
      return_renewal (task, renewal);
      return;
    }
  url = g_strconcat (base, g_str_has_suffix (base, "/") ? "" : "/", call->certificate_id, NULL);
  funnel_acme_transport_send_async (call->party->transport, SOUP_METHOD_GET, url, NULL,
                                    "application/json", g_task_get_cancellable (task), window_cb,
                                    g_object_ref (task));
}

static gboolean
is_certificate_id (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ".", 3);

  return g_strv_length (parts) == 2 && funnel_acme_is_base64url (parts[0], CERTIFICATE_ID_MAX)
         && funnel_acme_is_base64url (parts[1], CERTIFICATE_ID_MAX);
}

void
funnel_acme_renewal_async (const FunnelAcmeParty *party,
                           const char *certificate_id,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  GTask *task = start (party, funnel_acme_renewal_async, cancellable, callback, user_data);
  Call *call = g_task_get_task_data (task);

  call->certificate_id = g_strdup (certificate_id);
  if (is_certificate_id (certificate_id))
    {
      funnel_acme_talk_open_async (call->talk, cancellable, renewal_opened_cb, task);
      return;
    }
  g_task_return_new_error (task, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CERTIFICATE,
                           "“%.40s” is no certificate identifier", certificate_id);
  g_object_unref (task);
}

gboolean
funnel_acme_renewal_finish (GAsyncResult *result, FunnelAcmeRenewal *renewal, GError **error)
{
  g_autofree FunnelAcmeRenewal *told = NULL;

  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_acme_renewal_async), FALSE);
  told = g_task_propagate_pointer (G_TASK (result), error);
  if (told == NULL)
    return FALSE;
  *renewal = *told;
  return TRUE;
}

static void
revoked_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_talk_post_finish (result, &error);

  if (reply == NULL && g_strcmp0 (funnel_acme_error_get_problem (error), "alreadyRevoked") != 0)
    {
      g_task_return_error (task, error);
      return;
    }
  g_clear_error (&error);
  g_task_return_boolean (task, TRUE);
}

static void
post_revocation (GTask *task)
{
  Call *call = g_task_get_task_data (task);
  g_autofree char *payload
      = g_strdup_printf ("{\"certificate\":\"%s\",\"reason\":%d}", call->leaf, (int)call->reason);
  const char *url = funnel_acme_talk_get_directory (call->talk)->revoke_cert;

  if (url != NULL)
    funnel_acme_talk_post_async (call->talk, url, payload, "", g_task_get_cancellable (task),
                                 revoked_cb, g_object_ref (task));
  else
    g_task_return_new_error (task, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_REFUSED,
                             N_ ("%s does not revoke over ACME"),
                             funnel_acme_talk_get_host (call->talk));
}

void
funnel_acme_revoke_async (const FunnelAcmeParty *party,
                          const char *chain,
                          FunnelAcmeReason reason,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  GTask *task = start (party, funnel_acme_revoke_async, cancellable, callback, user_data);
  Call *call = g_task_get_task_data (task);

  call->reason = reason;
  call->leaf = funnel_acme_certificate_leaf (chain);
  if (call->leaf != NULL)
    {
      funnel_acme_talk_open_async (call->talk, cancellable, opened_cb, task);
      return;
    }
  g_task_return_new_error (task, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CERTIFICATE,
                           N_ ("there is no certificate to revoke in that text"));
  g_object_unref (task);
}

gboolean
funnel_acme_revoke_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_acme_revoke_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
