/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A main loop with thousands of connections looks at each of them whenever one has something to
 * say. Where there are many and the loop was idle, it waits a moment for others before it looks:
 * what comes within that moment costs one look. */

#include <glib.h>

G_BEGIN_DECLS

/** patient_poll_install: for the loop of @context, from now on. */
void patient_poll_install (GMainContext *context);

/** patient_poll_nap: microseconds to wait for others when @n descriptors are watched; 0 for few. */
guint patient_poll_nap (guint n);

G_END_DECLS
