/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/daemon/serve/tls-visitor.h"

#include "tests/unit/daemon/serve/ingress-player.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECV_TIMEOUT (30 * G_USEC_PER_SEC)

static Visitor *
make_visitor (guint16 port, const char *name, const char *priority)
{
  Visitor *self = g_new0 (Visitor, 1);

  self->fd = loopback_connect (port, 1);
  gnutls_certificate_allocate_credentials (&self->credentials);
  gnutls_init (&self->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
  if (priority != NULL)
    g_assert_cmpint (gnutls_priority_set_direct (self->session, priority, NULL), ==, 0);
  else
    gnutls_set_default_priority (self->session);
  gnutls_credentials_set (self->session, GNUTLS_CRD_CERTIFICATE, self->credentials);
  gnutls_server_name_set (self->session, GNUTLS_NAME_DNS, name, strlen (name));
  gnutls_transport_set_int (self->session, self->fd);
  return self;
}

static Visitor *
shake_hands (Visitor *self)
{
  do
    self->error = gnutls_handshake (self->session);
  while (self->error < 0 && !gnutls_error_is_fatal (self->error));
  return self;
}

Visitor *
visitor_connect (guint16 port,
                 const char *name,
                 const char *ca_file,
                 const char *priority,
                 const gnutls_datum_t *resume)
{
  Visitor *self = make_visitor (port, name, priority);

  if (ca_file != NULL)
    {
      gnutls_certificate_set_x509_trust_file (self->credentials, ca_file, GNUTLS_X509_FMT_PEM);
      gnutls_session_set_verify_cert (self->session, name, 0);
    }
  if (resume != NULL)
    gnutls_session_set_data (self->session, resume->data, resume->size);
  return shake_hands (self);
}

Visitor *
visitor_connect_alpn (guint16 port, const char *name, const char *priority, const char *alpn)
{
  Visitor *self = make_visitor (port, name, priority);

  if (alpn != NULL)
    {
      gnutls_datum_t protocol = {(unsigned char *)alpn, (unsigned int)strlen (alpn)};

      gnutls_alpn_set_protocols (self->session, &protocol, 1, 0);
    }
  return shake_hands (self);
}

void
visitor_free (Visitor *self)
{
  gnutls_deinit (self->session);
  gnutls_certificate_free_credentials (self->credentials);
  close (self->fd);
  g_free (self);
}

gboolean
visitor_send (Visitor *self, const void *data, gsize len)
{
  const guint8 *p = data;

  while (len > 0)
    {
      gssize n = gnutls_record_send (self->session, p, len);

      if (n == GNUTLS_E_INTERRUPTED)
        continue;
      if (n <= 0)
        return FALSE;
      p += n;
      len -= (gsize)n;
    }
  return TRUE;
}

gssize
visitor_recv (Visitor *self, void *data, gsize len)
{
  gint64 end = g_get_monotonic_time () + RECV_TIMEOUT;
  gssize n;

  /* A ticket makes it answer GNUTLS_E_AGAIN as much as a timeout of the socket. */
  do
    n = gnutls_record_recv (self->session, data, len);
  while (n < 0 && !gnutls_error_is_fatal ((int)n) && g_get_monotonic_time () < end);
  return n;
}

void
visitor_end (Visitor *self)
{
  gnutls_bye (self->session, GNUTLS_SHUT_WR);
}

char *
visitor_leaf (Visitor *self)
{
  unsigned int n = 0;
  const gnutls_datum_t *chain = gnutls_certificate_get_peers (self->session, &n);

  return n > 0 ? g_compute_checksum_for_data (G_CHECKSUM_SHA256, chain[0].data, chain[0].size)
               : NULL;
}
