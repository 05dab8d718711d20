/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Readiness and signs of life for service managers (sd_notify(3)), without libsystemd. */

#include <glib.h>

G_BEGIN_DECLS

/** funnel_notify: send @state ("READY=1") to NOTIFY_SOCKET; does nothing when there is none. */
void funnel_notify (const char *state);

/** funnel_notify_keep_alive: while the default main context runs, tell the service manager so,
 * often enough for WATCHDOG_USEC; nothing when it asks for none, or asks another process. Returns
 * the id of the source, or 0. */
guint funnel_notify_keep_alive (void);

G_END_DECLS
