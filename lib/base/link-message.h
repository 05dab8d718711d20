/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Messages of the link, node <-> ingress, as JSON text (docs/protocol.md, "Link"; schemas in
 * data/schema/). Parsing is strict about types and bounds, and ignores unknown members. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_LINK_VERSION 1
#define FUNNEL_LINK_MESSAGE_MAX (256 * 1024) /* bytes of one message */
#define FUNNEL_LINK_SHARES_MAX 1000
#define FUNNEL_LINK_GRANTS_MAX 1000
#define FUNNEL_LINK_PORTS_MAX 64
#define FUNNEL_LINK_CLAIMS_MAX 64 /* names of its own domains that a node may ask for */
#define FUNNEL_LINK_RECORDS_MAX 8

typedef enum
{
  FUNNEL_LINK_HELLO,   /* node: version, software, offer_port */
  FUNNEL_LINK_SHARES,  /* node: the complete list of what is armed */
  FUNNEL_LINK_PONG,    /* node: id */
  FUNNEL_LINK_WELCOME, /* ingress: version, node, zone, public_ports, ping_interval */
  FUNNEL_LINK_GRANTS,  /* ingress: the complete list of what is granted */
  FUNNEL_LINK_PROBE,   /* ingress: result of an outside probe */
  FUNNEL_LINK_PING,    /* ingress: id */
  FUNNEL_LINK_ROUTED,  /* ingress: the complete list of what its relay routes for this node */
  FUNNEL_LINK_CLAIMS,  /* node: the complete list of names outside the zone that it asks for */
  FUNNEL_LINK_CLAIMED, /* ingress: what became of them */
  FUNNEL_LINK_ERROR,   /* either: message */
} FunnelLinkType;

typedef enum
{
  FUNNEL_PROBE_OK,      /* TLS connection made; leaf is the certificate seen */
  FUNNEL_PROBE_DNS,     /* the name does not resolve */
  FUNNEL_PROBE_CONNECT, /* no TCP connection to the public address */
  FUNNEL_PROBE_TLS,     /* TLS handshake failed; detail has the alert */
  FUNNEL_PROBE_TIMEOUT,
} FunnelProbeOutcome;

typedef struct
{
  char *name; /* canonical host name */
  guint16 port;
  guint32 epoch; /* a changed epoch asks for a new probe of this share */
} FunnelLinkShare;

typedef struct
{
  char *name;
  guint16 *ports;
  guint n_ports;
  gint64 expires; /* Unix seconds, 0 = never */
  gboolean below; /* names with one label more are granted too */
} FunnelLinkGrant;

typedef enum
{
  FUNNEL_CLAIM_CHECKING, /* DNS is being asked */
  FUNNEL_CLAIM_REFUSED,  /* not proved, or somebody else's; reason and records say what to do */
  FUNNEL_CLAIM_HELD,     /* proved, and granted */
  FUNNEL_CLAIM_LOST,     /* still granted, but its proof is gone from DNS */
} FunnelClaimState;

typedef struct
{
  char *name; /* canonical host name */
  FunnelClaimState state;
  char *reason;  /* one line for the user; NULL when held */
  GStrv records; /* lines for a zone file: the first one proves it alone, or all others together */
} FunnelLinkClaim;

typedef struct
{
  FunnelLinkType type;
  guint32 version;            /* hello, welcome */
  char *software;             /* hello */
  guint16 offer_port;         /* hello */
  GPtrArray *shares;          /* shares, routed: FunnelLinkShare* */
  guint32 id;                 /* ping, pong */
  char *node;                 /* welcome */
  char *zone;                 /* welcome */
  GArray *public_ports;       /* welcome: guint16 */
  guint32 ping_interval;      /* welcome: seconds */
  gboolean takes_claims;      /* welcome: names outside the zone may be proved */
  GPtrArray *grants;          /* grants: FunnelLinkGrant* */
  GStrv names;                /* claims */
  GPtrArray *claims;          /* claimed: FunnelLinkClaim* */
  char *name;                 /* probe */
  guint16 port;               /* probe */
  guint32 epoch;              /* probe: the epoch that was probed */
  FunnelProbeOutcome outcome; /* probe */
  char *detail;               /* probe: one line for the user; error: message */
  char *leaf;      /* probe: lower-case hex SHA-256 of the leaf certificate seen, or NULL */
  GStrv addresses; /* probe: what the name resolved to */
} FunnelLinkMessage;

FunnelLinkMessage *funnel_link_message_new (FunnelLinkType type);
void funnel_link_message_free (FunnelLinkMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelLinkMessage, funnel_link_message_free)

FunnelLinkShare *funnel_link_share_new (const char *name, guint16 port, guint32 epoch);
void funnel_link_share_free (FunnelLinkShare *share);
FunnelLinkGrant *
funnel_link_grant_new (const char *name, const guint16 *ports, guint n_ports, gint64 expires);
/** funnel_link_grant_covers: whether @grant is about canonical @name. */
gboolean funnel_link_grant_covers (const FunnelLinkGrant *grant, const char *name);
void funnel_link_grant_free (FunnelLinkGrant *grant);

/** funnel_link_claim_new: without reason and records. */
FunnelLinkClaim *funnel_link_claim_new (const char *name, FunnelClaimState state);
FunnelLinkClaim *funnel_link_claim_copy (const FunnelLinkClaim *claim);
void funnel_link_claim_free (FunnelLinkClaim *claim);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelLinkClaim, funnel_link_claim_free)
/** funnel_claim_state_text: "checking", … */
const char *funnel_claim_state_text (FunnelClaimState state);

/** funnel_link_message_print: JSON text. */
char *funnel_link_message_print (const FunnelLinkMessage *message);
/** funnel_link_message_parse: NULL and FUNNEL_ERROR_PROTOCOL naming the member at fault. An unknown
 * "type" is FUNNEL_ERROR_UNSUPPORTED. */
FunnelLinkMessage *funnel_link_message_parse (const char *text, gsize len, GError **error);

const char *funnel_probe_outcome_text (FunnelProbeOutcome outcome);
/** funnel_link_type_text: "hello", … */
const char *funnel_link_type_text (FunnelLinkType type);

G_END_DECLS
