/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The WireGuard peers the agent was told about: kept so that a restarted engine gets them all back.
 * Grows with need up to PEERS_MAX; found by key through an open-addressing index. */

#include "lib/wire/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEERS_MAX 65536
#define PEER_KEY_SIZE 45 /* base64 and NUL */
#define PEER_ALLOWED_SIZE 160
#define PEERS_TEXT_MAX (32u << 20)

struct peer
{
  char key[PEER_KEY_SIZE];
  char allowed[PEER_ALLOWED_SIZE]; /* comma-separated CIDRs */
  struct address endpoint;         /* family 0: whoever speaks first */
  struct address learned; /* last endpoint WireGuard itself reported, as the engine sees it */
  uint16_t keepalive;     /* seconds, 0 = off */
  bool marked;            /* scratch: seen in the list being applied */
};

struct peer_table
{
  struct peer *peers;
  size_t count, room;
  uint32_t *slots; /* index + 1 */
  size_t n_slots;  /* power of two */
};

/** peer_table_clear: forget everything and free. */
void peer_table_clear (struct peer_table *table);
/** peer_table_find: NULL when unknown. */
struct peer *peer_table_find (const struct peer_table *table, const char *key);
/** peer_table_put: the entry of @peer->key becomes a copy of @peer; NULL when full. The pointer is
 * valid until the next put or remove. */
struct peer *peer_table_put (struct peer_table *table, const struct peer *peer);
/** peer_table_remove: false when unknown. */
bool peer_table_remove (struct peer_table *table, const char *key);

/** peer_key_valid: 32 bytes in canonical base64. */
bool peer_key_valid (const char *text);
/** peer_cidr_valid: "a.b.c.d/n", IPv4. */
bool peer_cidr_valid (const char *text);
/** peer_parse: from the texts of a request, NULL = not given. Returns NULL, or the name of the
 * field at fault. */
const char *peer_parse (struct peer *out,
                        const char *key,
                        const char *allowed,
                        const char *endpoint,
                        const char *keepalive);
/** peer_table_parse: [Peer] sections as for "wg addconf" into @table; @text is changed. False with
 * a sentence naming the line in @error. */
bool peer_table_parse (struct peer_table *table, char *text, char *error, size_t error_size);
