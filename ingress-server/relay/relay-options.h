/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The relay's configuration: read from its command line once, then constant. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define RELAY_LISTENERS_MAX 256
#define RELAY_WORKERS_MAX 64
#define RELAY_BANDWIDTH_MIN UINT64_C (65536) /* bytes per second */
#define RELAY_BANDWIDTH_MAX UINT64_C (1000000000000)

struct relay_listener
{
  int fd;
  uint16_t port; /* public port, as in routes */
};

struct relay_options
{
  int control_fd;
  int counters_fd;
  struct relay_listener listeners[RELAY_LISTENERS_MAX];
  uint32_t listener_count;
  uint32_t workers;
  bool sandbox;
  bool keep_gauges; /* a draining relay still counts in the page */
  bool has_source;
  uint8_t source[4];   /* local address of connections to nodes, network order */
  uint32_t hello_ms;   /* from accept to a complete ClientHello */
  uint32_t connect_ms; /* tunnel connection to a node */
  uint32_t offer_ms;   /* from offer to answer */
  uint32_t idle_ms;    /* no byte in either direction */
  uint32_t max_flows;  /* all workers together; 0: as many as descriptors allow */
  uint32_t max_per_source;
  uint32_t rate_per_source; /* new visitors per second from one address; 0: no limit */
  uint64_t bandwidth;       /* bytes per second, all visitors together; 0: no limit */
  uint16_t redirect_port;   /* public port that speaks plain HTTP and only redirects; 0: none */
  uint32_t max_warm;        /* idle connections to nodes, all workers together */
};

/** relay_options_parse: fill @options from the command line. Returns -1 to go on, else an exit
 * status after having printed help or what is wrong to @messages. */
int relay_options_parse (struct relay_options *options, int argc, char **argv, FILE *messages);
