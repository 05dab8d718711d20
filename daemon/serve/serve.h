/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The node's data plane: takes offers from ingresses and serves them from local targets, on a
 * thread of its own with epoll. The owner (main thread) hands over listeners and complete lists of
 * shares; the serve thread hands back counters. Nothing here knows D-Bus, JSON or the link. */

#include "lib/wire/address.h"
#include "lib/wire/offer.h"
#include "daemon/serve/serve-share.h"

#include <glib.h>

G_BEGIN_DECLS

typedef struct _FunnelServe FunnelServe;

#define FUNNEL_SERVE_REASONS (OFFER_REASON_OTHER + 1)

#define FUNNEL_SERVE_STATUS_CLASSES 6

typedef struct
{
  guint32 flows_active;
  guint64 flows_total;
  guint64 bytes_in;  /* from visitors */
  guint64 bytes_out; /* to visitors */
  guint64 refusals[FUNNEL_SERVE_REASONS];
  guint64 wrong_passwords;                       /* requests answered 401 though they brought one */
  guint64 guesses_slowed;                        /* answered 429, without looking at the password */
  guint64 target_attempts;                       /* attempts to reach the target that ended */
  int target_error;                              /* errno of the last of them, 0 if it worked */
  guint64 requests[FUNNEL_SERVE_STATUS_CLASSES]; /* HTTP: answered, by first digit of the status;
                                                    0: not answered to the end */
} FunnelServeCounters;

/* One request to an HTTP share, for a live log. */
typedef struct
{
  guint64 number;    /* counts up per share, from 1 */
  gint64 time;       /* Unix microseconds, of its end */
  char source[56];   /* the visitor, "ip:port" */
  char method[12];   /* cut if longer, like the path */
  char path[160];    /* without the query, which may hold secrets; visible ASCII only */
  guint16 status;    /* 0: cut short before it was answered */
  gboolean complete; /* FALSE: the answer was cut short */
  guint64 bytes;     /* of the answer's body */
  guint32 ms;        /* from head of request to end of answer */
} FunnelServeRequest;

/* Called on the owner's main context after counters changed, at most once a second, and at once
 * when a target_error appears or goes. */
typedef void (*FunnelServeChanged) (gpointer user_data);

/** funnel_serve_new: start the thread. The main context current now receives @changed. */
FunnelServe *funnel_serve_new (FunnelServeChanged changed, gpointer user_data, GError **error);
/** funnel_serve_free: end all flows and the thread. On the thread of the main context. */
void funnel_serve_free (FunnelServe *self);

/**
 * funnel_serve_add_listener: accept offers on @fd (taken over).
 * @peer: the only address offers may come from; others are closed and counted as "not-peer"
 * Returns an id for funnel_serve_remove_listener, which ends all flows that came that way.
 */
guint funnel_serve_add_listener (FunnelServe *self, int fd, const struct address *peer);
void funnel_serve_remove_listener (FunnelServe *self, guint listener);

/** funnel_serve_set_shares: replace the list (array of FunnelServeShare*, referenced). Flows of
 * shares that vanished are cut. */
void funnel_serve_set_shares (FunnelServe *self, GPtrArray *shares);

/** funnel_serve_get_counters: of share @id since it first appeared; FALSE if unknown. Any thread.
 */
gboolean funnel_serve_get_counters (FunnelServe *self, guint32 id, FunnelServeCounters *out);
/** funnel_serve_take_log: requests to share @id with numbers above @after, oldest first: the last
 * few hundred are kept. Returns how many were written to @out, at most @max. Any thread. */
guint funnel_serve_take_log (FunnelServe *self,
                             guint32 id,
                             guint64 after,
                             FunnelServeRequest *out,
                             guint max);
/** funnel_serve_get_offer_connections: how many the ingress has made to @listener. */
guint64 funnel_serve_get_offer_connections (FunnelServe *self, guint listener);
/** funnel_serve_get_offer_flows: visitors who came by @listener and are served now. Any thread. */
guint funnel_serve_get_offer_flows (FunnelServe *self, guint listener);
/** funnel_serve_get_offer_refusals: of @listener: malformed or forbidden offers by reason, a new
 * table string → guint64* (owned by it). */
GHashTable *funnel_serve_get_offer_refusals (FunnelServe *self, guint listener);

G_END_DECLS
