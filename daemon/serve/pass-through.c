/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Shares whose target speaks TLS itself: the visitor's bytes go to it untouched, hello included.
 *
 * Two pumps, each with its own end: a side that stops sending ends one direction, the other goes on
 * until that side has ended too. */

#include "daemon/serve/serve-loop.h"
#include "daemon/serve/target-header.h"

static enum pump_result
run (struct serve_loop *loop,
     struct flow *flow,
     struct pump *pump,
     int from,
     int to,
     _Atomic uint64_t *counter)
{
  uint64_t before = pump->bytes;
  enum pump_result result
      = pump_run (pump, from, to, PUMP_TURN_BYTES, &loop->scratch, &loop->pipes, NULL);

  if (pump->bytes != before)
    {
      counter_add (counter, pump->bytes - before);
      loop->changed = true;
      flow->active_at = loop->now;
    }
  return result;
}

static void
on_event (struct serve_loop *loop, struct flow *flow, enum serve_side side, uint32_t events)
{
  struct pass_through *p = &flow->pass_through;
  struct share_counters *counters = flow->share->counters;

  if (flow_is_due (side, events, SERVE_SIDE_VISITOR, p->up_result))
    p->up_result = run (loop, flow, &p->up, flow->visitor, flow->target, &counters->bytes_in);
  if (flow_is_due (side, events, SERVE_SIDE_TARGET, p->down_result))
    p->down_result = run (loop, flow, &p->down, flow->target, flow->visitor, &counters->bytes_out);

  flow_settle (loop, flow, side, events, p->up_result, p->down_result);
}

static int
start (struct serve_loop *loop, struct flow *flow)
{
  struct pass_through *p = &flow->pass_through;
  struct serve_buffer *early = flow->early;
  int result;

  pump_init (&p->up);
  pump_init (&p->down);
  p->up_result = p->down_result = PUMP_WAIT_SOURCE;
  result = target_header_send (flow, NULL, true);
  if (result < 0)
    return result;
  result = pump_push (&p->up, flow->target, early->data + early->start, serve_buffer_len (early),
                      &loop->pipes);
  if (result < 0)
    return result;
  counter_add (&flow->share->counters->bytes_in, p->up.bytes);
  serve_buffer_put (&loop->buffers, &flow->early);
  flow_arm (loop, flow, SERVE_QUEUE_IDLE);
  on_event (loop, flow, SERVE_SIDE_BOTH, 0);
  return 0;
}

static void
finish (struct serve_loop *loop, struct flow *flow)
{
  pump_release (&flow->pass_through.up, &loop->pipes);
  pump_release (&flow->pass_through.down, &loop->pipes);
}

const struct serve_handler serve_pass_through = {
    .name = "pass-through",
    .speaks_first = false,
    .start = start,
    .on_event = on_event,
    .close = finish,
};
