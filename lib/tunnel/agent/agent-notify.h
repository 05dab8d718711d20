/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Readiness and signs of life for a service manager (sd_notify(3)), in plain C. */

#include "lib/tunnel/agent/agent-loop.h"

/** agent_notify_open: find the service manager, if there is one. To be called before the agent's
 * own mounts hide its socket; what it put into the environment is not for children. */
void agent_notify_open (void);

/** agent_notify: send @state ("READY=1"); does nothing without a service manager. */
void agent_notify (const char *state);

/** agent_notify_keep_alive: while @loop runs, say so twice as often as WATCHDOG_USEC asks; nothing
 * when it does not ask. */
void agent_notify_keep_alive (struct agent_loop *loop);
