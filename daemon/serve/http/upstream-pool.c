/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/upstream-pool.h"

#include <stdlib.h>
#include <string.h>

/* Whatever a local server may speak; what it may not is GnuTLS's to know. */
#define PRIORITY "NORMAL"

static void
free_origin (struct upstream_origin *origin)
{
  g_free (origin->key.tls_name);
  free (origin);
}

void
upstream_pool_clear (struct upstream_pool *pool)
{
  g_assert (pool->origins == NULL);
  if (pool->trust != NULL)
    gnutls_certificate_free_credentials (pool->trust);
  if (pool->priority != NULL)
    gnutls_priority_deinit (pool->priority);
  *pool = (struct upstream_pool) {0};
}

static bool
is_same_target (const FunnelServeTarget *a, const FunnelServeTarget *b)
{
  if (a->n != b->n || a->force != b->force)
    return false;
  for (guint i = 0; i < a->n; i++)
    if (a->lens[i] != b->lens[i] || memcmp (&a->addresses[i], &b->addresses[i], a->lens[i]) != 0)
      return false;
  return true;
}

static bool
is_of_mount (const struct upstream_origin *origin, const FunnelServeMount *mount)
{
  return origin->key.tls == mount->tls && is_same_target (&origin->key.target, &mount->target)
         && g_strcmp0 (origin->key.tls_name, mount->tls_name) == 0;
}

struct upstream_origin *
upstream_origin_get (struct upstream_pool *pool, const FunnelServeMount *mount)
{
  struct upstream_origin *origin = pool->origins;

  while (origin != NULL && !is_of_mount (origin, mount))
    origin = origin->next;
  if (origin == NULL)
    {
      origin = calloc (1, sizeof *origin);
      if (origin == NULL)
        return NULL;
      origin->key.target = mount->target;
      origin->key.tls = mount->tls;
      origin->key.tls_name = g_strdup (mount->tls_name);
      origin->next = pool->origins;
      pool->origins = origin;
    }
  origin->refs++;
  return origin;
}

void
upstream_origin_put (struct upstream_pool *pool, struct upstream_origin *origin)
{
  struct upstream_origin **at = &pool->origins;

  if (--origin->refs > 0)
    return;
  while (*at != origin)
    at = &(*at)->next;
  *at = origin->next;
  free_origin (origin);
}

/* The system's authorities, and those of the file that SSL_CERT_FILE names, as other programs have
 * it. */
static bool
have_trust (struct upstream_pool *pool)
{
  const char *file = g_getenv ("SSL_CERT_FILE");

  if (pool->trust != NULL)
    return true;
  if (gnutls_certificate_allocate_credentials (&pool->trust) < 0)
    {
      pool->trust = NULL;
      return false;
    }
  gnutls_certificate_set_x509_system_trust (pool->trust);
  if (file != NULL)
    gnutls_certificate_set_x509_trust_file (pool->trust, file, GNUTLS_X509_FMT_PEM);
  return true;
}

static bool
have_priority (struct upstream_pool *pool)
{
  return pool->priority != NULL || gnutls_priority_init (&pool->priority, PRIORITY, NULL) >= 0;
}

static int
set_up (struct upstream_pool *pool, const struct upstream_origin *origin, gnutls_session_t session)
{
  const gnutls_datum_t alpn = {(unsigned char *)(uintptr_t) "http/1.1", 8};
  const char *name = origin->key.tls_name;
  int result = gnutls_priority_set (session, pool->priority);

  if (result >= 0)
    result = gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, pool->trust);
  if (result >= 0)
    result = gnutls_alpn_set_protocols (session, &alpn, 1, 0);
  /* An address is no server name (RFC 6066 3). */
  if (result >= 0 && name != NULL && !g_hostname_is_ip_address (name))
    result = gnutls_server_name_set (session, GNUTLS_NAME_DNS, name, strlen (name));
  if (origin->key.tls == FUNNEL_SERVE_TLS_VERIFY)
    gnutls_session_set_verify_cert (session, name, 0);
  return result;
}

gnutls_session_t
upstream_pool_session (struct upstream_pool *pool, const struct upstream_origin *origin)
{
  gnutls_session_t session;

  if (!have_trust (pool) || !have_priority (pool)
      || gnutls_init (&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
    return NULL;
  if (set_up (pool, origin, session) >= 0)
    return session;
  gnutls_deinit (session);
  return NULL;
}
