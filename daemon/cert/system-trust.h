/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The authorities that the system trusts, in memory only while somebody verifies with them. */

#include <gio/gio.h>

G_BEGIN_DECLS

/** funnel_system_trust_get: the same one for all who hold it at a time; it ends with the last of
 * them. Never what g_tls_backend_set_default_database has put in its place. Any thread. Full
 * reference. */
GTlsDatabase *funnel_system_trust_get (void);

/** funnel_system_trust_keep_out: before a TLS connection that is given a database of its own. GIO's
 * asks for the process's default first, for a moment, and would have the system's authorities read
 * and kept for ever. It gets one that trusts nobody, so that a connection which is given none is
 * refused. Any thread. */
void funnel_system_trust_keep_out (void);

G_END_DECLS
