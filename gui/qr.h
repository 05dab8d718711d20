/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* An address as a picture for a telephone's camera. */

#include <gtk/gtk.h>

G_BEGIN_DECLS

/** funnel_qr_make: black on white with the quiet zone a reader needs, one pixel a module; NULL when
 * @text is too long. */
GdkTexture *funnel_qr_make (const char *text);
/** funnel_qr_show: a small window above @parent with the picture of @url. */
void funnel_qr_show (GtkWindow *parent, const char *url);

G_END_DECLS
