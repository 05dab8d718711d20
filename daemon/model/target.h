/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where a share leads, as the user types it. Targets are on this machine: loopback or a unix
 * socket. */

#include "daemon/model/share-kind.h"

#include <sys/socket.h>

G_BEGIN_DECLS

#define FUNNEL_TARGET_ADDRESSES_MAX 4

typedef struct
{
  char *text; /* canonical: "http://localhost:3000", "tcp://127.0.0.1:22", "unix:/run/app.sock" */
  struct sockaddr_storage addresses[FUNNEL_TARGET_ADDRESSES_MAX]; /* to be tried in order */
  socklen_t lens[FUNNEL_TARGET_ADDRESSES_MAX];
  guint n_addresses;
} FunnelTarget;

/**
 * funnel_target_parse: read a target.
 * @text: "3000", "localhost:3000", "127.0.0.1:3000", "[::1]:3000", "http://localhost:3000",
 *        "tcp://localhost:22", "unix:/run/app.sock"
 * @kind: of the share; decides which schemes are possible
 *
 * Returns NULL and FUNNEL_ERROR_INVALID_ARGUMENT, or FUNNEL_ERROR_UNSUPPORTED for what other
 * programs of this sort accept and this one does not yet, or FUNNEL_ERROR_NOT_ALLOWED for a socket
 * that controls this machine. No name is looked up: "localhost" is 127.0.0.1, then ::1.
 */
FunnelTarget *funnel_target_parse (const char *text, FunnelShareKind kind, GError **error);
void funnel_target_free (FunnelTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelTarget, funnel_target_free)

G_END_DECLS
