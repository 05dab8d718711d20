/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One HTTPS request to a certificate authority and its whole answer: bounded in size and time, with
 * failures told apart. Knows nothing of ACME's signatures and objects. On the main thread. */

#include "daemon/cert/acme-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_ACME_BODY_MAX (256 * 1024) /* bytes of an answer */
#define FUNNEL_ACME_REDIRECTS_MAX 3       /* of a GET; a signed request is never redirected */

typedef struct _FunnelAcmeTransport FunnelAcmeTransport;

/** funnel_acme_transport_new: @ca_file as in FunnelAcmeSettings (FUNNEL_ACME_ERROR_CONFIGURATION
 * when unusable); @request_ms for each request with its answer. */
FunnelAcmeTransport *
funnel_acme_transport_new (const char *ca_file, guint request_ms, GError **error);
/** funnel_acme_transport_free: what is under way is cut off. */
void funnel_acme_transport_free (FunnelAcmeTransport *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelAcmeTransport, funnel_acme_transport_free)

typedef struct
{
  guint status;
  GBytes *body;
  char *host;      /* that was asked, for messages */
  char *type;      /* Content-Type without parameters; "" when absent */
  char *location;  /* NULL unless it is an https URL */
  char *nonce;     /* NULL unless it is base64url */
  gint64 retry_at; /* Retry-After as Unix microseconds; 0 when absent */
  gint64 date;     /* Unix seconds when the answer was made; 0 when absent */
} FunnelAcmeReply;

void funnel_acme_reply_free (FunnelAcmeReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelAcmeReply, funnel_acme_reply_free)

/** funnel_acme_reply_get_text: the body, not terminated. */
const char *funnel_acme_reply_get_text (const FunnelAcmeReply *reply, gsize *len);
/** funnel_acme_reply_get_retry: Retry-After as Unix seconds, rounded up; 0 when absent. */
gint64 funnel_acme_reply_get_retry (const FunnelAcmeReply *reply);
/** funnel_acme_reply_check: whether it is a 2xx of the media type that ends in @type ("json"); else
 * an error made of the CA's words. */
gboolean funnel_acme_reply_check (const FunnelAcmeReply *reply, const char *type, GError **error);
/** funnel_acme_reply_is_problem: whether it is a problem document of that @type. */
gboolean funnel_acme_reply_is_problem (const FunnelAcmeReply *reply, const char *type);

/**
 * funnel_acme_transport_send_async:
 * @method: "GET", "HEAD" or "POST"
 * @body: signed request for POST, else NULL
 * @accept: media type, or NULL
 */
void funnel_acme_transport_send_async (FunnelAcmeTransport *self,
                                       const char *method,
                                       const char *url,
                                       const char *body,
                                       const char *accept,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer user_data);
/** funnel_acme_transport_send_finish: a reply of any status but a redirect; NULL if there was none
 * (complete, in time): UNREACHABLE, UNTRUSTED, CLOCK, TIMED_OUT, PROTOCOL or cancelled. */
FunnelAcmeReply *funnel_acme_transport_send_finish (GAsyncResult *result, GError **error);

/** funnel_acme_wait_async: until @milliseconds have passed. */
void funnel_acme_wait_async (guint milliseconds,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
gboolean funnel_acme_wait_finish (GAsyncResult *result, GError **error);

G_END_DECLS
