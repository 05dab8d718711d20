/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Connections to targets that wait for their next request, by target. */

#include "daemon/serve/serve-loop.h"

#include <gnutls/gnutls.h>

#define UPSTREAM_IDLE_MAX 32u /* per target */

struct upstream;

/* What makes two mounts share connections. */
struct upstream_key
{
  FunnelServeTarget target;
  FunnelServeTls tls;
  char *tls_name; /* NULL without TLS */
};

struct upstream_origin
{
  struct upstream_key key;
  struct upstream_origin *next;
  struct upstream *idle; /* latest first */
  uint32_t idle_count;
  uint32_t refs; /* connections, idle or not */
};

struct upstream_pool
{
  struct upstream_origin *origins;
  gnutls_certificate_credentials_t trust; /* made when first needed */
  gnutls_priority_t priority;
};

/** upstream_pool_clear: all connections must have gone. */
void upstream_pool_clear (struct upstream_pool *pool);

/** upstream_origin_get: the origin of @mount's target with a reference for a connection of its own;
 * NULL without memory. */
struct upstream_origin *
upstream_origin_get (struct upstream_pool *pool, const FunnelServeMount *mount);
/** upstream_origin_put: give the reference back. */
void upstream_origin_put (struct upstream_pool *pool, struct upstream_origin *origin);

/** upstream_pool_session: a client session for @origin with everything set but the transport; NULL
 * on failure. Verification, if asked for, is part of its handshake. */
gnutls_session_t
upstream_pool_session (struct upstream_pool *pool, const struct upstream_origin *origin);
