/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The agent's private network and mount namespaces.
 *
 * Stages, each needing less than the one before:
 *   1. in the host's network: two UDP sockets, unbound, for WireGuard's outer packets; a handle of
 *      the host's network namespace where we may come back to it.
 *   2. unshare: with CAP_SYS_ADMIN and CAP_NET_ADMIN directly, else inside a new user namespace in
 *      which we map ourselves to root. From here on no new socket can reach the host's network.
 *   3. a private tmpfs on /run: WireGuard's configuration socket, and /run/empty for the relay.
 *   4. lo up, no forwarding, no IPv6. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define EMPTY_DIRECTORY "/run/empty"

struct namespaces
{
  bool entered;
  bool privileged; /* no user namespace was needed */
  int host_netns;  /* only when privileged, else -1 */
  int udp4, udp6;  /* sockets of the host's network namespace; udp6 may be -1 */
};

/** namespaces_enter: all stages. @netns: a network namespace that is kept at that path, to be
 * entered instead of a new one in stage 2, or NULL; what makes such paths and who else lives there
 * is the caller's business, and it needs the capabilities. False with a sentence in @error, with
 * what would help. */
bool namespaces_enter (struct namespaces *self, const char *netns, char *error, size_t error_size);
