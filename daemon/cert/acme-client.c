/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/acme-client.h"

#include "daemon/cert/acme-calls.h"
#include "daemon/cert/acme-order.h"
#include "lib/base/token.h"

#include <string.h>

#define REQUEST_MS (30 * 1000)
#define ORDER_MS (10 * 60 * 1000)
#define SETTING_MAX 1024 /* bytes */

struct _FunnelAcmeClient
{
  GObject parent_instance;
  FunnelAcmeParty party;
  char *account_url;
};

G_DEFINE_FINAL_TYPE (FunnelAcmeClient, funnel_acme_client, G_TYPE_OBJECT)

static void
funnel_acme_client_finalize (GObject *object)
{
  FunnelAcmeClient *self = FUNNEL_ACME_CLIENT (object);

  g_free (self->party.directory);
  g_free (self->party.contact);
  g_free (self->party.eab_kid);
  funnel_secret_free (self->party.eab_key);
  g_free (self->party.profile);
  g_clear_pointer (&self->party.key, funnel_acme_key_free);
  g_clear_pointer (&self->party.transport, funnel_acme_transport_free);
  g_free (self->account_url);
  G_OBJECT_CLASS (funnel_acme_client_parent_class)->finalize (object);
}

static void
funnel_acme_client_class_init (FunnelAcmeClientClass *class)
{
  G_OBJECT_CLASS (class)->finalize = funnel_acme_client_finalize;
}

static void
funnel_acme_client_init (FunnelAcmeClient *self)
{
}

static gboolean
refuse (GError **error, const char *what)
{
  g_set_error_literal (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CONFIGURATION, what);
  return FALSE;
}

/* NULL, or printable without spaces: fit for a JSON member and for a message. */
static gboolean
is_word (const char *text)
{
  if (text == NULL)
    return TRUE;
  for (const char *p = text; *p != '\0'; p++)
    if (!g_ascii_isgraph (*p))
      return FALSE;
  return *text != '\0' && strlen (text) <= SETTING_MAX;
}

static gboolean
check (const FunnelAcmeSettings *settings, GError **error)
{
  g_autoptr (GBytes) secret = NULL;

  if (settings->directory == NULL || !funnel_acme_url_is_sound (settings->directory))
    return refuse (error, "the directory of the CA must be an https URL");
  if (settings->account_key == NULL)
    return refuse (error, "the account key is missing");
  if (!is_word (settings->contact)
      || (settings->contact != NULL && strchr (settings->contact, '@') == NULL))
    return refuse (error, "the contact must be an e-mail address");
  if (!is_word (settings->profile))
    return refuse (error, "the profile must be one word");
  if ((settings->eab_kid == NULL) != (settings->eab_key == NULL))
    return refuse (error, "an external account binding needs both a key id and a key");
  if (!is_word (settings->eab_kid))
    return refuse (error, "the key id of the external account binding must be one word");
  if (settings->eab_key != NULL)
    secret = funnel_acme_base64url_decode (settings->eab_key);
  if (settings->eab_key != NULL && secret == NULL)
    return refuse (error, "the key of the external account binding is not base64url; copy it as "
                          "the CA shows it");
  return TRUE;
}

FunnelAcmeClient *
funnel_acme_client_new (const FunnelAcmeSettings *settings, GError **error)
{
  g_autoptr (FunnelAcmeClient) self = NULL;
  FunnelAcmeParty *party;

  if (!check (settings, error))
    return NULL;
  self = g_object_new (FUNNEL_TYPE_ACME_CLIENT, NULL);
  party = &self->party;
  party->directory = g_strdup (settings->directory);
  if (settings->contact != NULL)
    party->contact = g_str_has_prefix (settings->contact, "mailto:")
                         ? g_strdup (settings->contact)
                         : g_strconcat ("mailto:", settings->contact, NULL);
  party->eab_kid = g_strdup (settings->eab_kid);
  party->eab_key = g_strdup (settings->eab_key);
  party->profile = g_strdup (settings->profile);
  party->order_ms = settings->order_ms != 0 ? settings->order_ms : ORDER_MS;
  party->key = funnel_acme_key_new_from_pem (settings->account_key, error);
  if (party->key == NULL)
    return NULL;
  party->transport = funnel_acme_transport_new (
      settings->ca_file, settings->request_ms != 0 ? settings->request_ms : REQUEST_MS, error);
  return party->transport != NULL ? g_steal_pointer (&self) : NULL;
}

const char *
funnel_acme_client_get_directory (FunnelAcmeClient *self)
{
  return self->party.directory;
}

const char *
funnel_acme_client_get_account_url (FunnelAcmeClient *self)
{
  return self->account_url;
}

/* The calls of the room know the party only; a task of the client's own keeps the client. */
static GTask *
start (FunnelAcmeClient *self,
       gpointer tag,
       GCancellable *cancellable,
       GAsyncReadyCallback callback,
       gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  g_task_set_check_cancellable (task, FALSE); /* the inner task has decided */
  return task;
}

static void
account_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelAcmeClient *self = g_task_get_source_object (task);
  GError *error = NULL;
  char *url = funnel_acme_account_finish (result, &error);

  if (url == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_free (self->account_url);
  self->account_url = g_strdup (url);
  g_task_return_pointer (task, url, g_free);
}

void
funnel_acme_client_find_account_async (FunnelAcmeClient *self,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer user_data)
{
  GTask *task
      = start (self, funnel_acme_client_find_account_async, cancellable, callback, user_data);

  funnel_acme_account_async (&self->party, cancellable, account_cb, task);
}

char *
funnel_acme_client_find_account_finish (FunnelAcmeClient *self,
                                        GAsyncResult *result,
                                        GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
order_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelAcmeClient *self = g_task_get_source_object (task);
  GError *error = NULL;
  FunnelAcmeIssued *issued = funnel_acme_order_finish (result, &error);

  if (issued == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_free (self->account_url);
  self->account_url = g_strdup (issued->account_url);
  g_task_return_pointer (task, issued, (GDestroyNotify)funnel_acme_issued_free);
}

void
funnel_acme_client_order_async (FunnelAcmeClient *self,
                                const char *name,
                                const char *replaces,
                                const FunnelAcmeChallenges *challenges,
                                FunnelAcmeProgress progress,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
  GTask *task = start (self, funnel_acme_client_order_async, cancellable, callback, user_data);

  funnel_acme_order_async (&self->party, name, replaces, challenges, progress, user_data,
                           cancellable, order_cb, task);
}

FunnelAcmeIssued *
funnel_acme_client_order_finish (FunnelAcmeClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
renewal_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelAcmeRenewal renewal;
  GError *error = NULL;

  if (funnel_acme_renewal_finish (result, &renewal, &error))
    g_task_return_pointer (task, g_memdup2 (&renewal, sizeof renewal), g_free);
  else
    g_task_return_error (task, error);
}

void
funnel_acme_client_renewal_info_async (FunnelAcmeClient *self,
                                       const char *certificate_id,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer user_data)
{
  GTask *task
      = start (self, funnel_acme_client_renewal_info_async, cancellable, callback, user_data);

  funnel_acme_renewal_async (&self->party, certificate_id, cancellable, renewal_cb, task);
}

gboolean
funnel_acme_client_renewal_info_finish (FunnelAcmeClient *self,
                                        GAsyncResult *result,
                                        FunnelAcmeRenewal *renewal,
                                        GError **error)
{
  g_autofree FunnelAcmeRenewal *told = NULL;

  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  told = g_task_propagate_pointer (G_TASK (result), error);
  if (told != NULL)
    *renewal = *told;
  return told != NULL;
}

static void
revoke_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (funnel_acme_revoke_finish (result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
funnel_acme_client_revoke_async (FunnelAcmeClient *self,
                                 const char *chain,
                                 FunnelAcmeReason reason,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data)
{
  GTask *task = start (self, funnel_acme_client_revoke_async, cancellable, callback, user_data);

  funnel_acme_revoke_async (&self->party, chain, reason, cancellable, revoke_cb, task);
}

gboolean
funnel_acme_client_revoke_finish (FunnelAcmeClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
