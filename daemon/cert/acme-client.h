/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Certificates from one certificate authority (CA) over ACME: RFC 8555, TLS-ALPN-01 (RFC 8737),
 * renewal information (RFC 9773), profiles (draft-ietf-acme-profiles).
 *
 * A client belongs to the thread that made it, whose default main context must run; nothing blocks.
 * It stores nothing and retries nothing but what the protocol wants retried (bad nonces, a
 * forgotten account, a predecessor that was replaced already): when to try again is the caller's
 * decision. Each call reads the directory and finds (or makes) the account anew, so CA and caller
 * may forget everything but the account key between two calls. Several orders may run at once, for
 * different names.
 *
 * Every call ends: a request after request_ms, an order after order_ms, a cancelled call as soon as
 * the loop runs. Errors are FUNNEL_ACME_ERROR (see acme-error.h) or G_IO_ERROR_CANCELLED. */

#include "daemon/cert/acme-error.h"
#include "daemon/cert/certificate.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_ACME_DIGEST_LEN 32 /* SHA-256 of the key authorization */
/* How far a CA's clock and ours may be apart. By so much a certificate may begin in the future:
 * ordering another one would not help. */
#define FUNNEL_ACME_CLOCK_MAX_S 3600

/* Which CA, and as whom. All texts are copied by the client. */
typedef struct
{
  const char *directory;   /* https URL */
  const char *ca_file;     /* PEM bundle to trust for the API instead of the system's; NULL */
  const char *account_key; /* PEM, from funnel_acme_account_key_new */
  const char *contact;     /* e-mail address, or NULL */
  const char *eab_kid;     /* external account binding; both or none */
  const char *eab_key;     /* base64url; secret */
  const char *profile;     /* NULL: the CA's default */
  guint request_ms;        /* longest wait for one answer; 0: 30 s */
  guint order_ms;          /* longest order; 0: 10 minutes */
} FunnelAcmeSettings;

/** funnel_acme_account_key_new: a fresh P-256 key as PEM (PKCS #8); free with funnel_secret_free.
 */
char *funnel_acme_account_key_new (GError **error);

#define FUNNEL_TYPE_ACME_CLIENT (funnel_acme_client_get_type ())
G_DECLARE_FINAL_TYPE (FunnelAcmeClient, funnel_acme_client, FUNNEL, ACME_CLIENT, GObject)

/** funnel_acme_client_new: FUNNEL_ACME_ERROR_CONFIGURATION names the unusable setting. Reads
 * @settings->ca_file (a small local file) at once. */
FunnelAcmeClient *funnel_acme_client_new (const FunnelAcmeSettings *settings, GError **error);
/** funnel_acme_client_get_directory: as set. */
const char *funnel_acme_client_get_directory (FunnelAcmeClient *self);
/** funnel_acme_client_get_account_url: of the last call that saw the account ("accounturi" in CAA
 * records); NULL before. */
const char *funnel_acme_client_get_account_url (FunnelAcmeClient *self);

/** funnel_acme_client_find_account_async: find or make the account, and nothing else. */
void funnel_acme_client_find_account_async (FunnelAcmeClient *self,
                                            GCancellable *cancellable,
                                            GAsyncReadyCallback callback,
                                            gpointer user_data);
/** funnel_acme_client_find_account_finish: the account's URL; g_free. */
char *funnel_acme_client_find_account_finish (FunnelAcmeClient *self,
                                              GAsyncResult *result,
                                              GError **error);

/* How far an order is. */
typedef enum
{
  FUNNEL_ACME_STEP_DIRECTORY,
  FUNNEL_ACME_STEP_ACCOUNT,
  FUNNEL_ACME_STEP_ORDER,
  FUNNEL_ACME_STEP_PUBLISH,  /* waiting for publish_async */
  FUNNEL_ACME_STEP_VALIDATE, /* the CA looks at the name */
  FUNNEL_ACME_STEP_FINALIZE, /* the CA issues */
  FUNNEL_ACME_STEP_DOWNLOAD,
  FUNNEL_ACME_STEPS
} FunnelAcmeStep;

/** funnel_acme_step_text: stable identifier ("validate"). */
const char *funnel_acme_step_text (FunnelAcmeStep step);

/** FunnelAcmeProgress: @step begins, or goes on; @text is for people, one line, never NULL. Not
 * called any more once the order's callback was. */
typedef void (*FunnelAcmeProgress) (FunnelAcmeStep step, const char *text, gpointer user_data);

/* Who answers the CA's connection to NAME. */
typedef struct
{
  /** publish_async: have connections to @name with ALPN acme-tls/1 answered with
   * funnel_acme_make_challenge_certificate (@name, @digest); the callback says that they now
   * would be. Must end soon after @cancellable is cancelled. */
  void (*publish_async) (const char *name,
                         const guint8 digest[FUNNEL_ACME_DIGEST_LEN],
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer callback_data,
                         gpointer user_data);
  gboolean (*publish_finish) (GAsyncResult *result, gpointer user_data, GError **error);
  /** withdraw: exactly once for each publish_async that began, after its callback (successful or
   * not) and before the order's own callback, on every path. */
  void (*withdraw) (const char *name, gpointer user_data);
} FunnelAcmeChallenges;

/* What an order brought. */
typedef struct
{
  char *chain;   /* PEM, leaf first, then as the CA sent it */
  char *key;     /* PEM (PKCS #8, P-256), made for this order; secret */
  gint64 begin;  /* Unix seconds, of the leaf */
  gint64 expiry; /* Unix seconds, of the leaf */
  char *order_url;
  char *account_url;
  char *certificate_id; /* for renewal_info_async and replaces; NULL if the leaf allows none */
} FunnelAcmeIssued;

void funnel_acme_issued_free (FunnelAcmeIssued *issued);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelAcmeIssued, funnel_acme_issued_free)

/**
 * funnel_acme_client_order_async: a certificate with a fresh key for one host name.
 * @name: canonical host name
 * @replaces: certificate_id of the predecessor, or NULL; left out where the CA does not offer ARI,
 *   or says that it was replaced already
 * @challenges: copied
 * @progress: NULL for none
 * @user_data: for @callback, @progress and @challenges; must stay until @callback
 */
void funnel_acme_client_order_async (FunnelAcmeClient *self,
                                     const char *name,
                                     const char *replaces,
                                     const FunnelAcmeChallenges *challenges,
                                     FunnelAcmeProgress progress,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);
/** funnel_acme_client_order_finish: the leaf fits the key, covers the name, is valid now (or begins
 * within FUNNEL_ACME_CLOCK_MAX_S), and the chain could be read. An error of publish_finish comes as
 * it was given. */
FunnelAcmeIssued *
funnel_acme_client_order_finish (FunnelAcmeClient *self, GAsyncResult *result, GError **error);

/* When the CA wants a certificate renewed (RFC 9773). */
typedef struct
{
  gboolean offered;  /* FALSE: this CA has no such service, or no opinion about this certificate */
  gint64 begin, end; /* Unix seconds, begin < end; choose a moment within at random */
  gint64 retry_at;   /* ask again then; always set, 1 minute … 1 day from now */
} FunnelAcmeRenewal;

/** funnel_acme_client_renewal_info_async: @certificate_id from the order, or
 * funnel_acme_certificate_id. Needs no account. */
void funnel_acme_client_renewal_info_async (FunnelAcmeClient *self,
                                            const char *certificate_id,
                                            GCancellable *cancellable,
                                            GAsyncReadyCallback callback,
                                            gpointer user_data);
gboolean funnel_acme_client_renewal_info_finish (FunnelAcmeClient *self,
                                                 GAsyncResult *result,
                                                 FunnelAcmeRenewal *renewal,
                                                 GError **error);

/* RFC 5280 section 5.3.1, as far as it makes sense for a subscriber. */
typedef enum
{
  FUNNEL_ACME_REASON_UNSPECIFIED = 0,
  FUNNEL_ACME_REASON_KEY_COMPROMISE = 1,
  FUNNEL_ACME_REASON_SUPERSEDED = 4,
  FUNNEL_ACME_REASON_CESSATION = 5,
} FunnelAcmeReason;

/** funnel_acme_client_revoke_async: @chain as issued (the first certificate counts). Revoked
 * already is success. */
void funnel_acme_client_revoke_async (FunnelAcmeClient *self,
                                      const char *chain,
                                      FunnelAcmeReason reason,
                                      GCancellable *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer user_data);
gboolean
funnel_acme_client_revoke_finish (FunnelAcmeClient *self, GAsyncResult *result, GError **error);

/** funnel_acme_certificate_id: of the first certificate of @chain (PEM), RFC 9773 section 4.1; NULL
 * if it has no authority key identifier. */
char *funnel_acme_certificate_id (const char *chain);

/** funnel_acme_make_challenge_certificate: self-signed, with a throw-away key: what to show to
 * ALPN acme-tls/1 (RFC 8737 section 3). Takes about a millisecond. */
FunnelCertificate *
funnel_acme_make_challenge_certificate (const char *name,
                                        const guint8 digest[FUNNEL_ACME_DIGEST_LEN],
                                        GError **error);

G_END_DECLS
