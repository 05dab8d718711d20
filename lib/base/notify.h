/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Readiness for service managers (sd_notify(3)), without libsystemd. */

#include <glib.h>

G_BEGIN_DECLS

/** funnel_notify: send @state ("READY=1") to NOTIFY_SOCKET; does nothing when there is none. */
void funnel_notify (const char *state);

G_END_DECLS
