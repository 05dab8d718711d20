/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A window of words and switches needs no OpenGL, and its libraries would be more than half of the
 * memory. */

#include <gio/gio.h>

G_BEGIN_DECLS

/** funnel_without_gl_begin: before GTK starts: tell it to draw without OpenGL, unless whoever
 * started the program has chosen otherwise. */
void funnel_without_gl_begin (void);
/** funnel_without_gl_spare: programs started with @context make their own choice. */
void funnel_without_gl_spare (GAppLaunchContext *context);

G_END_DECLS
