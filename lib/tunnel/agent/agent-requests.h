/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The agent's verbs (docs/protocol.md, "Agent"). To add one: a handler and a row in the table. */

#include "lib/tunnel/agent/agent-message.h"
#include "lib/tunnel/agent/agent-session.h"
#include "lib/tunnel/agent/engine.h"
#include "lib/tunnel/agent/namespaces.h"
#include "lib/tunnel/agent/relay-child.h"

struct agent
{
  struct agent_loop loop;
  struct namespaces namespaces;
  struct engine engine;
  struct relay_child relay;
  struct session_hub hub;
  bool relay_is_apart; /* the relay is another unit's, and no child of this agent */
  char fault[512];     /* why nothing works here; "" = all is well */
};

/** agent_serve: fill @answer for @request. */
void agent_serve (void *agent, struct message *request, struct answer *answer);
