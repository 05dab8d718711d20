/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Who may call which D-Bus method. The table is the annotation org.openfunnel.Access of each method
 * in the interface's XML; a method without it is denied to everybody. */

#include <gio/gio.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_ACCESS_DENIED,
  FUNNEL_ACCESS_READ,    /* whoever the bus lets through */
  FUNNEL_ACCESS_CONTROL, /* the daemon's own user, and root */
} FunnelAccess;

/** funnel_access_look_up: what @method of @info asks for. */
FunnelAccess funnel_access_look_up (const GDBusInterfaceInfo *info, const char *method);
/** funnel_access_check: whether user @caller may do @access on a daemon of user @owner. */
gboolean funnel_access_check (FunnelAccess access, uid_t caller, uid_t owner);
/** funnel_access_guard: let only allowed calls reach @skeleton; to be called before it is exported.
 */
void funnel_access_guard (GDBusInterfaceSkeleton *skeleton);

G_END_DECLS
