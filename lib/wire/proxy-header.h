/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* PROXY protocol headers, versions 1 and 2 (haproxy.org proxy-protocol.txt), written only. */

#include "lib/wire/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY_HEADER_MAX 1024

/* What TLS came to where it ended before the target: PP2_TYPE_SSL. No certificate of the visitor
 * was asked for, and the header says so. */
struct proxy_header_tls
{
  const char *version; /* "TLSv1.3" */
  const char *cipher;  /* "TLS_AES_128_GCM_SHA256"; NULL to omit */
};

struct proxy_header
{
  struct address source;      /* the visitor */
  struct address destination; /* the public address and port the visitor reached */
  const char *authority;      /* SNI, PP2_TYPE_AUTHORITY; NULL to omit (version 2 only) */
  const uint8_t *alpn;        /* PP2_TYPE_ALPN; NULL to omit */
  size_t alpn_len;
  const char *unique_id;              /* PP2_TYPE_UNIQUE_ID; NULL to omit */
  const struct proxy_header_tls *tls; /* NULL to omit */
  bool checksum;                      /* PP2_TYPE_CRC32C */
};

/** proxy_header_write_v1: text form; "UNKNOWN" when the families differ or an address is unset.
 * Returns the length, 0 if it does not fit in @cap. */
size_t proxy_header_write_v1 (const struct proxy_header *header, uint8_t *out, size_t cap);

/** proxy_header_write_v2: binary form; mixed families are written as IPv6 (IPv4-mapped), an unset
 * address makes it UNSPEC. Returns the length; 0 if it does not fit in @cap, or if unique_id is
 * longer than the 128 bytes the specification allows. */
size_t proxy_header_write_v2 (const struct proxy_header *header, uint8_t *out, size_t cap);
