/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A visitor from the internet, as seen by the ingress player: a blocking TLS client. */

#include <glib.h>
#include <gnutls/gnutls.h>

typedef struct
{
  int fd;
  gnutls_session_t session;
  gnutls_certificate_credentials_t credentials;
  int error; /* of the handshake; 0 when it worked */
} Visitor;

/**
 * visitor_connect: connect to 127.0.0.1:@port and shake hands for @name.
 * @ca_file: what to trust, or NULL for anything
 * @priority: GnuTLS priority string, or NULL
 * @resume: session data to resume, or NULL
 */
Visitor *visitor_connect (guint16 port,
                          const char *name,
                          const char *ca_file,
                          const char *priority,
                          const gnutls_datum_t *resume);
/** visitor_connect_alpn: the same, offering protocol @alpn (NULL: none), trusting anything. */
Visitor *
visitor_connect_alpn (guint16 port, const char *name, const char *priority, const char *alpn);
void visitor_free (Visitor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Visitor, visitor_free)

/** visitor_send: all of it; FALSE when the connection is gone. */
gboolean visitor_send (Visitor *self, const void *data, gsize len);
/** visitor_recv: like gnutls_record_recv, retried. */
gssize visitor_recv (Visitor *self, void *data, gsize len);
/** visitor_end: close_notify; reading goes on. */
void visitor_end (Visitor *self);
/** visitor_leaf: lower-case hex SHA-256 of the certificate shown. */
char *visitor_leaf (Visitor *self);
