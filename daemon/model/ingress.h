/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A public host this node has joined: what joining gave us (spec), and what is known about it now.
 */

#include "lib/base/link-message.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* What joining gave us. */
typedef struct
{
  guint32 id;
  char *host; /* of the ingress, as in the token */
  guint16 port;
  char *node;
  char *zone;
  GStrv names;
  GArray *public_ports; /* guint16 */
  gboolean direct;      /* loopback sockets instead of WireGuard */
  char *address;        /* the node's tunnel address */
  char *ingress_address;
  char *ingress_public_key;
  char *endpoint_host;
  guint16 endpoint_port;
  guint16 link_port;
  char *private_key;   /* WireGuard; a secret */
  char *key_hash;      /* of the join API's key, hex, as in the token; NULL not known */
  char *tunnel;        /* the user's choice of a back end; "auto" any */
  gboolean tunnel_off; /* the user switched it off, with another program */
} FunnelIngressSpec;

FunnelIngressSpec *funnel_ingress_spec_new (void);
FunnelIngressSpec *funnel_ingress_spec_copy (const FunnelIngressSpec *spec);
void funnel_ingress_spec_free (FunnelIngressSpec *spec); /* wipes the key */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelIngressSpec, funnel_ingress_spec_free)

typedef enum
{
  FUNNEL_INGRESS_TUNNEL_DOWN,
  FUNNEL_INGRESS_LINK_DOWN,
  FUNNEL_INGRESS_LINKED,
} FunnelIngressState;

/** funnel_ingress_state_text: the identifier on D-Bus ("linked"). */
const char *funnel_ingress_state_text (FunnelIngressState state);

#define FUNNEL_TYPE_INGRESS (funnel_ingress_get_type ())
G_DECLARE_FINAL_TYPE (FunnelIngress, funnel_ingress, FUNNEL, INGRESS, GObject)

/* Properties, named and typed as on D-Bus: endpoint node zone names public-ports grants state
 * reason tunnel engine handshake mtu round-trip refusals. */

FunnelIngress *funnel_ingress_new (const FunnelIngressSpec *spec);
const FunnelIngressSpec *funnel_ingress_get_spec (FunnelIngress *self);
/** funnel_ingress_welcome: what the ingress says about itself now; TRUE if it differs from the
 * spec. */
gboolean funnel_ingress_welcome (FunnelIngress *self,
                                 const char *node,
                                 const char *zone,
                                 const GArray *public_ports);
/** funnel_ingress_set_grants: complete list of FunnelLinkGrant*, or NULL for not known. */
void funnel_ingress_set_grants (FunnelIngress *self, const GPtrArray *grants);
/** funnel_ingress_get_grants: FunnelLinkGrant*; NULL when not known. */
const GPtrArray *funnel_ingress_get_grants (FunnelIngress *self);
/** funnel_ingress_set_claims: what became of names outside the zone: complete list of
 * FunnelLinkClaim*, or NULL for not known. */
void funnel_ingress_set_claims (FunnelIngress *self, const GPtrArray *claims);
/** funnel_ingress_find_claim: of canonical @name; NULL: it was not told of. */
const FunnelLinkClaim *funnel_ingress_find_claim (FunnelIngress *self, const char *name);
void funnel_ingress_set_state (FunnelIngress *self, FunnelIngressState state, const char *reason);
FunnelIngressState funnel_ingress_get_state (FunnelIngress *self);
/** funnel_ingress_get_tunnel_age: seconds since the tunnel came up; 0: it is down. */
gint64 funnel_ingress_get_tunnel_age (FunnelIngress *self);
const char *funnel_ingress_get_reason (FunnelIngress *self);
void funnel_ingress_set_tunnel (FunnelIngress *self,
                                const char *tunnel,
                                const char *engine,
                                gint64 handshake,
                                guint mtu);
/** funnel_ingress_set_round_trip: microseconds through the tunnel and back; 0 not known. It
 * trembles always, so what is nearly the same as before is not told. */
void funnel_ingress_set_round_trip (FunnelIngress *self, guint microseconds);
/** funnel_ingress_set_passed_over: back ends that do not work here, with why; NULL-terminated. */
void funnel_ingress_set_passed_over (FunnelIngress *self, const char *const *passed_over);
/** funnel_ingress_set_tunnel_choice: into the spec; "auto" or a back end. */
void funnel_ingress_set_tunnel_choice (FunnelIngress *self, const char *choice);
/** funnel_ingress_set_tunnel_off: into the spec; TRUE when it was not so before. */
gboolean funnel_ingress_set_tunnel_off (FunnelIngress *self, gboolean off);
/** funnel_ingress_set_next_step: what the user can do while it is not linked; "" nothing. */
void funnel_ingress_set_next_step (FunnelIngress *self, const char *next_step);
const char *funnel_ingress_get_next_step (FunnelIngress *self);
/** funnel_ingress_set_refusals: @refusals is a{st}; a floating one is taken. */
void funnel_ingress_set_refusals (FunnelIngress *self, GVariant *refusals);

/** funnel_ingress_knows_name: whether @name is assigned, granted or of the zone. */
gboolean funnel_ingress_knows_name (FunnelIngress *self, const char *name);
/** funnel_ingress_dup_default_name: first granted, else first assigned name, else NODE.ZONE. */
char *funnel_ingress_dup_default_name (FunnelIngress *self);
/** funnel_ingress_check_port: FUNNEL_ERROR_INVALID_ARGUMENT with the ports the ingress has open. */
gboolean funnel_ingress_check_port (FunnelIngress *self, guint16 port, GError **error);

G_END_DECLS
