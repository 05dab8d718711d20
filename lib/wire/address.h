/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* "ip:port" text and socket addresses, without getaddrinfo. IPv6 is bracketed: "[::1]:80". */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_TEXT_MAX 56 /* "[" 45 "]:65535" NUL, rounded up */

/* An IP address and a port; IPv4-mapped IPv6 is always folded to IPv4. */
struct address
{
  uint8_t family; /* 0 unset, 4 or 6 */
  uint16_t port;  /* host order */
  uint8_t ip[16]; /* network order; the first four bytes for IPv4 */
};

/** address_parse: "1.2.3.4:80" or "[::1]:80" of exactly @len bytes. False if malformed; strict: no
 * leading zeros in decimal numbers, no spaces, no zone ids, port 1-65535. @out is untouched on
 * failure, here and below. */
bool address_parse (const char *text, size_t len, struct address *out);

/** address_parse_ip: as address_parse but without brackets and port; out->port becomes 0. */
bool address_parse_ip (const char *text, size_t len, struct address *out);

/** address_print: canonical text (RFC 5952 for IPv6) with port, NUL-terminated; returns its length
 * (0 for an unset address). */
size_t address_print (const struct address *address, char out[ADDRESS_TEXT_MAX]);

/** address_print_ip: the same without port and brackets. */
size_t address_print_ip (const struct address *address, char out[ADDRESS_TEXT_MAX]);

#define ADDRESS_PORT_MAX 11 /* decimal digits of 32 bits, NUL */

/** address_parse_port: a decimal port, 1-65535, of exactly @len bytes, without leading zeros. */
bool address_parse_port (const char *text, size_t len, uint16_t *out);

/** address_print_port: its inverse, NUL-terminated; returns the length. */
size_t address_print_port (uint16_t port, char out[ADDRESS_PORT_MAX]);

/** address_from_sockaddr: from an AF_INET or AF_INET6 sockaddr; false for another family. */
bool address_from_sockaddr (const struct sockaddr *sa, socklen_t len, struct address *out);

/** address_to_sockaddr: returns the length used, 0 for an unset address. */
socklen_t address_to_sockaddr (const struct address *address, struct sockaddr_storage *out);

/** address_equal_ip: same IP, port ignored. An unset address equals none. */
bool address_equal_ip (const struct address *a, const struct address *b);
