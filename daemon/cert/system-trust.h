/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The authorities that the system trusts, in memory only while somebody verifies with them. */

#include <gio/gio.h>

G_BEGIN_DECLS

/** funnel_system_trust_get: the same one for all who hold it at a time; it ends with the last of
 * them. Never what g_tls_backend_set_default_database has put in its place. Any thread. Full
 * reference. */
GTlsDatabase *funnel_system_trust_get (void);

G_END_DECLS
