/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One name of the certificate keeper: what is kept of it, the order under way, and what comes next.
 *
 * Everything that happens (a wish, the clock, the end of an order, news of the link) ends in
 * funnel_kept_name_look, which compares what there is with what is wanted and starts at most one
 * order. It never waits: whatever is missing is written into the status, and looked at again. */

#include "daemon/cert/acme-client.h"
#include "daemon/cert/certificate-keeper.h"
#include "daemon/cert/certificate-store.h"
#include "daemon/cert/renewal.h"

G_BEGIN_DECLS

typedef struct _FunnelKeptName FunnelKeptName;

/* What the names of a keeper share. Owned by it. */
typedef struct
{
  FunnelCertificateStore *store;
  FunnelAuthority *authority;
  const FunnelChallengeWay *way;
  gpointer owner;
  guint orders; /* under way, in all */
  gboolean stopped;
  /* An order has ended or a moment is set: have all names looked at. */
  void (*look) (gpointer keeper);
  void (*changed) (gpointer keeper, const char *name);
  void (*status) (gpointer keeper, const char *name);
  gpointer keeper; /* GObject, held by orders under way */
} FunnelKeeperShared;

/** funnel_kept_name_new: reads what is in the store. */
FunnelKeptName *funnel_kept_name_new (FunnelKeeperShared *shared, const char *name);
/** funnel_kept_name_unref: the one reference of the keeper; orders under way have their own. */
void funnel_kept_name_unref (FunnelKeptName *self);
/** funnel_kept_name_stop: cancel what is under way; whoever waits gets an error. */
void funnel_kept_name_stop (FunnelKeptName *self);

const char *funnel_kept_name_get_name (FunnelKeptName *self);
/** funnel_kept_name_get: to be served now, or NULL. */
FunnelCertificate *funnel_kept_name_get (FunnelKeptName *self);
/** funnel_kept_name_get_stored: also when it has expired. */
FunnelCertificate *funnel_kept_name_get_stored (FunnelKeptName *self);
const FunnelOrderRecord *funnel_kept_name_get_record (FunnelKeptName *self);
const FunnelKeptStatus *funnel_kept_name_get_status (FunnelKeptName *self);

void funnel_kept_name_want (FunnelKeptName *self, int by);
/** funnel_kept_name_wait: finish @task (taken) as funnel_certificate_keeper_obtain_finish says. */
void funnel_kept_name_wait (FunnelKeptName *self, GTask *task, gint64 min_validity);
/** funnel_kept_name_is_idle: nobody wants it, nothing is kept, nothing goes on. */
gboolean funnel_kept_name_is_idle (FunnelKeptName *self);
/** funnel_kept_name_forget: the certificate was revoked and removed. */
void funnel_kept_name_forget (FunnelKeptName *self);
/** funnel_kept_name_nudge: as funnel_certificate_keeper_nudge. */
void funnel_kept_name_nudge (FunnelKeptName *self);
/** funnel_kept_name_retry: the authorities are others now: what the old ones said no longer counts.
 */
void funnel_kept_name_retry (FunnelKeptName *self);

/** funnel_kept_name_look: do what is due at @now (Unix seconds). Returns when to look again;
 * G_MAXINT64 never. */
gint64 funnel_kept_name_look (FunnelKeptName *self, gint64 now);

/** funnel_keeper_make_client: an ACME client for @directory with this node's account there, which
 * is made if need be. */
FunnelAcmeClient *funnel_keeper_make_client (FunnelKeeperShared *shared,
                                             const FunnelDirectory *directory,
                                             GError **error);

G_END_DECLS
