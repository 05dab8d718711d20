/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The parts of a flow's life, for each other; the theory of operation is in flow.c. */

#include "ingress-server/relay/worker.h"

/* TLS alert descriptions (RFC 8446 6, RFC 6066 3). */
enum alert
{
  ALERT_NONE = 0,
  ALERT_ACCESS_DENIED = 49,
  ALERT_DECODE_ERROR = 50,
  ALERT_INTERNAL_ERROR = 80,
  ALERT_UNRECOGNIZED_NAME = 112,
};

static inline struct relay_counters *
flow_counters (const struct worker *worker)
{
  return worker->relay->counters;
}

static inline struct relay_slot_counters *
flow_slot (const struct worker *worker, const struct flow *flow)
{
  return &flow_counters (worker)->slots[flow->slot];
}

/* flow.c */

/** flow_close: mark as ended; freed after the batch. */
void flow_close (struct worker *worker, uint32_t index);
/** flow_cut: end a flow that was open, or a visitor that is not owed an answer. */
void flow_cut (struct worker *worker, uint32_t index, enum relay_refusal refusal);
/** flow_refuse: end a visitor that waits, with @alert if not ALERT_NONE. */
void
flow_refuse (struct worker *worker, uint32_t index, enum relay_refusal refusal, enum alert alert);
/** flow_say_goodbye: send the last bytes a visitor gets, and linger so that closing does not reset
 * the connection under them. */
void flow_say_goodbye (struct worker *worker, uint32_t index, const void *data, size_t len);
void flow_drop_conn (struct worker *worker, struct flow *flow);
void flow_count_bytes (struct worker *worker, struct flow *flow);

/* flow-hello.c */

/** flow_read_hello: a visitor in FLOW_HELLO has sent something. */
void flow_read_hello (struct worker *worker, uint32_t index);

/* flow-offer.c */

/** flow_offer: find the flow a conn and offer it; the hello is in scratch. */
void flow_offer (struct worker *worker, uint32_t index, const struct route *route);
/** flow_on_answer: news from the node of a flow in FLOW_OFFERED. */
void flow_on_answer (struct worker *worker, uint32_t index, uint32_t events);

/* flow-pumps.c */

/** flow_run_in: visitor to node, one turn. */
void flow_run_in (struct worker *worker, struct flow *flow);
/** flow_run_pumps: the directions that waited for what @events report. */
void flow_run_pumps (struct worker *worker, uint32_t index, uint32_t events, bool from_visitor);
/** flow_after_turn: end the flow, or let it have another turn, as its directions demand. */
void flow_after_turn (struct worker *worker, uint32_t index);
/** flow_limit: take the limits of @route and its node. */
void flow_limit (struct worker *worker, struct flow *flow, const struct route *route);
