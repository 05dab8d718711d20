/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/acme-order.h"

#include "daemon/cert/acme-certificate.h"
#include "lib/base/expiry.h"
#include "lib/base/json-read.h"
#include "lib/base/token.h"

#include <glib/gi18n.h>
#include <string.h>

#define POLL_FIRST_MS 50
#define POLL_LAST_MS 5000
#define RETRIES_MAX 5
#define RETRY_FIRST_MS 250

static const char *const step_texts[] = {
    "directory", "account", "order", "publish", "validate", "finalize", "download",
};

G_STATIC_ASSERT (G_N_ELEMENTS (step_texts) == FUNNEL_ACME_STEPS);

typedef struct
{
  const FunnelAcmeParty *party;
  FunnelAcmeTalk *talk;
  char *name;
  char *replaces; /* NULL: not, or not any more */
  FunnelAcmeChallenges challenges;
  FunnelAcmeProgress progress;
  gpointer user_data;
  FunnelExpiry *expiry;
  FunnelAcmeStep step;
  FunnelAcmeOrder *order;
  char *order_url;
  guint next_authorization;
  FunnelAcmeAuthorization *authorization; /* being worked on */
  gboolean published;                     /* to be withdrawn */
  gboolean finalized;                     /* the CA has our signing request */
  gnutls_x509_privkey_t key; /* NULL: nothing was sent yet that could make the CA issue */
  guint retries;
  guint poll_ms;   /* the next wait between two polls */
  gint64 deadline; /* monotonic microseconds */
} Work;

const char *
funnel_acme_step_text (FunnelAcmeStep step)
{
  return (guint)step < FUNNEL_ACME_STEPS ? step_texts[step] : "unknown";
}

void
funnel_acme_issued_free (FunnelAcmeIssued *issued)
{
  g_free (issued->chain);
  funnel_secret_free (issued->key);
  g_free (issued->order_url);
  g_free (issued->account_url);
  g_free (issued->certificate_id);
  g_free (issued);
}

static void
work_free (Work *work)
{
  g_clear_pointer (&work->talk, funnel_acme_talk_free);
  g_clear_pointer (&work->order, funnel_acme_order_free);
  g_clear_pointer (&work->authorization, funnel_acme_authorization_free);
  g_clear_pointer (&work->key, gnutls_x509_privkey_deinit);
  funnel_expiry_free (work->expiry);
  g_free (work->name);
  g_free (work->replaces);
  g_free (work->order_url);
  g_free (work);
}

static const char *
get_host (Work *work)
{
  return funnel_acme_talk_get_host (work->talk);
}

static GCancellable *
get_cancellable (Work *work)
{
  return funnel_expiry_get (work->expiry);
}

static void G_GNUC_PRINTF (3, 4) tell (Work *work, FunnelAcmeStep step, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  work->step = step;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (work->progress != NULL)
    work->progress (step, text, work->user_data);
}

static void
withdraw (Work *work)
{
  if (!work->published)
    return;
  work->published = FALSE;
  work->challenges.withdraw (work->name, work->user_data);
}

/* Takes @error. */
static void
fail (GTask *task, GError *error)
{
  Work *work = g_task_get_task_data (task);

  withdraw (work);
  if (!g_task_return_error_if_cancelled (task))
    {
      if (!funnel_expiry_has_passed (work->expiry))
        {
          g_task_return_error (task, error);
          return;
        }
      g_task_return_new_error (task, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_TIMED_OUT,
                               N_ ("%s: the order took longer than %.1f seconds (at step “%s”)"),
                               get_host (work), work->party->order_ms / 1000.0,
                               step_texts[work->step]);
    }
  g_error_free (error);
}

/* The CA's answer was not understood: say whose it was. */
static void
fail_parse (GTask *task, const char *what, GError *error)
{
  Work *work = g_task_get_task_data (task);

  g_prefix_error (&error, "%s: %s: ", get_host (work), what);
  fail (task, error);
}

static void go_on (GTask *task, const FunnelAcmeReply *reply);
static void read_authorization (GTask *task);
static void read_order (GTask *task);

/* Takes the status of what was polled, says what it was and fails. */
static void
fail_status (GTask *task, FunnelAcmeError code, const FunnelAcmeProblem *problem, const char *what)
{
  Work *work = g_task_get_task_data (task);
  g_autofree char *who = g_strdup_printf ("%s: %s: %s", get_host (work), work->name, what);

  if (problem != NULL)
    fail (task, funnel_acme_problem_to_error (problem, code, 0, who));
  else
    fail (task, g_error_new (FUNNEL_ACME_ERROR, code, N_ ("%s, without a reason"), who));
}

static void
waited_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!funnel_acme_wait_finish (result, &error))
    fail (task, error);
  else if (work->authorization != NULL)
    read_authorization (task);
  else
    read_order (task);
}

/* Ask again in a moment: when @reply said, else soon. */
static void
poll_again (GTask *task, const FunnelAcmeReply *reply)
{
  Work *work = g_task_get_task_data (task);
  gint64 wait_ms = work->poll_ms;

  work->poll_ms = MIN (2 * work->poll_ms, POLL_LAST_MS);
  if (reply->retry_at != 0)
    wait_ms = MAX (reply->retry_at - g_get_real_time (), 0) / 1000 + 1;
  if (reply->retry_at != 0 && wait_ms > (work->deadline - g_get_monotonic_time ()) / 1000)
    {
      fail (task, funnel_acme_error_new_detailed (
                      FUNNEL_ACME_ERROR_TIMED_OUT, funnel_acme_reply_get_retry (reply), NULL,
                      N_ ("%s wants more time for %s than an order may take (%.1f seconds)"),
                      get_host (work), work->name, work->party->order_ms / 1000.0));
      return;
    }
  funnel_acme_wait_async ((guint)wait_ms, get_cancellable (work), waited_cb, g_object_ref (task));
}

/* Whether asking again after @error is worth it, and then does so. */
static gboolean
retry (GTask *task, const GError *error)
{
  Work *work = g_task_get_task_data (task);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  gint64 wait_ms = (gint64)RETRY_FIRST_MS << work->retries;
  gboolean passing = g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_UNREACHABLE)
                     || g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_TIMED_OUT)
                     || g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_SERVER);

  if (work->key == NULL || !passing || work->retries >= RETRIES_MAX)
    return FALSE;
  wait_ms = MAX (wait_ms, (funnel_acme_error_get_retry_at (error) - now) * 1000);
  if (wait_ms > (work->deadline - g_get_monotonic_time ()) / 1000)
    return FALSE;
  work->retries++;
  if (work->order->status == FUNNEL_ACME_STATUS_READY)
    work->finalized = FALSE;
  tell (work, work->step, N_ ("%s; trying again"), error->message);
  funnel_acme_wait_async ((guint)wait_ms, get_cancellable (work), waited_cb, g_object_ref (task));
  return TRUE;
}

static void
responded_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_talk_post_finish (result, &error);

  if (reply != NULL)
    poll_again (task, reply);
  else
    fail (task, error);
}

static void
published_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!work->challenges.publish_finish (result, work->user_data, &error))
    {
      fail (task, error);
      return;
    }
  tell (work, FUNNEL_ACME_STEP_VALIDATE, N_ ("%s looks for the answer at %s"), get_host (work),
        work->name);
  work->poll_ms = POLL_FIRST_MS;
  funnel_acme_talk_post_async (work->talk, work->authorization->url, "{}", "json",
                               get_cancellable (work), responded_cb, g_object_ref (task));
}

static void
publish (GTask *task)
{
  Work *work = g_task_get_task_data (task);
  guint8 digest[FUNNEL_ACME_DIGEST_LEN];

  if (work->authorization->url == NULL)
    {
      fail (task, g_error_new (FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_NAME_REFUSED,
                               N_ ("%s offers no tls-alpn-01 validation for %s (but: %s)"),
                               get_host (work), work->name, work->authorization->offered));
      return;
    }
  funnel_acme_key_authorize (work->party->key, work->authorization->token, digest);
  tell (work, FUNNEL_ACME_STEP_PUBLISH, N_ ("making the answer to %s reachable at %s"),
        get_host (work), work->name);
  work->published = TRUE;
  work->challenges.publish_async (work->name, digest, get_cancellable (work), published_cb,
                                  g_object_ref (task), work->user_data);
}

/* One authorization is valid: the next one, or back to the order. */
static void
next_authorization (GTask *task)
{
  Work *work = g_task_get_task_data (task);

  withdraw (work);
  g_clear_pointer (&work->authorization, funnel_acme_authorization_free);
  work->next_authorization++;
  work->poll_ms = POLL_FIRST_MS;
  if (work->order->authorizations[work->next_authorization] != NULL)
    read_authorization (task);
  else
    read_order (task);
}

static void
judge_authorization (GTask *task, const FunnelAcmeReply *reply)
{
  Work *work = g_task_get_task_data (task);
  FunnelAcmeAuthorization *authorization = work->authorization;

  switch (authorization->status)
    {
    case FUNNEL_ACME_STATUS_VALID:
      next_authorization (task);
      break;
    case FUNNEL_ACME_STATUS_PENDING:
    case FUNNEL_ACME_STATUS_PROCESSING:
      if (work->published)
        poll_again (task, reply);
      else
        publish (task);
      break;
    case FUNNEL_ACME_STATUS_INVALID:
      fail_status (task, FUNNEL_ACME_ERROR_VALIDATION, authorization->problem,
                   N_ ("it could not be validated"));
      break;
    default:
      fail_status (task, FUNNEL_ACME_ERROR_ORDER_INVALID, authorization->problem,
                   N_ ("it has an authorization that ended"));
    }
}

static void
authorization_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_talk_post_finish (result, &error);
  const char *text;
  gsize len;

  if (reply == NULL)
    {
      fail (task, error);
      return;
    }
  g_clear_pointer (&work->authorization, funnel_acme_authorization_free);
  text = funnel_acme_reply_get_text (reply, &len);
  work->authorization = funnel_acme_authorization_parse (text, len, &error);
  if (work->authorization == NULL)
    fail_parse (task, "authorization", error);
  else if (strcmp (work->authorization->name, work->name) != 0)
    fail (task, g_error_new (FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL,
                             N_ ("%s wants another name authorized than %s"), get_host (work),
                             work->name));
  else
    judge_authorization (task, reply);
}

static void
read_authorization (GTask *task)
{
  Work *work = g_task_get_task_data (task);

  funnel_acme_talk_post_async (work->talk, work->order->authorizations[work->next_authorization],
                               "", "json", get_cancellable (work), authorization_cb,
                               g_object_ref (task));
}

static FunnelAcmeIssued *
take_chain (Work *work, const FunnelAcmeReply *reply, GError **error)
{
  g_autoptr (FunnelAcmeIssued) issued = g_new0 (FunnelAcmeIssued, 1);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  const char *text;
  gsize len;

  text = funnel_acme_reply_get_text (reply, &len);
  issued->chain = funnel_acme_certificate_check (text, len, work->key, work->name, now,
                                                 &issued->begin, &issued->expiry, error);
  if (issued->chain == NULL)
    return NULL;
  issued->key = funnel_acme_certificate_key_print (work->key, error);
  if (issued->key == NULL)
    return NULL;
  issued->certificate_id = funnel_acme_certificate_id (issued->chain);
  issued->order_url = g_strdup (work->order_url);
  issued->account_url = g_strdup (funnel_acme_talk_get_account_url (work->talk));
  return g_steal_pointer (&issued);
}

static void
downloaded_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_talk_post_finish (result, &error);
  FunnelAcmeIssued *issued = NULL;

  if (reply != NULL)
    issued = take_chain (work, reply, &error);
  if (issued != NULL)
    g_task_return_pointer (task, issued, (GDestroyNotify)funnel_acme_issued_free);
  else if (reply == NULL && retry (task, error))
    g_error_free (error);
  else if (reply == NULL)
    fail (task, error);
  else
    {
      g_prefix_error (&error, "%s: ", get_host (work));
      fail (task, error);
    }
}

static void
download (GTask *task)
{
  Work *work = g_task_get_task_data (task);

  tell (work, FUNNEL_ACME_STEP_DOWNLOAD, N_ ("fetching the certificate from %s"), get_host (work));
  funnel_acme_talk_post_async (work->talk, work->order->certificate, "", "pem-certificate-chain",
                               get_cancellable (work), downloaded_cb, g_object_ref (task));
}

static void
take_order (GTask *task, const FunnelAcmeReply *reply)
{
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;
  gsize len;
  const char *text = funnel_acme_reply_get_text (reply, &len);
  FunnelAcmeOrder *order = funnel_acme_order_parse (text, len, &error);

  if (order == NULL)
    {
      fail_parse (task, "order", error);
      return;
    }
  /* The list of authorizations must not change under way. */
  if (work->order != NULL
      && !g_strv_equal ((const char *const *)work->order->authorizations,
                        (const char *const *)order->authorizations))
    {
      funnel_acme_order_free (order);
      fail (task, g_error_new (FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL,
                               N_ ("%s changed what the order needs"), get_host (work)));
      return;
    }
  g_clear_pointer (&work->order, funnel_acme_order_free);
  work->order = order;
  go_on (task, reply);
}

static void
order_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_talk_post_finish (result, &error);

  if (reply != NULL)
    take_order (task, reply);
  else if (retry (task, error))
    g_error_free (error);
  else
    fail (task, error);
}

static void
read_order (GTask *task)
{
  Work *work = g_task_get_task_data (task);

  funnel_acme_talk_post_async (work->talk, work->order_url, "", "json", get_cancellable (work),
                               order_cb, g_object_ref (task));
}

static void
finalize (GTask *task)
{
  Work *work = g_task_get_task_data (task);
  g_autofree char *request = NULL, *payload = NULL;
  GError *error = NULL;

  if (work->key == NULL)
    work->key = funnel_acme_certificate_key_new (&error);
  if (work->key != NULL)
    request = funnel_acme_certificate_request (work->key, work->name, &error);
  if (request == NULL)
    {
      fail (task, error);
      return;
    }
  work->finalized = TRUE;
  work->poll_ms = POLL_FIRST_MS;
  tell (work, FUNNEL_ACME_STEP_FINALIZE, N_ ("%s issues the certificate"), get_host (work));
  payload = g_strdup_printf ("{\"csr\":\"%s\"}", request);
  funnel_acme_talk_post_async (work->talk, work->order->finalize, payload, "json",
                               get_cancellable (work), order_cb, g_object_ref (task));
}

/* What the order's status asks for. */
static void
go_on (GTask *task, const FunnelAcmeReply *reply)
{
  Work *work = g_task_get_task_data (task);
  FunnelAcmeOrder *order = work->order;

  switch (order->status)
    {
    case FUNNEL_ACME_STATUS_PENDING:
      if (order->authorizations[work->next_authorization] != NULL)
        read_authorization (task);
      else
        poll_again (task, reply);
      break;
    case FUNNEL_ACME_STATUS_READY:
      if (work->finalized)
        poll_again (task, reply);
      else
        finalize (task);
      break;
    case FUNNEL_ACME_STATUS_PROCESSING:
    case FUNNEL_ACME_STATUS_VALID:
      if (work->key == NULL)
        fail_status (task, FUNNEL_ACME_ERROR_ORDER_INVALID, NULL,
                     N_ ("the order was finalized by somebody else"));
      else if (order->status == FUNNEL_ACME_STATUS_VALID)
        download (task);
      else
        poll_again (task, reply);
      break;
    default:
      fail_status (task, FUNNEL_ACME_ERROR_ORDER_INVALID, order->problem,
                   N_ ("the order is invalid"));
    }
}

static char *
make_order_payload (Work *work)
{
  JsonObject *payload = json_object_new (), *identifier = json_object_new ();
  JsonArray *identifiers = json_array_new ();

  json_object_set_string_member (identifier, "type", "dns");
  json_object_set_string_member (identifier, "value", work->name);
  json_array_add_object_element (identifiers, identifier);
  json_object_set_array_member (payload, "identifiers", identifiers);
  if (work->replaces != NULL)
    json_object_set_string_member (payload, "replaces", work->replaces);
  if (work->party->profile != NULL)
    json_object_set_string_member (payload, "profile", work->party->profile);
  return funnel_json_print_object (payload);
}

static void request_order (GTask *task);

/* A predecessor that was replaced already, or that another account ordered, is no reason to go
 * without a successor (RFC 9773 section 5). */
static gboolean
is_about_predecessor (Work *work, const GError *error)
{
  return work->replaces != NULL
         && (g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_REFUSED)
             || g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL));
}

static void
ordered_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (FunnelAcmeReply) reply = funnel_acme_talk_post_finish (result, &error);

  if (reply == NULL && is_about_predecessor (work, error))
    {
      g_clear_error (&error);
      g_clear_pointer (&work->replaces, g_free);
      request_order (task);
    }
  else if (reply == NULL)
    fail (task, error);
  else if (reply->location == NULL)
    fail (task, g_error_new (FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL,
                             N_ ("%s did not tell the order's URL"), get_host (work)));
  else
    {
      work->order_url = g_strdup (reply->location);
      take_order (task, reply);
    }
}

static void
request_order (GTask *task)
{
  Work *work = g_task_get_task_data (task);
  const FunnelAcmeDirectory *directory = funnel_acme_talk_get_directory (work->talk);
  g_autofree char *payload = make_order_payload (work);

  tell (work, FUNNEL_ACME_STEP_ORDER, N_ ("ordering a certificate for %s from %s"), work->name,
        get_host (work));
  funnel_acme_talk_post_async (work->talk, directory->new_order, payload, "json",
                               get_cancellable (work), ordered_cb, g_object_ref (task));
}

static void
registered_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (funnel_acme_talk_register_finish (result, &error))
    request_order (task);
  else
    fail (task, error);
}

static gboolean
check_profile (Work *work, GError **error)
{
  const FunnelAcmeDirectory *directory = funnel_acme_talk_get_directory (work->talk);
  const char *const *profiles = (const char *const *)directory->profiles;
  g_autofree char *listed = NULL;

  if (work->party->profile == NULL
      || (profiles != NULL && g_strv_contains (profiles, work->party->profile)))
    return TRUE;
  listed = profiles != NULL ? g_strjoinv (", ", directory->profiles) : NULL;
  g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROFILE,
               N_ ("%s does not offer the profile “%s” (it offers: %.*s)"), get_host (work),
               work->party->profile, FUNNEL_ACME_TEXT_MAX,
               listed != NULL && *listed != '\0' ? listed : "none");
  return FALSE;
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!funnel_acme_talk_open_finish (result, &error) || !check_profile (work, &error))
    {
      fail (task, error);
      return;
    }
  if (funnel_acme_talk_get_directory (work->talk)->renewal_info == NULL)
    g_clear_pointer (&work->replaces, g_free);
  tell (work, FUNNEL_ACME_STEP_ACCOUNT, N_ ("finding the account at %s"), get_host (work));
  funnel_acme_talk_register_async (work->talk, get_cancellable (work), registered_cb,
                                   g_object_ref (task));
}

void
funnel_acme_order_async (const FunnelAcmeParty *party,
                         const char *name,
                         const char *replaces,
                         const FunnelAcmeChallenges *challenges,
                         FunnelAcmeProgress progress,
                         gpointer user_data,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer callback_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, callback_data);
  Work *work = g_new0 (Work, 1);

  g_task_set_source_tag (task, funnel_acme_order_async);
  g_task_set_task_data (task, work, (GDestroyNotify)work_free);
  work->party = party;
  work->talk = funnel_acme_talk_new (party);
  work->name = g_strdup (name);
  work->replaces = g_strdup (replaces);
  work->challenges = *challenges;
  work->progress = progress;
  work->user_data = user_data;
  work->expiry = funnel_expiry_new (cancellable, party->order_ms);
  work->deadline = g_get_monotonic_time () + (gint64)party->order_ms * 1000;
  work->poll_ms = POLL_FIRST_MS;
  tell (work, FUNNEL_ACME_STEP_DIRECTORY, N_ ("asking %s what it offers"), get_host (work));
  funnel_acme_talk_open_async (work->talk, get_cancellable (work), opened_cb, task);
}

FunnelAcmeIssued *
funnel_acme_order_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_acme_order_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
