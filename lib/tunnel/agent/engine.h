/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The WireGuard device inside the private namespace. See engine.c. */

#include "lib/tunnel/agent/agent-loop.h"
#include "lib/tunnel/agent/namespaces.h"
#include "lib/tunnel/agent/peer-table.h"
#include "lib/tunnel/agent/udp-relay.h"

#include <net/if.h>

#define ENGINE_MTU 1420
#define ENGINE_MTU_MIN 576

enum engine_kind
{
  ENGINE_NONE, /* direct: no device at all */
  ENGINE_KERNEL,
  ENGINE_WIREGUARD_GO,
  ENGINE_AUTO, /* only as a wish: the first of the above that works */
  ENGINE_KINDS
};

struct engine_config
{
  char private_key[PEER_KEY_SIZE];
  char address[24]; /* a.b.c.d/n; assigned as /32 */
  char route[24];   /* CIDR reached through the tunnel */
  uint16_t listen_port;
};

struct engine_events
{
  void (*restarted) (void *data);
  void (*failed) (void *data, const char *message);
  void *data;
};

struct engine
{
  enum engine_kind kind;
  struct agent_loop *loop;
  const struct namespaces *namespaces;
  struct engine_events events;
  struct engine_config config;
  int route_mtu; /* what the path to the peer carries, less than ENGINE_MTU; 0 when it is not */
  struct peer_table peers;
  struct udp_relay *relay; /* NULL when the device's own socket is outside, or there is no device */
  struct loop_source relay_source;
  char no_kernel[256]; /* why the kernel's WireGuard is not used; "" when it is, or need not be */
  char name[IFNAMSIZ]; /* the device, "" = none */
  bool up;
  pid_t pid; /* wireguard-go, 0 = not running */
  struct loop_source process;
  struct loop_timer retry;
  struct loop_timer learn;
  unsigned backoff_ms;
};

/** engine_sweep: in a network namespace that outlives agents, delete the devices that earlier ones
 * could not, because they were killed: such a device still has its UDP port. */
void engine_sweep (void);

/** engine_kind_name, engine_kind_from_name: "kernel", …; ENGINE_KINDS when unknown. */
const char *engine_kind_name (enum engine_kind kind);
enum engine_kind engine_kind_from_name (const char *name);

/** engine_init: choose what works here among what @wanted allows. False with a sentence in @error
 * that says what would help. */
bool engine_init (struct engine *engine,
                  enum engine_kind wanted,
                  struct agent_loop *loop,
                  const struct namespaces *namespaces,
                  const struct engine_events *events,
                  char *error,
                  size_t error_size);
/** engine_up: bring the device up with @config and at most one peer (may be NULL). Up already with
 * the same config: nothing is disturbed, and the peer is put as by engine_put_peer. */
bool engine_up (struct engine *engine,
                const struct engine_config *config,
                const struct peer *peer,
                char *error,
                size_t error_size);
/** engine_down: take the device away and forget key and peers. */
void engine_down (struct engine *engine);

/** engine_set_mtu: bytes a packet to the peers may have, because the path outside carries no more;
 * ENGINE_MTU and above: as the device. Until the device is another one. */
bool engine_set_mtu (struct engine *engine, unsigned mtu, char *error, size_t error_size);
/** engine_mtu: the one in force. */
int engine_mtu (const struct engine *engine);

/** engine_put_peer: add or replace. engine_put_peers: add or replace many at once (moved out of
 * @list); with @replace the others go. */
bool
engine_put_peer (struct engine *engine, const struct peer *peer, char *error, size_t error_size);
bool engine_put_peers (struct engine *engine,
                       struct peer_table *list,
                       bool replace,
                       char *error,
                       size_t error_size);
/** engine_remove_peer: fine when unknown. */
bool engine_remove_peer (struct engine *engine, const char *key, char *error, size_t error_size);
/** engine_move_peer: another endpoint, and a handshake at once. */
bool engine_move_peer (struct engine *engine,
                       const char *key,
                       const struct address *endpoint,
                       char *error,
                       size_t error_size);

struct engine_peer_status
{
  const char *key;
  char endpoint[ADDRESS_TEXT_MAX]; /* "" = none yet */
  unsigned long long handshake, rx, tx;
};
/** engine_status: calls @each for every peer WireGuard has. */
bool engine_status (struct engine *engine,
                    void (*each) (void *data, const struct engine_peer_status *peer),
                    void *data,
                    char *error,
                    size_t error_size);
/** engine_listen_port: the outer UDP port, 0 = not chosen yet. engine_inner_port: the one WireGuard
 * itself has inside the namespace, 0 = none there. */
uint16_t engine_listen_port (struct engine *engine);
uint16_t engine_inner_port (const struct engine *engine);
