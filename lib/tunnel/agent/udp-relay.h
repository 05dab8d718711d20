/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Carries WireGuard's packets between the private namespace and the host's network. See
 * udp-relay.c. */

#include "lib/wire/address.h"

#include <stdbool.h>
#include <stdint.h>

#define UDP_RELAY_ENTRIES 1024
#define UDP_RELAY_INNER_PORT 51820 /* where WireGuard listens inside the private namespace */

struct udp_relay;

/** udp_relay_new: @udp4 and @udp6 (or -1) are unbound sockets of the host's network and stay the
 * caller's. To be called inside the private namespace. NULL and errno on failure. */
struct udp_relay *udp_relay_new (int udp4, int udp6);
void udp_relay_free (struct udp_relay *relay);

/** udp_relay_bind: listen for strangers at @port of the host (0 = only configured remotes may
 * speak). 0 or a negative errno; -EISCONN when it listens at another port already. */
int udp_relay_bind (struct udp_relay *relay, uint16_t port);
/** udp_relay_port: the host's UDP port in use, 0 = not yet chosen by the kernel. */
uint16_t udp_relay_port (struct udp_relay *relay);

/** udp_relay_pin: make @remote reachable: @inner becomes the address that stands for it inside.
 * Counted: each pin wants one unpin. 0 or a negative errno. */
int udp_relay_pin (struct udp_relay *relay, const struct address *remote, struct address *inner);
void udp_relay_unpin (struct udp_relay *relay, const struct address *remote);
/** udp_relay_remote: the remote that @inner stands for. */
bool
udp_relay_remote (struct udp_relay *relay, const struct address *inner, struct address *remote);

/** udp_relay_fd: readable when there is work; udp_relay_serve does a bounded piece of it. */
int udp_relay_fd (struct udp_relay *relay);
void udp_relay_serve (struct udp_relay *relay);
/** udp_relay_took_handshakes: were handshakes answered since the last call? Endpoints may have
 * changed. */
bool udp_relay_took_handshakes (struct udp_relay *relay);
