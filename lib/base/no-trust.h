/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* GIO's TLS asks for the process's default authorities for every connection, whether or not it is
 * given its own: the system's would be read, and kept for ever. */

#include <gio/gio.h>

G_BEGIN_DECLS

/** funnel_trust_nobody: from now on the process's default trusts nobody, until it is set to
 * something else: a connection which is given no authorities of its own is refused. Any thread. */
void funnel_trust_nobody (void);

G_END_DECLS
