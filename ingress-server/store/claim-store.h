/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Names outside the zone that nodes have proved to be theirs. A claim is held by one node and comes
 * with a grant; when the node goes, or its proof, the claim is in quarantine: for some time nobody
 * takes the name but who has the key that held it. Every change is one transaction. */

#include "ingress-server/store/ingress-store.h"

G_BEGIN_DECLS

typedef struct
{
  char *name;
  gint64 node;      /* 0: none, it is in quarantine */
  char *node_name;  /* whose it is or was */
  char *public_key; /* who may have it back; "" nobody */
  char *proof;      /* "cname" or "txt" */
  gint64 since;     /* Unix seconds, as below */
  gint64 checked;   /* when the proof was last seen */
  gint64 lost;      /* since when it is gone; 0: it is there */
  gint64 released;  /* when the quarantine began; 0: none */
} IngressClaim;

void ingress_claim_free (IngressClaim *claim);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IngressClaim, ingress_claim_free)

/** claim_store_load: IngressClaim*, by name. */
GPtrArray *claim_store_load (IngressStore *store, GError **error);

/**
 * claim_store_take: @node has proved @name at @now and gets it, with a grant on @ports
 * ("443,8443"). Proved again, it is noted. FUNNEL_ERROR_CONFLICT when another node has it or
 * something that covers it, when it is in quarantine (for @quarantine seconds) for another key, or
 * when the node has
 * @claims_max already.
 */
gboolean claim_store_take (IngressStore *store,
                           const char *name,
                           const IngressNode *node,
                           const char *ports,
                           const char *proof,
                           gint64 now,
                           gint64 quarantine,
                           guint claims_max,
                           GError **error);
/** claim_store_lose: the proof of @name was not there at @now. */
gboolean claim_store_lose (IngressStore *store, const char *name, gint64 now, GError **error);
/** claim_store_release: the grant goes, and the quarantine begins. */
gboolean claim_store_release (IngressStore *store, const char *name, gint64 now, GError **error);
/** claim_store_forget: as if it had never been; its grant goes too. NOT_FOUND when there is none.
 */
gboolean claim_store_forget (IngressStore *store, const char *name, GError **error);
/** claim_store_purge: forget quarantines that began before @before. */
gboolean claim_store_purge (IngressStore *store, gint64 before, GError **error);

G_END_DECLS
