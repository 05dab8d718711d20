/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What came of something the user asked for, said in the window. */

#include <gtk/gtk.h>

G_BEGIN_DECLS

/** funnel_tell: show @text for a moment in the window of @widget. */
void funnel_tell (GtkWidget *widget, const char *text);
/** funnel_tell_error: the error of a D-Bus call, in the words of lib/client. @error is taken; NULL
 * and a cancelled call say nothing. */
void funnel_tell_error (GtkWidget *widget, GError *error);

G_END_DECLS
