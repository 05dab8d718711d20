/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Whether DNS says that a name outside the zone is a node's (docs/protocol.md, "Claims"): by a
 * CNAME that leads to the node's assigned name, or by addresses of this ingress and a TXT record
 * with the hash of the node's key. What DNS answers is a stranger's: bounded, and judged by a
 * function that sees nothing else. */

#include "ingress-server/store/ingress-config.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define DOMAIN_PROOF_SECONDS 15
#define DOMAIN_HOPS_MAX 8 /* CNAME records followed */

typedef enum
{
  DOMAIN_UNKNOWN, /* DNS gave no answer that settles it */
  DOMAIN_UNPROVED,
  DOMAIN_BY_CNAME,
  DOMAIN_BY_TXT,
} DomainProof;

/** domain_proof_text: "cname" or "txt", as the store has it; "none". */
const char *domain_proof_text (DomainProof proof);

/* What is to be proved. */
typedef struct
{
  char *name;      /* canonical */
  char *assigned;  /* the node's own name, "laptop.ZONE" */
  char *token;     /* "funnel-node=HASH" */
  GStrv addresses; /* of this ingress; empty: not known */
} DomainWish;

/* What DNS said. Lists are never NULL. */
typedef struct
{
  GStrv aliases;   /* where CNAME records lead from the name, hop by hop, canonical */
  GStrv addresses; /* of the name */
  GStrv texts;     /* TXT of _funnel.NAME */
  GStrv above;     /* TXT of _funnel.PARENT */
  char *problem;   /* a server did not answer: what is missing above may be there; NULL none */
} DomainFacts;

/** domain_proof_token: "funnel-node=" and the hexadecimal SHA-256 of the node's public key. */
char *domain_proof_token (const char *public_key);
/** domain_proof_judge: @why: one sentence when it is not proved, NULL else. */
DomainProof domain_proof_judge (const DomainWish *wish, const DomainFacts *facts, char **why);
/** domain_proof_records: lines for a zone file; the first one proves it alone, or all others. */
GStrv domain_proof_records (const DomainWish *wish);

typedef struct
{
  DomainProof proof;
  char *why;
  GStrv records;
} DomainAnswer;

void domain_answer_free (DomainAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DomainAnswer, domain_answer_free)

/** domain_proof_check_async: ask DNS whether @name is of the node with @assigned and @public_key;
 * within DOMAIN_PROOF_SECONDS. A resolver of @config is asked, and a server of the domain's zone
 * where that resolver knows of no record: it may remember that there was none. */
void domain_proof_check_async (const IngressConfig *config,
                               const char *name,
                               const char *assigned,
                               const char *public_key,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
/** domain_proof_check_finish: NULL only when cancelled. */
DomainAnswer *domain_proof_check_finish (GAsyncResult *result, GError **error);

G_END_DECLS
