/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* TLS ClientHello reader (RFC 8446 4.1.2, RFC 6066 3, RFC 7301): names the server the visitor wants
 * from any prefix of the visitor's bytes. Pure: no I/O, no allocation, no state between calls. */

#include "lib/wire/host-name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HELLO_MAX 16384  /* bytes of visitor data looked at before giving up */
#define HELLO_ALPN_MAX 8 /* protocol names kept; more are left out */

enum hello_result
{
  HELLO_OK,
  HELLO_NEED_MORE,  /* a valid prefix: read on */
  HELLO_NO_SNI,     /* complete hello without a server_name extension */
  HELLO_BAD_NAME,   /* server_name is not a host name (see hello.name_result): NUL, bad LDH, … */
  HELLO_IP_LITERAL, /* server_name holds an IP address */
  HELLO_DUPLICATE,  /* an extension, or a name inside server_name, stands twice */
  HELLO_MALFORMED,  /* lengths disagree, or a record or message of the wrong kind */
  HELLO_TOO_LARGE,  /* not complete within HELLO_MAX */
  HELLO_SSLV2,      /* an SSLv2-style hello */
  HELLO_PLAIN_HTTP, /* begins like an HTTP request */
  HELLO_NOT_TLS,    /* anything else */
};

/* A protocol name inside the hello: points into hello.alpn_bytes. */
struct hello_alpn
{
  uint8_t len;
  uint16_t offset;
};

struct hello
{
  char name[HOST_NAME_MAX + 1]; /* canonical; "" unless HELLO_OK */
  enum host_name_result name_result;
  uint16_t legacy_version; /* as sent */
  bool has_tls13;          /* supported_versions lists 0x0304 */
  bool has_ech;            /* encrypted_client_hello of the outer kind: name is the outer one */
  bool has_acme_alpn;      /* "acme-tls/1" offered (RFC 8737) */
  uint8_t alpn_count;      /* names kept in alpn[] */
  struct hello_alpn alpn[HELLO_ALPN_MAX];
  uint8_t alpn_bytes[256]; /* the kept names, back to back */
  size_t consumed;         /* bytes of input the hello's records span, when complete */
};

/**
 * hello_parse: read a ClientHello from the first @len bytes a visitor sent.
 * @data: the bytes from the start of the connection
 * @len: how many there are; at most HELLO_MAX are looked at
 * @out: filled as far as known; fully valid for HELLO_OK and HELLO_NO_SNI
 *
 * The message may be split over any number of TLS records (RFC 8446 5.1). Returns HELLO_NEED_MORE
 * exactly when some continuation could still give HELLO_OK, with three exceptions that wait a
 * little longer for a better answer: a name is judged when it is complete, HELLO_NO_SNI comes with
 * the last byte of the hello, and up to 8 bytes that may begin an HTTP request or an SSLv2 hello
 * are waited for. A final result is that of every longer input too. HELLO_NEED_MORE is never
 * returned for HELLO_MAX bytes. O(len), re-entrant, any thread.
 */
enum hello_result hello_parse (const uint8_t *data, size_t len, struct hello *out);

/** hello_result_name: the identifier used in counters and logs ("no-sni", "plain-http", …). */
const char *hello_result_name (enum hello_result result);
