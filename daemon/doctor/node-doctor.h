/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What is wrong with this node, and what to type: pure functions from facts to steps. */

#include "daemon/model/share-state.h"
#include "lib/base/doctor-step.h"
#include "lib/dns/dns-view.h"

G_BEGIN_DECLS

#define FUNNEL_DOCTOR_CLOCK_OFF_S 30    /* worth a word */
#define FUNNEL_DOCTOR_CLOCK_WRONG_S 300 /* certificates and their authorities stumble */
#define FUNNEL_DOCTOR_PATH_MTU_MIN 1280 /* outside; also the least IPv6 allows */

/* What came of asking the ingress over TCP, outside the tunnel. */
typedef enum
{
  FUNNEL_DOCTOR_ASKED_NOT, /* no time, or this node was joined before one could ask */
  FUNNEL_DOCTOR_ASKED_SILENT,
  FUNNEL_DOCTOR_ASKED_CONNECTED, /* TCP works; there was no usable answer */
  FUNNEL_DOCTOR_ASKED_UNTRUSTED, /* somebody with another key answers there */
  FUNNEL_DOCTOR_ASKED_UNKNOWN,   /* the ingress does not know this node's WireGuard key */
  FUNNEL_DOCTOR_ASKED_KNOWN,
} FunnelDoctorAsked;

typedef struct
{
  FunnelShareFacts facts;
  gboolean target_checked;                   /* just now */
  gint64 probed_at;                          /* Unix seconds; 0 never */
  gint64 certificate_begin, certificate_end; /* Unix seconds; 0 none */
  const char *certificate_problem;           /* of one that is in use, such as its renewal; NULL */
} FunnelDoctorShare;

/* Strings are borrowed and may be NULL. */
typedef struct
{
  gint64 now; /* Unix seconds */
  const char *state_dir;
  const char *const *store_problems; /* NULL-terminated; may be NULL */
  const char *daemon_version;
  const char *client_version; /* of who asks; NULL: not compared */

  gboolean joined;
  const char *node, *zone;
  const char *endpoint_host;             /* also the host of the join API */
  guint16 endpoint_port;                 /* UDP, and TCP for joining */
  const char *const *endpoint_addresses; /* IP literals; NULL not known */
  const char *ingress_public_key;

  const char *tunnel; /* back end; "" none yet */
  const char *engine;
  const char *const *passed_over;
  gboolean tunnel_up;
  gint64 tunnel_age; /* seconds that it is up */
  const char *tunnel_reason, *tunnel_next_step;
  gint64 handshake; /* Unix seconds, 0 never */
  guint mtu;        /* inside; 0 not known */
  guint path_mtu;   /* outside; 0 not known */
  gboolean linked;
  const char *link_reason;

  FunnelDoctorAsked asked;
  const char *asked_problem;
  gint64 ingress_clock;     /* Unix seconds, 0 not told */
  gint64 ingress_handshake; /* what the ingress has seen; as @handshake */
  const char *ingress_told_key;

  const char *wanted_name; /* the one the user asked about; NULL all */
  const GPtrArray *shares; /* FunnelDoctorShare* of that name */
  const GPtrArray *names;  /* FunnelDnsView*: of each name, at most FUNNEL_DOCTOR_NAMES_MAX */
} FunnelDoctorFacts;

#define FUNNEL_DOCTOR_NAMES_MAX 8

/** funnel_node_doctor_evaluate: the steps, FunnelDoctorStep*. */
GPtrArray *funnel_node_doctor_evaluate (const FunnelDoctorFacts *facts);

/** funnel_node_doctor_examine_way: for funnel_node_doctor_evaluate: this machine, tunnel, link. */
void funnel_node_doctor_examine_way (const FunnelDoctorFacts *facts, GPtrArray *steps);
/** funnel_node_doctor_examine_shares: for funnel_node_doctor_evaluate, after the way. */
void funnel_node_doctor_examine_shares (const FunnelDoctorFacts *facts, GPtrArray *steps);

G_END_DECLS
