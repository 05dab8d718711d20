/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One running funnel-relay: its process, and the control socket over which it gets route tables. */

#include "lib/tunnel/agent/agent-loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct relay_process
{
  struct agent_loop *loop;
  void *owner;
  /* The relay answered a route table; @process is valid until ended is called. */
  void (*answered) (struct relay_process *process, const char *text);
  /* It is gone and reaped: "exit 0", "signal 9". */
  void (*ended) (struct relay_process *process, const char *status);
  pid_t pid; /* 0 = not running */
  int64_t started;
  bool draining;
  int routes; /* to be sent when the socket has room: borrowed, -1 = none */
  struct loop_source process;
  struct loop_source control;
};

/** relay_process_init: not running. */
void relay_process_init (struct relay_process *process, struct agent_loop *loop, void *owner);

/** relay_process_start: run @argv with @fds, of which the relay's end of the control socket is
 * @control. Returns 0, or a negative errno. */
int relay_process_start (struct relay_process *process,
                         const char *const *argv,
                         const int *fds,
                         size_t n_fds);

/** relay_process_pair: make the control socket before the start: the relay's end, to be closed by
 * the caller after it. A negative errno on failure. */
int relay_process_pair (struct relay_process *process);

/** relay_process_send_routes: give it the table @fd (borrowed until sent). */
void relay_process_send_routes (struct relay_process *process, int fd);

/** relay_process_drain: let it leave its listeners and end with its last visitor. False when it
 * cannot be told. */
bool relay_process_drain (struct relay_process *process);

/** relay_process_end: ask it to end, insist after a second, and wait; ended is not called. */
void relay_process_end (struct relay_process *process);
