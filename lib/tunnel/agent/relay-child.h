/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* funnel-relay as a child of the agent: kept running, given its listeners, its counters page and
 * the last route table at every start. It inherits the agent's namespaces and rights and drops them
 * itself. One that is replaced may go on with the visitors it has ("draining") beside the new one.
 */

#include "lib/tunnel/agent/relay-process.h"

#define RELAY_LISTENERS_MAX 60
#define RELAY_ARGS_MAX 128
#define RELAY_LAYOUT_MAX 32   /* bytes of the name of a counters page's layout, with NUL */
#define RELAY_PROCESSES_MAX 5 /* the one in charge and those draining */
#define RELAY_COUNTERS_DEFAULT (4u << 20)
#define RELAY_COUNTERS_MAX (256u << 20)

struct relay_events
{
  void (*started) (void *data);
  void (*exited) (void *data, const char *status);
  /* The relay took the last routes (@generation) or refused them (@refusal). One of both is NULL.
   */
  void (*routes) (void *data, const char *generation, const char *refusal);
  void *data;
};

struct relay_child
{
  struct agent_loop *loop;
  struct relay_events events;
  char *program; /* NULL = none is wanted */
  char *args[RELAY_ARGS_MAX];
  size_t n_args;
  int listeners[RELAY_LISTENERS_MAX];
  uint16_t ports[RELAY_LISTENERS_MAX];
  size_t n_listeners;
  int given[RELAY_LISTENERS_MAX]; /* by the service manager: every relay gets them, none is closed
                                   */
  uint16_t given_ports[RELAY_LISTENERS_MAX];
  size_t n_given;
  int counters; /* memfd, -1 = none */
  size_t counters_size;
  char layout[RELAY_LAYOUT_MAX];
  int routes; /* sealed memfd, -1 = none */
  struct relay_process processes[RELAY_PROCESSES_MAX];
  struct relay_process *current; /* in charge of the listeners; NULL = none is running */
  struct loop_timer retry;
  unsigned backoff_ms;
};

/* What relay_child_start takes over: strings are copied, descriptors are moved. */
struct relay_wish
{
  const char *program;
  const char *args[RELAY_ARGS_MAX];
  size_t n_args;
  int listeners[RELAY_LISTENERS_MAX];
  uint16_t ports[RELAY_LISTENERS_MAX];
  size_t n_listeners;
  size_t counters_size;
  const char *layout; /* of the counters page; another one gets another page */
  bool drain;         /* the relay that runs may go on with its visitors */
};

void relay_child_init (struct relay_child *child,
                       struct agent_loop *loop,
                       const struct relay_events *events);
/** relay_child_give: listeners that the service manager opened, at most RELAY_LISTENERS_MAX; taken
 * over. Every relay gets them whatever is wished: the service manager holds them open, and whoever
 * connects to one must be answered. */
void relay_child_give (struct relay_child *child, const int *fds, const uint16_t *ports, size_t n);
/** relay_child_is_given: whether the service manager listens at @port. */
bool relay_child_is_given (const struct relay_child *child, uint16_t port);
/** relay_child_find_listener: a held listener at @port that is not in @taken yet, or -1. */
int relay_child_find_listener (const struct relay_child *child,
                               uint16_t port,
                               const int *taken,
                               size_t n_taken);
/** relay_child_start: (re)place the relay. Listeners that are held already may be among the wished
 * ones; the others are closed. False with a sentence when it could not be executed. */
bool relay_child_start (struct relay_child *child,
                        const struct relay_wish *wish,
                        char *error,
                        size_t error_size);
/** relay_child_renew: the same relay from the file that is there now, beside the one that runs,
 * which drains. Nothing when none is wanted. False with a sentence when it could not be executed;
 * the old one goes on then. */
bool relay_child_renew (struct relay_child *child, char *error, size_t error_size);
/** relay_child_stop: for good. */
void relay_child_stop (struct relay_child *child);
/** relay_child_set_routes: @fd must be a memfd sealed against writing, shrinking and growing; taken
 * over if so. */
bool relay_child_set_routes (struct relay_child *child, int fd, char *error, size_t error_size);
