/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the ingress keeps: nodes, grants and join tokens, in SQLite. Every change is one
 * transaction. Calls block for a disk write; they belong to one thread. Errors: FUNNEL_ERROR_STORE
 * unless said. */

#include "lib/base/token.h"

#include <glib.h>

G_BEGIN_DECLS

#define INGRESS_HOST_FIRST 2               /* 1 is the ingress itself */
#define INGRESS_HOST_LAST ((1u << 22) - 2) /* of a /10 */
#define INGRESS_NODES_MAX 60000            /* the agent's and the route table's limits, with room */

typedef struct _IngressStore IngressStore;

/* How much a node or a name may take; 0 = no limit. */
typedef struct
{
  guint max_flows;   /* visitors at a time */
  guint rate;        /* new visitors per second */
  guint64 bandwidth; /* bytes per second, both directions together */
} IngressLimits;

typedef struct
{
  gint64 id;
  char *name; /* canonical host name */
  guint16 *ports;
  guint n_ports;
  gint64 expires; /* Unix seconds, 0 = never */
  IngressLimits limits;
  gboolean closed;  /* switched off by the admin, until opened again */
  gboolean below;   /* it also covers names with one label more */
  gboolean claimed; /* by proof (claim-store.h), not by the admin */
} IngressGrant;

typedef struct
{
  gint64 id;        /* never used again for another node */
  char *name;       /* one label */
  char *public_key; /* WireGuard, base64 */
  guint32 host;     /* host part of the tunnel address */
  char *software;   /* what it said when it joined or linked; may be "" */
  gint64 created;
  gint64 last_seen; /* 0 = never */
  IngressLimits limits;
  GPtrArray *grants; /* IngressGrant*, in order of creation, expired ones included */
} IngressNode;

void ingress_node_free (IngressNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IngressNode, ingress_node_free)
/** ingress_node_find_grant: of @name itself, else one that covers it from above; NULL. */
IngressGrant *ingress_node_find_grant (const IngressNode *node, const char *name);
/** ingress_grant_covers: whether it allows @port at time @now: live, not closed, and of that port.
 */
gboolean ingress_grant_covers (const IngressGrant *grant, guint16 port, gint64 now);
gboolean ingress_grant_is_live (const IngressGrant *grant, gint64 now);

/* A join token that has not been used. */
typedef struct
{
  char *node_name;
  gint64 expires;
  gboolean grant;
  gboolean replace;
} IngressInvite;
void ingress_invite_free (IngressInvite *invite);

/** ingress_store_open: opens @path, making it (mode 0600) and bringing it up to date. */
IngressStore *ingress_store_open (const char *path, GError **error);
void ingress_store_close (IngressStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IngressStore, ingress_store_close)

/** ingress_store_protect: let nothing be written to a database that is damaged, or allow it again.
 * SQLite alone would go on for long from what it has in memory. */
void ingress_store_protect (IngressStore *self, gboolean protect);

/** ingress_store_load_nodes: IngressNode* by id, ascending. */
GPtrArray *ingress_store_load_nodes (IngressStore *self, GError **error);
IngressNode *ingress_store_load_node (IngressStore *self, gint64 id, GError **error);
/** ingress_store_load_invites: IngressInvite*: tokens neither used nor expired at @now. */
GPtrArray *ingress_store_load_invites (IngressStore *self, gint64 now, GError **error);

/**
 * ingress_store_add_token: let whoever knows @secret join as @node_name until @expires.
 * @grant_name: what joining grants, with what is one label below it, or NULL
 * @grant_ports: "443,8443"; NULL with @grant_name
 * @replace: the node may exist; joining gives it a new key
 * CONFLICT when the node exists and @replace is not set, or another node holds the name.
 */
gboolean ingress_store_add_token (IngressStore *self,
                                  const guint8 secret[FUNNEL_TOKEN_SECRET_LEN],
                                  const char *node_name,
                                  const char *grant_name,
                                  const char *grant_ports,
                                  gboolean replace,
                                  gint64 now,
                                  gint64 expires,
                                  GError **error);

typedef enum
{
  INGRESS_JOIN_NEW,      /* a node was created */
  INGRESS_JOIN_REPLACED, /* an existing node has a new key */
  INGRESS_JOIN_AGAIN,    /* the same answer again: nothing changed */
} IngressJoinKind;

/**
 * ingress_store_join: use a token and create (or re-key) its node, in one transaction.
 * Returns the node; TOKEN_UNKNOWN, TOKEN_USED, TOKEN_EXPIRED, or CONFLICT (key known under another
 * name, node exists, name taken, no room). The same secret with the same key gives the same answer
 * until the token expires.
 */
IngressNode *ingress_store_join (IngressStore *self,
                                 const guint8 secret[FUNNEL_TOKEN_SECRET_LEN],
                                 const char *public_key,
                                 const char *software,
                                 gint64 now,
                                 IngressJoinKind *kind,
                                 GError **error);

/** ingress_store_put_grant: grant @name, with what is one label @below it or not, to @node, or
 * change ports and expiry of that grant, and its limits unless @limits is NULL. CONFLICT when
 * another node holds the name, or one that the one would cover (an expired grant holds nothing).
 * What the admin grants is nobody's claim any more. */
gboolean ingress_store_put_grant (IngressStore *self,
                                  gint64 node,
                                  const char *name,
                                  gboolean below,
                                  const char *ports,
                                  gint64 now,
                                  gint64 expires,
                                  const IngressLimits *limits,
                                  GError **error);
/** ingress_store_close_grant: switch a grant off, or on again. */
gboolean
ingress_store_close_grant (IngressStore *self, gint64 grant, gboolean closed, GError **error);
gboolean ingress_store_limit_node (IngressStore *self,
                                   gint64 node,
                                   const IngressLimits *limits,
                                   GError **error);
/** ingress_store_remove_grant: a claim that goes with it is in quarantine for everybody. */
gboolean ingress_store_remove_grant (IngressStore *self, gint64 grant, gint64 now, GError **error);
/** ingress_store_remove_node: its claims are in quarantine, but for who has its key. */
gboolean ingress_store_remove_node (IngressStore *self, gint64 node, gint64 now, GError **error);

/** ingress_store_touch: note when and with what software nodes were last seen; one transaction for
 * all of @nodes (IngressNode*). */
gboolean ingress_store_touch (IngressStore *self, GPtrArray *nodes, GError **error);

/** ingress_store_purge_tokens: forget tokens that expired before @before; they then count as
 * unknown. */
gboolean ingress_store_purge_tokens (IngressStore *self, gint64 before, GError **error);

/** ingress_ports_print, ingress_ports_parse: "443,8443"; parse drops duplicates and gives NULL when
 * malformed. */
char *ingress_ports_print (const guint16 *ports, guint n_ports);
GArray *ingress_ports_parse (const char *text);

G_END_DECLS
