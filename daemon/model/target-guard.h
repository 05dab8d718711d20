/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What may be shared, and only with which permission: a share must not hand visitors the machine
 * or the network behind it by mistake. This looks at the file system, and so belongs before a share
 * is made and before a target is used, not into the reading of stored shares. */

#include "daemon/model/target.h"

G_BEGIN_DECLS

typedef struct
{
  gboolean lan;          /* --lan: private addresses other than this machine's own loopback */
  gboolean force;        /* --force: the rest of what is refused below */
  const char *state_dir; /* of this daemon, whose keys nobody may read; NULL none */
} FunnelTargetPermission;

/**
 * funnel_target_guard: whether @target may be shared.
 *
 * Refuses, as FUNNEL_ERROR_NOT_ALLOWED with the flag that permits it: other machines; link-local
 * and metadata addresses; public addresses; sockets that command this machine (D-Bus, Docker and
 * the like); folders that hold keys or settings. Never permitted, as FUNNEL_ERROR_INVALID_ARGUMENT:
 * addresses that are nobody's, and files that are not there. A name's addresses are not known here:
 * see funnel_target_guard_address.
 */
gboolean funnel_target_guard (const FunnelTarget *target,
                              const FunnelTargetPermission *permission,
                              GError **error);

/** funnel_target_guard_address: the same for one address that @host was resolved to. */
gboolean funnel_target_guard_address (const struct sockaddr *address,
                                      socklen_t len,
                                      const char *host,
                                      const FunnelTargetPermission *permission,
                                      GError **error);

G_END_DECLS
