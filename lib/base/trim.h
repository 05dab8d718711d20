/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Memory that was needed once goes back to the system. The allocator keeps what is freed below
 * something that lives; HTTP, TLS and lists of authorities take tens of times what a daemon needs
 * in the weeks between. */

#include <glib.h>

G_BEGIN_DECLS

/** funnel_trim_later: give free memory back, once, two seconds after the last call: what ends now
 * has let go by then. Main thread only; needs the default main context to run. */
void funnel_trim_later (void);

G_END_DECLS
