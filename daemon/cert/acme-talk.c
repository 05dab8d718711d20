/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/acme-talk.h"

#include "daemon/cert/acme-client.h"
#include "lib/base/json-read.h"

#include <glib/gi18n.h>
#include <libsoup/soup.h>
#include <string.h>

struct _FunnelAcmeTalk
{
  const FunnelAcmeParty *party;
  char *host;
  FunnelAcmeDirectory *directory;
  char *account_url;
  char *nonce; /* unused yet; NULL: ask for one */
};

/* One request until it is answered for good. */
typedef struct
{
  FunnelAcmeTalk *talk;
  char *url;
  char *payload;
  char *type;
  gboolean with_key; /* signed with the public key itself in place of the account URL */
  gboolean registered_again;
  guint nonces;
} Post;

static void
post_free (Post *post)
{
  g_free (post->url);
  g_free (post->payload);
  g_free (post->type);
  g_free (post);
}

static void
keep_nonce (FunnelAcmeTalk *self, const FunnelAcmeReply *reply)
{
  g_free (self->nonce);
  self->nonce = g_strdup (reply->nonce);
}

static void post_step (GTask *task);

static void
nonce_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Post *post = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_transport_send_finish (result, &error);

  if (reply != NULL && funnel_acme_reply_check (reply, "", &error))
    keep_nonce (post->talk, reply);
  if (error != NULL)
    g_task_return_error (task, error);
  else if (post->talk->nonce == NULL)
    g_task_return_new_error (task, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL,
                             N_ ("%s gave no usable nonce"), reply->host);
  else
    post_step (task);
}

static void
again_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (funnel_acme_talk_register_finish (result, &error))
    post_step (task);
  else
    g_task_return_error (task, error);
}

static void
posted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Post *post = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_transport_send_finish (result, &error);

  if (reply == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  keep_nonce (post->talk, reply);
  if (funnel_acme_reply_is_problem (reply, "badNonce") && post->nonces < FUNNEL_ACME_NONCES_MAX)
    post_step (task);
  else if (funnel_acme_reply_is_problem (reply, "accountDoesNotExist") && !post->with_key
           && !post->registered_again)
    {
      post->registered_again = TRUE;
      funnel_acme_talk_register_async (post->talk, g_task_get_cancellable (task), again_cb,
                                       g_object_ref (task));
    }
  else if (funnel_acme_reply_check (reply, post->type, &error))
    g_task_return_pointer (task, g_steal_pointer (&reply), (GDestroyNotify)funnel_acme_reply_free);
  else
    g_task_return_error (task, error);
}

/* Gets a nonce if there is none, or uses it up. */
static void
post_step (GTask *task)
{
  Post *post = g_task_get_task_data (task);
  FunnelAcmeTalk *talk = post->talk;
  GCancellable *cancellable = g_task_get_cancellable (task);
  g_autofree char *nonce = NULL, *body = NULL;
  GError *error = NULL;

  if (talk->nonce == NULL)
    {
      funnel_acme_transport_send_async (talk->party->transport, SOUP_METHOD_HEAD,
                                        talk->directory->new_nonce, NULL, NULL, cancellable,
                                        nonce_cb, g_object_ref (task));
      return;
    }
  nonce = g_steal_pointer (&talk->nonce);
  post->nonces++;
  body = funnel_acme_jws_sign (talk->party->key, post->with_key ? NULL : talk->account_url, nonce,
                               post->url, post->payload, &error);
  if (body == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  funnel_acme_transport_send_async (talk->party->transport, SOUP_METHOD_POST, post->url, body,
                                    strcmp (post->type, "json") == 0
                                        ? "application/json"
                                        : "application/pem-certificate-chain, */*;q=0.1",
                                    cancellable, posted_cb, g_object_ref (task));
}

static void
start_post (FunnelAcmeTalk *self,
            gboolean with_key,
            const char *url,
            const char *payload,
            const char *type,
            GCancellable *cancellable,
            GAsyncReadyCallback callback,
            gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Post *post = g_new0 (Post, 1);

  g_task_set_source_tag (task, funnel_acme_talk_post_async);
  g_task_set_task_data (task, post, (GDestroyNotify)post_free);
  post->talk = self;
  post->with_key = with_key;
  post->url = g_strdup (url);
  post->payload = g_strdup (payload);
  post->type = g_strdup (type);
  post_step (task);
}

void
funnel_acme_talk_post_async (FunnelAcmeTalk *self,
                             const char *url,
                             const char *payload,
                             const char *type,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  start_post (self, FALSE, url, payload, type, cancellable, callback, user_data);
}

FunnelAcmeReply *
funnel_acme_talk_post_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_acme_talk_post_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* The CA's clock against ours: renewal is all about time. */
static gboolean
check_clock (const FunnelAcmeReply *reply, GError **error)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (GDateTime) ours = g_date_time_new_from_unix_utc (now);
  g_autoptr (GDateTime) theirs = g_date_time_new_from_unix_utc (reply->date);
  g_autofree char *ours_text = NULL, *theirs_text = NULL;

  if (reply->date == 0 || theirs == NULL || ABS (reply->date - now) <= FUNNEL_ACME_CLOCK_MAX_S)
    return TRUE;
  ours_text = g_date_time_format (ours, "%Y-%m-%d %H:%M UTC");
  theirs_text = g_date_time_format (theirs, "%Y-%m-%d %H:%M UTC");
  g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CLOCK,
               N_ ("this machine's clock says %s, %s says %s; set the clock"), ours_text,
               reply->host, theirs_text);
  return FALSE;
}

static void
directory_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelAcmeTalk *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_transport_send_finish (result, &error);
  const char *text;
  gsize len;

  if (reply == NULL || !funnel_acme_reply_check (reply, "json", &error))
    {
      g_task_return_error (task, error);
      return;
    }
  text = funnel_acme_reply_get_text (reply, &len);
  self->directory = funnel_acme_directory_parse (text, len, &error);
  if (self->directory == NULL)
    {
      g_prefix_error (&error, N_ ("%s is no ACME directory: "), self->party->directory);
      g_task_return_error (task, error);
    }
  else if (!check_clock (reply, &error))
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

void
funnel_acme_talk_open_async (FunnelAcmeTalk *self,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, funnel_acme_talk_open_async);
  g_task_set_task_data (task, self, NULL);
  funnel_acme_transport_send_async (self->party->transport, SOUP_METHOD_GET, self->party->directory,
                                    NULL, "application/json", cancellable, directory_cb, task);
}

gboolean
funnel_acme_talk_open_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_acme_talk_open_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* An external account key may be good for one registration only: so an account is looked for
 * first, without it. */
static gboolean
is_bound (FunnelAcmeTalk *self)
{
  return self->directory->binding_required || self->party->eab_kid != NULL;
}

static char *
make_account_payload (FunnelAcmeTalk *self, GError **error)
{
  const FunnelAcmeParty *party = self->party;
  JsonObject *payload = json_object_new ();

  json_object_set_boolean_member (payload, "termsOfServiceAgreed", TRUE);
  if (party->contact != NULL)
    {
      JsonArray *contact = json_array_new ();

      json_array_add_string_element (contact, party->contact);
      json_object_set_array_member (payload, "contact", contact);
    }
  if (party->eab_kid != NULL)
    {
      g_autofree char *binding = funnel_acme_jws_bind (party->key, party->eab_kid, party->eab_key,
                                                       self->directory->new_account, error);

      if (binding == NULL)
        {
          json_object_unref (payload);
          return NULL;
        }
      json_object_set_object_member (payload, "externalAccountBinding",
                                     funnel_json_parse_object (binding, strlen (binding), NULL));
    }
  return funnel_json_print_object (payload);
}

static gboolean
take_account (FunnelAcmeTalk *self, const FunnelAcmeReply *reply, GError **error)
{
  FunnelAcmeStatus status = FUNNEL_ACME_STATUS_INVALID;
  const char *text;
  gsize len;

  text = funnel_acme_reply_get_text (reply, &len);
  if (!funnel_acme_account_parse (text, len, &status, error))
    {
      g_prefix_error (error, "%s: account: ", reply->host);
      return FALSE;
    }
  if (status != FUNNEL_ACME_STATUS_VALID)
    {
      g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_ACCOUNT,
                   N_ ("%s: the account is %s; a new account key is needed"), reply->host,
                   funnel_acme_status_text (status));
      return FALSE;
    }
  if (reply->location == NULL)
    {
      g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL,
                   N_ ("%s did not tell the account's URL"), reply->host);
      return FALSE;
    }
  g_free (self->account_url);
  self->account_url = g_strdup (reply->location);
  return TRUE;
}

static void
return_account_error (GTask *task, GError *error)
{
  FunnelAcmeTalk *self = g_task_get_task_data (task);

  /* Whatever a CA calls the refusal of an account, it is that. */
  if (g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_REFUSED))
    error->code = FUNNEL_ACME_ERROR_ACCOUNT;
  if (self->party->eab_kid != NULL
      && g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_ACCOUNT))
    g_prefix_error (&error, N_ ("the account (with external account binding) was refused by "));
  g_task_return_error (task, error);
}

static void
account_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelAcmeTalk *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_talk_post_finish (result, &error);

  if (reply == NULL)
    return_account_error (task, error);
  else if (take_account (self, reply, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
make_account (GTask *task)
{
  FunnelAcmeTalk *self = g_task_get_task_data (task);
  g_autofree char *payload = NULL;
  GError *error = NULL;

  if (self->directory->binding_required && self->party->eab_kid == NULL)
    {
      g_task_return_new_error (task, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_ACCOUNT,
                               N_ ("%s gives certificates to its customers only: get an external "
                                   "account binding (key id and key) there, and set it"),
                               self->host);
      return;
    }
  payload = make_account_payload (self, &error);
  if (payload == NULL)
    g_task_return_error (task, error);
  else
    start_post (self, TRUE, self->directory->new_account, payload, "json",
                g_task_get_cancellable (task), account_cb, g_object_ref (task));
}

/* RFC 8555 section 7.3.1 wants accountDoesNotExist; some CAs have other words. */
static gboolean
is_unknown (const GError *error)
{
  return g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_ACCOUNT)
         || g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_REFUSED);
}

static void
lookup_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelAcmeTalk *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_talk_post_finish (result, &error);

  if (reply == NULL && is_unknown (error))
    {
      g_clear_error (&error);
      make_account (task);
    }
  else if (reply == NULL)
    return_account_error (task, error);
  else if (take_account (self, reply, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
funnel_acme_talk_register_async (FunnelAcmeTalk *self,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, funnel_acme_talk_register_async);
  g_task_set_task_data (task, self, NULL);
  if (is_bound (self))
    start_post (self, TRUE, self->directory->new_account, "{\"onlyReturnExisting\":true}", "json",
                cancellable, lookup_cb, g_object_ref (task));
  else
    make_account (task);
}

gboolean
funnel_acme_talk_register_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_acme_talk_register_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

FunnelAcmeTalk *
funnel_acme_talk_new (const FunnelAcmeParty *party)
{
  FunnelAcmeTalk *self = g_new0 (FunnelAcmeTalk, 1);
  g_autoptr (GUri) uri = g_uri_parse (party->directory, SOUP_HTTP_URI_FLAGS, NULL);

  self->party = party;
  self->host = g_strdup (uri != NULL ? g_uri_get_host (uri) : party->directory);
  return self;
}

void
funnel_acme_talk_free (FunnelAcmeTalk *self)
{
  g_clear_pointer (&self->directory, funnel_acme_directory_free);
  g_free (self->host);
  g_free (self->account_url);
  g_free (self->nonce);
  g_free (self);
}

const FunnelAcmeDirectory *
funnel_acme_talk_get_directory (FunnelAcmeTalk *self)
{
  return self->directory;
}

const char *
funnel_acme_talk_get_account_url (FunnelAcmeTalk *self)
{
  return self->account_url;
}

const char *
funnel_acme_talk_get_host (FunnelAcmeTalk *self)
{
  return self->host;
}
