/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where our own helper programs are: installed, or in a build tree. */

#include <glib.h>

G_BEGIN_DECLS

/**
 * funnel_find_program: path of the helper @name.
 * @variable: environment variable that overrides, or NULL
 * @folders: where else to look, relative to the folder of this executable (build trees), or NULL
 *
 * Looks at @variable, beside this executable, in @folders, then in LIBEXECDIR. Never NULL: when
 * nothing is found it answers the LIBEXECDIR path, so that the error of starting it names it.
 */
char *funnel_find_program (const char *name, const char *variable, const char *const *folders);

G_END_DECLS
