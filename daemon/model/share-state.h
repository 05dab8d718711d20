/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The honest state of a share: a pure function from what is known to what is shown. */

#include "lib/base/link-message.h"
#include "daemon/model/share-kind.h"

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_SHARE_STATE_OFF,
  FUNNEL_SHARE_STATE_WAITING_GRANT,
  FUNNEL_SHARE_STATE_TUNNEL_DOWN,
  FUNNEL_SHARE_STATE_LINK_DOWN,
  FUNNEL_SHARE_STATE_NAME_REFUSED, /* the public name does not lead here */
  FUNNEL_SHARE_STATE_DNS_PENDING,
  FUNNEL_SHARE_STATE_CERTIFICATE_PENDING,
  FUNNEL_SHARE_STATE_CERTIFICATE_FAILED,
  FUNNEL_SHARE_STATE_TARGET_DOWN,
  FUNNEL_SHARE_STATE_PROBING,
  FUNNEL_SHARE_STATE_ACTIVE, /* seen to work from outside, with our certificate */
} FunnelShareState;

/** funnel_share_state_text: the identifier on D-Bus ("waiting-grant"). */
const char *funnel_share_state_text (FunnelShareState state);

typedef enum
{
  FUNNEL_GRANT_NONE, /* the name is not granted */
  FUNNEL_GRANT_PORT, /* the name is, the port is not */
  FUNNEL_GRANT_EXPIRED,
  FUNNEL_GRANT_VALID,
} FunnelGrantFact;

typedef enum
{
  FUNNEL_CERTIFICATE_NOT_NEEDED, /* pass-through */
  FUNNEL_CERTIFICATE_PENDING,
  FUNNEL_CERTIFICATE_FAILED,
  FUNNEL_CERTIFICATE_READY,
} FunnelCertificateFact;

/* Everything the state depends on. Strings are borrowed and may be NULL. */
typedef struct
{
  const char *name;
  guint16 port;
  FunnelShareKind kind;
  const char *target; /* the one that failed, if any */
  const char *mount;  /* its path, where a share has several; NULL otherwise */
  gint64 expires;     /* Unix seconds; 0 never */
  gboolean expired;
  gboolean switched_off;
  gboolean paused;     /* with all others */
  gboolean restricted; /* not every address may come */

  gboolean joined;
  const char *node; /* what the ingress calls this node */
  const char *zone;
  gboolean tunnel_up; /* up, and its isolation verified */
  const char *tunnel_reason;
  const char *tunnel_next_step;
  gboolean linked; /* welcomed, and the grants are known */
  const char *link_reason;
  gboolean name_known; /* the name is of the zone, or granted */
  FunnelGrantFact grant;
  const FunnelLinkClaim *claim; /* what became of a name outside the zone; NULL not asked for */

  FunnelCertificateFact certificate;
  const char *certificate_reason;
  const char *certificate_next_step;

  gboolean target_failed; /* the last attempt to reach the target failed */
  const char *target_reason;

  const char *leaf; /* hex SHA-256 of the certificate visitors must see; NULL not known (yet) */
  guint32 epoch;    /* what a probe must carry to count */
  gboolean probed;  /* the probe members are set, over the link that is up now */
  guint32 probe_epoch;
  FunnelProbeOutcome probe_outcome;
  const char *probe_detail;
  const char *probe_leaf;
  /* The tunnel's device, when the ingress has not reached this node's offer port once and this
   * machine's firewall may be why; NULL otherwise. */
  const char *unreached_device;
} FunnelShareFacts;

typedef struct
{
  FunnelShareState state;
  char *reason;    /* one sentence; "" when active and nothing is odd */
  char *next_step; /* what to type or do; "" when nothing */
} FunnelShareStatus;

/** funnel_share_state_evaluate: fill @out from @facts; free with funnel_share_status_clear. */
void funnel_share_state_evaluate (const FunnelShareFacts *facts, FunnelShareStatus *out);
void funnel_share_status_clear (FunnelShareStatus *status);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FunnelShareStatus, funnel_share_status_clear)

/** funnel_grant_check: what @grants (FunnelLinkGrant*) say about @name and @port at time @now. */
FunnelGrantFact
funnel_grant_check (const GPtrArray *grants, const char *name, guint16 port, gint64 now);

G_END_DECLS
