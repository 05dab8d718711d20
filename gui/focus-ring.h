/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where the keyboard is can be seen for as long as it is used. GTK 4.8 shows it no longer than
 * three seconds after a key, and not at all when what a key did moved the keyboard later. */

#include <gtk/gtk.h>

G_BEGIN_DECLS

/** funnel_focus_ring_keep: in every window of @application, from its first key to the next click.
 */
void funnel_focus_ring_keep (GtkApplication *application);

G_END_DECLS
