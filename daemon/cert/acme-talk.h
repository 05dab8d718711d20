/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A talk with one certificate authority: its directory, our account there, and signed requests one
 * after the other. Nonces, bad nonces (RFC 8555 section 6.5) and an account the CA has forgotten
 * are dealt with here. On the main thread; errors as in acme-client.h. */

#include "daemon/cert/acme-answer.h"
#include "daemon/cert/acme-jws.h"
#include "daemon/cert/acme-transport.h"

G_BEGIN_DECLS

#define FUNNEL_ACME_NONCES_MAX 20 /* nonces tried for one request */

/* Who talks, to whom; belongs to the client and outlives its talks. */
typedef struct
{
  char *directory;
  char *contact; /* URL, or NULL */
  char *eab_kid;
  char *eab_key;
  char *profile;
  guint order_ms;
  FunnelAcmeKey *key;
  FunnelAcmeTransport *transport;
} FunnelAcmeParty;

typedef struct _FunnelAcmeTalk FunnelAcmeTalk;

/** funnel_acme_talk_new: nothing is asked yet. @party is borrowed. */
FunnelAcmeTalk *funnel_acme_talk_new (const FunnelAcmeParty *party);
void funnel_acme_talk_free (FunnelAcmeTalk *self);

/** funnel_acme_talk_open_async: read the directory, and check our clock against the CA's. To be
 * done once, first. */
void funnel_acme_talk_open_async (FunnelAcmeTalk *self,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
gboolean funnel_acme_talk_open_finish (GAsyncResult *result, GError **error);
/** funnel_acme_talk_register_async: find or make the account. */
void funnel_acme_talk_register_async (FunnelAcmeTalk *self,
                                      GCancellable *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer user_data);
gboolean funnel_acme_talk_register_finish (GAsyncResult *result, GError **error);

/**
 * funnel_acme_talk_post_async: a signed request; one at a time.
 * @payload: JSON, "" for POST-as-GET
 * @type: how the media type of the answer has to end: "json", "pem-certificate-chain", "" for any
 */
void funnel_acme_talk_post_async (FunnelAcmeTalk *self,
                                  const char *url,
                                  const char *payload,
                                  const char *type,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
/** funnel_acme_talk_post_finish: a 2xx of that type; else the CA's refusal as an error. */
FunnelAcmeReply *funnel_acme_talk_post_finish (GAsyncResult *result, GError **error);

/** funnel_acme_talk_get_directory: NULL before open. */
const FunnelAcmeDirectory *funnel_acme_talk_get_directory (FunnelAcmeTalk *self);
/** funnel_acme_talk_get_account_url: NULL before register. */
const char *funnel_acme_talk_get_account_url (FunnelAcmeTalk *self);
/** funnel_acme_talk_get_host: of the directory, for people. */
const char *funnel_acme_talk_get_host (FunnelAcmeTalk *self);

G_END_DECLS
