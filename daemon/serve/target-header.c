/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/target-header.h"

#include "lib/wire/proxy-header.h"

#include <errno.h>
#include <sys/socket.h>

static const char *
tls_version_name (gnutls_protocol_t version)
{
  return version == GNUTLS_TLS1_3 ? "TLSv1.3" : "TLSv1.2";
}

static struct address
find_destination (const struct flow *flow)
{
  struct address unknown = {.family = flow->source.family, .port = flow->share->share->port};

  return flow->destination.family != 0 ? flow->destination : unknown;
}

static size_t
write_header (const struct flow *flow, gnutls_session_t tls, uint8_t out[PROXY_HEADER_MAX])
{
  struct proxy_header header = {
      .source = flow->source,
      .destination = find_destination (flow),
      .authority = flow->share->share->name,
      .unique_id = flow->id,
      .checksum = true,
  };
  struct proxy_header_tls tls_part;
  gnutls_datum_t protocol;

  if (flow->share->share->proxy_protocol == 1)
    return proxy_header_write_v1 (&header, out, PROXY_HEADER_MAX);
  if (tls != NULL)
    {
      tls_part.version = tls_version_name (gnutls_protocol_get_version (tls));
      tls_part.cipher = gnutls_ciphersuite_get (tls);
      header.tls = &tls_part;
      if (gnutls_alpn_get_selected_protocol (tls, &protocol) >= 0)
        {
          header.alpn = protocol.data;
          header.alpn_len = protocol.size;
        }
    }
  return proxy_header_write_v2 (&header, out, PROXY_HEADER_MAX);
}

int
target_header_send (const struct flow *flow, gnutls_session_t tls, bool more)
{
  uint8_t header[PROXY_HEADER_MAX];
  size_t len;
  ssize_t n;

  if (flow->share->share->proxy_protocol == 0)
    return 0;
  len = write_header (flow, tls, header);
  if (len == 0)
    return -EMSGSIZE;
  do
    n = send (flow->target, header, len, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return -errno;
  /* The first bytes on a fresh connection: a send buffer without room for them is broken. */
  return (size_t)n == len ? 0 : -ENOBUFS;
}
