/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/acme-transport.h"

#include "daemon/cert/acme-answer.h"
#include "daemon/cert/acme-jws.h"
#include "daemon/cert/system-trust.h"
#include "lib/base/expiry.h"
#include "lib/base/json-read.h"
#include "lib/base/no-trust.h"
#include "lib/base/trim.h"

#include <glib/gi18n.h>
#include <libsoup/soup.h>
#include <string.h>

#define READ_SIZE (16 * 1024)
#define CONNECTIONS_MAX 6
#define IDLE_S 10             /* a connection unused for longer may be gone at the other end */
#define TOO_MANY_REQUESTS 429 /* libsoup has no name for it */
#define NONCE_MAX 512
#define TYPE_MAX 64
#define WORDS_MAX 200 /* bytes of a library's error message */
#define TIME_FLAGS (G_TLS_CERTIFICATE_EXPIRED | G_TLS_CERTIFICATE_NOT_ACTIVATED)

struct _FunnelAcmeTransport
{
  SoupSession *session;
  guint request_ms;
};

typedef struct
{
  SoupSession *session;
  SoupMessage *message;
  GInputStream *stream;
  GByteArray *read;
  FunnelExpiry *expiry;
  char *accept;
  guint request_ms;
  guint redirects;
} Send;

static void
send_free (Send *send)
{
  g_clear_object (&send->stream);
  g_clear_object (&send->message);
  g_clear_object (&send->session);
  g_clear_pointer (&send->read, g_byte_array_unref);
  funnel_expiry_free (send->expiry);
  g_free (send->accept);
  g_free (send);
}

void
funnel_acme_reply_free (FunnelAcmeReply *reply)
{
  g_bytes_unref (reply->body);
  g_free (reply->host);
  g_free (reply->type);
  g_free (reply->location);
  g_free (reply->nonce);
  g_free (reply);
}

const char *
funnel_acme_reply_get_text (const FunnelAcmeReply *reply, gsize *len)
{
  const char *text = g_bytes_get_data (reply->body, len);

  return text != NULL ? text : "";
}

gint64
funnel_acme_reply_get_retry (const FunnelAcmeReply *reply)
{
  return (reply->retry_at + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;
}

static FunnelAcmeProblem *
read_problem (const FunnelAcmeReply *reply)
{
  gsize len;
  const char *text = funnel_acme_reply_get_text (reply, &len);

  return reply->status >= 400 && g_str_has_suffix (reply->type, "json")
             ? funnel_acme_problem_parse (text, len)
             : NULL;
}

gboolean
funnel_acme_reply_is_problem (const FunnelAcmeReply *reply, const char *type)
{
  g_autoptr (FunnelAcmeProblem) problem = read_problem (reply);

  return problem != NULL && strcmp (problem->type, type) == 0;
}

/* What a status means when no problem document says more. */
static FunnelAcmeError
judge_status (guint status)
{
  if (status == TOO_MANY_REQUESTS)
    return FUNNEL_ACME_ERROR_RATE_LIMITED;
  return status >= 500 ? FUNNEL_ACME_ERROR_SERVER : FUNNEL_ACME_ERROR_REFUSED;
}

static GError *
make_refusal (const FunnelAcmeReply *reply)
{
  g_autoptr (FunnelAcmeProblem) problem = read_problem (reply);
  FunnelAcmeError code = judge_status (reply->status);
  gint64 retry_at = funnel_acme_reply_get_retry (reply);
  const char *words = soup_status_get_phrase (reply->status);

  if (problem != NULL && code == FUNNEL_ACME_ERROR_RATE_LIMITED)
    return funnel_acme_error_new_detailed (code, retry_at, problem->type, "%s: %s", reply->host,
                                           problem->detail);
  if (problem != NULL)
    return funnel_acme_problem_to_error (problem, code, retry_at, reply->host);
  if (code == FUNNEL_ACME_ERROR_REFUSED)
    code = FUNNEL_ACME_ERROR_PROTOCOL; /* ACME servers say why */
  return funnel_acme_error_new_detailed (code, retry_at, NULL, N_ ("%s answered %u %s"),
                                         reply->host, reply->status, words != NULL ? words : "");
}

gboolean
funnel_acme_reply_check (const FunnelAcmeReply *reply, const char *type, GError **error)
{
  if (reply->status < 200 || reply->status > 299)
    {
      g_propagate_error (error, make_refusal (reply));
      return FALSE;
    }
  if (g_str_has_suffix (reply->type, type))
    return TRUE;
  g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL,
               N_ ("%s answered with %s instead of %s; check the directory URL, and whether this "
                   "network has a log-in page"),
               reply->host, *reply->type != '\0' ? reply->type : N_ ("something unnamed"), type);
  return FALSE;
}

static const char *
get_host (Send *send)
{
  return g_uri_get_host (soup_message_get_uri (send->message));
}

static void
return_clock (GTask *task)
{
  Send *send = g_task_get_task_data (task);
  GTlsCertificate *certificate = soup_message_get_tls_peer_certificate (send->message);
  gboolean early = (soup_message_get_tls_peer_certificate_errors (send->message)
                    & G_TLS_CERTIFICATE_NOT_ACTIVATED)
                   != 0;
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autoptr (GDateTime) limit = NULL;
  g_autofree char *clock = g_date_time_format (now, "%Y-%m-%d %H:%M UTC");
  g_autofree char *limit_text = NULL;

  if (certificate != NULL)
    limit = early ? g_tls_certificate_get_not_valid_before (certificate)
                  : g_tls_certificate_get_not_valid_after (certificate);
  limit_text = limit != NULL ? g_date_time_format (limit, "%Y-%m-%d") : g_strdup ("?");
  g_task_return_new_error (
      task, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CLOCK,
      early ? N_ ("this machine's clock says %s, and the certificate of %s begins on %s; check "
                  "the clock")
            : N_ ("this machine's clock says %s, and the certificate of %s ended on %s; check the "
                  "clock"),
      clock, get_host (send), limit_text);
}

static void
return_untrusted (GTask *task)
{
  Send *send = g_task_get_task_data (task);
  GTlsCertificateFlags flags = soup_message_get_tls_peer_certificate_errors (send->message);
  const char *why = N_ ("its issuer is not trusted here");

  if ((flags & TIME_FLAGS) != 0 && (flags & ~TIME_FLAGS) == 0)
    {
      return_clock (task);
      return;
    }
  if ((flags & G_TLS_CERTIFICATE_BAD_IDENTITY) != 0)
    why = N_ ("it is for another name");
  g_task_return_new_error (
      task, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_UNTRUSTED,
      N_ ("%s shows a certificate that cannot be trusted: %s; for a private CA "
          "give its root with --ca-file"),
      get_host (send), why);
}

/* No answer: why? */
static void
return_failure (GTask *task, const GError *cause)
{
  Send *send = g_task_get_task_data (task);
  g_autofree char *words = NULL;

  if (g_task_return_error_if_cancelled (task))
    return;
  if (funnel_expiry_has_passed (send->expiry))
    {
      g_task_return_new_error (task, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_TIMED_OUT,
                               N_ ("%s did not answer within %.1f seconds"), get_host (send),
                               send->request_ms / 1000.0);
      return;
    }
  if (g_error_matches (cause, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
    {
      return_untrusted (task);
      return;
    }
  words = funnel_text_one_line (cause->message, WORDS_MAX);
  g_task_return_new_error (task, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_UNREACHABLE,
                           N_ ("cannot reach %s: %s"), get_host (send), words);
}

static void
return_protocol (GTask *task, const char *what)
{
  Send *send = g_task_get_task_data (task);

  g_task_return_new_error (task, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL, "%s: %s",
                           get_host (send), what);
}

static gint64
read_date (SoupMessageHeaders *headers)
{
  const char *date = soup_message_headers_get_one (headers, "Date");
  const char *age = soup_message_headers_get_one (headers, "Age"); /* of a cached answer */
  g_autoptr (GDateTime) time = date != NULL ? soup_date_time_new_from_http_string (date) : NULL;
  guint64 seconds = 0;

  if (time == NULL)
    return 0;
  if (age != NULL && !g_ascii_string_to_unsigned (age, 10, 0, G_MAXUINT32, &seconds, NULL))
    return 0;
  return g_date_time_to_unix (time) + (gint64)seconds;
}

static FunnelAcmeReply *
make_reply (Send *send)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (send->message);
  const char *type = soup_message_headers_get_content_type (headers, NULL);
  const char *location = soup_message_headers_get_one (headers, "Location");
  const char *nonce = soup_message_headers_get_one (headers, "Replay-Nonce");
  const char *retry = soup_message_headers_get_one (headers, "Retry-After");
  FunnelAcmeReply *reply = g_new0 (FunnelAcmeReply, 1);

  reply->status = soup_message_get_status (send->message);
  reply->body = g_byte_array_free_to_bytes (g_steal_pointer (&send->read));
  reply->host = g_strdup (get_host (send));
  reply->type = funnel_text_one_line (type, TYPE_MAX);
  if (location != NULL && funnel_acme_url_is_sound (location))
    reply->location = g_strdup (location);
  if (nonce != NULL && funnel_acme_is_base64url (nonce, NONCE_MAX))
    reply->nonce = g_strdup (nonce);
  reply->retry_at = funnel_acme_retry_parse (retry, g_get_real_time ());
  reply->date = read_date (headers);
  return reply;
}

static void
read_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Send *send = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes
      = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);

  if (bytes == NULL)
    return_failure (task, error);
  else if (g_bytes_get_size (bytes) == 0)
    {
      g_clear_object (&send->stream); /* gives the connection back for the next request */
      g_task_return_pointer (task, make_reply (send), (GDestroyNotify)funnel_acme_reply_free);
    }
  else if (send->read->len + g_bytes_get_size (bytes) > FUNNEL_ACME_BODY_MAX)
    return_protocol (task, N_ ("it answered with more than any ACME server would"));
  else
    {
      g_byte_array_append (send->read, g_bytes_get_data (bytes, NULL),
                           (guint)g_bytes_get_size (bytes));
      g_input_stream_read_bytes_async (send->stream, READ_SIZE, G_PRIORITY_DEFAULT,
                                       funnel_expiry_get (send->expiry), read_cb,
                                       g_steal_pointer (&task));
    }
}

static void start (GTask *task);

static SoupMessage *
make_message (Send *send, const char *method, GUri *uri)
{
  SoupMessage *message = soup_message_new_from_uri (method, uri);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);

  /* Signed requests are: a nonce counts once. Without saying so each would get a connection of its
   * own. */
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_IDEMPOTENT);
  if (send->accept != NULL)
    soup_message_headers_replace (headers, "Accept", send->accept);
  return message;
}

/* Follows a redirect of a GET, within limits. */
static void
follow (GTask *task)
{
  Send *send = g_task_get_task_data (task);
  SoupMessageHeaders *headers = soup_message_get_response_headers (send->message);
  const char *location = soup_message_headers_get_one (headers, "Location");
  g_autofree char *url = NULL;
  g_autoptr (GUri) uri = NULL;

  if (strcmp (soup_message_get_method (send->message), SOUP_METHOD_POST) == 0)
    {
      return_protocol (task, N_ ("it redirects a signed request"));
      return;
    }
  if (++send->redirects > FUNNEL_ACME_REDIRECTS_MAX)
    {
      return_protocol (task, N_ ("it redirects in circles"));
      return;
    }
  if (location != NULL)
    uri = g_uri_parse_relative (soup_message_get_uri (send->message), location, SOUP_HTTP_URI_FLAGS,
                                NULL);
  url = uri != NULL ? g_uri_to_string (uri) : g_strdup ("");
  if (uri == NULL || !funnel_acme_url_is_sound (url))
    {
      return_protocol (task, N_ ("it redirects to something that is not https"));
      return;
    }
  g_clear_object (&send->stream);
  g_clear_object (&send->message);
  send->message = make_message (send, SOUP_METHOD_GET, uri);
  start (task);
}

static void
send_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Send *send = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  send->stream = soup_session_send_finish (SOUP_SESSION (source), result, &error);
  if (send->stream == NULL)
    return_failure (task, error);
  else if (SOUP_STATUS_IS_REDIRECTION (soup_message_get_status (send->message)))
    follow (task);
  else
    g_input_stream_read_bytes_async (send->stream, READ_SIZE, G_PRIORITY_DEFAULT,
                                     funnel_expiry_get (send->expiry), read_cb,
                                     g_steal_pointer (&task));
}

static void
start (GTask *task)
{
  Send *send = g_task_get_task_data (task);

  funnel_trust_nobody ();
  soup_session_send_async (send->session, send->message, G_PRIORITY_DEFAULT,
                           funnel_expiry_get (send->expiry), send_cb, g_object_ref (task));
}

void
funnel_acme_transport_send_async (FunnelAcmeTransport *self,
                                  const char *method,
                                  const char *url,
                                  const char *body,
                                  const char *accept,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GUri) uri = g_uri_parse (url, SOUP_HTTP_URI_FLAGS, NULL);
  g_autoptr (GBytes) bytes = body != NULL ? g_bytes_new (body, strlen (body)) : NULL;
  Send *send = g_new0 (Send, 1);

  g_task_set_source_tag (task, funnel_acme_transport_send_async);
  g_task_set_task_data (task, send, (GDestroyNotify)send_free);
  send->session = g_object_ref (self->session);
  send->request_ms = self->request_ms;
  send->accept = g_strdup (accept);
  send->read = g_byte_array_new ();
  send->expiry = funnel_expiry_new (cancellable, self->request_ms);
  send->message = make_message (send, method, uri);
  if (bytes != NULL)
    soup_message_set_request_body_from_bytes (send->message, "application/jose+json", bytes);
  start (task);
}

FunnelAcmeReply *
funnel_acme_transport_send_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_acme_transport_send_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static GTlsDatabase *
open_trust (const char *ca_file, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autofree char *absolute = NULL;
  GTlsDatabase *trust = NULL;
  GList *certificates;

  if (ca_file == NULL)
    return funnel_system_trust_get ();
  absolute = g_canonicalize_filename (ca_file, NULL);
  certificates = g_tls_certificate_list_new_from_file (absolute, &cause);
  if (certificates != NULL)
    trust = g_tls_file_database_new (absolute, &cause);
  g_list_free_full (certificates, g_object_unref);
  if (trust == NULL)
    g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_CONFIGURATION,
                 N_ ("the CA file “%s” is unusable: %s"), ca_file,
                 cause != NULL ? cause->message : N_ ("there is no certificate in it"));
  return trust;
}

/* "dummy", which is this daemon's unless its user says otherwise, is none. GIO would load all its
 * modules for proxies only to take that one: libproxy and the library of C++, 1.6 MB for ever. */
static GProxyResolver *
choose_proxies (void)
{
  return g_strcmp0 (g_getenv ("GIO_USE_PROXY_RESOLVER"), "dummy") != 0
             ? g_proxy_resolver_get_default ()
             : NULL;
}

FunnelAcmeTransport *
funnel_acme_transport_new (const char *ca_file, guint request_ms, GError **error)
{
  g_autoptr (GTlsDatabase) trust = open_trust (ca_file, error);
  FunnelAcmeTransport *self;

  if (trust == NULL)
    return NULL;
  self = g_new0 (FunnelAcmeTransport, 1);
  self->request_ms = request_ms;
  self->session = soup_session_new_with_options (
      "tls-database", trust, "proxy-resolver", choose_proxies (), "max-conns", CONNECTIONS_MAX,
      "max-conns-per-host", CONNECTIONS_MAX, "idle-timeout", IDLE_S, "user-agent",
      "funnel/" FUNNEL_VERSION, NULL);
  soup_session_remove_feature_by_type (self->session, SOUP_TYPE_CONTENT_DECODER);
  return self;
}

void
funnel_acme_transport_free (FunnelAcmeTransport *self)
{
  soup_session_abort (self->session);
  g_object_unref (self->session);
  g_free (self);
  funnel_trim_later ();
}

static gboolean
on_wait_timer (gpointer user_data)
{
  GTask *task = user_data;

  if (!g_task_return_error_if_cancelled (task))
    g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

void
funnel_acme_wait_async (guint milliseconds,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GSource) timer = g_timeout_source_new (milliseconds);

  g_task_set_source_tag (task, funnel_acme_wait_async);
  if (cancellable != NULL)
    {
      g_autoptr (GSource) ender = g_cancellable_source_new (cancellable);

      /* Either of the two ends the wait: the child makes its parent ready. */
      g_source_set_dummy_callback (ender);
      g_source_add_child_source (timer, ender);
    }
  g_task_attach_source (task, timer, on_wait_timer);
}

gboolean
funnel_acme_wait_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_acme_wait_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
