/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What all TLS sessions of the serve thread have in common: versions, ciphers, ALPN, ticket key. */

#include "daemon/serve/serve-loop.h"

#include <errno.h>
#include <string.h>

/* TLS 1.3 and 1.2 with forward secrecy and AEAD only. AES-128 comes first: it is the fastest where
 * the processor has AES, and the visitor's order does not matter. */
#define PRIORITY                                                                                   \
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"                                                     \
  ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA"                                                               \
  ":-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM:-MAC-ALL:+AEAD"                       \
  ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"                                    \
  ":%SERVER_PRECEDENCE"

/* The key from which GnuTLS derives its own rotating ones is replaced as well, so that one stolen
 * from memory opens little of the past. Sessions from before are then negotiated anew. */
#define TICKET_KEY_MS (12 * 3600 * 1000u)

int
tls_context_init (struct tls_context *tls)
{
  if (gnutls_priority_init (&tls->priority, PRIORITY, NULL) < 0)
    return -EINVAL;
  return 0;
}

static void
forget_ticket_key (struct tls_context *tls)
{
  if (tls->ticket_key.data == NULL)
    return;
  gnutls_memset (tls->ticket_key.data, 0, tls->ticket_key.size);
  gnutls_free (tls->ticket_key.data);
  tls->ticket_key = (gnutls_datum_t) {NULL, 0};
}

void
tls_context_clear (struct tls_context *tls)
{
  forget_ticket_key (tls);
  if (tls->priority != NULL)
    gnutls_priority_deinit (tls->priority);
  tls->priority = NULL;
}

/* Rotated when a session needs it, so that an idle node never wakes up for it. */
static int
refresh_ticket_key (struct tls_context *tls, uint64_t now)
{
  if (tls->ticket_key.data != NULL && now - tls->ticket_key_since < TICKET_KEY_MS)
    return 0;
  forget_ticket_key (tls);
  tls->ticket_key_since = now;
  return gnutls_session_ticket_key_generate (&tls->ticket_key);
}

static int
set_protocols (gnutls_session_t session, char **alpn)
{
  gnutls_datum_t protocols[FUNNEL_SERVE_ALPN_MAX];
  unsigned int n = 0;

  for (; alpn != NULL && alpn[n] != NULL && n < FUNNEL_SERVE_ALPN_MAX; n++)
    protocols[n] = (gnutls_datum_t) {(unsigned char *)alpn[n], (unsigned int)strlen (alpn[n])};
  return n == 0 ? 0
                : gnutls_alpn_set_protocols (session, protocols, n,
                                             GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE);
}

static int
set_up (gnutls_session_t session,
        struct tls_context *tls,
        FunnelCertificate *certificate,
        char **alpn,
        uint64_t now)
{
  int result = gnutls_priority_set (session, tls->priority);

  if (result >= 0)
    result = gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE,
                                     funnel_certificate_get_credentials (certificate));
  if (result >= 0)
    result = set_protocols (session, alpn);
  if (result >= 0)
    result = refresh_ticket_key (tls, now);
  if (result >= 0)
    result = gnutls_session_ticket_enable_server (session, &tls->ticket_key);
  gnutls_certificate_server_set_request (session, GNUTLS_CERT_IGNORE);
  return result;
}

gnutls_session_t
tls_context_session (struct tls_context *tls,
                     FunnelCertificate *certificate,
                     char **alpn,
                     uint64_t now)
{
  gnutls_session_t session;

  if (gnutls_init (&session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
    return NULL;
  if (set_up (session, tls, certificate, alpn, now) >= 0)
    return session;
  gnutls_deinit (session);
  return NULL;
}
