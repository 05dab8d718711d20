/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The agent's clients: connected SEQPACKET sockets. Requests of one client are answered in order;
 * one that does not read its answers is not read from, and is cut off when events pile up. */

#include "lib/tunnel/agent/agent-loop.h"
#include "lib/tunnel/agent/agent-message.h"

#include <stdbool.h>
#include <sys/types.h>

#define SESSIONS_MAX 4
#define SESSION_QUEUE_MAX 64
#define SESSION_ANY_OWNER ((uid_t)-1) /* whoever could connect may speak */

struct session_hub;

struct queued_answer
{
  char *text;
  size_t len;
  int fd;
};

struct session
{
  struct loop_source source; /* fd -1 = free */
  struct session_hub *hub;
  struct queued_answer queue[SESSION_QUEUE_MAX];
  size_t head, count;
};

struct session_hub
{
  struct agent_loop *loop;
  /* Fills @answer for @request. */
  void (*serve) (void *data, struct message *request, struct answer *answer);
  void *data;
  bool lone; /* a private agent ends with its only client */
  uid_t owner;
  struct loop_source listener; /* fd -1 = none */
  struct session sessions[SESSIONS_MAX];
};

void session_hub_init (struct session_hub *hub,
                       struct agent_loop *loop,
                       void (*serve) (void *data, struct message *request, struct answer *answer),
                       void *data);
/** session_hub_adopt: the private agent's one client. 0 or a negative errno. */
int session_hub_adopt (struct session_hub *hub, int fd);
/** session_hub_listen: clients that connect to the listening socket @fd, if they are @owner or
 * root. */
int session_hub_listen (struct session_hub *hub, int fd, uid_t owner);
/** session_hub_broadcast: an event to every client. */
void session_hub_broadcast (struct session_hub *hub, const struct answer *event);
