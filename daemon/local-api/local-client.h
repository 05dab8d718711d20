/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One connection of the local API. Theory of operation:
 *
 * A client is in one state, with one source in the main loop for its socket and one for its
 * deadline:
 *
 *   reading   a request head is awaited or under way; deadline FUNNEL_LOCAL_IDLE_S while nothing of
 *             it is there, FUNNEL_LOCAL_REQUEST_S from its first byte
 *   writing   the response is on its way; nothing is read; same deadline as its request
 *   draining  the last response is written and our side shut: what still comes is thrown away, so
 *             that the response is not lost with it; FUNNEL_LOCAL_DRAIN_S
 *
 * Requests sent ahead (pipelining) wait in the buffer, which holds FUNNEL_HTTP_HEAD_MAX bytes, and
 * in the kernel's. Whatever ends a client, its "closed" function is called once, last, from the
 * main loop; only the owner frees. */

#include "daemon/local-api/local-answer.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_LOCAL_IDLE_S 120
#define FUNNEL_LOCAL_REQUEST_S 10
#define FUNNEL_LOCAL_DRAIN_S 2

typedef struct _FunnelLocalClient FunnelLocalClient;

/* What its owner does; @owner is what funnel_local_client_new was given. */
typedef struct
{
  /** answer: a whole request is there; @out is cleared by the client. */
  void (*answer) (gpointer owner,
                  FunnelLocalClient *client,
                  const FunnelHttpRequest *request,
                  FunnelLocalAnswer *out);
  /** closed: it is over; free it here. */
  void (*closed) (gpointer owner, FunnelLocalClient *client);
} FunnelLocalClientEvents;

/** funnel_local_client_new: @socket: connected; a reference is taken; made non-blocking. */
FunnelLocalClient *
funnel_local_client_new (GSocket *socket, const FunnelLocalClientEvents *events, gpointer owner);
/** funnel_local_client_free: closes at once; emits nothing; wipes its buffers. */
void funnel_local_client_free (FunnelLocalClient *self);

/** funnel_local_client_refuse: answer nothing, say @status and close. For a client that is one too
 * many. */
void funnel_local_client_refuse (FunnelLocalClient *self, guint status, const char *problem);
/** funnel_local_client_is_idle: nothing of a request is there and nothing to be sent. */
gboolean funnel_local_client_is_idle (FunnelLocalClient *self);

/** funnel_local_client_is_leaving: its last response is made; seconds, and it is gone. */
gboolean funnel_local_client_is_leaving (FunnelLocalClient *self);

/** What the owner knows about it, kept here. */
void funnel_local_client_set_uid (FunnelLocalClient *self, uid_t uid);
uid_t funnel_local_client_get_uid (FunnelLocalClient *self);

G_END_DECLS
