/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Flow records and their table.
 *
 * A record is one connection from an ingress: first a warm connection, then an offer being read,
 * then a flow with a target. Records never move (the table grows by chunks), so a pointer is good
 * while the record is in use; epoll knows them by index and generation, so that an event that
 * outlived its record is recognised. */

#include "daemon/serve/serve-buffer.h"
#include "daemon/serve/share-table.h"
#include "lib/pump/deadline.h"
#include "lib/pump/pump.h"
#include "lib/wire/address.h"
#include "lib/wire/offer.h"

#include <stdbool.h>
#include <stdint.h>

#define FLOW_NONE UINT32_MAX
#define FLOW_CHUNK 64u            /* records allocated at a time */
#define FLOW_INDEX_MAX (1u << 24) /* bits of an index in an epoll reference */

struct serve_handler;
struct serve_listener;
struct http_connection;
struct tls_flow;
struct challenge_flow;

/*   state       may be read from visitor   target   left by
 *   WAITING     yes, into a new buffer     –        first byte → READING; end → DEAD
 *   READING     yes, into early            –        whole offer → CONNECTING or LINGERING; end →
 * DEAD CONNECTING  no                         opening  connected → SERVING; none left → LINGERING
 *   SERVING     by the handler             handler  handler ends it → DEAD or LINGERING
 *   LINGERING   and thrown away            closed   end of visitor, deadline → DEAD
 *   DEAD        no                         –        the pass after the batch of events → FREE */
enum flow_state
{
  FLOW_FREE,
  FLOW_WAITING,
  FLOW_READING,
  FLOW_CONNECTING,
  FLOW_SERVING,
  FLOW_LINGERING,
  FLOW_DEAD,
  FLOW_STATES,
};

const char *flow_state_name (enum flow_state state);

struct pass_through
{
  struct pump up;   /* visitor to target */
  struct pump down; /* target to visitor */
  enum pump_result up_result, down_result;
};

struct flow
{
  uint32_t index;
  uint32_t generation;
  enum flow_state state;
  int visitor;         /* the connection from the ingress */
  int target;          /* -1 while there is none */
  uint32_t next;       /* in the free list, or in the list of the dead */
  uint32_t next_again; /* in the list of those that have more to do now */
  bool is_again;
  uint8_t armed;     /* enum serve_queue, while a deadline runs */
  bool more;         /* the visitor's last bytes went out with MSG_MORE */
  uint8_t candidate; /* target being tried */
  int connect_error; /* of the first candidate that failed; positive errno */
  struct deadline_link deadline;
  uint64_t active_at; /* milliseconds; when bytes last moved */
  struct serve_listener *listener;
  struct share_entry *share;           /* reference; from CONNECTING on */
  const struct serve_handler *handler; /* set while it must be told to close */
  struct serve_buffer *early;          /* the offer, then the visitor's first bytes */
  struct address source;               /* the visitor */
  struct address destination;          /* what the visitor connected to; unset if not told */
  char id[OFFER_FLOW_MAX + 1];         /* the ingress's name for this flow */
  union
  { /* the handler's */
    struct pass_through pass_through;
    struct tls_flow *tls;
    struct challenge_flow *challenge;
    struct http_connection *http;
  };
};

struct flow_table
{
  struct flow **chunks;
  uint32_t chunk_count;
  uint32_t max;
  uint32_t free_head;
};

/** flow_table_init: an empty table that grows to @max records. */
void flow_table_init (struct flow_table *table, uint32_t max);
void flow_table_clear (struct flow_table *table);

/** flow_table_size: records there are, in use or not: the bound of indices. */
uint32_t flow_table_size (const struct flow_table *table);

/** flow_table_get: the record at @index, which must be below the size. */
struct flow *flow_table_get (const struct flow_table *table, uint32_t index);

/** flow_table_alloc: a record with everything unset, in state FREE until the caller says otherwise;
 * NULL at the cap or without memory. */
struct flow *flow_table_alloc (struct flow_table *table);

/** flow_table_free: back to the free list, with a new generation. */
void flow_table_free (struct flow_table *table, struct flow *flow);
