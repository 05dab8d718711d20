/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * admin_complete: print what the last of @words (after the program's name; it may be empty or
 * begun) could be, as funnel __complete does: one candidate a line, a tab and what it is, or a line
 * that asks the shell for something it knows better. Says nothing when something is wrong.
 */
void admin_complete (char **words);

G_END_DECLS
