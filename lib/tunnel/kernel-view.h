/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the kernel says about routes, rules and sockets, to anybody who asks. Whoever wants to know
 * whether something is isolated asks the kernel, not the service that was told to isolate it.
 * Functions answer at once; int results are 0 or a negative errno. */

#include <glib.h>

G_BEGIN_DECLS

/** funnel_kernel_view_is_local: whether a packet to IPv4 @address would stay on this machine, and a
 * packet from there would therefore be dropped as impossible (0 or 1, or negative errno). */
int funnel_kernel_view_is_local (const char *address);
/** funnel_kernel_view_is_routed: whether a route other than a default one leads to IPv4 @address,
 * or it is local; but not by a device whose name begins with @except. */
int funnel_kernel_view_is_routed (const char *address, const char *except);

typedef struct
{
  guint entries;                /* of any kind */
  gboolean unreachable_default; /* what matches nothing else goes nowhere */
  char stray[64];               /* a destination that leads elsewhere than the peer; "" none */
} FunnelKernelTable;

/** funnel_kernel_view_table: IPv4 routes of routing table @table. @peer: the one destination that
 * may be reached in it; @interface: through what. */
int funnel_kernel_view_table (guint32 table,
                              const char *peer,
                              const char *interface,
                              FunnelKernelTable *out);
/** funnel_kernel_view_has_vrf_rule: whether packets of VRFs are looked up in their own tables, and
 * before the main one. */
int funnel_kernel_view_has_vrf_rule (void);
/** funnel_kernel_view_table_is_used: whether a route, a rule or a VRF has @table. An unreachable
 * default alone is no use: it is what a NetworkManager that was restarted leaves of a tunnel. */
gboolean funnel_kernel_view_table_is_used (guint32 table);

/** funnel_kernel_view_foreign_listener: a socket bound to one of @interfaces (NULL-terminated) that
 * takes connections or datagrams, other than TCP listeners on @ports. Returns its description
 * ("TCP port 8080"), or NULL. */
char *funnel_kernel_view_foreign_listener (const char *const *interfaces, const GArray *ports);

/** funnel_kernel_view_master: what device @interface is a port of; NULL when of none. */
char *funnel_kernel_view_master (const char *interface);
/** funnel_kernel_view_number: the number in /proc or /sys file @path; @missing when there is none.
 */
gint64 funnel_kernel_view_number (gint64 missing, const char *format, ...) G_GNUC_PRINTF (2, 3);
/** funnel_kernel_view_has_module: whether the running kernel has module @name (loaded, loadable or
 * built in). TRUE when that cannot be known. */
gboolean funnel_kernel_view_has_module (const char *name);

G_END_DECLS
