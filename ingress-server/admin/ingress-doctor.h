/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What is wrong with this ingress, and what to type: pure functions from facts to steps. */

#include "ingress-server/store/ingress-config.h"
#include "lib/base/doctor-step.h"
#include "lib/dns/dns-view.h"

G_BEGIN_DECLS

#define INGRESS_DOCTOR_DISK_LOW (100ull << 20) /* bytes; worth a word */
#define INGRESS_DOCTOR_DISK_FULL (5ull << 20)  /* the database soon cannot be written */
#define INGRESS_DOCTOR_NAMES_MAX 8             /* looked up at once */
#define INGRESS_DOCTOR_NODES_MAX 50            /* each with a line of its own while it is well */

/* A TCP port of this host at one of its public addresses, tried from this host. */
typedef struct
{
  guint16 port;
  char *what;     /* "visitors", "joining", "redirects" */
  char *address;  /* IP literal */
  char *problem;  /* why a connection failed; NULL: it was made */
  gboolean taken; /* somebody listens at the port */
  char *holder;   /* which program, if it can be known; NULL otherwise */
} IngressDoctorPort;

void ingress_doctor_port_free (IngressDoctorPort *port);

/* Strings are borrowed and may be NULL. */
typedef struct
{
  gint64 now;                    /* Unix seconds */
  gboolean clock_unsynchronized; /* says the kernel */
  const char *state_dir;
  const IngressConfig *config; /* NULL: it cannot be used */
  const char *config_problem;
  guint64 disk_free;               /* bytes; G_MAXUINT64 not known */
  const char *database_problem;    /* NULL: sound */
  const char *certificate_problem; /* of the join API's key and certificate; NULL: usable */
  JsonObject *status;              /* of the daemon; NULL: it does not answer */
  JsonObject *nodes;               /* the same */
  const char *daemon_problem;
  const GPtrArray *ports;       /* IngressDoctorPort* */
  gboolean udp_bound;           /* somebody has the endpoint's UDP port */
  const char *firewall;         /* what is known of it; NULL nothing */
  const char *firewall_advice;  /* NULL: nothing is known to be wrong */
  const char *const *addresses; /* IP literals names are to lead to; NULL-terminated */
  const GPtrArray *views;       /* FunnelDnsView* */
} IngressDoctorFacts;

/** ingress_doctor_evaluate: the steps, FunnelDoctorStep*. */
GPtrArray *ingress_doctor_evaluate (const IngressDoctorFacts *facts);

/** ingress_doctor_check_name: the name that is looked up to see whether any name below @zone leads
 * here; caller frees. */
char *ingress_doctor_check_name (const char *zone);

/** ingress_doctor_examine_nodes: for ingress_doctor_evaluate: nodes and what they share. */
void ingress_doctor_examine_nodes (const IngressDoctorFacts *facts, GPtrArray *steps);

G_END_DECLS
