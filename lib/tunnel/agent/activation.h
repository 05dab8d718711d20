/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Sockets a service manager opened for us (sd_listen_fds(3)), in plain C: the one clients connect
 * to, and public listeners for the relay. */

#include "lib/tunnel/agent/relay-child.h"

struct activation
{
  int clients; /* SOCK_SEQPACKET, listening */
  int listeners[RELAY_LISTENERS_MAX];
  uint16_t ports[RELAY_LISTENERS_MAX];
  size_t n_listeners;
};

/** activation_take: all of LISTEN_FDS. False with a sentence when there is no socket for clients,
 * or one that is neither. */
bool activation_take (struct activation *out, char *error, size_t error_size);
