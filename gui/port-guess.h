/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What waits on a local port, told by what it answers. For a sandbox, where the programs of the
 * machine cannot be seen and a port has no name. */

#include <gio/gio.h>

G_BEGIN_DECLS

/** funnel_port_guess_read: what sends @answer to "GET / HTTP/1.0": a protocol, for a web page with
 * its title, as "HTTP · Photos". NULL when it cannot be told. Caller frees. @answer is anything. */
char *funnel_port_guess_read (const char *answer, gsize len);

/** funnel_port_guess_async: ask 127.0.0.1:@port. Takes three seconds at most. */
void funnel_port_guess_async (guint16 port,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
/** funnel_port_guess_finish: as read; NULL without error when nothing can be told. Caller frees. */
char *funnel_port_guess_finish (GAsyncResult *result, GError **error);

G_END_DECLS
