/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A node's data plane with one listener and one certificate, an ingress in front of it, and
 * waiting. */

#include "daemon/serve/serve-private.h"
#include "daemon/serve/serve.h"
#include "tests/unit/daemon/cert/make-certificate.h"
#include "tests/unit/daemon/serve/ingress-player.h"

#define NAME "laptop.example.org"
#define SHARE_ID 7u

typedef struct
{
  char *dir;
  MadeCertificate made;
  FunnelCertificate *certificate;
  struct serve_limits limits;
  FunnelServe *serve;
  guint16 node_port; /* where offers go */
  guint listener;
  guint changed; /* calls so far */
  IngressPlayer *ingress;
} Fixture;

/** fixture_set_up: everything but shares, with default limits. fixture_set_up_with: with @limits.
 */
void fixture_set_up (Fixture *f, gconstpointer data);
void fixture_set_up_with (Fixture *f, const struct serve_limits *limits);
void fixture_tear_down (Fixture *f, gconstpointer data);

/** fixture_share: make share SHARE_ID, NAME:443, the only one; targets are ports on 127.0.0.1,
 * ended by 0. */
void fixture_share (Fixture *f, FunnelServeKind kind, ...);
/** fixture_share_more: the same with the certificate and cap of flows chosen. */
void fixture_share_more (Fixture *f,
                         FunnelServeKind kind,
                         guint16 port,
                         FunnelCertificate *certificate,
                         guint max_flows);
/** fixture_make_share: share SHARE_ID leading to @port on 127.0.0.1, to be changed and given to
 * fixture_set_share, which takes it over. */
FunnelServeShare *fixture_make_share (Fixture *f, FunnelServeKind kind, guint16 port);
void fixture_set_share (Fixture *f, FunnelServeShare *share);
/** fixture_unshare: an empty list of shares. */
void fixture_unshare (Fixture *f);

FunnelServeCounters fixture_counters (Fixture *f);
/** fixture_refusals: how often @reason was counted at the listener. */
guint64 fixture_refusals (Fixture *f, const char *reason);

/** fixture_offer: a connection from 127.0.0.1 with a good offer for NAME written. */
int fixture_offer (Fixture *f);

/** WAIT_UNTIL: run the main context until @condition; fails after 30 s. */
#define WAIT_UNTIL(condition)                                                                      \
  G_STMT_START                                                                                     \
  {                                                                                                \
    gint64 wait_end_ = g_get_monotonic_time () + 30 * G_USEC_PER_SEC;                              \
    while (!(condition))                                                                           \
      {                                                                                            \
        if (g_get_monotonic_time () > wait_end_)                                                   \
          g_error ("%s:%d: waited in vain for " #condition, __FILE__, __LINE__);                   \
        fixture_turn ();                                                                           \
      }                                                                                            \
  }                                                                                                \
  G_STMT_END
/** fixture_turn: let the main context run for a moment. */
void fixture_turn (void);
