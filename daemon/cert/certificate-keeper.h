/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Gets, renews and keeps the certificate of every name this node is asked for, and says honestly
 * how far it is. On the main thread only; what it hands out (FunnelCertificate) is immutable and
 * may go to other threads.
 *
 * Someone wants a name, counted; as long as one does, there is at most one order for it at a time,
 * and its certificate is renewed before it ends, visited or not. What was bought is kept on disk
 * also when nobody wants it any more. The keeper knows neither shares nor links: its owner
 * publishes the challenges for it. */

#include "daemon/cert/authority.h"
#include "daemon/cert/certificate.h"

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_KEPT_NONE,    /* nobody wants it, and there is no certificate of it */
  FUNNEL_KEPT_PENDING, /* nothing to serve yet: being ordered, or waiting for problem to go */
  FUNNEL_KEPT_FAILED,  /* nothing to serve, and the last order failed; the next is at retry_at */
  FUNNEL_KEPT_READY,   /* there is one to serve; problem tells when its renewal has trouble */
} FunnelKeptState;

/** funnel_kept_state_text: "none", "pending", "failed", "ready". */
const char *funnel_kept_state_text (FunnelKeptState state);

/* What is known of one name. Strings are NULL when not known; times are Unix seconds, 0 never. */
typedef struct
{
  FunnelKeptState state;
  gboolean ordering; /* an order is under way now */
  char *step;        /* what the order does now, one line */
  char *problem;     /* what is wrong, one sentence */
  char *next_step;   /* what to type or do about it */
  gint64 retry_at;   /* when it is tried again by itself */
  gint64 renew_at;   /* when the renewal is due */

  /* Of the certificate that is served: unset without one. */
  char *issuer; /* one line, "Let's Encrypt, CN E7" */
  gint64 not_before;
  gint64 not_after;
  char *serial;  /* lower-case hex */
  char *sha256;  /* of the leaf, lower-case hex, as probes report it */
  char *ca;      /* directory URL it came from */
  char *account; /* URL of the account it was ordered with, as for CAA accounturi */
} FunnelKeptStatus;

/* How challenges get to where the authority looks for them: done by the owner of the keeper.
 * Everything on the main thread; @owner is what funnel_certificate_keeper_new was given. */
typedef struct
{
  /* Serve @challenge for @name to whoever asks with ALPN acme-tls/1 (RFC 8737), and finish when
   * that can be reached from outside. An error that passes by itself (the link is down) is
   * FUNNEL_ERROR_UNREACHABLE; one that somebody must do something about, FUNNEL_ERROR_NOT_ALLOWED.
   * The message of either is for the user. */
  void (*publish_async) (gpointer owner,
                         const char *name,
                         FunnelCertificate *challenge,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
  gboolean (*publish_finish) (gpointer owner, GAsyncResult *result, GError **error);
  /* End that; also called when publishing failed or was cancelled. */
  void (*withdraw) (gpointer owner, const char *name);
  /* Whether an order for @name could succeed now: joined, linked, granted. FALSE as above;
   * @next_step: what the user can do about it, or NULL; the keeper frees it. */
  gboolean (*check) (gpointer owner, const char *name, char **next_step, GError **error);
} FunnelChallengeWay;

#define FUNNEL_TYPE_CERTIFICATE_KEEPER (funnel_certificate_keeper_get_type ())
G_DECLARE_FINAL_TYPE (FunnelCertificateKeeper,
                      funnel_certificate_keeper,
                      FUNNEL,
                      CERTIFICATE_KEEPER,
                      GObject)

/* Signals:
 * "changed" (const char *name): funnel_certificate_keeper_get for @name gives something else.
 * "status" (const char *name): any member of its status is different; also after "changed". */

/**
 * funnel_certificate_keeper_new: reads what is kept. It never fails: a store that cannot be used is
 * a problem of every name (see funnel_certificate_keeper_check_store), and nothing in it is
 * touched.
 * @state_dir: the daemon's, locked by it; its "certificates" folder is ours
 * @way, @owner: must stay
 */
FunnelCertificateKeeper *funnel_certificate_keeper_new (const char *state_dir,
                                                        const FunnelChallengeWay *way,
                                                        gpointer owner);
/** funnel_certificate_keeper_stop: cancel all orders, withdraw all challenges; emits nothing. */
void funnel_certificate_keeper_stop (FunnelCertificateKeeper *self);
/** funnel_certificate_keeper_check_store: FALSE and FUNNEL_ERROR_STORE with path and remedy. */
gboolean funnel_certificate_keeper_check_store (FunnelCertificateKeeper *self, GError **error);

/** funnel_certificate_keeper_want: @name (canonical) shall have a certificate from now on. Counted:
 * one funnel_certificate_keeper_unwant for each. */
void funnel_certificate_keeper_want (FunnelCertificateKeeper *self, const char *name);
void funnel_certificate_keeper_unwant (FunnelCertificateKeeper *self, const char *name);
/** funnel_certificate_keeper_nudge: something an order waits for may have changed (link, grant,
 * network, clock): names that wait for it are tried now. Never shortens what an authority asked. */
void funnel_certificate_keeper_nudge (FunnelCertificateKeeper *self);

/** funnel_certificate_keeper_get: valid now, to be served; NULL none. Borrowed. O(1). Its chain and
 * key are at hand as PEM: funnel_certificate_get_chain_pem and _get_key_pem. */
FunnelCertificate *funnel_certificate_keeper_get (FunnelCertificateKeeper *self, const char *name);
/** funnel_certificate_keeper_get_status: never NULL; borrowed, until the main loop runs again. */
const FunnelKeptStatus *
funnel_certificate_keeper_get_status (FunnelCertificateKeeper *self, const char *name);
/** funnel_certificate_keeper_list: all names wanted or kept, sorted. Free with g_strfreev. */
GStrv funnel_certificate_keeper_list (FunnelCertificateKeeper *self);
/** funnel_certificate_keeper_list_serials: of every certificate this node ever ordered for @name
 * (as far as remembered: the last 500), lower-case hex, oldest first. Free with g_strfreev. */
GStrv funnel_certificate_keeper_list_serials (FunnelCertificateKeeper *self, const char *name);

/**
 * funnel_certificate_keeper_obtain_async: finish as soon as there is a certificate for @name that
 * is valid for @min_validity seconds more; at once if there is. Else one is ordered (joining an
 * order that is under way), the name being wanted meanwhile.
 *
 * Errors: FUNNEL_ERROR_UNREACHABLE, FUNNEL_ERROR_NOT_ALLOWED, FUNNEL_ERROR_FAILED with the
 * authority's words and when it is tried again; FUNNEL_ERROR_STORE; cancelled: only this wait ends.
 */
void funnel_certificate_keeper_obtain_async (FunnelCertificateKeeper *self,
                                             const char *name,
                                             gint64 min_validity,
                                             GCancellable *cancellable,
                                             GAsyncReadyCallback callback,
                                             gpointer user_data);
/** funnel_certificate_keeper_obtain_finish: a reference, or NULL. */
FunnelCertificate *funnel_certificate_keeper_obtain_finish (FunnelCertificateKeeper *self,
                                                            GAsyncResult *result,
                                                            GError **error);

/** funnel_certificate_keeper_revoke_async: revoke every valid certificate that is kept, and delete
 * them. What could not be revoked stays, and is named in the error. */
void funnel_certificate_keeper_revoke_async (FunnelCertificateKeeper *self,
                                             GCancellable *cancellable,
                                             GAsyncReadyCallback callback,
                                             gpointer user_data);
/** funnel_certificate_keeper_revoke_finish: @count: how many were revoked. */
gboolean funnel_certificate_keeper_revoke_finish (FunnelCertificateKeeper *self,
                                                  GAsyncResult *result,
                                                  guint *count,
                                                  GError **error);

/** funnel_certificate_keeper_get_authority: what certificates are ordered with. Borrowed. */
const FunnelAuthority *funnel_certificate_keeper_get_authority (FunnelCertificateKeeper *self);
/** funnel_certificate_keeper_set_authority: order from @authority (copied) from now on.
 * Certificates of another directory are replaced at once; what waits for an authority is tried
 * anew. */
void funnel_certificate_keeper_set_authority (FunnelCertificateKeeper *self,
                                              const FunnelAuthority *authority);

/** funnel_certificate_keeper_take_notice: TRUE once per name, for ever: the user must be told that
 * the name is about to become public in certificate transparency logs. */
gboolean funnel_certificate_keeper_take_notice (FunnelCertificateKeeper *self, const char *name);

G_END_DECLS
