/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Socket helpers of the bench programs. They end the program with a message on failure: a
 * measurement with a broken set-up is worth nothing. */

#include <netinet/in.h>
#include <stdint.h>

/** net_parse: "127.0.0.1:443" or exit. */
struct sockaddr_in net_parse (const char *text);

/** net_listen: a non-blocking TCP listener with address reuse, or exit. */
int net_listen (const struct sockaddr_in *address);

/** net_no_delay: switch Nagle's algorithm off, so that small answers are not held back. */
void net_no_delay (int fd);

/** net_raise_fd_limit: as far as the hard limit allows. */
void net_raise_fd_limit (void);

/** net_now: CLOCK_MONOTONIC in nanoseconds. */
uint64_t net_now (void);
