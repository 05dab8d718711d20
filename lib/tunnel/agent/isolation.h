/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Proves, from what the kernel shows in /proc, that the private namespace is as isolated as it must
 * be. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ISOLATION_PORTS_MAX 64

struct isolation_expected
{
  const char *device;                  /* the only device besides lo */
  const char *route;                   /* the only route, CIDR */
  uint16_t ports[ISOLATION_PORTS_MAX]; /* TCP listeners that are ours */
  size_t n_ports;
  uint16_t wireguard_port; /* WireGuard's own UDP port in here, 0 = none */
  /* Is the UDP socket with this inode one of ours? May be NULL. */
  bool (*owns_socket) (void *data, unsigned long inode);
  void *data;
};

/** isolation_verify: false with one sentence per failure in @error. */
bool isolation_verify (const struct isolation_expected *expected, char *error, size_t error_size);
